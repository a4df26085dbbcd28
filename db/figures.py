"""Counts and series for the pages: progress, quality, judges, costs. Read only."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from db.models import Review
from db.reviews import standing
from db.vocabulary import Choice, TaskKind


def recent_seconds(session: Session, annotator_id: int, *, limit: int) -> list[float]:
    """Seconds of work of this person's latest answers."""
    return list(
        session.scalars(
            select(Review.active_seconds)
            .where(Review.annotator_id == annotator_id, Review.active_seconds.is_not(None))
            .order_by(Review.created_at.desc())
            .limit(limit)
        )
    )


def answers_since(session: Session, annotator_id: int, since: datetime | None) -> int:
    """How many answers of this person stand, since a moment or ever."""
    query = (
        select(func.count())
        .select_from(Review)
        .where(Review.annotator_id == annotator_id, standing())
    )
    if since is not None:
        query = query.where(Review.created_at >= since)
    return session.scalar(query) or 0


def repeats_of(session: Session, annotator_id: int) -> list[tuple[Choice, Choice]]:
    """(first answer, answer to the hidden repeat) of one person."""
    first, again = aliased(Review), aliased(Review)
    rows = session.execute(
        select(first.choice, again.choice)
        .join(
            again,
            (again.pair_id == first.pair_id)
            & (again.annotator_id == first.annotator_id)
            & (again.kind == TaskKind.REPEAT),
        )
        .where(
            first.annotator_id == annotator_id,
            first.kind == TaskKind.ESCALATION,
            first.post_reveal.is_(False),
            standing(first),
            standing(again),
        )
    )
    return [(one, two) for one, two in rows]
