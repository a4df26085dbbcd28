"""Batches, the routes of their pairs, their audits, and what detectors found in their fits."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from db.models import Batch, Certificate, ConsensusFit, Flag, PairRoute, Task
from db.opinions import audits_of, human_answers
from db.owners import owned
from db.types import now
from db.upsert import chunks, insert_all
from db.vocabulary import Choice, Route, TaskKind, TaskStatus


@dataclass(frozen=True)
class AuditProgress:
    """How far the audit of a batch is: answers by pair id, and the pairs that wait for one."""

    answers: dict[int, Choice]
    open: frozenset[int]

    @property
    def waiting(self) -> int:
        """How many audits wait for an answer, or for an adjudicator."""
        return len(self.open)


def newest_batch(session: Session) -> Batch | None:
    """The batch routed last, of those that were not given up."""
    live = select(Batch).where(Batch.given_up_at.is_(None))
    return session.scalar(live.order_by(Batch.id.desc()).limit(1))


def get_batch(session: Session, batch_id: int) -> Batch:
    """The batch of that number."""
    return session.get_one(Batch, batch_id)


def all_batches(session: Session) -> list[Batch]:
    """Every batch, oldest first, given up or not."""
    return list(session.scalars(select(Batch).order_by(Batch.id)))


def locked(session: Session, batch_id: int) -> Batch:
    """The batch, held against other writers until the transaction ends."""
    return session.execute(select(Batch).where(Batch.id == batch_id).with_for_update()).scalar_one()


def uncertified(session: Session) -> list[Batch]:
    """Batches routed to a target that were not given up and have no certificate yet."""
    made = exists().where(Certificate.batch_id == Batch.id)
    live = select(Batch).where(Batch.given_up_at.is_(None), ~made).order_by(Batch.id)
    return [b for b in session.scalars(live) if b.policy.get("target_error") is not None]


def give_up(session: Session, batch: Batch) -> None:
    """A batch that waits promises nothing and keeps no pair any more; its answers stay."""
    batch.given_up_at = now()
    session.flush()


def add_batch(session: Session, batch: Batch, routes: Iterable[dict[str, Any]]) -> int:
    """Store a batch with the route of each of its pairs; its id."""
    session.add(batch)
    session.flush()
    for chunk in chunks(routes, 5000):
        insert_all(session, PairRoute, [{"batch_id": batch.id, **row} for row in chunk])
    return batch.id


def change_routes(session: Session, changes: Iterable[dict[str, Any]]) -> None:
    """Change stored routes: each change has the route's `id` and the columns that are new."""
    for chunk in chunks(changes, 5000):
        session.execute(update(PairRoute), chunk)


def routes_of(session: Session, batch_id: int, route: Route | None = None) -> list[PairRoute]:
    """Every pair of a batch, or those of one route, by pair."""
    query = select(PairRoute).where(PairRoute.batch_id == batch_id).order_by(PairRoute.pair_id)
    if route is not None:
        query = query.where(PairRoute.route == route)
    return list(session.scalars(query))


def pairs_of(session: Session, batch_id: int) -> set[int]:
    """The pairs of a batch."""
    return set(session.scalars(select(PairRoute.pair_id).where(PairRoute.batch_id == batch_id)))


def count_routes(session: Session, batch_id: int) -> dict[Route, int]:
    """How many pairs of a batch took each route."""
    query = (
        select(PairRoute.route, func.count())
        .where(PairRoute.batch_id == batch_id)
        .group_by(PairRoute.route)
    )
    return {route: n for route, n in session.execute(query)}


def count_owned(session: Session) -> Counter[Route]:
    """How many pairs took each route in the batch they belong to."""
    return Counter(one.route for one in owned(session).values())


def audit_progress(session: Session, batch_id: int) -> AuditProgress:
    """The audit answers of a batch; an audit that is not settled, or evenly split, has none."""
    waits = select(Task.pair_id).where(
        Task.batch_id == batch_id,
        Task.kind == TaskKind.AUDIT,
        Task.status.in_((TaskStatus.OPEN, TaskStatus.DISPUTED)),
    )
    answered = human_answers(session, audits_of(batch_id))
    return AuditProgress(answered, frozenset(p for p in session.scalars(waits) if p is not None))


def has_flags(session: Session, fit_id: int) -> bool:
    """Whether the findings of a fit are stored already."""
    return session.scalar(select(Flag.id).where(Flag.fit_id == fit_id).limit(1)) is not None


def add_flags(session: Session, rows: Iterable[dict[str, Any]]) -> None:
    """Store the findings of a fit, as they come."""
    at = now()
    for chunk in chunks(rows, 5000):
        insert_all(session, Flag, [{**row, "created_at": at} for row in chunk])


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
