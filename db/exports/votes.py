"""Votes as an export writes them: with who cast each, in the order of the pairs they are about."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, Self

from sqlalchemy import Select, String, Text, cast, select, type_coerce
from sqlalchemy.orm import Session

from db.among import among
from db.exports.columns import DIGITS, streamed
from db.exports.names import named
from db.models import Judge, JudgeVersion, Pair, Prompt, Vote
from db.upsert import chunks
from db.vocabulary import CANARY_SAMPLE, Choice, Order

_AT_ONCE = 1000


class ExportVote(NamedTuple):
    """One vote and who cast it; its A and B are those of `pair_id`, the pair's name outside."""

    pair_id: str
    judge: str
    family: str
    judge_version: str
    provider: str
    generation: int
    order: str
    sample: int
    choice: str
    strength: int | None
    both_bad: bool
    score_a: float | None
    score_b: float | None
    confidence: float | None
    p_a: float | None
    rationale: str | None
    principles: dict[str, str] | None
    abstain_reason: str | None

    def mirrored(self) -> Self:
        """The same with A and B exchanged."""
        said = self.principles
        return self._replace(
            order=Order(self.order).mirrored().value,
            choice=Choice(self.choice).mirrored().value,
            score_a=self.score_b,
            score_b=self.score_a,
            p_a=round(1 - self.p_a, DIGITS) if self.p_a is not None else None,
            principles={k: Choice(v).mirrored().value for k, v in said.items()} if said else None,
        )


def export_votes(session: Session, pair_ids: Iterable[int]) -> Iterator[ExportVote]:
    """Every vote on these pairs, which are given in order of content; within one by judge, version,
    order and sample. Memory is flat.
    """
    cast_by = {
        made.id: (judge.name, judge.family, made.version, made.provider.value, made.generation)
        for made, judge in session.execute(select(JudgeVersion, Judge).join(JudgeVersion.judge))
    }
    for page in chunks(pair_ids, _AT_ONCE):
        names = named(session, page)
        query = _query().where(among(session, Vote.pair_id, page))
        for pair_id, rows in groupby(streamed(session, query, _AT_ONCE), itemgetter(0)):
            name, turned, _ = names[pair_id]
            votes = [_vote(name, cast_by, row) for row in rows]
            yield from sorted((v.mirrored() for v in votes) if turned else votes, key=_place)


def _vote(name: str, cast_by: Mapping[int, tuple[Any, ...]], row: Sequence[Any]) -> ExportVote:
    _, version, *said, principles, reason = row
    kept = json.loads(principles) if principles else None
    return ExportVote._make((name, *cast_by[version], *said, kept, reason))


def _query() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Vote.pair_id,
            Vote.judge_version_id,
            type_coerce(Vote.order, String),
            Vote.sample,
            type_coerce(Vote.choice, String),
            Vote.strength,
            Vote.both_bad,
            Vote.score_a,
            Vote.score_b,
            Vote.confidence,
            Vote.p_a,
            Vote.rationale,
            cast(Vote.principles, Text),
            Vote.abstain_reason,
        )
        .join(Pair, Pair.id == Vote.pair_id)
        .join(Prompt, Prompt.id == Pair.prompt_id)
        .where(Vote.sample < CANARY_SAMPLE)
        .order_by(Prompt.content_hash, Pair.content_hash)
    )


def _place(vote: ExportVote) -> tuple[str, str, str, int]:
    return vote.judge, vote.judge_version, vote.order, vote.sample
