"""Who comes in and what they may do: sign-in by name or by an identity provider, and roles."""

from dataclasses import dataclass

from db import annotators, events
from db.errors import BadInput
from db.models import Annotator
from db.session import Database
from db.vocabulary import Role
from review.roles import Action, require
from review.settings import ReviewSettings


@dataclass(frozen=True)
class Person:
    """Somebody signed in, as the pages know them; `practised` where they have begun to review."""

    id: int
    name: str
    role: Role
    domains: tuple[str, ...]
    paused_reason: str | None = None
    practised: bool = True


def by_name(database: Database, name: str) -> Person:
    """Sign in by a name, on one machine without an identity provider.

    Where nobody is an admin yet this person becomes one, and may act in every role.
    """
    with database.begin() as session:
        person = annotators.ensure(session, name)
        if not annotators.with_role(session, Role.ADMIN):
            person.role = Role.ADMIN
            events.record(session, person.name, "annotator.first", f"annotator:{person.id}")
        return _person(person)


def by_subject(
    database: Database, subject: str, name: str, email: str | None, settings: ReviewSettings
) -> Person:
    """Sign in as whom the identity provider says; a newcomer is an annotator, or a named admin.

    An address counts only where the provider gave it as verified.
    """
    with database.begin() as session:
        person = annotators.by_subject(session, subject)
        if person is None:
            free = annotators.by_name(session, name) is None
            person = annotators.ensure(session, name if free else f"{name} ({subject[-8:]})")
            person.subject = subject
        if person.role is not Role.ADMIN and {subject, email} & set(settings.admins):
            person.role = Role.ADMIN
            events.record(session, "tiebreak.toml", "annotator.admin", f"annotator:{person.id}")
        return _person(person)


def known(database: Database, annotator_id: int) -> Person:
    """The person as the database has them now."""
    with database.read() as session:
        return _person(annotators.by_id(session, annotator_id))


def everyone(database: Database, asking_id: int) -> list[Person]:
    """All people, for an admin."""
    with database.read() as session:
        require(annotators.by_id(session, asking_id), Action.MANAGE)
        return [_person(person) for person in annotators.people(session)]


def change(
    database: Database,
    admin_id: int,
    annotator_id: int,
    *,
    role: Role | None = None,
    domains: tuple[str, ...] | None = None,
    resume: bool = False,
    pause: str | None = None,
) -> Person:
    """Change a person's role, skills or pause; recorded. The last admin stays one."""
    with database.begin() as session:
        admin = annotators.by_id(session, admin_id)
        require(admin, Action.MANAGE)
        person = annotators.by_id(session, annotator_id)
        if role is not None and role is not person.role:
            if person.role is Role.ADMIN and len(annotators.with_role(session, Role.ADMIN)) == 1:
                raise BadInput(f"{person.name!r} is the last admin; name another one first")
            person.role = role
        if domains is not None:
            person.domains = [d.strip() for d in domains if d.strip()]
        if resume:
            person.paused_reason = None
        if pause:
            person.paused_reason = pause.strip()[:300]
        events.record(
            session,
            admin.name,
            "annotator.changed",
            f"annotator:{person.id}",
            {
                "role": str(person.role),
                "domains": person.domains,
                "paused": person.paused_reason,
            },
        )
        return _person(person)


def _person(row: Annotator) -> Person:
    return Person(
        row.id,
        row.name,
        row.role,
        tuple(row.domains or ()),
        row.paused_reason,
        row.practised_at is not None,
    )
