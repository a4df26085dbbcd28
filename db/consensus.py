"""What the label model reads from and writes to the database: pairs, votes, fits and results.

Leaves out the mathematics, and which human answers may teach a fit (`db.opinions.TEACHING`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from db.conversation import prompt_text
from db.datasets import TIES
from db.erased_prompts import pair_unerased, unerased
from db.models import (
    Candidate,
    Checkpoint,
    Consensus,
    ConsensusFit,
    DatasetItem,
    Judge,
    JudgeVersion,
    Pair,
    Preference,
    Prompt,
    Vote,
)
from db.probabilities import Probabilities
from db.upsert import chunks, insert_all
from db.vocabulary import CANARY_SAMPLE, Choice, Order, Provider
from db.voters import voters


@dataclass(frozen=True, slots=True)
class VotedPair:
    """A pair as a label model sees it."""

    pair_id: int
    prompt_id: int
    domain: str | None
    prompt: str
    response_a: str
    response_b: str
    model_a: str | None
    model_b: str | None


@dataclass(frozen=True, slots=True)
class UsableVote:
    """One usable vote. p_a: its probability of A over A and B, of judges trained here only."""

    pair_id: int
    version_id: int
    order: Order
    choice: Choice
    confidence: float | None
    p_a: float | None = None


def voted_pairs(
    session: Session, size: int = 2000, among: Sequence[int] | None = None
) -> Iterator[VotedPair]:
    """Every pair with at least one vote (of those in `among`), with flat memory.

    By content, prompt after prompt: the order of arrival changes no sum. `among` a thousand ids at
    a time.
    """
    first, second = aliased(Candidate), aliased(Candidate)
    query = (
        select(
            Pair.id,
            Pair.prompt_id,
            Pair.domain,
            Prompt.messages,
            Prompt.tools,
            first.text,
            second.text,
            first.model,
            second.model,
        )
        .join(Prompt, Prompt.id == Pair.prompt_id)
        .join(first, first.id == Pair.candidate_a_id)
        .join(second, second.id == Pair.candidate_b_id)
        .where(_heard(), unerased())
        .order_by(Prompt.content_hash, Pair.content_hash)
    )
    for part in _parts(query, Pair.id, among):
        rows = session.execute(part.execution_options(yield_per=size))
        for pair_id, prompt_id, domain, messages, tools, a, b, model_a, model_b in rows:
            text = prompt_text(messages, tools)
            yield VotedPair(pair_id, prompt_id, domain, text, a, b, model_a, model_b)


def _heard() -> ColumnElement[bool]:
    """Whether a judge that votes has voted on a pair."""
    return exists().where(Vote.pair_id == Pair.id, Vote.judge_version_id.in_(voters()))


def _parts(query: Any, column: Any, among: Sequence[int] | None) -> Iterator[Any]:
    """The query as it is, or once for each part of the pairs it is to be about, by id."""
    if among is None:
        yield query
        return
    for chunk in chunks(sorted(among)):
        yield query.where(column.in_(chunk))


def voted_pair_ids(session: Session) -> list[int]:
    """Every pair with at least one vote, by id."""
    voted = select(Pair.id).where(_heard())
    return list(session.scalars(voted.order_by(Pair.id)))


def unvoted_pairs(session: Session) -> int:
    """Pairs on which no judge that votes has voted."""
    query = select(func.count()).select_from(Pair).where(~_heard(), pair_unerased())
    return session.scalar(query) or 0


def usable_votes(
    session: Session, size: int = 10_000, among: Sequence[int] | None = None
) -> Iterator[UsableVote]:
    """Every vote that counts and is not an abstain, by pair, and within one by what it says.

    A trained judge is no witness on the prompts it learnt from: those votes are left out, but for
    the ones that models blind to the prompt gave in its place.
    """
    learnt, trained = _learnt_pairs(session), trained_versions(session)
    query = (
        select(
            Vote.pair_id,
            Vote.judge_version_id,
            Vote.order,
            Vote.choice,
            Vote.confidence,
            Vote.p_a,
            Vote.out_of_fold,
        )
        .join(Pair, Pair.id == Vote.pair_id)
        .where(Vote.choice != Choice.ABSTAIN, Vote.sample < CANARY_SAMPLE, pair_unerased())
        .where(Vote.judge_version_id.in_(voters()))
        .order_by(Vote.pair_id, Vote.choice, Vote.confidence, Vote.sample)
    )
    for part in _parts(query, Vote.pair_id, among):
        for row in session.execute(part.execution_options(yield_per=size)):
            blind = row.out_of_fold
            if blind is None:
                blind = row.pair_id not in learnt.get(row.judge_version_id, ())
            if blind:
                weighed = row.p_a if row.judge_version_id in trained else None
                yield UsableVote(
                    row.pair_id,
                    row.judge_version_id,
                    row.order,
                    row.choice,
                    row.confidence,
                    weighed,
                )


def trained_versions(session: Session) -> frozenset[int]:
    """Versions of judges trained here: their probabilities were calibrated on people's answers."""
    local = JudgeVersion.provider == Provider.LOCAL
    return frozenset(session.scalars(select(JudgeVersion.id).where(local)))


def _learnt_pairs(session: Session) -> dict[int, set[int]]:
    """Pairs on the prompts each trained judge version learnt from; a judge has its checkpoint's
    name."""
    seen = aliased(Pair)
    query = (
        select(JudgeVersion.id, Pair.id)
        .join(Judge, Judge.id == JudgeVersion.judge_id)
        .join(Checkpoint, Checkpoint.name == Judge.name)
        .join(DatasetItem, DatasetItem.dataset_id == Checkpoint.dataset_id)
        .join(Preference, Preference.id == DatasetItem.preference_id)
        .join(seen, seen.id == Preference.pair_id)
        .join(Pair, Pair.prompt_id == seen.prompt_id)
        .where(
            JudgeVersion.provider == Provider.LOCAL,
            DatasetItem.split.not_in(("test", f"{TIES} test")),
        )
        .distinct()
    )
    learnt: dict[int, set[int]] = defaultdict(set)
    for version_id, pair_id in session.execute(query):
        learnt[version_id].add(pair_id)
    return learnt


def voting_versions(session: Session) -> list[tuple[int, str, str, str]]:
    """Judge versions that vote: id, judge's name, family, version; by name, then version."""
    return [
        (version_id, name, family, version)
        for version_id, name, family, version in session.execute(
            select(JudgeVersion.id, Judge.name, Judge.family, JudgeVersion.version)
            .join(Judge, Judge.id == JudgeVersion.judge_id)
            .where(exists().where(Vote.judge_version_id == JudgeVersion.id))
            .where(JudgeVersion.id.in_(voters()))
            .order_by(Judge.name, JudgeVersion.version)
        )
    ]


def find_fit(session: Session, version: str) -> ConsensusFit | None:
    """The newest fit with exactly this content, if it is also the newest of all."""
    fit = newest_fit(session)
    return fit if fit is not None and fit.version == version else None


def newest_fit(session: Session) -> ConsensusFit | None:
    """The fit that speaks for the pairs today."""
    return session.scalar(select(ConsensusFit).order_by(ConsensusFit.id.desc()).limit(1))


def add_fit(session: Session, fit: ConsensusFit) -> int:
    """Store a fit; its id."""
    session.add(fit)
    session.flush()
    return fit.id


def add_consensus(session: Session, rows: Iterable[dict[str, Any]]) -> None:
    """Store the results of a fit, row by row as given."""
    for chunk in chunks(rows, 5000):
        insert_all(session, Consensus, chunk)


def consensus_of(
    session: Session, fit_id: int, pair_ids: Sequence[int] | None = None
) -> dict[int, Probabilities]:
    """What one fit says of each pair (of these)."""
    query = select(Consensus.pair_id, Consensus.p_a, Consensus.p_tie, Consensus.p_b).where(
        Consensus.fit_id == fit_id
    )
    found: dict[int, Probabilities] = {}
    for part in _parts(query, Consensus.pair_id, pair_ids):
        for pair_id, p_a, p_tie, p_b in session.execute(part.execution_options(yield_per=5000)):
            found[pair_id] = Probabilities(p_a, p_tie, p_b)
    return found
