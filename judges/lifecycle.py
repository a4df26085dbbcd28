"""How a run that asks begins and ends in the database, killed runs of the same job included."""

from typing import Any

from db.asking import has_claims, join_job, release_runs, unfinished_runs
from db.models import Run
from db.reservations import in_turn
from db.runs import KILLED, finish_run, is_dead, is_here, start_run
from db.session import Database, Session
from db.vocabulary import RunStatus


def open_run(
    session: Session,
    verb: str,
    options: dict[str, Any],
    cap_nanousd: int | None,
    after: int | None = None,
) -> tuple[Run, int]:
    """A run and the job it shares its cap with; claims of dead processes are free again.

    after: an earlier run of the same call; else the job of a killed run is gone on with.
    """
    in_turn(session)  # before the first row is touched: whoever claims locks the job's
    run = start_run(session, verb, options, cap_nanousd)
    job = join_job(session, run, after)
    others = [other for other in unfinished_runs(session, job) if other.id != run.id]
    release_runs(session, [other.id for other in others if is_dead(other)])
    return run, job


def close_run(
    database: Database,
    run_id: int,
    job: int,
    status: RunStatus,
    summary: dict[str, Any],
    error: str | None,
) -> None:
    """Write down how a run ended, and killed runs of its job with it, their claims given back."""
    with database.begin() as session:
        in_turn(session)
        finish_run(session, run_id, status, summary, error)
        gone = [
            other
            for other in unfinished_runs(session, job)
            if is_dead(other) or not (is_here(other) or has_claims(session, other.id))
        ]
        release_runs(session, [run_id, *(other.id for other in gone)])
        for other in gone:
            why = f"{KILLED}; run {run_id} went on with it"
            finish_run(session, other.id, RunStatus.FAILED, other.summary, why)
