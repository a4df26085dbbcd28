"""Who reviews: finding, adding and changing annotators. Leaves out what a role may do."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.errors import BadInput, UnknownName
from db.models import Adjudication, Annotator, Ranking, Review
from db.types import now
from db.vocabulary import Role


def by_id(session: Session, annotator_id: int) -> Annotator:
    """The annotator with this id; UnknownName where there is none."""
    found = session.get(Annotator, annotator_id)
    if found is None:
        raise UnknownName(f"annotator {annotator_id!r} is not known; sign in again")
    return found


def by_name(session: Session, name: str) -> Annotator | None:
    """The annotator of this name, or None."""
    return session.scalar(select(Annotator).where(Annotator.name == name))


def by_subject(session: Session, subject: str) -> Annotator | None:
    """The annotator an identity provider knows by `subject`, or None."""
    return session.scalar(select(Annotator).where(Annotator.subject == subject))


def ensure(session: Session, name: str, *, role: Role = Role.ANNOTATOR) -> Annotator:
    """The annotator of this name, added with `role` where new. A known one keeps its role."""
    cleaned = " ".join(name.split())
    if not 1 <= len(cleaned) <= 80:
        raise BadInput(f"name {name!r} cannot be used; write 1 to 80 characters")
    found = by_name(session, cleaned)
    if found is None:
        found = Annotator(name=cleaned, role=role, domains=[], created_at=now())
        session.add(found)
        session.flush()
    return found


def people(session: Session) -> Sequence[Annotator]:
    """All annotators, by name."""
    return session.scalars(select(Annotator).order_by(Annotator.name)).all()


def with_role(session: Session, role: Role) -> Sequence[Annotator]:
    """Everybody of this role."""
    return session.scalars(select(Annotator).where(Annotator.role == role)).all()


def last_answers(session: Session) -> dict[str, datetime]:
    """When each person last answered anything, or came, where they never did."""
    found = {person.name: person.created_at for person in people(session)}
    for table in (Review, Ranking, Adjudication):
        rows = session.execute(
            select(Annotator.name, func.max(table.created_at))
            .join(table, table.annotator_id == Annotator.id)
            .group_by(Annotator.name)
        )
        found |= {name: max(at, found[name]) for name, at in rows}
    return found
