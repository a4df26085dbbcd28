"""Batches at providers: listed, asked about, and dropped."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from db.batch_jobs import closed_jobs
from db.batch_list import ListedJob, drop_job, find_job, listed
from db.errors import BadInput, TiebreakError
from db.models import JudgeVersion
from db.runs import cap_of
from db.session import Database, Session
from judges.batch_standing import standing
from judges.batcher import Batched, Batcher, Gone
from judges.connect import connect
from judges.judge_config import JudgeConfig
from judges.panel import Panel


@dataclass(frozen=True)
class BatchRow:
    """One job, and how far its provider says it is (None: it was not asked)."""

    job: ListedJob
    stops: bool
    at_provider: str | None


@dataclass(frozen=True)
class BatchList:
    """Jobs on their way and jobs that stop a judge's batches, or all."""

    rows: tuple[BatchRow, ...]

    @property
    def summary(self) -> str:
        """One line for people."""
        on_way = [row.job for row in self.rows if row.job.open]
        line = (
            f"{len(on_way)} batches on their way with {sum(j.questions for j in on_way):,} "
            f"questions and ${sum(j.counted_usd for j in on_way):.4f} set aside"
        )
        stopping = [str(row.job.id) for row in self.rows if row.stops]
        if stopping:
            line += (
                f"; no further batch is sent because of {', '.join(stopping)}: mend the cause and "
                "lift it by `tiebreak batches drop ID`"
            )
        return line


@dataclass(frozen=True)
class DroppedBatch:
    """A job given up by a person. cancelled: what the provider said to it."""

    job: ListedJob
    told: str
    cancelled: str

    @property
    def summary(self) -> str:
        """One line for people."""
        return f"{self.job.name}: {self.told}; {self.cancelled}"


def list_batches(
    database: Database,
    panel: Panel,
    *,
    every: bool = False,
    ask: bool = False,
    environ: Mapping[str, str] | None = None,
) -> BatchList:
    """The jobs on their way and those that stop a judge; `every`: those that are over, too. With
    `ask` each provider is asked how far it is.
    """
    with database.read() as session:
        jobs = listed(session)
        versions = {job.version_id for job in jobs}
        ends = [standing(closed_jobs(session, version)).stopped for version in versions]
    stopping = {end.id for end in ends if end is not None}
    shown = [job for job in jobs if every or job.open or job.id in stopping]
    rows = []
    for job in shown:
        said = None
        if ask and job.open:
            said = _asked(database, panel, job, environ or os.environ, _state)
        rows.append(BatchRow(job, job.id in stopping, said))
    return BatchList(tuple(rows))


def drop_batch(
    database: Database,
    panel: Panel,
    ident: str,
    *,
    actor: str,
    billed_usd: float | None = None,
    environ: Mapping[str, str] | None = None,
) -> DroppedBatch:
    """Cancel a job at its provider, as far as that is possible, and give it up.

    Raises UnknownName, Conflict where it is over, and BadInput for a bill that cannot be.
    """
    with database.read() as session:
        job = find_job(session, ident)
    said = "nothing was to be cancelled at the provider"
    if job.open:
        said = _asked(database, panel, job, environ or os.environ, _cancel)
    with database.begin() as session:
        told = drop_job(session, job.id, actor, cap_of(billed_usd))
    return DroppedBatch(job, told, said)


async def _state(batcher: Batcher, job: str) -> str:
    return await batcher.state(job)


async def _cancel(batcher: Batcher, job: str) -> str:
    await batcher.cancel(job)
    return "its provider was asked to cancel it"


def _asked(
    database: Database,
    panel: Panel,
    job: ListedJob,
    environ: Mapping[str, str],
    do: Callable[[Batcher, str], Awaitable[str]],
) -> str:
    """What came of asking the provider, in words whatever came of it."""
    if job.provider_id is None:
        return "its provider cannot be asked: nobody knows its id there; look at its console"
    with database.read() as session:
        judge = _judge(session, panel, job.version_id)
    if judge is None or not judge.batches:
        return "its provider cannot be asked: its judge is not configured; look at its console"

    async def done() -> str:
        client: Any = connect(judge, environ)
        try:
            return await do(cast(Batched, client).batches, cast(str, job.provider_id))
        finally:
            await client.close()

    try:
        return asyncio.run(done())
    except Gone as error:
        return f"it is not at the provider any more ({error})"
    except TiebreakError as error:
        return f"the provider could not be asked ({error}); look at its console"


def _judge(session: Session, panel: Panel, version_id: int) -> JudgeConfig | None:
    """The judge that sent a job: as it is configured now, else as it was then."""
    version = session.get_one(JudgeVersion, version_id)
    for judge in panel.judge:
        if judge.name == version.judge.name and judge.version(panel.rules) == version.version:
            return judge
    try:
        return JudgeConfig.model_validate(version.config)
    except (ValidationError, BadInput):
        return next((j for j in panel.judge if j.name == version.judge.name), None)
