"""Collecting one judge's batches: votes, cost and the end of a job in one transaction.

Whatever happens to one job is its own: the others are collected all the same, and everything that
is not as it should be is said. What a job did not answer is missing again.
"""

from dataclasses import dataclass
from datetime import timedelta

from db.asking import Slot, has_voted
from db.batch_jobs import (
    LASTS,
    close_job,
    closed_jobs,
    kept_nanousd,
    open_jobs,
    slots_of,
    submitted,
)
from db.errors import KeyRefused, TiebreakError
from db.models import BatchJob, Run
from db.reservations import in_turn, settle
from db.runs import NANO, is_dead
from db.session import Database
from db.types import now
from db.vocabulary import RunStatus
from db.votes import add_votes
from judges.batch_outcome import Outcome, outcome
from judges.batch_standing import standing
from judges.batcher import Batcher, Gone, Results
from judges.judge_session import JudgeSession, abstained, vote_row

_SENDING = timedelta(minutes=10)  # how long another process may take to send what it wrote down


@dataclass(frozen=True)
class BatchCollecting:
    """One judge's jobs, as a run looks at them; `sends`: the run is to send more of them."""

    database: Database
    run_id: int
    judge_session: JudgeSession
    batcher: Batcher
    sends: bool = False

    async def collect(self) -> TiebreakError | None:
        """Store the answers of finished jobs, and count what still waits. The error where no job
        could be looked at; raises KeyRefused.
        """
        tally = self.judge_session.tally
        with self.database.read() as session:
            jobs = open_jobs(session, self.judge_session.version_id)
        failed: list[TiebreakError] = []
        for job, run in jobs:
            try:
                over = await self._look(job, run)
            except KeyRefused as error:
                raise KeyRefused(f"{error}; {_named(job)} stays open") from None
            except TiebreakError as error:
                failed.append(error)
                tally.notes.append(f"{_named(job)} cannot be looked at and stays open: {error}")
                over = False
            if not over:
                tally.waiting += len(job.requests)
                tally.waiting_since = min(tally.waiting_since or job.created_at, job.created_at)
        return failed[-1] if failed and len(failed) == len(jobs) else None

    async def _look(self, job: BatchJob, run: Run) -> bool:
        """Whether the job is over, its answers stored."""
        late = job.created_at + LASTS < now()
        provider_id = job.provider_job_id
        try:
            if provider_id is None:
                provider_id = await self._found(job, run)
            results = None if provider_id is None else await self.batcher.collect(provider_id)
        except Gone as error:
            self._give_up(job, "gone", f"it is not at the provider any more ({error})")
            return True
        except KeyRefused:
            raise
        except TiebreakError:
            if provider_id is not None or not late:
                raise
            results = None
        if results is not None:
            self._store(job, results)
        elif late:
            hours = LASTS.total_seconds() / 3600
            self._give_up(job, "abandoned", f"it has not come back within {hours:.0f} hours")
        return results is not None or late

    async def _found(self, job: BatchJob, run: Run) -> str | None:
        """The id of a job that was written down and perhaps sent by a process that was killed."""
        sending = run.status is RunStatus.RUNNING and not is_dead(run)
        if sending and job.created_at + _SENDING > now():
            return None
        mark = next(iter(slots_of(job))).partition("_")[0]
        provider_id = await self.batcher.find(mark)
        if provider_id is not None:
            with self.database.begin() as session:
                submitted(session, job.id, provider_id)
        return provider_id

    def _store(self, job: BatchJob, results: Results) -> None:
        """Votes, cost and the end of a job in one transaction; what failed is missing again."""
        slots = slots_of(job)
        with self.database.read() as session:
            before = standing(closed_jobs(session, job.judge_version_id))
            proven = has_voted(session, job.judge_version_id)
        found = outcome(results, list(slots), proven=proven, reduced=before.reduced)
        rows, cost, guessed = self._rows(job, found, slots)
        state = _state(found)
        told = self._told(job, found, state)
        with self.database.begin() as session:
            in_turn(session)
            if not close_job(session, job.id, state, told):
                return
            stored = add_votes(session, rows)
            if job.reservation_id is not None:
                doubt = -(-kept_nanousd(session, job) * found.lost // len(slots))
                settle(session, job.reservation_id, cost + doubt, cost)
        tally = self.judge_session.tally
        tally.stored += stored
        tally.abstains += abstained(rows)
        tally.cost_nanousd += cost
        tally.guessed += len(guessed)
        tally.guessed_nanousd += sum(guessed)
        if told is not None and not (self.sends and state == "failed"):  # then sending says it
            tally.notes.append(f"{_named(job)}: {told}")

    def _rows(
        self, job: BatchJob, found: Outcome, slots: dict[str, Slot]
    ) -> tuple[list[dict[str, object]], int, list[int]]:
        """Votes, what they cost, and of it what no usage tells: an even share of what is set aside
        for each such answer. One answer cannot cost more than is set aside for all.
        """
        rows, total, guessed = [], 0, []
        asked, tally = self.judge_session, self.judge_session.tally
        with self.database.read() as session:
            kept = kept_nanousd(session, job)
        most = -(-kept // len(slots))
        for name, answer in found.answers.items():
            charge = asked.prices.charge(answer, most, asked.judge.surcharges, ceiling=kept)
            total += charge.nanousd
            guessed += [charge.nanousd] if charge.guessed else []
            tally.above += charge.above
            tally.above_nanousd += charge.above * charge.nanousd
            rows.append(vote_row(asked, slots[name], answer, charge, None, self.run_id))
        return rows, total, guessed

    def _told(self, job: BatchJob, found: Outcome, state: str) -> str | None:
        """What a user is to hear of how a job ended."""
        if state == "failed":
            return f"the server refuses it: {found.refusal}; {WAY_OUT.format(job=job.id)}"
        if state == "limited":
            return f"it is refused for its size: {found.refusal}; half as many are sent next"
        return found.sentence

    def _give_up(self, job: BatchJob, state: str, why: str) -> None:
        """Its money stays counted as spent, and its questions are missing again."""
        with self.database.begin() as session:
            kept = kept_nanousd(session, job)
            told = (
                f"given up, as {why}; ${kept / NANO:.4f} stay counted as spent, and its "
                f"{len(job.requests):,} questions are asked again"
            )
            if not close_job(session, job.id, state, told):
                return
        self.judge_session.tally.notes.append(f"{_named(job)}: {told}")


WAY_OUT = (
    "no further batch of this judge is sent; mend the cause and lift it by "
    "`tiebreak batches drop {job}`, or ask without --batch"
)


def _state(found: Outcome) -> str:
    if found.refusal is not None:
        return "limited" if found.limited else "failed"
    return "reduced" if found.reduced else "collected"


def _named(job: BatchJob) -> str:
    return f"batch {job.id} ({job.provider_job_id or 'whose id is not known'})"
