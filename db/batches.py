"""Batches, the routes of their pairs, their audits, and what detectors found in their fits."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.models import Batch, ConsensusFit, Flag, PairRoute, Task
from db.opinions import audits_of, human_answers
from db.types import now
from db.upsert import chunks, insert_all
from db.vocabulary import Choice, Route, TaskKind, TaskStatus


@dataclass(frozen=True)
class AuditProgress:
    """How far the audit of a batch is: answers by pair id, and how many tasks still wait."""

    answers: dict[int, Choice]
    waiting: int


def newest_batch(session: Session) -> Batch | None:
    """The batch routed last."""
    return session.scalar(select(Batch).order_by(Batch.id.desc()).limit(1))


def get_batch(session: Session, batch_id: int) -> Batch:
    """The batch of that number."""
    return session.get_one(Batch, batch_id)


def all_batches(session: Session) -> list[Batch]:
    """Every batch, oldest first."""
    return list(session.scalars(select(Batch).order_by(Batch.id)))


def add_batch(session: Session, batch: Batch, routes: Iterable[dict[str, Any]]) -> int:
    """Store a batch with the route of each of its pairs; its id."""
    session.add(batch)
    session.flush()
    for chunk in chunks(routes, 5000):
        insert_all(session, PairRoute, [{"batch_id": batch.id, **row} for row in chunk])
    return batch.id


def change_routes(session: Session, batch_id: int, changes: Iterable[dict[str, Any]]) -> None:
    """Give pairs of a batch their final route, once its certificate is known.

    Each change has pair_id, route, reasons and priority.
    """
    for row in changes:
        session.execute(
            update(PairRoute)
            .where(PairRoute.batch_id == batch_id, PairRoute.pair_id == row["pair_id"])
            .values(route=row["route"], reasons=row["reasons"], priority=row["priority"])
        )


def routes_of(session: Session, batch_id: int, route: Route | None = None) -> list[PairRoute]:
    """Every pair of a batch, or those of one route, by pair."""
    query = select(PairRoute).where(PairRoute.batch_id == batch_id).order_by(PairRoute.pair_id)
    if route is not None:
        query = query.where(PairRoute.route == route)
    return list(session.scalars(query))


def count_routes(session: Session, batch_id: int) -> dict[Route, int]:
    """How many pairs of a batch took each route."""
    query = (
        select(PairRoute.route, func.count())
        .where(PairRoute.batch_id == batch_id)
        .group_by(PairRoute.route)
    )
    return {route: n for route, n in session.execute(query)}


def audit_progress(session: Session, batch_id: int) -> AuditProgress:
    """The audit answers of a batch; an audit that is not settled, or evenly split, has none."""
    waits = select(func.count()).where(
        Task.batch_id == batch_id,
        Task.kind == TaskKind.AUDIT,
        Task.status.in_((TaskStatus.OPEN, TaskStatus.DISPUTED)),
    )
    answered = human_answers(session, audits_of(batch_id))
    return AuditProgress(answered, session.scalar(waits) or 0)


def has_flags(session: Session, fit_id: int) -> bool:
    """Whether the findings of a fit are stored already."""
    return session.scalar(select(Flag.id).where(Flag.fit_id == fit_id).limit(1)) is not None


def add_flags(session: Session, rows: list[dict[str, Any]]) -> None:
    """Store the findings of a fit."""
    insert_all(session, Flag, [{**row, "created_at": now()} for row in rows])


def count_flags(session: Session, fit_id: int) -> dict[str, int]:
    """Findings on pairs by kind, in one fit."""
    query = (
        select(Flag.kind, func.count())
        .where(Flag.fit_id == fit_id, Flag.pair_id.is_not(None))
        .group_by(Flag.kind)
        .order_by(Flag.kind)
    )
    return {kind: n for kind, n in session.execute(query)}


def fit_of(session: Session, batch: Batch) -> ConsensusFit:
    """The fit a batch was routed on."""
    return session.get_one(ConsensusFit, batch.fit_id)
