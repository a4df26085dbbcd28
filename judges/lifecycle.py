"""How a judging run begins and ends in the database, killed runs of the same job included."""

from collections.abc import Sequence
from typing import Any

from db.asking import has_claims, join_job, release_runs, unfinished_runs
from db.models import Run
from db.runs import KILLED, finish_run, is_dead, is_here, start_run
from db.session import Database, Session
from db.vocabulary import RunStatus
from judges.judge_config import JudgeConfig
from judges.panel import Panel


def open_run(
    session: Session,
    verb: str,
    panel: Panel,
    judges: Sequence[JudgeConfig],
    cap_nanousd: int | None,
    pairs: int | None,
) -> tuple[Run, int]:
    """A run and the job it shares its cap with; claims of dead processes are free again."""
    options: dict[str, Any] = {
        "judges": [judge.name for judge in judges],
        "constitution": panel.rules.version,
        "pairs": pairs,
    }
    run = start_run(session, verb, options, cap_nanousd)
    job = join_job(session, run)
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
    """Write down how a run ended, its claims given back, and killed runs of its job with it."""
    with database.begin() as session:
        release_runs(session, [run_id])
        finish_run(session, run_id, status, summary, error)
        for other in unfinished_runs(session, job):
            if is_dead(other) or not (is_here(other) or has_claims(session, other.id)):
                why = f"{KILLED}; run {run_id} went on with it"
                finish_run(session, other.id, RunStatus.FAILED, other.summary, why)
