"""The weekly cycle as stored: its run, its steps, and the lock that keeps two from running at once.

A cycle is a run of the verb `cycle` with one row a step. One that was killed or failed is found
again and goes on at its first step not done. Leaves out what the steps do.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.alone import alone
from db.conversation import Messages, Tools, said
from db.erased_prompts import unerased
from db.errors import Conflict
from db.models import (
    Candidate,
    CycleStep,
    DatasetItem,
    GateDecision,
    Pair,
    Preference,
    Prompt,
    Reservation,
    Run,
    Task,
)
from db.reservations import counted
from db.runs import go_on, start_run, unended
from db.session import Database
from db.types import now
from db.vocabulary import RunStatus, TaskStatus

VERB = "cycle"
WAITING, RUNNING, DONE, SKIPPED, FAILED = "waiting", "running", "done", "skipped", "failed"
STOPPED = "stopped"  # it could not do all of its work; the next attempt goes on with it
WAITS = "waits: "
"""How the error of a cycle begins that waits for people and is nobody's fault."""


@contextmanager
def only_cycle(database: Database) -> Iterator[None]:
    """Hold the cycle's lock, which ends with the process. Raises Conflict if it is held."""
    with alone(database, VERB, lambda: _busy(database)):
        yield


def _busy(database: Database) -> Conflict:
    with database.read() as session:
        run = unfinished(session)
    who = ""
    if run is not None:
        who = f" since {run.started_at:%Y-%m-%d %H:%M} UTC on {run.host!r}, process {run.pid}"
    return Conflict(f"a cycle is running{who}; two never run at once, so wait for its end")


def unfinished(session: Session) -> Run | None:
    """The newest cycle, if it has steps left: killed, failed, or running now."""
    run = newest(session)
    return run if run is not None and run.status in (RunStatus.RUNNING, RunStatus.FAILED) else None


def newest(session: Session) -> Run | None:
    """The cycle begun last."""
    query = select(Run).where(Run.verb == VERB).order_by(Run.id.desc()).limit(1)
    return session.scalar(query)


def finished(session: Session, limit: int = 12) -> list[Run]:
    """Cycles that came to their end, newest first."""
    query = select(Run).where(Run.verb == VERB, Run.status == RunStatus.DONE)
    return list(session.scalars(query.order_by(Run.id.desc()).limit(limit)))


def begin(
    session: Session, steps: Sequence[str], options: dict[str, Any], cap_nanousd: int | None
) -> Run:
    """A new cycle, all its steps waiting. Cycles are numbered 1, 2, 3, whatever other runs there
    are; those of before that have the number of their run.
    """
    past = session.scalars(select(Run).where(Run.verb == VERB))
    number = max((number_of(run) for run in past), default=0) + 1
    run = start_run(session, VERB, options | {"number": number}, cap_nanousd)
    session.add_all(CycleStep(run_id=run.id, position=i, name=n) for i, n in enumerate(steps))
    session.flush()
    return run


def number_of(run: Run) -> int:
    """The number of a cycle, as people know it."""
    return int((run.options or {}).get("number", run.id))


def resume(session: Session, run: Run, cap_nanousd: int | None) -> None:
    """An unfinished cycle goes on, in this process and under this cap."""
    go_on(run)
    run.cap_nanousd = cap_nanousd


def leave(session: Session, run: Run, reason: str) -> None:
    """An unfinished cycle is left as it stands; the next one begins anew."""
    run.status, run.error, run.finished_at = RunStatus.STOPPED, reason, now()


def steps_of(session: Session, run_id: int) -> list[CycleStep]:
    """The steps of a cycle, in order."""
    query = select(CycleStep).where(CycleStep.run_id == run_id).order_by(CycleStep.position)
    return list(session.scalars(query))


def start_step(session: Session, step_id: int) -> None:
    """Write down that a step begins, also where it had begun before."""
    step = session.get_one(CycleStep, step_id)
    step.status, step.started_at, step.finished_at = RUNNING, now(), None


def end_step(session: Session, step_id: int, status: str, summary: dict[str, Any]) -> None:
    """Write down how a step ended; what it had noted stays for another attempt."""
    step = session.get_one(CycleStep, step_id)
    noted = {name: value for name, value in (step.summary or {}).items() if name == "so_far"}
    step.status, step.summary, step.finished_at = status, {**noted, **summary}, now()


def spent_by_ended(session: Session, cycle_id: int) -> int:
    """Nano-dollars of the judging runs begun after a cycle that have written down their end.

    A run that was killed is not among them: the run that resumes it counts it against its own cap.
    """
    query = (
        select(func.coalesce(func.sum(counted()), 0))
        .join(Run, Run.id == Reservation.run_id)
        .where(Run.id > cycle_id, ~unended())
    )
    return int(session.scalar(query) or 0)


def labels_by_source(session: Session) -> dict[str, int]:
    """Labels that stand, by who gave them: ensemble, review, adjudication."""
    query = (
        select(Preference.source, func.count())
        .where(Preference.superseded_at.is_(None))
        .group_by(Preference.source)
    )
    return {source.value: n for source, n in session.execute(query)}


def new_labels(session: Session, dataset_id: int) -> int:
    """Labels of a dataset that no older one holds: a pair with the choice it was settled as.

    A probability that moved a little is no news.
    """
    label = select(Preference.pair_id, Preference.choice).join(
        DatasetItem, DatasetItem.preference_id == Preference.id
    )
    mine = {
        tuple(row) for row in session.execute(label.where(DatasetItem.dataset_id == dataset_id))
    }
    old = {tuple(row) for row in session.execute(label.where(DatasetItem.dataset_id < dataset_id))}
    return len(mine - old)


def decision_since(session: Session, checkpoint_id: int, moment: datetime) -> GateDecision | None:
    """What the gate said about a checkpoint at or after a moment, newest first."""
    query = select(GateDecision).where(
        GateDecision.checkpoint_id == checkpoint_id, GateDecision.created_at >= moment
    )
    return session.scalar(query.order_by(GateDecision.id.desc()).limit(1))


@dataclass(frozen=True)
class Queue:
    """Tasks for humans: waiting now, and created and answered since a moment."""

    open: int
    created: int
    answered: int


def queue_since(session: Session, moment: datetime) -> Queue:
    """How the queue of tasks moved since a moment. Withdrawn tasks count nowhere."""
    real = Task.status != TaskStatus.CLOSED
    count = select(func.count()).select_from(Task)
    waiting = Task.status.in_((TaskStatus.OPEN, TaskStatus.DISPUTED))
    return Queue(
        open=session.scalar(count.where(waiting)) or 0,
        created=session.scalar(count.where(real, Task.created_at >= moment)) or 0,
        answered=session.scalar(count.where(real, Task.settled_at >= moment)) or 0,
    )


def arrivals(session: Session) -> dict[int, datetime]:
    """When each pair was imported, by id."""
    return {pair_id: at for pair_id, at in session.execute(select(Pair.id, Pair.created_at))}


def candidate_ids(session: Session, moment: datetime) -> tuple[list[int], list[int]]:
    """Responses that arrived before a moment, and those that came since, by id."""
    ids = select(Candidate.id).order_by(Candidate.id)
    return (
        list(session.scalars(ids.where(Candidate.created_at < moment))),
        list(session.scalars(ids.where(Candidate.created_at >= moment))),
    )


@dataclass(frozen=True)
class Response:
    """A response with the conversation it answers."""

    prompt_id: int
    messages: Messages
    tools: Tools | None
    said: str


def responses(session: Session, ids: Sequence[int]) -> list[Response]:
    """These responses, by id."""
    rows = session.execute(
        select(
            Candidate.prompt_id, Prompt.messages, Prompt.tools, Candidate.text, Candidate.messages
        )
        .join(Prompt, Prompt.id == Candidate.prompt_id)
        .where(Candidate.id.in_(ids), unerased())
        .order_by(Candidate.id)
    )
    return [
        Response(prompt_id, asked, tools, said(text, messages))
        for prompt_id, asked, tools, text, messages in rows
    ]


def note_step(session: Session, step_id: int, summary: dict[str, Any]) -> None:
    """Keep what a step has done so far, for the case that it is killed."""
    session.get_one(CycleStep, step_id).summary = summary


def get(session: Session, cycle_id: int) -> Run:
    """One cycle."""
    return session.get_one(Run, cycle_id)


def fail_step(session: Session, step_id: int, reason: str) -> None:
    """Write down why a step failed; what it had noted stays for the next attempt."""
    step = session.get_one(CycleStep, step_id)
    step.status, step.finished_at = FAILED, now()
    step.summary = {**(step.summary or {}), "line": reason}


@dataclass(frozen=True)
class CycleFacts:
    """What a cycle's steps say together: what rang, what to look at, dollars spent."""

    alarms: list[dict[str, Any]]
    look: list[str]
    spent_usd: float


def facts(session: Session, cycle_id: int) -> CycleFacts:
    """Gathered over the steps of a cycle, in order."""
    summaries: list[dict[str, Any]] = [dict(s.summary or {}) for s in steps_of(session, cycle_id)]
    return CycleFacts(
        alarms=[alarm for s in summaries for alarm in s.get("alarms", ())],
        look=[line for s in summaries for line in s.get("look", ())],
        spent_usd=sum(s.get("figures", {}).get("spent_usd", 0.0) for s in summaries),
    )
