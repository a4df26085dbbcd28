"""Asks a panel: one event loop, bounded concurrency, one writer, memory flat in the pairs.

Each judge streams its missing votes from the database page by page, takes them in blocks as places
get free (claimed, with money set aside, in one transaction), asks, and hands the answers to the
writer. Killed at any moment, nothing is lost but what was in flight. Leaves out who is asked and
what a run is.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from db.asking import Block, Slot, has_voted, missing_slots, pair_page, pair_texts, take_block
from db.errors import BadInput, KeyRefused, TiebreakError, Unavailable
from db.reservations import in_turn
from judges.asking import Answer, Client, Lost, Question, Rejected, Scorer
from judges.in_flight import InFlight
from judges.judge_session import Ask, Done, JudgeSession, abstained, vote_row
from judges.patience import TooLong
from judges.prices import Charge
from judges.reservation import BlockReservation
from judges.scoring import scored
from judges.vote_writer import Writer

PAGE = 256  # pairs read at a time: in both orders one block of a scorer
SCORED = 512  # questions claimed in one transaction for judges on this machine, who cost nothing
# Passes over the missing votes, one after the other, that bring no answer; by hand, 2.
FRUITLESS = 2

Wanted = tuple[Slot, Question, int]
Handle = Callable[[list[Ask]], Awaitable[None]]
Size = Callable[[], Awaitable[int]]


@dataclass(frozen=True)
class Ensemble:
    """One process's part in a run. `job` and `cap_nanousd`: the cap and the runs that share it;
    `within`: only these pairs.
    """

    run_id: int
    judge_sessions: Sequence[JudgeSession]
    writer: Writer
    job: int | None = None
    cap_nanousd: int | None = None
    within: Sequence[int] | None = None
    _cpu: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="scorer"), repr=False
    )

    async def ask_all(self) -> None:
        """Returns when every session is done; raises what the database or a bug raised."""
        try:
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(self.writer.run())
                renewing = group.create_task(self._renew())
                asking = [group.create_task(self._ask_judge(each)) for each in self.judge_sessions]
                await asyncio.gather(*asking)
                writing.cancel()
                renewing.cancel()
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        finally:
            self._cpu.shutdown(cancel_futures=True)

    async def _renew(self) -> None:
        """Keep the claims of questions that wait: nobody else is to ask them meanwhile."""
        lasts = min((each.lasts for each in self.judge_sessions), default=timedelta(hours=1))
        while True:
            await asyncio.sleep(lasts.total_seconds() / 3)
            await self.writer.in_database(partial(self.writer.renew, lasts))

    async def _ask_judge(self, judge_session: JudgeSession) -> None:
        tally, fruitless = judge_session.tally, 0
        await self._recall(judge_session)
        while fruitless < FRUITLESS:
            asked, stored = tally.asked, tally.stored
            if isinstance(judge_session.asked, Scorer):
                await self._score(judge_session, judge_session.asked)
            else:
                await self._ask(judge_session, judge_session.asked)
            await self.writer.drained()
            self.writer.report(judge_session, force=True)
            if tally.stopped or tally.asked - asked == tally.stored - stored:
                return
            fruitless = 0 if tally.stored > stored else fruitless + 1
            if fruitless:
                await judge_session.circuit.rest()
        judge_session.stop(
            Unavailable(
                f"{tally.wanted - tally.stored} questions are left unanswered; run again to ask "
                f"them ({tally.last_failure})"
            )
        )

    async def _recall(self, judge_session: JudgeSession) -> None:
        """Whether this judge answered in an earlier run."""

        def voted() -> bool:
            with self.writer.database.read() as session:
                return has_voted(session, judge_session.version_id)

        judge_session.trial.evidence.answered = await self.writer.in_database(voted)

    # -- what is missing, in blocks ---------------------------------------------------------------

    async def _blocks(self, judge_session: JudgeSession, size: Size, handle: Handle) -> None:
        """Go once through the pairs and hand on the missing questions block by block, each as large
        as `size` then says."""
        after = 0
        while not judge_session.tally.stopped:
            page = partial(self._page, judge_session, after)
            last, work = await self.writer.in_database(page)
            if last is None:
                return
            after = last
            while work and not judge_session.tally.stopped:
                next_ones = await size()
                head, rest = work[:next_ones], work[next_ones:]
                work = await self._take(judge_session, head, handle) + rest

    def _page(self, judge_session: JudgeSession, after: int) -> tuple[int | None, list[Wanted]]:
        with self.writer.database.read() as session:
            page = pair_page(session, after, PAGE, self.within)
            slots = missing_slots(
                session, page, judge_session.version_id, judge_session.orders, judge_session.samples
            )
            texts = pair_texts(session, [slot.pair_id for slot in slots])
        questions = ((slot, judge_session.question(slot, texts[slot.pair_id])) for slot in slots)
        return (page[-1] if page else None), [(s, q, judge_session.bound(q)) for s, q in questions]

    async def _take(
        self, judge_session: JudgeSession, head: list[Wanted], handle: Handle
    ) -> list[Wanted]:
        """Claim a block and hand it on. Returns what the cap has left no room for yet."""
        seen = self.writer.settled
        taken, reserved = await self.writer.in_database(lambda: self._claim(judge_session, head))
        counted = frozenset(reserved.counted)
        asks = [
            Ask(slot, question, reserved.bounds[claim], claim, reserved, counted)
            for slot, question, _ in head
            if (claim := taken.claims.get(slot)) is not None
        ]
        if asks:
            judge_session.tally.asked += len(asks)
            await handle(asks)
        if not taken.short:
            return []
        if not await self.writer.wait_for_money(seen):
            judge_session.tally.capped = True
        return head[taken.considered :]

    def _claim(
        self, judge_session: JudgeSession, head: list[Wanted]
    ) -> tuple[Block, BlockReservation]:
        blocks, counted = judge_session.blocks, judge_session.counted
        blocks[:] = [each for each in blocks if not each.is_empty]
        bounds = {slot: judge_session.raised(bound) for slot, _, bound in head}
        with self.writer.database.begin() as session:
            in_turn(session)
            for reserved in blocks:
                if reserved.count(counted, judge_session.prices.raised):
                    reserved.write(session)
            taken = take_block(
                session,
                self.run_id,
                judge_session.version_id,
                list(bounds.items()),
                asked=judge_session.judge.asked_as,
                lasts=judge_session.lasts,
                job=self.job,
                cap_nanousd=self.cap_nanousd,
            )
        ours = {claim: bounds[slot] for slot, claim in taken.claims.items()}
        reserved = BlockReservation(taken.reservation_id, ours, counted=set(counted))
        if ours:
            self.writer.opened(reserved)
            blocks.append(reserved)
        return taken, reserved

    # -- over the network -------------------------------------------------------------------------

    async def _ask(self, judge_session: JudgeSession, client: Client) -> None:
        queue: asyncio.Queue[Ask] = asyncio.Queue()
        places = InFlight(judge_session.judge.concurrency)

        async def put(asks: list[Ask]) -> None:
            places.leave(len(asks))
            for ask in asks:
                queue.put_nowait(ask)

        async def work() -> None:
            while True:
                ask = await queue.get()
                done = await self._done(judge_session, client, ask)
                places.back()
                await self.writer.inbox.put(done)
                queue.task_done()

        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(work()) for _ in range(judge_session.judge.concurrency)]
            await self._blocks(judge_session, places.free, put)
            await queue.join()
            for worker in workers:
                worker.cancel()
        own, why = judge_session.trial.evidence.end()
        await self._abstain(judge_session, own)
        judge_session.stop(why)

    async def _done(self, judge_session: JudgeSession, client: Client, ask: Ask) -> Done:
        """Ask one question; what is to be stored of it, whatever happens."""
        if judge_session.tally.problem is not None:
            return Done(judge_session, ask, None, 0)
        held = judge_session.held_back(ask.slot, ask.question, self.run_id)
        if held is not None:
            return Done(judge_session, ask, held, 0)
        trial = judge_session.trial
        if not await trial.clear():
            judge_session.stop(trial.evidence.end()[1])
            return Done(judge_session, ask, None, 0)
        with trial.away():
            return await self._sent(judge_session, client, ask)

    async def _sent(self, judge_session: JudgeSession, client: Client, ask: Ask) -> Done:
        """Ask until something final comes: an answer, a refusal, or that it may be lost."""
        circuit, evidence = judge_session.circuit, judge_session.trial.evidence
        started, number = time.monotonic(), 0

        async def send() -> Answer:
            nonlocal started, number
            judge_session.require_going()
            await judge_session.keep_pace(ask.question)
            started, number = time.monotonic(), evidence.leaves()
            with ask.reserved.sending(ask.claim):
                return await client.ask(ask.question)

        try:
            async with circuit.turn():
                answer = await judge_session.patience.answer(judge_session.judge.name, send)
        except Rejected as why:
            circuit.ok()
            await self._abstain(judge_session, evidence.refused(number, ask, why, ask.slot.pair_id))
            return Done(judge_session, ask, None, 0)
        except (KeyRefused, BadInput, TooLong) as error:
            judge_session.stop(error)
            return Done(judge_session, ask, None, 0)
        except Unavailable as error:
            if judge_session.tally.problem is not None:
                return Done(judge_session, ask, None, ask.bound if isinstance(error, Lost) else 0)
            circuit.failed(str(error))
            judge_session.tally.last_failure = str(error)
            if circuit.given_up:
                judge_session.stop(error)
            lost = isinstance(error, Lost)
            judge_session.tally.lost += lost
            return Done(judge_session, ask, None, ask.bound if lost else 0)
        circuit.ok()
        await self._abstain(judge_session, evidence.answer(number))
        return self._answered(judge_session, ask, answer, time.monotonic() - started)

    async def _abstain(
        self, judge_session: JudgeSession, own: Sequence[tuple[Ask, Rejected]]
    ) -> None:
        """Store as abstains the questions refused by their own fault; their claims are given back
        already.
        """
        rows = [
            vote_row(judge_session, ask.slot, why.answer, Charge(0), None, self.run_id)
            for ask, why in own
        ]
        if rows:
            stored = await self.writer.in_database(partial(self.writer.store_rows, rows))
            judge_session.tally.stored += stored
            judge_session.tally.abstains += abstained(rows)

    def _answered(
        self, judge_session: JudgeSession, ask: Ask, answer: Answer, seconds: float
    ) -> Done:
        charge = judge_session.prices.charge(answer, ask.bound, ask.counted)
        judge_session.named.update(answer.surcharges)
        row = vote_row(judge_session, ask.slot, answer, charge, seconds, self.run_id)
        return Done(judge_session, ask, row, *charge)

    # -- on this machine --------------------------------------------------------------------------

    async def _score(self, judge_session: JudgeSession, scorer: Scorer) -> None:
        async def put(asks: list[Ask]) -> None:
            questions = [ask.question for ask in asks]
            started = time.monotonic()
            loop = asyncio.get_running_loop()
            # One thread for all scorers: several would only fight the event loop for the processor.
            try:
                answers = await loop.run_in_executor(self._cpu, scored, scorer, questions)
            except TiebreakError as error:
                judge_session.tally.problem = f"judge {judge_session.judge.name!r}: {error}"
                for ask in asks:
                    await self.writer.inbox.put(Done(judge_session, ask, None, 0))
                return
            each = (time.monotonic() - started) / len(asks)
            for ask, answer in zip(asks, answers, strict=True):
                await self.writer.inbox.put(self._answered(judge_session, ask, answer, each))

        async def size() -> int:
            return SCORED

        await self._blocks(judge_session, size, put)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
