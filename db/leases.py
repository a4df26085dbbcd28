"""Timed claims on tasks: the statements that take, find and end them. Leaves out the rules.

Every statement of an annotator's click is here and in `db/reviews`; each is answered by an index.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from db.models import Annotator, Lease, Ranking, RankingRetraction, Retraction, Review, Task
from db.vocabulary import LeaseStatus, TaskStatus

ACTIVE = text("leases.status = 'active'")  # literal, so that the partial indexes serve it


@dataclass(frozen=True)
class HeldLease:
    """One active claim, for the list an admin sees."""

    lease_id: str
    annotator: str
    task_id: int
    claimed_at: datetime
    expires_at: datetime


def find(session: Session, lease_id: str) -> Lease | None:
    """The lease of this id, or None."""
    return session.get(Lease, lease_id)


def current(session: Session, annotator_id: int) -> Lease | None:
    """The active lease of this annotator, or None."""
    return session.scalar(select(Lease).where(Lease.annotator_id == annotator_id, ACTIVE))


def expire(session: Session, at: datetime) -> int:
    """End the claims whose time is over; rows another transaction works on are left to it."""
    over = select(Lease.id).where(ACTIVE, Lease.expires_at <= at).with_for_update(skip_locked=True)
    ended = session.execute(
        update(Lease)
        .where(Lease.id.in_(over))
        .values(status=LeaseStatus.EXPIRED, ended_at=at)
        .execution_options(synchronize_session=False)
    )
    return int(ended.rowcount)  # type: ignore[attr-defined]


def next_task(session: Session, annotator: Annotator) -> Task | None:
    """The open task of highest priority this person may answer; their own tasks come first.

    Never a pair they answered already or handed on, nor one that somebody holds. On PostgreSQL the
    row comes locked, and rows others are claiming are passed over.
    """
    free = and_(Task.status == TaskStatus.OPEN, ~_held(), ~_handed_on(annotator.id))
    own = (
        select(Task)
        .where(free, Task.for_annotator_id == annotator.id)
        .order_by(Task.priority.desc(), Task.id)
    )
    domains: ColumnElement[bool] = Task.domain.is_(None)
    if annotator.domains:
        domains = or_(domains, Task.domain.in_(annotator.domains))
    shared = (
        select(Task)
        .where(free, Task.for_annotator_id.is_(None), domains, ~_answered(annotator.id))
        .order_by(Task.priority.desc(), Task.id)
    )
    for query in (own, shared):
        task = session.scalar(query.limit(1).with_for_update(skip_locked=True, of=Task))
        if task is not None:
            return task
    return None


def _held() -> ColumnElement[bool]:
    return exists().where(Lease.task_id == Task.id, ACTIVE)


def _handed_on(annotator_id: int) -> ColumnElement[bool]:
    """That this person handed the task on, or ranked its candidates already."""
    skipped = exists().where(
        Lease.task_id == Task.id,
        Lease.annotator_id == annotator_id,
        Lease.status == LeaseStatus.SKIPPED,
    )
    ranked = exists().where(
        Ranking.task_id == Task.id,
        Ranking.annotator_id == annotator_id,
        ~exists().where(RankingRetraction.ranking_id == Ranking.id),
    )
    return or_(skipped, ranked)


def _answered(annotator_id: int) -> ColumnElement[bool]:
    """A standing answer to the pair by this person, whichever task it was for."""
    mine = aliased(Review)
    return exists().where(
        mine.pair_id == Task.pair_id,
        mine.annotator_id == annotator_id,
        ~exists().where(Retraction.review_id == mine.id),
    )


def take(session: Session, values: dict[str, Any]) -> str | None:
    """Insert one active lease; None where the task or the annotator has one already."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    lease_id = uuid4().hex
    row = {
        "id": lease_id,
        "status": LeaseStatus.ACTIVE,
        "post_reveal": False,
        "active_seconds": 0.0,
    } | values
    statement = dialect.insert(Lease).values(row).on_conflict_do_nothing().returning(Lease.id)
    taken: str | None = session.scalar(statement)
    return taken


def end(
    session: Session,
    lease_id: str,
    status: LeaseStatus,
    at: datetime,
    *,
    annotator_id: int | None = None,
    unexpired: bool = False,
    **values: Any,
) -> bool:
    """Close an active lease, and say whether it was there to close.

    With `unexpired` a lease whose time is over is not closed; with `annotator_id` only that
    person's is.
    """
    conditions = [Lease.id == lease_id, Lease.status == LeaseStatus.ACTIVE]
    if annotator_id is not None:
        conditions.append(Lease.annotator_id == annotator_id)
    if unexpired:
        conditions.append(Lease.expires_at > at)
    return _change(session, conditions, {"status": status, "ended_at": at} | values)


def amend(session: Session, lease_id: str, annotator_id: int, **values: Any) -> bool:
    """Change an active lease of this person, and say whether it was there."""
    mine = [
        Lease.id == lease_id,
        Lease.annotator_id == annotator_id,
        Lease.status == LeaseStatus.ACTIVE,
    ]
    return _change(session, mine, values)


def _change(
    session: Session, conditions: Sequence[ColumnElement[bool]], values: dict[str, Any]
) -> bool:
    done = session.execute(
        update(Lease)
        .where(*conditions)
        .values(**values)
        .execution_options(synchronize_session="fetch")
    )
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def decided_since(
    session: Session, annotator_id: int, since: datetime, *, limit: int = 50
) -> Sequence[Lease]:
    """The leases this person answered, the latest first."""
    return session.scalars(
        select(Lease)
        .where(
            Lease.annotator_id == annotator_id,
            Lease.status == LeaseStatus.DECIDED,
            Lease.ended_at >= since,
        )
        .order_by(Lease.ended_at.desc())
        .limit(limit)
    ).all()


def held(session: Session) -> list[HeldLease]:
    """All active claims, oldest first."""
    rows = session.execute(
        select(Lease.id, Annotator.name, Lease.task_id, Lease.claimed_at, Lease.expires_at)
        .join(Annotator, Annotator.id == Lease.annotator_id)
        .where(ACTIVE)
        .order_by(Lease.claimed_at)
    )
    return [HeldLease(*row) for row in rows]


def skips(session: Session) -> list[tuple[str, int]]:
    """Reasons given for handing on, with how often each was given."""
    rows = session.execute(
        select(Lease.skip_reason, func.count())
        .where(Lease.status == LeaseStatus.SKIPPED)
        .group_by(Lease.skip_reason)
        .order_by(func.count().desc())
    )
    return [(reason or "no reason", count) for reason, count in rows]
