"""What bridging one version of a judge to the next reads and writes: pairs, votes, the consent."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from db.erased_prompts import pair_unerased
from db.events import record
from db.models import Batch, Certificate, ConsensusFit, Event, Judge, JudgeVersion, Pair, Vote
from db.upsert import chunks
from db.vocabulary import CANARY_SAMPLE, Choice, Order

_ACCEPTED = "judge.accepted"


@dataclass(frozen=True, slots=True)
class Answered:
    """A pair that a version has answered."""

    pair_id: int
    prompt_id: int
    domain: str | None
    pair_hash: str


def voting_version(session: Session, name: str) -> int | None:
    """The version that votes for a judge today, as it was written down."""
    return session.scalar(select(Judge.current_version_id).where(Judge.name == name))


def answered(session: Session, version_id: int) -> Iterator[Answered]:
    """Pairs on which a version has a vote that says something."""
    query = select(Pair.id, Pair.prompt_id, Pair.domain, Pair.content_hash).where(
        exists().where(
            Vote.pair_id == Pair.id,
            Vote.judge_version_id == version_id,
            Vote.sample < CANARY_SAMPLE,
            Vote.choice != Choice.ABSTAIN,
        ),
        pair_unerased(),
    )
    for row in session.execute(query.execution_options(yield_per=10_000)):
        yield Answered(*row)


def votes_of(
    session: Session, version_id: int, pair_ids: Collection[int]
) -> Iterator[tuple[int, Order, Choice]]:
    """Pair, order and choice of a version's first samples on these pairs, abstains too."""
    query = select(Vote.pair_id, Vote.order, Vote.choice).where(
        Vote.judge_version_id == version_id, Vote.sample == 1
    )
    for chunk in chunks(sorted(pair_ids)):
        yield from map(_row, session.execute(query.where(Vote.pair_id.in_(chunk))))


def _row(row: Any) -> tuple[int, Order, Choice]:
    return row.pair_id, row.order, row.choice


def accept(session: Session, version_id: int, actor: str = "tiebreak") -> bool:
    """Write down that a version may be asked about everything. False where it was already."""
    version = session.get_one(JudgeVersion, version_id)
    judge = select(Judge).where(Judge.id == version.judge_id).with_for_update()
    name = session.scalars(judge).one().name
    if accepted(session, version_id):
        return False
    record(session, actor, _ACCEPTED, _subject(version_id), {"judge": name})
    return True


def accepted(session: Session, version_id: int) -> bool:
    """Whether somebody has said so."""
    query = select(Event.id).where(Event.kind == _ACCEPTED, Event.subject == _subject(version_id))
    return session.scalar(query.limit(1)) is not None


def certificates_with(session: Session, version_id: int) -> int:
    """Standing certificates of batches whose fit heard this version."""
    rows = session.execute(
        select(Certificate.id, ConsensusFit.raters)
        .join(Batch, Batch.id == Certificate.batch_id)
        .join(ConsensusFit, ConsensusFit.id == Batch.fit_id)
        .where(Certificate.withdrawn_at.is_(None))
    )
    return sum(
        any(rater.get("judge_version_id") == version_id for rater in raters or ())
        for _, raters in rows
    )


def _subject(version_id: int) -> str:
    return f"judge_version:{version_id}"
