"""Votes as an export writes them: with who cast each, in the order of the pairs they are about."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, Self

from sqlalchemy import String, Text, cast, select, type_coerce
from sqlalchemy.orm import Session

from db.among import among
from db.exports.columns import DIGITS, streamed
from db.models import Judge, JudgeVersion, Vote
from db.upsert import chunks
from db.vocabulary import CANARY_SAMPLE, Choice, Order

_AT_ONCE, _ROWS = 250, 1000  # pairs, whose votes are held; rows of a portion


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


class Voted(NamedTuple):
    """A pair as its votes are written: under its name, and whether A and B are exchanged there."""

    pair_id: int
    name: str
    turned: bool


CastBy = Mapping[int, tuple[Any, ...]]


def casters(session: Session) -> CastBy:
    """Who casts votes, by version: judge, family, version, provider, generation."""
    return {
        made.id: (judge.name, judge.family, made.version, made.provider.value, made.generation)
        for made, judge in session.execute(select(JudgeVersion, Judge).join(JudgeVersion.judge))
    }


def export_votes(session: Session, pairs: Iterable[Voted], cast_by: CastBy) -> Iterator[ExportVote]:
    """Every vote on these pairs, pair by pair; within one by judge, version, order and sample.
    Memory is flat. cast_by: what `casters` says.
    """
    for page in chunks(pairs, _AT_ONCE):
        found: dict[int, list[Any]] = {pair.pair_id: [] for pair in page}
        for row in streamed(session, _QUERY.where(among(session, Vote.pair_id, found)), _ROWS):
            found[row[0]].append(row)
        for pair_id, name, turned in page:
            votes = [_vote(name, cast_by, row) for row in found[pair_id]]
            yield from sorted((v.mirrored() for v in votes) if turned else votes, key=_PLACE)


def _vote(name: str, cast_by: CastBy, row: Sequence[Any]) -> ExportVote:
    _, version, *said, principles, reason = row
    kept = json.loads(principles) if principles else None
    return ExportVote._make((name, *cast_by[version], *said, kept, reason))


_PLACE = attrgetter("judge", "judge_version", "order", "sample")
_QUERY = select(
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
).where(Vote.sample < CANARY_SAMPLE)
