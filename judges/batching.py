"""Asking through a provider's batch interface: half the price, answers within a day.

A job is written down with its questions, its claims and its money before anything is sent, and its
provider's id the moment it is known. A later run collects it; what failed in it is asked again. A
run killed between sending and writing down the id finds its job again by the mark its requests
bear.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from db.asking import Slot, missing_slots, pair_page, pair_texts, take_block
from db.batch_jobs import LASTS, add_job, close_job, open_jobs, slots_of, submitted
from db.errors import TiebreakError
from db.models import BatchJob, Run
from db.reservations import in_turn, settle
from db.runs import is_dead
from db.session import Database
from db.types import now
from db.vocabulary import RunStatus
from db.votes import add_votes
from judges.asking import Batcher, Collected, Lost, Question
from judges.judge_session import JudgeSession, abstained, vote_row

JOB = 5000  # requests a job has at most: a tenth of what the narrower provider takes
_SENDING = timedelta(minutes=10)  # how long another process may take to send what it wrote down

Wanted = tuple[Slot, Question, int]


@dataclass(frozen=True)
class PreparedBatch:
    """A job written down and not sent yet. `considered`: how much of the work was looked at."""

    job_id: int | None
    reservation_id: int | None
    mark: str
    questions: tuple[Question, ...]
    considered: int


@dataclass(frozen=True)
class Batching:
    """One judge's part in a run by way of batches."""

    database: Database
    run_id: int
    judge_session: JudgeSession
    batcher: Batcher
    job: int | None = None
    cap_nanousd: int | None = None
    within: Sequence[int] | None = None

    async def collect(self) -> int:
        """Store the answers of finished jobs; the number of questions still being worked on."""
        waiting = 0
        with self.database.read() as session:
            jobs = open_jobs(session, self.judge_session.version_id)
        for job, run in jobs:
            provider_id = job.provider_job_id
            if provider_id is None:
                provider_id = await self._found(job, run)
            lines = None if provider_id is None else await self.batcher.collect(provider_id)
            if lines is not None:
                self._store(job, lines)
            elif job.created_at + LASTS < now():
                self._abandon(job)
            else:
                waiting += len(job.requests)
        return waiting

    async def submit(self) -> int:
        """Send everything that is missing; the number of questions sent."""
        sent = 0
        after: int | None = 0
        while after is not None:
            after, work = self._gather(after)
            while work:
                prepared = self._prepare(work[:JOB])
                if prepared.job_id is not None:
                    await self._send(prepared, prepared.job_id)
                    sent += len(prepared.questions)
                    self.judge_session.tally.asked += len(prepared.questions)
                if prepared.considered < len(work[:JOB]):  # the cap leaves no room for the next
                    self.judge_session.tally.capped = True
                    return sent
                work = work[JOB:]
        return sent

    async def _send(self, prepared: PreparedBatch, job_id: int) -> None:
        """Hand a job to its provider. Where it certainly was not taken, its money is free again."""
        try:
            provider_id = await self.batcher.submit(prepared.questions, prepared.mark)
        except Lost as error:
            raise Lost(
                f"{error}; its money stays set aside, and `tiebreak judge` run later looks for it"
            ) from None
        except TiebreakError as error:
            with self.database.begin() as session:
                if close_job(session, job_id, "unsent") and prepared.reservation_id is not None:
                    settle(session, prepared.reservation_id, 0, 0)
            raise type(error)(f"{error}; no batch was made, and nothing stays set aside") from None
        with self.database.begin() as session:
            submitted(session, job_id, provider_id)

    def _gather(self, after: int) -> tuple[int | None, list[Wanted]]:
        """Missing questions of the next pairs, a job's worth; None where no pairs are left."""
        judge_session = self.judge_session
        work: list[Wanted] = []
        while len(work) < JOB:
            with self.database.read() as session:
                page = pair_page(session, after, 1000, self.within)
                slots = missing_slots(
                    session,
                    page,
                    judge_session.version_id,
                    judge_session.orders,
                    judge_session.samples,
                )
                texts = pair_texts(session, [slot.pair_id for slot in slots])
            if not page:
                return None, work
            after = page[-1]
            held = []
            for slot in slots:
                question = judge_session.question(slot, texts[slot.pair_id])
                kept = judge_session.held_back(slot, question, self.run_id)
                if kept is not None:
                    held.append(kept)
                    continue
                work.append((slot, question, judge_session.bound(question, batched=True)))
            self._abstain(held)
        return after, work

    def _abstain(self, held: Sequence[dict[str, Any]]) -> None:
        """Store the abstains of questions that must not leave this machine."""
        if held:
            with self.database.begin() as session:
                stored = add_votes(session, held)
            self.judge_session.tally.stored += stored
            self.judge_session.tally.abstained += stored

    def _prepare(self, head: Sequence[Wanted]) -> PreparedBatch:
        """Claim, set money aside and write the job down, all in one transaction."""
        mark = f"tb{secrets.token_hex(8)}"
        with self.database.begin() as session:
            block = take_block(
                session,
                self.run_id,
                self.judge_session.version_id,
                [(slot, bound) for slot, _, bound in head],
                asked=self.judge_session.judge.asked_as,
                lasts=LASTS,
                job=self.job,
                cap_nanousd=self.cap_nanousd,
            )
            ours = [(slot, question) for slot, question, _ in head if slot in block.claims]
            names = {f"{mark}_{question.key}": slot for slot, question in ours}
            job_id = (
                add_job(session, self.run_id, self.judge_session.version_id, block, names)
                if ours
                else None
            )
        questions = tuple(q for _, q in ours)
        return PreparedBatch(job_id, block.reservation_id, mark, questions, block.considered)

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

    def _store(self, job: BatchJob, lines: Sequence[Collected]) -> None:
        """Votes, cost and the end of a job in one transaction; what failed is missing again."""
        slots = {name.partition("_")[2]: slot for name, slot in slots_of(job).items()}
        rows, total = [], 0
        for line in lines:
            if line.answer is not None and line.key in slots:
                cost = self.judge_session.prices.cost(line.answer.usage, batched=True)
                total += cost
                slot = slots[line.key]
                rows.append(
                    vote_row(self.judge_session, slot, line.answer, cost, None, self.run_id)
                )
        with self.database.begin() as session:
            in_turn(session)
            if not close_job(session, job.id, "collected"):
                return
            if rows:
                add_votes(session, rows)
            if job.reservation_id is not None:
                settle(session, job.reservation_id, total, total)
        tally = self.judge_session.tally
        tally.stored += len(rows)
        tally.abstained += abstained(rows)
        tally.cost_nanousd += total

    def _abandon(self, job: BatchJob) -> None:
        """Give up on a job that no provider can still be working on; its money stays spent."""
        with self.database.begin() as session:
            close_job(session, job.id, "abandoned")
