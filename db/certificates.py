"""Certificates by number, with the batch they speak of and the names outsiders know pairs by."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Batch, Certificate, Pair
from db.upsert import chunks


def all_certificates(session: Session) -> list[Certificate]:
    """Every certificate ever made, oldest first; withdrawn ones too."""
    return list(session.scalars(select(Certificate).order_by(Certificate.id)))


def get_certificate(session: Session, certificate_id: int) -> Certificate | None:
    """One certificate, or None."""
    return session.get(Certificate, certificate_id)


def get_batch(session: Session, batch_id: int) -> Batch:
    """The batch of that number."""
    return session.get_one(Batch, batch_id)


def content_hashes(session: Session, pair_ids: Iterable[int]) -> dict[int, str]:
    """The content hash of each pair: what it is, whatever it is called."""
    found: dict[int, str] = {}
    for chunk in chunks(pair_ids):
        query = select(Pair.id, Pair.content_hash).where(Pair.id.in_(chunk))
        found.update({pair_id: key for pair_id, key in session.execute(query)})
    return found
