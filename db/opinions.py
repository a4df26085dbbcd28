"""What humans said about a pair: the one home of that question, and its one rule.

Of the answers that a scope lets count, each person's newest standing one is that person's answer.
Newest is by the time an answer was given, then by id, so the order in which files were imported
changes nothing. An abstain is an answer and no opinion: it takes the place of what the person said
before, and counts for nobody. The newest adjudication goes before all of it, unless it is an
abstain; else the choice of more people than any other is the answer. There is none without such a
choice, nor while the task of one of these opinions still asks somebody else.
Leaves out which label a pair ends with (`review.settle`) and orders over candidates
(`db.rankings`).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, exists, false, or_, select
from sqlalchemy.orm import Session

from db.audits import waiting_batches
from db.models import Adjudication, Annotator, Gold, Review, Task
from db.reviews import not_retracted
from db.upsert import chunks
from db.vocabulary import Choice, TaskKind, TaskStatus

Kinds = frozenset[TaskKind | None]

WORK: Kinds = frozenset({None, TaskKind.ESCALATION, TaskKind.AUDIT})
"""Kinds of task whose answers become labels; None is that of an imported label."""

ASKED: Kinds = WORK | {TaskKind.GOLD}
"""With them hidden gold, which a person answers as they answer everything else."""

_AT_ONCE = 2000


@dataclass(frozen=True)
class Scope:
    """Which stored answers count; all else is the one rule of this module.

    kinds: of the tasks they were given to. Practice is no opinion, nor is a hidden repeat.
    blind: those given before the panel's votes were seen; without it a change made after the reveal
    takes the place of the first answer. waiting_audits: also audits of a batch that waits for its
    certificate (`db.audits`). gold: also pairs that are frozen as gold. batch_id: only answers to
    tasks of that batch. settled: only answers to tasks that ask nobody any more.
    """

    kinds: Kinds = ASKED
    blind: bool = True
    waiting_audits: bool = True
    gold: bool = True
    batch_id: int | None = None
    settled: bool = False


BLIND = Scope()
"""What measures: gold, reports, the pages, and what a route takes as settled."""

TEACHING = Scope(kinds=WORK, waiting_audits=False, gold=False)
"""What a fit may learn from."""

DELIVERED = Scope(kinds=WORK, blind=False)
"""What a label is made of: the last word of each person."""

INDEPENDENT = Scope(kinds=WORK)
"""Answers people gave to work, by which they are measured against each other."""

CONTROL = Scope(kinds=frozenset({TaskKind.GOLD}))
"""Answers to hidden gold, by which people are measured."""

GIVEN = Scope(kinds=ASKED | {TaskKind.REPEAT})
"""What people said over time, hidden repeats too: only for `answers`, as it is no opinion."""


def audits_of(batch_id: int) -> Scope:
    """The settled audits of one batch: what its certificate rests on."""
    return Scope(kinds=frozenset({TaskKind.AUDIT}), batch_id=batch_id, settled=True)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one person answered about one pair, in stored order.

    at: when it was given; of an undated one, when it was imported. kind, task_id, batch_id and
    status are those of the task, None for an imported label.
    """

    pair_id: int
    review_id: int
    annotator_id: int
    annotator: str
    choice: Choice
    at: datetime
    strength: int | None = None
    both_bad: bool = False
    kind: TaskKind | None = None
    task_id: int | None = None
    batch_id: int | None = None
    status: TaskStatus | None = None
    undated: bool | None = None

    @property
    def settled(self) -> bool:
        """Whether its task asks nobody any more."""
        return self.status not in (TaskStatus.OPEN, TaskStatus.DISPUTED)


@dataclass(frozen=True, slots=True)
class Binding:
    """An adjudicator's answer, which goes before everybody's; kind and batch are its task's."""

    pair_id: int
    adjudication_id: int
    choice: Choice
    strength: int | None
    both_bad: bool
    kind: TaskKind | None
    batch_id: int | None


def answers(
    session: Session, scope: Scope, pair_ids: Collection[int] | None = None
) -> Iterator[Opinion]:
    """Every standing answer in scope (of these pairs), by pair, then as they were given.

    Earlier answers of a person and abstains are among them: see `opinions` for what counts.
    """
    query = (
        select(
            Review.pair_id,
            Review.id,
            Review.annotator_id,
            Annotator.name,
            Review.choice,
            Review.created_at,
            Review.strength,
            Review.both_bad,
            Review.kind,
            Review.task_id,
            Task.batch_id,
            Task.status,
            Review.undated,
        )
        .join(Annotator, Annotator.id == Review.annotator_id)
        .outerjoin(Task, Task.id == Review.task_id)
        .where(not_retracted(), *_counts(session, Review.pair_id, Review.kind, scope))
        .order_by(Review.pair_id, Review.created_at, Review.id)
    )
    if scope.blind:
        query = query.where(Review.post_reveal.is_(False))
    for part in _parts(query, Review.pair_id, pair_ids):
        for row in session.execute(part.execution_options(yield_per=_AT_ONCE)):
            yield Opinion(*row)


def newest(given: Iterable[Opinion]) -> list[Opinion]:
    """Of answers to one pair, oldest first, each person's newest; abstains are among them."""
    return list({one.annotator_id: one for one in given}.values())


def last_words(given: Iterable[Opinion]) -> list[Opinion]:
    """Of answers to one pair, oldest first, what each person said last; of a person whose answers
    no time orders, the newest of each choice.
    """
    people: dict[int, list[Opinion]] = {}
    for one in given:
        people.setdefault(one.annotator_id, []).append(one)
    found: list[Opinion] = []
    for said in people.values():
        dated = max((one.at for one in said if not one.undated), default=None)
        last = [one for one in said if one.undated or one.at == dated]
        found += {one.choice: one for one in last}.values()
    return found


def opinions(
    session: Session, scope: Scope = BLIND, pair_ids: Collection[int] | None = None
) -> Iterator[Opinion]:
    """Each person's opinion on each pair, by pair, then by the person's name."""
    found = answers(session, scope, pair_ids)
    for _, given in groupby(found, key=lambda one: one.pair_id):
        said = (one for one in newest(given) if one.choice is not Choice.ABSTAIN)
        yield from sorted(said, key=lambda one: one.annotator)


def bindings(
    session: Session, scope: Scope = BLIND, pair_ids: Collection[int] | None = None
) -> dict[int, Binding]:
    """The binding answer of each pair that has one."""
    query = (
        select(
            Adjudication.pair_id,
            Adjudication.id,
            Adjudication.choice,
            Adjudication.strength,
            Adjudication.both_bad,
            Task.kind,
            Task.batch_id,
        )
        .outerjoin(Task, Task.id == Adjudication.task_id)
        .where(*_counts(session, Adjudication.pair_id, Task.kind, scope))
        .order_by(Adjudication.created_at, Adjudication.id)
    )
    found = {
        row[0]: Binding(*row)
        for part in _parts(query, Adjudication.pair_id, pair_ids)
        for row in session.execute(part)
    }
    return {pair_id: one for pair_id, one in found.items() if one.choice is not Choice.ABSTAIN}


def human_answers(
    session: Session, scope: Scope = BLIND, pair_ids: Collection[int] | None = None
) -> dict[int, Choice]:
    """What humans say about each pair on which they say one thing and nobody is asked any more."""
    found: dict[int, Choice] = {}
    said = opinions(session, scope, pair_ids)
    for pair_id, people in groupby(said, key=lambda one: one.pair_id):
        choice = settled(list(people))
        if choice is not None:
            found[pair_id] = choice
    bound = bindings(session, scope, pair_ids)
    return found | {pair_id: one.choice for pair_id, one in bound.items()}


def repeats(
    session: Session, annotator_id: int | None = None
) -> dict[str, list[tuple[Choice, Choice]]]:
    """(opinion before, answer to the hidden repeat) of each person, or of one, as they came.

    An opinion is the person's last answer before the repeat; abstains are compared with nothing.
    """
    again = select(Review.pair_id).where(Review.kind == TaskKind.REPEAT)
    if annotator_id is not None:
        again = again.where(Review.annotator_id == annotator_id)
    before: dict[tuple[int, str], Choice] = {}
    found: list[tuple[Opinion, Choice]] = []
    for one in answers(session, GIVEN, set(session.scalars(again))):
        if annotator_id not in (None, one.annotator_id):
            continue
        key = one.pair_id, one.annotator
        if one.kind is not TaskKind.REPEAT:
            before[key] = one.choice
        elif Choice.ABSTAIN not in (one.choice, before.get(key, Choice.ABSTAIN)):
            found.append((one, before[key]))
    by_person: dict[str, list[tuple[Choice, Choice]]] = {}
    for one, first in sorted(found, key=lambda each: (each[0].at, each[0].review_id)):
        by_person.setdefault(one.annotator, []).append((first, one.choice))
    return by_person


def settled(people: Collection[Opinion]) -> Choice | None:
    """What opinions on one pair come to; None where a task still asks, or no choice leads."""
    if not all(one.settled for one in people):
        return None
    return majority(one.choice for one in people)


def majority(choices: Iterable[Choice]) -> Choice | None:
    """The choice of more people than any other; None where there is none."""
    ranked = Counter(choices).most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0][0]


def _counts(session: Session, pair: Any, kind: Any, scope: Scope) -> list[ColumnElement[bool]]:
    """What an answer to a pair, given to a task of that kind, must fulfil."""
    named = [each for each in scope.kinds if each is not None]
    wanted = [or_(kind.in_(named), kind.is_(None) if None in scope.kinds else false())]
    if not scope.waiting_audits and (waiting := waiting_batches(session)):
        free = Task.batch_id.not_in(sorted(waiting))
        wanted.append(or_(kind.is_(None), kind != TaskKind.AUDIT, free))
    if not scope.gold:
        wanted.append(~exists().where(Gold.pair_id == pair))
    if scope.batch_id is not None:
        wanted.append(Task.batch_id == scope.batch_id)
    if scope.settled:
        wanted.append(or_(Task.id.is_(None), Task.status == TaskStatus.SETTLED))
    return wanted


def _parts(query: Any, pair: Any, pair_ids: Collection[int] | None) -> Iterator[Any]:
    """The query as it is, or once for each part of the pairs it is to be about, by id."""
    if pair_ids is None:
        yield query
        return
    for chunk in chunks(sorted(pair_ids), _AT_ONCE):
        yield query.where(pair.in_(chunk))
