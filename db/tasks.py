"""What waits for humans: adding, ordering and closing tasks. Leaves out claims (`db/leases`)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.models import Lease, Task
from db.types import now
from db.upsert import chunks
from db.vocabulary import TaskKind, TaskStatus

_CHUNK = 500


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
    """How many tasks are new, and how many open ones were brought up to date instead."""

    added: int
    updated: int


def add_tasks(session: Session, tasks: Iterable[NewTask]) -> Added:
    """Add tasks; safe to repeat.

    A pair that already waits as an escalation keeps its one task, which takes the new priority,
    reasons and batch; a task already there for the same pair, kind, batch and person stays.
    """
    added = updated = 0
    for chunk in chunks(tasks, _CHUNK):
        waiting = _waiting_escalations(session, [t.pair_id for t in chunk if t.pair_id is not None])
        fresh: list[dict[str, Any]] = []
        for task in chunk:
            old = waiting.get(task.pair_id or 0) if task.kind is TaskKind.ESCALATION else None
            if old is None:
                fresh.append(_values(task))
                continue
            session.execute(
                update(Task)
                .where(Task.id == old)
                .values(priority=task.priority, reasons=list(task.reasons), batch_id=task.batch_id)
            )
            updated += 1
        added += _insert_new(session, fresh)
    return Added(added, updated)


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


def _waiting_escalations(session: Session, pair_ids: Sequence[int]) -> dict[int, int]:
    """pair id -> id of its escalation that waits for an answer."""
    rows = session.execute(
        select(Task.pair_id, Task.id).where(
            Task.pair_id.in_(pair_ids),
            Task.status.in_((TaskStatus.OPEN, TaskStatus.DISPUTED)),
            Task.kind == TaskKind.ESCALATION,
            Task.for_annotator_id.is_(None),
        )
    )
    return {pair_id: task_id for pair_id, task_id in rows if pair_id is not None}


def reprioritise(session: Session, priorities: Mapping[int, float]) -> int:
    """Give the waiting shared tasks of these pairs (pair id -> priority) a new place."""
    changed = 0
    for pair_id, priority in priorities.items():
        done = session.execute(
            update(Task)
            .where(
                Task.pair_id == pair_id,
                Task.status == TaskStatus.OPEN,
                Task.for_annotator_id.is_(None),
            )
            .values(priority=priority)
        )
        changed += done.rowcount  # type: ignore[attr-defined]
    return changed


def close_tasks(
    session: Session, pair_ids: Iterable[int], *, kind: TaskKind = TaskKind.ESCALATION
) -> int:
    """Withdraw the open shared tasks of these pairs that nobody holds at the moment."""
    closed = 0
    held = select(Lease.task_id).where(text("leases.status = 'active'"))
    for chunk in chunks(pair_ids, _CHUNK):
        done = session.execute(
            update(Task)
            .where(
                Task.pair_id.in_(chunk),
                Task.status == TaskStatus.OPEN,
                Task.kind == kind,
                Task.for_annotator_id.is_(None),
                Task.id.not_in(held),
            )
            .values(status=TaskStatus.CLOSED, settled_at=now())
            .execution_options(synchronize_session=False)
        )
        closed += done.rowcount  # type: ignore[attr-defined]
    return closed


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
