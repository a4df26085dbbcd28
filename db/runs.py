"""Runs of verbs: what was asked, what it may spend, how it ended; and what was spent.

A run that was killed is found by its process, which is gone. It counts as failed from then on, but
a later run of the same verb goes on with it, and with the cap it spent from.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from db.errors import BadInput, BudgetSpent
from db.models import Reservation, Run, Vote
from db.processes import is_gone, mark
from db.reservations import counted
from db.session import Database
from db.types import now
from db.vocabulary import RunStatus

KILLED = "killed"
"""The error of a run whose process is gone, until a later run has gone on with it."""

NANO = 1_000_000_000  # sums of whole nano-dollars are exact: docs/design/orders-and-costs.md


def cap_of(max_usd: float | None) -> int | None:
    """A cap in nano-dollars, None for none. Raises BadInput for what is no amount of money."""
    if max_usd is None:
        return None
    if not 0 <= max_usd < inf:
        raise BadInput(f"the cap is {max_usd!r} dollars; give 0 or more, as in --max-usd 5")
    return round(max_usd * NANO)


def start_run(
    session: Session, verb: str, options: dict[str, Any], cap_nanousd: int | None = None
) -> Run:
    """Write down that a verb begins, and that runs whose process is gone were killed."""
    end_killed(session)
    run = Run(
        verb=verb,
        options=options,
        host=socket.gethostname(),
        pid=os.getpid(),
        process=mark(),
        cap_nanousd=cap_nanousd,
    )
    session.add(run)
    session.flush()
    return run


def finish_run(
    session: Session,
    run_id: int,
    status: RunStatus = RunStatus.DONE,
    summary: dict[str, Any] | None = None,
    error: str | None = None,
) -> None:
    """Write down how it ended."""
    run = session.get_one(Run, run_id)
    run.status, run.summary, run.error, run.finished_at = status, summary, error, now()


def unended() -> ColumnElement[bool]:
    """Runs that nobody has ended: still at work, or killed and not gone on with."""
    killed = and_(Run.status == RunStatus.FAILED, func.coalesce(Run.error, "") == KILLED)
    return or_(Run.status == RunStatus.RUNNING, killed)


def unended_runs(session: Session) -> list[Run]:
    """All of them, oldest first."""
    return list(session.scalars(select(Run).where(unended()).order_by(Run.id)))


def is_here(run: Run) -> bool:
    """Whether a run is of this machine."""
    return run.host == socket.gethostname()


def is_dead(run: Run) -> bool:
    """Whether the process of a run is known to be gone; only its own machine can tell."""
    return is_here(run) and run.pid is not None and is_gone(run.pid, run.process)


def killed_runs(session: Session) -> list[Run]:
    """Runs written down as running whose process is gone."""
    running = session.scalars(select(Run).where(Run.status == RunStatus.RUNNING).order_by(Run.id))
    return [run for run in running if is_dead(run)]


def end_killed(session: Session) -> list[Run]:
    """Write down that these were killed."""
    found = killed_runs(session)
    for run in found:
        finish_run(session, run.id, RunStatus.FAILED, run.summary, KILLED)
    return found


def notice_killed(database: Database) -> list[Run]:
    """`end_killed`, which writes only where there is something to write."""
    with database.read() as session:
        if not killed_runs(session):
            return []
    with database.begin() as session:
        return end_killed(session)


def go_on(run: Run) -> None:
    """A run that was killed, stopped or failed goes on, in this process."""
    run.status, run.error, run.finished_at = RunStatus.RUNNING, None, None
    run.host, run.pid, run.process = socket.gethostname(), os.getpid(), mark()


def ended_by(error: BaseException) -> tuple[RunStatus, str]:
    """How an error ends a run: stopped where a person did it by hand, failed otherwise; and why."""
    if isinstance(error, KeyboardInterrupt):
        return RunStatus.STOPPED, "interrupted"
    return RunStatus.FAILED, str(error)


@contextmanager
def recorded_run(database: Database, verb: str, options: dict[str, Any]) -> Iterator[Run]:
    """A run around a block: done at its end, failed where it raises, and stopped where the user
    or the spending cap stops it.
    """
    with database.begin() as session:
        run = start_run(session, verb, options)
    try:
        yield run
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt | BudgetSpent)
        status = RunStatus.STOPPED if stopped else RunStatus.FAILED
        reason = (str(error) or type(error).__name__)[:2000].replace("\x00", "")
        with database.begin() as session:
            finish_run(session, run.id, status, error=reason.encode("utf-8", "replace").decode())
        raise
    with database.begin() as session:
        finish_run(session, run.id)


def spent_nanousd(session: Session, run_id: int | None = None) -> int:
    """Money spent, in nano-dollars: settled sums, and open reservations in full.

    Votes that came with a price of their own (imported ones) count too, once.
    """
    reserved = select(func.coalesce(func.sum(counted()), 0))
    unreserved = select(func.coalesce(func.sum(Vote.cost_nanousd), 0)).where(
        Vote.origin.is_not(None)
    )
    if run_id is not None:
        reserved = reserved.where(Reservation.run_id == run_id)
        unreserved = unreserved.where(Vote.run_id == run_id)
    return int(session.scalar(reserved) or 0) + int(session.scalar(unreserved) or 0)
