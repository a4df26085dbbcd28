"""Which questions were answered: stored votes by pair, judge version, order and sample."""

from collections.abc import Iterable, Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.consensus import UsableVote, trained_versions
from db.models import Vote
from db.vocabulary import CANARY_SAMPLE, Choice, Order
from db.voters import voters

Slot = tuple[int, int, Order, int]
"""Pair, judge version, order, sample."""


def answered_slots(session: Session, version_ids: Iterable[int]) -> Iterator[Slot]:
    """Every stored vote of these versions, abstains too: asked is asked."""
    query = select(Vote.pair_id, Vote.judge_version_id, Vote.order, Vote.sample).where(
        Vote.judge_version_id.in_(list(version_ids))
    )
    for row in session.execute(query.execution_options(yield_per=10_000)):
        yield row[0], row[1], row[2], row[3]


def sampled_votes(session: Session) -> Iterator[tuple[UsableVote, int]]:
    """Every vote that says something, by pair, with the number of its sample."""
    trained = trained_versions(session)
    query = (
        select(
            Vote.pair_id,
            Vote.judge_version_id,
            Vote.order,
            Vote.choice,
            Vote.confidence,
            Vote.p_a,
            Vote.sample,
        )
        .where(Vote.choice != Choice.ABSTAIN, Vote.sample < CANARY_SAMPLE)
        .where(Vote.judge_version_id.in_(voters()))
        .order_by(Vote.pair_id, Vote.choice, Vote.confidence, Vote.sample)
    )
    rows = session.execute(query.execution_options(yield_per=10_000))
    for pair_id, version_id, order, choice, confidence, p_a, sample in rows:
        weighed = p_a if version_id in trained else None
        yield UsableVote(pair_id, version_id, order, choice, confidence, weighed), sample
