"""Batch jobs at providers: written down before they are sent, closed once collected.

The claims of a job's questions last as long as the job may, so nobody asks them meanwhile.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from db.asking import Block, Slot
from db.models import BatchJob, Run, VoteClaim
from db.types import now
from db.upsert import chunks
from db.vocabulary import Order

LASTS = timedelta(hours=30)  # providers end a batch after 24 hours at the latest


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
    job = session.get_one(BatchJob, job_id)
    job.provider_job_id, job.state = provider_job_id, "submitted"


def open_jobs(session: Session, version_id: int) -> list[tuple[BatchJob, Run]]:
    """Jobs of a judge version that are not collected yet, with the runs that made them."""
    rows = session.execute(
        select(BatchJob, Run)
        .join(Run, Run.id == BatchJob.run_id)
        .where(
            BatchJob.judge_version_id == version_id,
            BatchJob.state.in_(("prepared", "submitted")),
        )
        .order_by(BatchJob.id)
    )
    return [(job, run) for job, run in rows]


def close_job(session: Session, job_id: int, state: str) -> bool:
    """Close a job as `collected`, `abandoned` or `unsent` and give its claims back.

    False where another process closed it first; nothing is done then.
    """
    job = session.get(BatchJob, job_id, with_for_update=True)
    if job is None or job.state not in ("prepared", "submitted"):
        return False
    job.state, job.collected_at = state, now()
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
            delete(VoteClaim).where(VoteClaim.judge_version_id == job.judge_version_id, or_(*same))
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
