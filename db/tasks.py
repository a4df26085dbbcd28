"""What waits for humans: adding, ordering and closing tasks. Leaves out claims (`db/leases`)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, exists, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db import rankings
from db.models import Lease, Review, Task
from db.reviews import not_retracted
from db.types import now
from db.upsert import chunks
from db.vocabulary import TaskKind, TaskStatus

_WAITS = (TaskStatus.OPEN, TaskStatus.DISPUTED)
_CHUNK = 500  # a statement each; SQLite takes 32,766 values in one


@dataclass(frozen=True)
class NewTask:
    """A task to add. Either `pair_id`, or `prompt_id` with `candidate_ids` to put in order.

    priority: higher is claimed sooner. domain: skill asked for, None where anyone may answer.
    wanted_reviews answers must agree; after max_reviews an adjudicator decides.
    """

    kind: TaskKind
    pair_id: int | None = None
    prompt_id: int | None = None
    candidate_ids: tuple[int, ...] | None = None
    batch_id: int | None = None
    priority: float = 0.0
    domain: str | None = None
    reasons: tuple[str, ...] = field(default_factory=tuple)
    for_annotator_id: int | None = None
    wanted_reviews: int = 1
    max_reviews: int = 3


@dataclass(frozen=True)
class Added:
    """How many tasks are new, and for how many a task or ranking waited already."""

    added: int
    updated: int


def add_tasks(session: Session, tasks: Iterable[NewTask]) -> Added:
    """Add tasks; safe to repeat.

    A pair that already waits for people keeps its one task; an escalation takes the new priority,
    reasons and batch. One among the candidates of a ranking that waits is left to the ranking; a
    task already there for the same pair, kind, batch and person stays.
    """
    added = updated = 0
    asked = rankings.waiting(session)
    for chunk in chunks(tasks, _CHUNK):
        pair_ids = [t.pair_id for t in chunk if t.pair_id is not None]
        waiting = _waiting(session, pair_ids)
        in_ranking = rankings.covering(session, pair_ids, asked).keys() - waiting.keys()
        fresh: list[dict[str, Any]] = []
        known: list[dict[str, Any]] = []
        for task in chunk:
            if task.kind is TaskKind.ESCALATION and task.pair_id in in_ranking:
                updated += 1
                continue
            old = waiting.get(task.pair_id or 0)
            if old is None or task.for_annotator_id is not None:
                fresh.append(_values(task))
                continue
            updated += 1
            if old.kind is task.kind is TaskKind.ESCALATION:
                known.append(
                    {
                        "id": old.id,
                        "priority": task.priority,
                        "reasons": list(task.reasons),
                        "batch_id": task.batch_id,
                    }
                )
        change(session, known)
        added += _insert_new(session, fresh)
    return Added(added, updated)


def change(session: Session, changes: Sequence[dict[str, Any]]) -> None:
    """Change stored tasks: each change has the task's `id` and the columns that are new."""
    if changes:
        session.execute(update(Task), changes)


def _values(task: NewTask) -> dict[str, Any]:
    values = {name: getattr(task, name) for name in NewTask.__dataclass_fields__}
    values["reasons"] = list(task.reasons)
    values["candidate_ids"] = list(task.candidate_ids) if task.candidate_ids else None
    values["max_reviews"] = max(task.max_reviews, task.wanted_reviews)
    return values | {"status": TaskStatus.OPEN, "created_at": now()}


def _insert_new(session: Session, rows: list[dict[str, Any]]) -> int:
    if not rows:
        return 0
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(Task).values(rows).on_conflict_do_nothing().returning(Task.id)
    return len(session.execute(statement).all())


def _waiting(session: Session, pair_ids: Sequence[int]) -> dict[int, Any]:
    """pair id -> its shared task that waits for people, an escalation before an audit."""
    rows = session.execute(
        select(Task.pair_id, Task.id, Task.kind)
        .where(
            Task.pair_id.in_(pair_ids),
            Task.status.in_((TaskStatus.OPEN, TaskStatus.DISPUTED)),
            Task.kind.in_((TaskKind.ESCALATION, TaskKind.AUDIT)),
            Task.for_annotator_id.is_(None),
        )
        .order_by(Task.kind, Task.id)
    )
    return {row.pair_id: row for row in rows}


def close_tasks(
    session: Session, pair_ids: Iterable[int], *, kind: TaskKind = TaskKind.ESCALATION
) -> int:
    """Withdraw the open shared tasks of these pairs that nobody holds at the moment.

    One that has an answer already and waits for another stays: its question is half asked.
    """
    closed = 0
    held = select(Lease.task_id).where(text("leases.status = 'active'"))
    begun = exists().where(Review.task_id == Task.id, not_retracted())
    asked = rankings.waiting(session) if kind is TaskKind.ESCALATION else {}
    for chunk in chunks(pair_ids, _CHUNK):
        done = session.execute(
            update(Task)
            .where(
                Task.pair_id.in_(chunk),
                Task.status == TaskStatus.OPEN,
                Task.kind == kind,
                Task.for_annotator_id.is_(None),
                Task.id.not_in(held),
                ~begun,
            )
            .values(status=TaskStatus.CLOSED, settled_at=now())
            .execution_options(synchronize_session=False)
        )
        closed += done.rowcount  # type: ignore[attr-defined]
        touched = rankings.covering(session, chunk, asked)
        closed += rankings.close_unwanted(
            session, {one for found in touched.values() for one in found}
        )
    return closed


def being_asked(session: Session) -> set[int]:
    """Pairs somebody is asked about by name, holds, or is to settle as an adjudicator."""
    held = exists().where(Lease.task_id == Task.id, text("leases.status = 'active'"))
    personal = (Task.status == TaskStatus.OPEN) & Task.for_annotator_id.is_not(None)
    query = select(Task.pair_id).where(
        or_(Task.status == TaskStatus.DISPUTED, personal, held), Task.pair_id.is_not(None)
    )
    return {pair_id for pair_id in session.scalars(query) if pair_id is not None}


def waiting_pairs(session: Session) -> set[int]:
    """Pairs with a shared task that waits for people."""
    query = select(Task.pair_id).where(
        Task.status.in_((TaskStatus.OPEN, TaskStatus.DISPUTED)),
        Task.for_annotator_id.is_(None),
        Task.pair_id.is_not(None),
    )
    return {pair_id for pair_id in session.scalars(query) if pair_id is not None}


def open_escalations(session: Session) -> list[tuple[int, int, int, list[str]]]:
    """(task, pair, batch, reasons) of each shared escalation of a pair that nobody has answered."""
    begun = exists().where(Review.task_id == Task.id, not_retracted())
    rows = session.execute(
        select(Task.id, Task.pair_id, Task.batch_id, Task.reasons)
        .where(
            Task.status == TaskStatus.OPEN,
            Task.kind == TaskKind.ESCALATION,
            Task.for_annotator_id.is_(None),
            Task.pair_id.is_not(None),
            Task.batch_id.is_not(None),
            ~begun,
        )
        .order_by(Task.id)
    )
    return [(task, pair or 0, batch or 0, reasons) for task, pair, batch, reasons in rows]


def open_by_batch(session: Session) -> Counter[int]:
    """How many shared tasks of each batch wait for people."""
    query = (
        select(Task.batch_id, func.count())
        .where(
            Task.batch_id.is_not(None),
            Task.status.in_((TaskStatus.OPEN, TaskStatus.DISPUTED)),
            Task.for_annotator_id.is_(None),
        )
        .group_by(Task.batch_id)
    )
    return Counter({batch_id or 0: n for batch_id, n in session.execute(query)})


def open_tasks(
    session: Session,
    *,
    kinds: Sequence[TaskKind] = (TaskKind.ESCALATION, TaskKind.AUDIT),
    limit: int | None = None,
) -> Sequence[Task]:
    """Shared tasks that wait for an answer, in the order of the queue."""
    return session.scalars(_in_queue_order(kinds).limit(limit)).all()


def _in_queue_order(kinds: Sequence[TaskKind]) -> Select[Task]:
    return (
        select(Task)
        .where(
            Task.status == TaskStatus.OPEN,
            Task.kind.in_(kinds),
            Task.for_annotator_id.is_(None),
        )
        .order_by(Task.priority.desc(), Task.id)
    )


def waiting(session: Session) -> int:
    """How many shared tasks wait for an answer."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Task)
            .where(Task.status == TaskStatus.OPEN, Task.for_annotator_id.is_(None))
        )
        or 0
    )


def disputed(session: Session, *, limit: int = 200) -> Sequence[Task]:
    """Tasks that wait for an adjudicator, the most valuable first."""
    return session.scalars(
        select(Task)
        .where(Task.status == TaskStatus.DISPUTED, Task.for_annotator_id.is_(None))
        .order_by(Task.priority.desc(), Task.id)
        .limit(limit)
    ).all()


def locked(session: Session, task_id: int) -> Task:
    """The task, held against other writers until the transaction ends."""
    return session.execute(select(Task).where(Task.id == task_id).with_for_update()).scalar_one()


def personal(
    session: Session, annotator_id: int, kind: TaskKind, pair_id: int, *, priority: float
) -> Task:
    """Add a task that is this one person's: hidden gold, a hidden repeat or practice."""
    task = Task(
        kind=kind,
        pair_id=pair_id,
        for_annotator_id=annotator_id,
        priority=priority,
        reasons=[],
        wanted_reviews=1,
        max_reviews=1,
    )
    session.add(task)
    session.flush()
    return task


def ask_again(session: Session, task_id: int) -> bool:
    """Open a settled task for one more answer; False where its maximum is reached."""
    task = locked(session, task_id)
    if task.wanted_reviews >= task.max_reviews or task.status is not TaskStatus.SETTLED:
        return False
    task.wanted_reviews += 1
    task.status, task.settled_at = TaskStatus.OPEN, None
    session.flush()
    return True


def ask_pair(session: Session, pair_id: int, reason: str, *, most: int) -> bool:
    """Ask about one pair by itself; False where it waits for an answer already.

    An escalation of the pair that was withdrawn is opened again; where there is none, one is made.
    """
    rows = _escalations(session, pair_id)
    if any(task.status in _WAITS for task in rows):
        return False
    if not rows:
        new = NewTask(TaskKind.ESCALATION, pair_id, priority=1, reasons=(reason,), max_reviews=most)
        return bool(_insert_new(session, [_values(new)]))
    task = rows[0]
    task.status, task.settled_at = TaskStatus.OPEN, None
    task.reasons = [*task.reasons, reason]
    session.flush()
    return True


def dispute_pair(session: Session, pair_id: int, reason: str) -> int:
    """Have an adjudicator decide about one pair; the id of the task that asks for it."""
    if not _escalations(session, pair_id):
        new = NewTask(TaskKind.ESCALATION, pair_id, priority=1, reasons=(reason,))
        _insert_new(session, [_values(new)])
    rows = _escalations(session, pair_id)
    task = next((task for task in rows if task.status in _WAITS), rows[0])
    task.status, task.settled_at = TaskStatus.DISPUTED, None
    task.reasons = list(dict.fromkeys([*task.reasons, reason]))
    session.flush()
    return task.id


def _escalations(session: Session, pair_id: int) -> Sequence[Task]:
    """The shared escalations of one pair, the newest first, held against other writers."""
    return session.scalars(
        select(Task)
        .where(
            Task.pair_id == pair_id,
            Task.kind == TaskKind.ESCALATION,
            Task.for_annotator_id.is_(None),
        )
        .order_by(Task.id.desc())
        .with_for_update()
    ).all()


def replace_by_ranking(
    session: Session,
    prompt_id: int,
    candidate_ids: Sequence[int],
    task_ids: Sequence[int],
    reason: str,
) -> bool:
    """Put one ranking in the place of these waiting pairs; False where one is not free any more.

    The ranking takes the pairs' highest priority, newest batch, domain, and reviews wanted.
    """
    rows = session.scalars(
        select(Task)
        .where(Task.id.in_(task_ids), Task.status == TaskStatus.OPEN)
        .order_by(Task.id)  # of two at once neither may skip what the other then leaves
        .with_for_update()
    ).all()
    held = select(Lease.id).where(Lease.task_id.in_(task_ids), text("leases.status = 'active'"))
    if len(rows) < len(task_ids) or session.scalar(held.limit(1)) is not None:
        return False
    for task in rows:
        task.status, task.settled_at = TaskStatus.CLOSED, now()
    new = NewTask(
        kind=TaskKind.ESCALATION,
        prompt_id=prompt_id,
        candidate_ids=tuple(candidate_ids),
        batch_id=max((task.batch_id for task in rows if task.batch_id), default=None),
        priority=max(task.priority for task in rows),
        domain=rows[0].domain,
        reasons=(reason,),
        wanted_reviews=max(task.wanted_reviews for task in rows),
        max_reviews=max(task.max_reviews for task in rows),
    )
    session.add(Task(**_values(new)))
    session.flush()
    return True
