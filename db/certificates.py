"""Certificates by number, their batches, and the evidence that may withdraw them."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Batch, Certificate, Pair, Task
from db.upsert import chunks
from db.vocabulary import TaskKind, TaskStatus


def all_certificates(session: Session) -> list[Certificate]:
    """Every certificate ever made, oldest first; withdrawn ones too."""
    return list(session.scalars(select(Certificate).order_by(Certificate.id)))


def get_certificate(session: Session, certificate_id: int) -> Certificate | None:
    """One certificate, or None."""
    return session.get(Certificate, certificate_id)


def get_batch(session: Session, batch_id: int) -> Batch:
    """The batch of that number."""
    return session.get_one(Batch, batch_id)


def audits_in_order(session: Session, batch_id: int) -> list[int]:
    """Pairs of a batch's settled audits as their answers came; a random order by design."""
    query = select(Task.pair_id).where(
        Task.batch_id == batch_id, Task.kind == TaskKind.AUDIT, Task.status == TaskStatus.SETTLED
    )
    order = query.order_by(Task.settled_at, Task.priority.desc(), Task.id)
    return [pair_id for pair_id in session.scalars(order) if pair_id is not None]


def content_hashes(session: Session, pair_ids: Iterable[int]) -> dict[int, str]:
    """The content hash of each pair: what it is, whatever it is called."""
    found: dict[int, str] = {}
    for chunk in chunks(pair_ids):
        query = select(Pair.id, Pair.content_hash).where(Pair.id.in_(chunk))
        found.update({pair_id: key for pair_id, key in session.execute(query)})
    return found
