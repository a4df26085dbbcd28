"""Batch jobs as people see them: those on their way, those that stop a judge, and all others."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.batch_jobs import OPEN, close_job, end_of, kept_nanousd
from db.errors import BadInput, Conflict, UnknownName
from db.models import BatchJob, Judge, JudgeVersion, Reservation
from db.reservations import in_turn, settle
from db.runs import NANO

DROPPED_FROM = (*OPEN, "failed", "limited", "reduced", "gone", "abandoned")


@dataclass(frozen=True, slots=True)
class ListedJob:
    """One job. counted_usd: what counts as spent for it; why: how it ended without its answers."""

    id: int
    judge: str
    version_id: int
    provider_id: str | None
    state: str
    sent_at: datetime
    questions: int
    counted_usd: float
    why: str | None

    @property
    def open(self) -> bool:
        """Whether it is on its way."""
        return self.state in OPEN

    @property
    def name(self) -> str:
        """For people: its number, and what its provider calls it."""
        return f"batch {self.id} ({self.provider_id or 'whose id is not known'})"


def listed(session: Session) -> list[ListedJob]:
    """All jobs, oldest first."""
    query = select(BatchJob, Judge.name).join(
        JudgeVersion, JudgeVersion.id == BatchJob.judge_version_id
    )
    query = query.join(Judge, Judge.id == JudgeVersion.judge_id).order_by(BatchJob.id)
    return [_listed(session, job, name) for job, name in session.execute(query)]


def find_job(session: Session, ident: str) -> ListedJob:
    """A job by its number or its provider's id. Raises UnknownName."""
    found = [job for job in listed(session) if ident in (str(job.id), job.provider_id)]
    if not found:
        raise UnknownName(f"there is no batch {ident!r}; `tiebreak batches list --all` names them")
    return found[0]


def drop_job(session: Session, job_id: int, actor: str, billed_nanousd: int | None) -> str:
    """Give a job up for good: its questions are missing again, and it stops nobody. The words that
    the event log keeps.

    Its money stays counted as spent; where the bill is known, that is what counts. Raises Conflict
    where it is over, and BadInput where its money is settled already.
    """
    in_turn(session)
    job = session.get_one(BatchJob, job_id, with_for_update=True, populate_existing=True)
    if job.state not in DROPPED_FROM:
        raise Conflict(f"batch {job_id} is over already ({job.state}); there is nothing to drop")
    if billed_nanousd is not None:
        row = session.get(Reservation, job.reservation_id) if job.reservation_id else None
        if row is None or row.settled_nanousd is not None:
            raise BadInput(
                f"the money of batch {job_id} is settled already; leave out --billed-usd"
            )
        settle(session, row.id, billed_nanousd, billed_nanousd)
        session.refresh(row)
    words = (
        f"dropped in state {job.state!r}; ${kept_nanousd(session, job) / NANO:.4f} stay counted as "
        f"spent, and its {len(job.requests):,} questions are missing where nobody asked them since"
    )
    close_job(session, job_id, "dropped", words, actor, of=DROPPED_FROM)
    return words


def _listed(session: Session, job: BatchJob, judge: str) -> ListedJob:
    return ListedJob(
        id=job.id,
        judge=judge,
        version_id=job.judge_version_id,
        provider_id=job.provider_job_id,
        state=job.state,
        sent_at=job.created_at,
        questions=len(job.requests),
        counted_usd=kept_nanousd(session, job) / NANO,
        why=None if job.state in OPEN else end_of(session, job.id),
    )
