"""Who comes in and what they may do: sign-in by name or by an identity provider, and roles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from db import annotators, events
from db.errors import BadInput, NotAllowed
from db.models import Annotator
from db.session import Database, Session
from db.vocabulary import Role
from review.roles import Action, require
from review.settings import ReviewSettings

_LONGEST_SUBJECT, _LONGEST_NAME = 300, 60  # letters; the column's, and a name with a number's


@dataclass(frozen=True)
class Person:
    """Somebody signed in, as the pages know them; `practised` where they have begun to review."""

    id: int
    name: str
    role: Role
    domains: tuple[str, ...]
    paused_reason: str | None = None
    practised: bool = True


@dataclass(frozen=True)
class Claimed:
    """What an identity token says of somebody: issuer and subject, a name, a verified address."""

    subject: str
    name: str
    email: str | None


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


def claimed(claims: Mapping[str, Any]) -> Claimed:
    """Who an identity token speaks of. Raises NotAllowed where it names no issuer and subject.

    An address counts where `email_verified` is the boolean true (OpenID Connect Core 1.0, 5.1) and
    nothing else: "false" as a text is a truth to a program and a lie to a person.
    """
    issuer, subject = claims.get("iss"), claims.get("sub")
    if not (isinstance(issuer, str) and issuer and isinstance(subject, str) and subject):
        raise NotAllowed("the identity token names no issuer and subject; ask who runs the sign-in")
    whole = f"{issuer}|{subject}"
    if len(whole) > _LONGEST_SUBJECT or "|" in issuer:
        raise NotAllowed(
            f"issuer and subject of the identity token have {len(whole)} letters, and "
            f"{_LONGEST_SUBJECT} without a | in the issuer can be kept; ask who runs the sign-in"
        )
    email = claims.get("email")
    verified = claims.get("email_verified") is True and isinstance(email, str)
    names = (claims.get(key) for key in ("name", "preferred_username", "sub"))
    name = next(" ".join(n.split()) for n in names if isinstance(n, str) and n.split())
    return Claimed(whole, name[:_LONGEST_NAME], str(email) if verified else None)


def by_subject(
    database: Database, subject: str, name: str, email: str | None, settings: ReviewSettings
) -> Person:
    """Sign in as whom the identity provider says; a newcomer is an annotator, or a named admin.

    `subject` is issuer and subject, by which a person is known; `email` a verified address. Who was
    known by that address alone, as recorded labels name people, becomes that subject once; a later
    subject of the same address is somebody else.
    """
    with database.begin() as session:
        person = annotators.by_subject(session, subject)
        if person is None:
            person = _of_address(session, email) or annotators.ensure(
                session, _free_name(session, name)
            )
            person.subject = subject
            events.record(session, person.name, "annotator.bound", f"annotator:{person.id}")
        if person.role is not Role.ADMIN and {subject, email} & set(settings.admins):
            person.role = Role.ADMIN
            events.record(session, "tiebreak.toml", "annotator.admin", f"annotator:{person.id}")
        return _person(person)


def _of_address(session: Session, email: str | None) -> Annotator | None:
    """Who goes by this address as a name and belongs to no subject yet."""
    found = annotators.by_name(session, email) if email else None
    return found if found is not None and found.subject is None else None


def _free_name(session: Session, name: str) -> str:
    """The name, or with the first number that nobody has: a name is never taken over."""
    number, free = 1, name
    while annotators.by_name(session, free) is not None:
        number += 1
        free = f"{name} ({number})"
    return free


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
