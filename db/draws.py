"""Where a threshold cuts a frame, and what later batches drew as audits; read only."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from db.models import PairRoute
from db.upsert import chunks
from db.vocabulary import Route


def count_safer(session: Session, batch_id: int, stratum: str, score: float) -> int:
    """Pairs of a frame with a higher score."""
    query = select(func.count()).where(*_frame(batch_id, stratum), PairRoute.score > score)
    return session.scalar(query) or 0


def pairs_at(session: Session, batch_id: int, stratum: str, score: float) -> list[int]:
    """Pairs of a frame with exactly this score."""
    query = select(PairRoute.pair_id).where(*_frame(batch_id, stratum), PairRoute.score == score)
    return list(session.scalars(query))


def later_draws(
    session: Session, pair_ids: Sequence[int], batch_id: int
) -> dict[int, tuple[int, bool]]:
    """Of these pairs, those that a later batch could draw as audits: the newest, and if it did."""
    query = (
        select(PairRoute.pair_id, PairRoute.batch_id, PairRoute.route)
        .where(PairRoute.batch_id > batch_id, PairRoute.inclusion_probability > 0)
        .order_by(PairRoute.batch_id)
    )
    return {
        pair_id: (later, route is Route.AUDIT)
        for chunk in chunks(pair_ids)
        for pair_id, later, route in session.execute(query.where(PairRoute.pair_id.in_(chunk)))
    }


def audit_draws(session: Session) -> dict[int, float]:
    """Pairs that were drawn as audits, and the probability of the newest such draw."""
    query = (
        select(PairRoute.pair_id, PairRoute.inclusion_probability)
        .where(PairRoute.route == Route.AUDIT, PairRoute.inclusion_probability > 0)
        .order_by(PairRoute.batch_id)
    )
    rows = session.execute(query)
    return {pair_id: probability for pair_id, probability in rows if probability is not None}


def _frame(batch_id: int, stratum: str) -> tuple[ColumnElement[bool], ...]:
    return (
        PairRoute.batch_id == batch_id,
        PairRoute.stratum == stratum,
        PairRoute.inclusion_probability.is_not(None),
    )
