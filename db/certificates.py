"""Certificates by number, their batches, and the evidence that may withdraw them."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Annotator, Batch, Certificate, Pair, Review, Task
from db.reviews import not_retracted
from db.upsert import chunks
from db.vocabulary import Choice, TaskKind, TaskStatus


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


def repeats_by_person(session: Session) -> dict[str, list[bool]]:
    """Of each person's hidden repeats, as they came: whether the answer was another one.

    Compared with the person's last standing answer before it; an abstain compares with nothing.
    """
    rows = session.execute(
        select(Annotator.name, Review.pair_id, Review.choice, Review.kind)
        .join(Annotator, Annotator.id == Review.annotator_id)
        .where(not_retracted(), Review.post_reveal.is_(False), Review.choice != Choice.ABSTAIN)
        .order_by(Review.id)
    )
    before: dict[tuple[str, int], Choice] = {}
    found: dict[str, list[bool]] = {}
    for who, pair_id, choice, kind in rows:
        first = before.get((who, pair_id))
        if kind is TaskKind.REPEAT and first is not None:
            found.setdefault(who, []).append(choice is not first)
        elif kind is not TaskKind.REPEAT:
            before[who, pair_id] = choice
    return found


def content_hashes(session: Session, pair_ids: Iterable[int]) -> dict[int, str]:
    """The content hash of each pair: what it is, whatever it is called."""
    found: dict[int, str] = {}
    for chunk in chunks(pair_ids):
        query = select(Pair.id, Pair.content_hash).where(Pair.id.in_(chunk))
        found.update({pair_id: key for pair_id, key in session.execute(query)})
    return found
