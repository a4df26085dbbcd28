"""Runs of verbs: what was asked, what it may spend, how it ended; and what was spent."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.errors import BadInput, BudgetSpent
from db.models import Reservation, Run, Vote
from db.session import Database
from db.types import now
from db.vocabulary import RunStatus

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
    """Write down that a verb begins."""
    run = Run(
        verb=verb,
        options=options,
        host=socket.gethostname(),
        pid=os.getpid(),
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
    amount = func.coalesce(Reservation.settled_nanousd, Reservation.reserved_nanousd)
    reserved = select(func.coalesce(func.sum(amount), 0))
    unreserved = select(func.coalesce(func.sum(Vote.cost_nanousd), 0)).where(
        Vote.origin.is_not(None)
    )
    if run_id is not None:
        reserved = reserved.where(Reservation.run_id == run_id)
        unreserved = unreserved.where(Vote.run_id == run_id)
    return int(session.scalar(reserved) or 0) + int(session.scalar(unreserved) or 0)
