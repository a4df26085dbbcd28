"""Forgetting a person: their name and their own words go, their answers and statistics stay.

The name becomes one that says nothing, wherever a column or the event log holds it; no event is
removed or moved. Leaves out files that were written before (`app.erasing` names them).
"""

import re
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select, true, update
from sqlalchemy.orm import Session

from db.errors import Conflict, UnknownName
from db.events import record
from db.models import (
    Adjudication,
    Annotator,
    Base,
    ContentFlag,
    CycleStep,
    Event,
    Flag,
    Gold,
    Lease,
    Ranking,
    RankingRetraction,
    Rationale,
    Retraction,
    Review,
    Run,
    Task,
)
from db.types import now
from db.vocabulary import LeaseStatus, TaskStatus

PREFIX = "erased-"
"""What every pseudonym begins with; no name that a person signs in by may."""

GONE = "(erased)"
"""Stands where a text must not be empty."""


@dataclass(frozen=True)
class ErasedPerson:
    """What became of a person. words: texts of theirs that were removed, by kind."""

    pseudonym: str
    answers: int
    words: dict[str, int]


def find(session: Session, name: str) -> Annotator:
    """The person of that name. Raises UnknownName, or Conflict where they are erased already."""
    person = session.scalar(select(Annotator).where(Annotator.name == name))
    if person is None:
        raise UnknownName(f"no person is called {name!r}; `tiebreak people list` names them")
    if name.startswith(PREFIX):
        raise Conflict(f"{name!r} is a pseudonym already; nothing was changed")
    return person


def erase_person(session: Session, person: Annotator, actor: str, reason: str) -> ErasedPerson:
    """Give a person a name that says nothing, remove their words, and write that down."""
    name, pseudonym = person.name, PREFIX + secrets.token_hex(4)
    words = _remove_words(session, person.id)
    _let_go(session, person.id)
    person.name, person.subject, person.paused_reason = pseudonym, None, GONE
    session.flush()
    told = {"reason": _word(name).sub(rf"\1{pseudonym}", reason), "words": words}
    record(session, actor, "person.erased", f"annotator:{person.id}", told)
    session.flush()
    _rename_in_log(session, name, pseudonym)
    answers = answers_of(session, person.id)
    return ErasedPerson(pseudonym, answers, words)


def answers_of(session: Session, person_id: int) -> int:
    """How many answers a person gave, orders and rulings with them."""
    return sum(
        session.scalar(select(func.count()).where(table.annotator_id == person_id)) or 0
        for table in (Review, Ranking, Adjudication)
    )


def words_of(session: Session, person_id: int) -> dict[str, int]:
    """How many texts of a person there are, by kind."""
    return {
        kind: count
        for kind, table, mine, values in _own_words(person_id)
        if (count := _count(session, table, mine, values))
    }


Words = tuple[str, type[Base], ColumnElement[bool], dict[str, Any]]


def _own_words(person_id: int) -> list[Words]:
    """Where a person's own words lie: kind, table, whose rows, and what takes their place."""
    reviews = select(Review.id).where(Review.annotator_id == person_id)
    rankings = select(Ranking.id).where(Ranking.annotator_id == person_id)
    lease = Lease.annotator_id == person_id
    return [
        ("rationales", Review, Review.annotator_id == person_id, {"rationale": None}),
        ("notes", Review, Review.annotator_id == person_id, {"note": None}),
        ("reasons given later", Rationale, Rationale.review_id.in_(reviews), {"text": None}),
        ("rulings", Adjudication, Adjudication.annotator_id == person_id, {"reason": GONE}),
        ("orders", Ranking, Ranking.annotator_id == person_id, {"rationale": None}),
        ("warnings", ContentFlag, ContentFlag.annotator_id == person_id, {"note": None}),
        ("taken back", Retraction, Retraction.review_id.in_(reviews), {"reason": GONE}),
        (
            "orders taken back",
            RankingRetraction,
            RankingRetraction.ranking_id.in_(rankings),
            {"reason": GONE},
        ),
        ("skipped", Lease, lease, {"skip_reason": None}),
        ("half built", Lease, lease, {"draft": None}),
    ]


def _remove_words(session: Session, person_id: int) -> dict[str, int]:
    found = words_of(session, person_id)
    for _, table, mine, values in _own_words(person_id):
        session.execute(
            update(table).where(mine).values(values).execution_options(synchronize_session=False)
        )
    return found


def _count(
    session: Session, table: type[Base], mine: ColumnElement[bool], values: dict[str, Any]
) -> int:
    ((column, gone),) = values.items()
    kept = getattr(table, column)
    there = kept.is_not(None) if gone is None else kept != gone
    return len(session.scalars(select(kept).where(mine, there)).all())


def _let_go(session: Session, person_id: int) -> None:
    """What they hold goes back, and what waits for them alone is closed."""
    session.execute(
        update(Lease)
        .where(Lease.annotator_id == person_id, Lease.status == LeaseStatus.ACTIVE)
        .values(status=LeaseStatus.RELEASED, ended_at=now())
    )
    session.execute(
        update(Task)
        .where(Task.for_annotator_id == person_id, Task.status == TaskStatus.OPEN)
        .values(status=TaskStatus.CLOSED, settled_at=now())
    )


def _rename_in_log(session: Session, name: str, pseudonym: str) -> None:
    """The name in events, findings, runs and cycles, also where it stands in a sentence."""
    word = _word(name, quoted=len(name) <= _SHORT)
    session.execute(update(Event).where(Event.actor == name).values(actor=pseudonym))
    for table, columns, rows_with_names in (
        (Event, ("payload",), true()),
        (Flag, ("detail",), Flag.kind == "self_contradiction"),  # the others speak of judges
        (Gold, ("how",), true()),
        (Run, ("options", "summary", "error"), true()),
        (CycleStep, ("summary",), true()),
    ):
        held_in = (getattr(table, column) for column in columns)
        rows = session.execute(select(table.id, *held_in).where(rows_with_names))
        for row_id, *held in rows.all():
            told = [_renamed(value, name, pseudonym, word) for value in held]
            if told != held:
                changed = dict(zip(columns, told, strict=True))
                session.execute(update(table).where(table.id == row_id).values(changed))


_SHORT = 3  # letters: a name this short is replaced only as a value of its own, or in quotes


def _word(name: str, *, quoted: bool = False) -> re.Pattern[str]:
    """The name as a word of a sentence, as it is or as repr() shows it; only in quotes if asked."""
    forms = "|".join(sorted({re.escape(name), re.escape(repr(name)[1:-1])}))
    before, after = ("['\"]", "['\"]") if quoted else (r"^|[^\w-]", r"$|[^\w-]")
    return re.compile(rf"({before})(?:{forms})(?={after})")


def _renamed(value: Any, name: str, pseudonym: str, word: re.Pattern[str]) -> Any:
    """A JSON value with the name replaced, as a value or as a word of a sentence.

    Keys stay, and what stands under `kind`: they are this project's words, and people may be
    called `hard`, `drawn` or `reviewer`.
    """
    if isinstance(value, dict):
        return {
            key: inner if key == "kind" else _renamed(inner, name, pseudonym, word)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_renamed(inner, name, pseudonym, word) for inner in value]
    if value == name:
        return pseudonym
    if isinstance(value, str):
        return word.sub(rf"\1{pseudonym}", value)
    return value
