"""Batch jobs at providers: written down before they are sent, closed once collected.

The claims of a job's questions last as long as the job may, so nobody asks them meanwhile. An open
job is `prepared` or `submitted`. A closed one was `collected`; `unsent`; `gone` at its provider;
`abandoned`, as no provider works so long; `dropped` by a person; or refused as a whole: `failed`,
`limited` (for its size) or `reduced` (for some of its lines).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from db.asking import Block, Slot
from db.events import history, record
from db.models import BatchJob, Reservation, Run, VoteClaim
from db.types import now
from db.upsert import chunks
from db.vocabulary import Order

PROMISED = timedelta(hours=24)  # providers end a batch within
LASTS = timedelta(hours=30)  # and 6 hours more, by hand, before it is given up
OPEN = ("prepared", "submitted")


@dataclass(frozen=True, slots=True)
class ClosedJob:
    """A job that is over: how it ended, and when it began and ended."""

    id: int
    state: str
    created_at: datetime
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """Open jobs: how many, their questions, and when the oldest was written down."""

    jobs: int
    questions: int
    since: datetime | None

    @property
    def sentence(self) -> str | None:
        """For people; None where nothing waits."""
        if not self.jobs:
            return None
        lie = f"{self.questions:,} questions wait in {self.jobs} batches at their providers"
        return f"{lie}{waited(self.since)}; `tiebreak judge` collects them"


def waited(since: datetime | None) -> str:
    """How long a batch has waited, and until when, in brackets."""
    if since is None:
        return ""
    hours = (now() - since).total_seconds() / 3600
    long = f"{hours:.0f} h" if hours >= 1 else f"{60 * hours:.0f} min"
    return f" (for {long}, until {since + PROMISED:%Y-%m-%d %H:%M} UTC at the latest)"


def add_job(
    session: Session, run_id: int, version_id: int, block: Block, names: Mapping[str, Slot]
) -> int:
    """Write down a job about to be sent; `names`: the slot of each request by its custom id."""
    job = BatchJob(
        run_id=run_id,
        judge_version_id=version_id,
        requests=[
            {"custom_id": n, "pair_id": s.pair_id, "order": s.order.value, "sample": s.sample}
            for n, s in names.items()
        ],
        reservation_id=block.reservation_id,
    )
    session.add(job)
    session.flush()
    return job.id


def submitted(session: Session, job_id: int, provider_job_id: str) -> None:
    """Write down the provider's id of a job."""
    job = session.get_one(BatchJob, job_id, with_for_update=True, populate_existing=True)
    job.provider_job_id = provider_job_id
    if job.state == "prepared":  # or a person has dropped it meanwhile
        job.state = "submitted"


def open_jobs(session: Session, version_id: int) -> list[tuple[BatchJob, Run]]:
    """Jobs of a judge version that are not collected yet, with the runs that made them."""
    rows = session.execute(
        select(BatchJob, Run)
        .join(Run, Run.id == BatchJob.run_id)
        .where(
            BatchJob.judge_version_id == version_id,
            BatchJob.state.in_(OPEN),
        )
        .order_by(BatchJob.id)
    )
    return [(job, run) for job, run in rows]


def closed_jobs(session: Session, version_id: int) -> list[ClosedJob]:
    """Jobs of a judge version that were sent and are over, the newest end first."""
    columns = BatchJob.id, BatchJob.state, BatchJob.created_at, BatchJob.collected_at
    query = select(*columns).where(
        BatchJob.judge_version_id == version_id,
        BatchJob.state.not_in((*OPEN, "unsent")),
        BatchJob.collected_at.is_not(None),
    )
    ended = query.order_by(BatchJob.collected_at.desc(), BatchJob.id.desc())
    return [
        ClosedJob(i, state, began, over or began)
        for i, state, began, over in session.execute(ended)
    ]


def waiting_jobs(session: Session) -> Waiting:
    """What lies at providers."""
    query = select(BatchJob.requests, BatchJob.created_at).where(BatchJob.state.in_(OPEN))
    rows = session.execute(query).all()
    since = min((created for _, created in rows), default=None)
    return Waiting(len(rows), sum(len(requests) for requests, _ in rows), since)


def close_job(
    session: Session,
    job_id: int,
    state: str,
    words: str | None = None,
    actor: str = "tiebreak",
    of: Sequence[str] = OPEN,
) -> bool:
    """Close a job in a state of the list above and give its claims back; why it ended without its
    answers goes into the event log.

    False where another process closed it first (it is in none of the states `of`); nothing is done
    then.
    """
    job = session.get(BatchJob, job_id, with_for_update=True, populate_existing=True)
    if job is None or job.state not in of:
        return False
    job.state, job.collected_at = state, now()
    if words is not None:
        told = {"words": words, "job": job.provider_job_id, "questions": len(job.requests)}
        record(session, actor, f"batch.{state}", f"batch:{job.id}", told)
    for chunk in chunks(slots_of(job).values(), 300):
        same = [
            and_(
                VoteClaim.pair_id == slot.pair_id,
                VoteClaim.order == slot.order,
                VoteClaim.sample == slot.sample,
            )
            for slot in chunk
        ]
        session.execute(
            delete(VoteClaim).where(
                VoteClaim.judge_version_id == job.judge_version_id,
                VoteClaim.run_id == job.run_id,
                or_(*same),
            )
        )
    return True


def slots_of(job: BatchJob) -> dict[str, Slot]:
    """The slot of each request by its custom id."""
    requests: Sequence[dict[str, object]] = job.requests
    slots = {}
    for r in requests:
        pair_id, sample = int(str(r["pair_id"])), int(str(r["sample"]))
        slots[str(r["custom_id"])] = Slot(pair_id, Order(str(r["order"])), sample)
    return slots


def kept_nanousd(session: Session, job: BatchJob) -> int:
    """What a job counts as spent."""
    row = session.get(Reservation, job.reservation_id) if job.reservation_id else None
    if row is None:
        return 0
    return row.reserved_nanousd if row.settled_nanousd is None else row.settled_nanousd


def end_of(session: Session, job_id: int) -> str | None:
    """Why a job ended without its answers, in the words of the event log."""
    told = [event.payload.get("words") for event in history(session, f"batch:{job_id}")]
    return next((str(words) for words in reversed(told) if words), None)
