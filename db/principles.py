"""What votes say of the principles: one row a vote that named any. Read only."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Judge, JudgeVersion, Vote
from db.vocabulary import CANARY_SAMPLE, HOLD_OUT_SAMPLE, Choice, Order
from db.voters import voters


@dataclass(frozen=True, slots=True)
class PrincipleVote:
    """A vote with its verdicts by principle, in stored order."""

    pair_id: int
    judge: str
    order: Order
    sample: int
    choice: Choice
    principles: dict[str, str]


def principle_votes(
    session: Session, judge: str | None = None, size: int = 5000
) -> Iterator[PrincipleVote]:
    """Votes with verdicts by principle, by pair, with flat memory; of one judge, where named."""
    query = (
        select(Vote.pair_id, Judge.name, Vote.order, Vote.sample, Vote.choice, Vote.principles)
        .join(JudgeVersion, JudgeVersion.id == Vote.judge_version_id)
        .join(Judge, Judge.id == JudgeVersion.judge_id)
        .where(Vote.principles.is_not(None), Vote.sample < CANARY_SAMPLE)
        .where(Vote.judge_version_id.in_(voters()))
        .order_by(Vote.pair_id, Vote.id)
    )
    if judge is not None:
        query = query.where(Judge.name == judge)
    rows = session.execute(query.execution_options(yield_per=size))
    for pair_id, name, order, sample, choice, said in rows:
        yield PrincipleVote(pair_id, name, order, sample, choice, said or {})


def choices_of(session: Session, judge: str) -> dict[tuple[int, Order, int], Choice]:
    """A held-out twin's choices by (pair, order, sample); its newest version's before others."""
    query = (
        select(Vote.pair_id, Vote.order, Vote.sample, Vote.choice)
        .join(JudgeVersion, JudgeVersion.id == Vote.judge_version_id)
        .join(Judge, Judge.id == JudgeVersion.judge_id)
        .where(Judge.name == judge, Vote.sample == HOLD_OUT_SAMPLE)
        .order_by(JudgeVersion.id)
    )
    return {(p, o, s): c for p, o, s, c in session.execute(query)}
