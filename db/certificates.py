"""Certificates: stored, found and withdrawn, and the audits that may withdraw them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Certificate, Pair, Task
from db.types import now
from db.upsert import chunks
from db.vocabulary import TaskKind, TaskStatus


def all_certificates(session: Session) -> list[Certificate]:
    """Every certificate ever made, oldest first; withdrawn ones too."""
    return list(session.scalars(select(Certificate).order_by(Certificate.id)))


def get_certificate(session: Session, certificate_id: int) -> Certificate | None:
    """One certificate, or None."""
    return session.get(Certificate, certificate_id)


def in_force(session: Session) -> list[Certificate]:
    """Every certificate that was not withdrawn, oldest first."""
    query = select(Certificate).where(Certificate.withdrawn_at.is_(None))
    return list(session.scalars(query.order_by(Certificate.id)))


def title(certificate: Certificate) -> str:
    """What a certificate is called in a dataset: its promise and its number."""
    return f"{certificate.promise} certificate {certificate.id}"


def add_certificate(
    session: Session, batch_id: int, promise: str, payload: Mapping[str, Any]
) -> int:
    """Store a certificate; its id."""
    made = Certificate(batch_id=batch_id, promise=promise, payload=dict(payload))
    session.add(made)
    session.flush()
    return made.id


def certificates_of(session: Session, batch_id: int) -> list[Certificate]:
    """The certificates of a batch, oldest first."""
    query = select(Certificate).where(Certificate.batch_id == batch_id).order_by(Certificate.id)
    return list(session.scalars(query))


def withdraw(session: Session, certificate_id: int, reason: str) -> None:
    """A certificate no longer holds; it stays, with the reason."""
    made = session.get_one(Certificate, certificate_id)
    made.withdrawn_at, made.withdrawn_reason = now(), reason


def audits_in_order(session: Session, batch_id: int) -> list[int]:
    """Pairs of a batch's settled audits as their answers came; a random order by design."""
    query = select(Task.pair_id).where(
        Task.batch_id == batch_id, Task.kind == TaskKind.AUDIT, Task.status == TaskStatus.SETTLED
    )
    order = query.order_by(Task.settled_at, Task.priority.desc(), Task.id)
    return [pair_id for pair_id in session.scalars(order) if pair_id is not None]


def settled_after(session: Session, batch_id: int, moment: datetime) -> set[int]:
    """Pairs of a batch's audits that were answered only after a moment."""
    query = select(Task.pair_id).where(
        Task.batch_id == batch_id, Task.kind == TaskKind.AUDIT, Task.settled_at > moment
    )
    return {pair_id for pair_id in session.scalars(query) if pair_id is not None}


def content_hashes(session: Session, pair_ids: Iterable[int]) -> dict[int, str]:
    """The content hash of each pair: what it is, whatever it is called."""
    found: dict[int, str] = {}
    for chunk in chunks(pair_ids):
        query = select(Pair.id, Pair.content_hash).where(Pair.id.in_(chunk))
        found.update({pair_id: key for pair_id, key in session.execute(query)})
    return found
