"""Asking through a provider's batch interface: half the price, answers within a day.

A job is written down with its questions, its claims and its money before anything is sent, and its
provider's id the moment it is known. A later run collects it (`batch_collecting`); what failed in
it is asked again. A run killed between sending and writing down the id finds its job again by the
mark its requests bear.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from db.asking import Slot, missing_slots, pair_page, pair_texts, take_block
from db.batch_jobs import LASTS, ClosedJob, add_job, close_job, closed_jobs, end_of, submitted
from db.errors import BadInput, TiebreakError
from db.models import BatchJob
from db.reservations import settle
from db.session import Database
from db.types import now
from db.votes import add_votes
from judges.asking import Lost, Question
from judges.batch_collecting import WAY_OUT, BatchCollecting
from judges.batch_standing import Standing, standing
from judges.batcher import Batcher, TooLarge
from judges.judge_session import JudgeSession, abstained

JOB = 5000  # requests a job has at most: a tenth of what the narrower provider takes
_BYTES = 90_000_000  # of one job at most: Azure takes 100 MB, OpenAI 200, Anthropic 256
_SHAPE = 4000  # bytes of a request beside its texts, generous: names, a schema, escapes

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

    def collecting(self, *, sends: bool) -> BatchCollecting:
        """The same judge's earlier batches."""
        return BatchCollecting(self.database, self.run_id, self.judge_session, self.batcher, sends)

    async def submit(self) -> None:
        """Send everything that is missing, as far as earlier batches and the cap allow."""
        standing, room = self._standing()
        if standing.stopped is not None:
            raise BadInput(self._stopped(standing.stopped))
        after: int | None = 0
        most = JOB
        while after is not None:
            after, work = self._gather(after)
            while work:
                head = _head(work, most if room is None else min(most, room))
                if not head:
                    self._waits(cast(ClosedJob, standing.limited), len(work))
                    return
                prepared = self._prepare(head)
                if prepared.job_id is not None and not await self._sent(prepared):
                    most = len(prepared.questions) // 2
                    work = work if most else self._left_out(work, prepared)
                    most = most or JOB
                    continue
                if room is not None:
                    room -= len(prepared.questions)
                if prepared.considered < len(head):  # the cap leaves no room for the next
                    self.judge_session.tally.capped = True
                    return
                work = work[len(head) :]

    async def _sent(self, prepared: PreparedBatch) -> bool:
        """Whether a job was taken; where it was too large, nothing of it stays."""
        job_id = cast(int, prepared.job_id)
        try:
            await self._send(prepared, job_id)
        except TooLarge:
            return False
        tally = self.judge_session.tally
        tally.asked += len(prepared.questions)
        tally.waiting += len(prepared.questions)
        tally.waiting_since = tally.waiting_since or now()
        return True

    def _left_out(self, work: list[Wanted], prepared: PreparedBatch) -> list[Wanted]:
        """The work without one question that is too large for a batch of its own."""
        (alone,) = prepared.questions
        self.judge_session.tally.notes.append(
            f"judge {self.judge_session.judge.name!r}: question {alone.key} is too large for a "
            "batch; ask it without --batch"
        )
        return [one for one in work if one[1].key != alone.key]

    def _standing(self) -> tuple[Standing, int | None]:
        """What earlier batches say, and how many questions may lie in new ones."""
        with self.database.read() as session:
            found = standing(closed_jobs(session, self.judge_session.version_id))
            if found.limited is None:
                return found, None
            size = len(session.get_one(BatchJob, found.limited.id).requests)
        return found, max(0, found.room(size) - self.judge_session.tally.waiting)

    def _waits(self, job: ClosedJob, left: int) -> None:
        """Say that the rest is sent when what lies at the provider is done."""
        self.judge_session.tally.notes.append(
            f"judge {self.judge_session.judge.name!r}: {left:,} questions or more are sent when "
            f"its batches on their way have ended, as batch {job.id} was refused for its size"
        )

    def _stopped(self, job: ClosedJob) -> str:
        with self.database.read() as session:
            why = end_of(session, job.id) or job.state
        name = self.judge_session.judge.name
        if job.state != "failed":
            why += f"; so was one before it; {WAY_OUT.format(job=job.id)}"
        return f"{name}: its last batch ({job.id}) was refused or lost: {why}"

    async def _send(self, prepared: PreparedBatch, job_id: int) -> None:
        """Hand a job to its provider. Where it certainly was not taken, its money is free again."""
        try:
            provider_id = await self.batcher.submit(prepared.questions, prepared.mark)
        except Lost as error:
            raise Lost(
                f"{error}; its money stays set aside, and `tiebreak judge` run later looks for it"
            ) from None
        except TiebreakError as error:
            # What is refused as it is would be refused again: only a person lifts that.
            refused = isinstance(error, BadInput) and not isinstance(error, TooLarge)
            state, words = ("failed", str(error)) if refused else ("unsent", None)
            with self.database.begin() as session:
                ours = close_job(session, job_id, state, words)
                if ours and prepared.reservation_id is not None:
                    settle(session, prepared.reservation_id, 0, 0)
            way = f"; {WAY_OUT.format(job=job_id)}" if refused else ""
            raise type(error)(
                f"{error}; no batch was made, and nothing stays set aside{way}"
            ) from None
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
            self.judge_session.tally.abstains += abstained(held)

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


def _head(work: Sequence[Wanted], most: int) -> list[Wanted]:
    """The first questions that make one job: no more than `most`, nor than a provider takes."""
    total = 0
    for n, (_, question, _) in enumerate(work[:most]):
        total += _SHAPE + len(question.system.encode()) + len(question.user.encode())
        if n and total > _BYTES:
            return list(work[:n])
    return list(work[:most])
