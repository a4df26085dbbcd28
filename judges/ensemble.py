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
from functools import partial

from db.asking import Block, Slot, missing_slots, pair_page, pair_texts, take_block
from db.errors import BadInput, KeyRefused, TiebreakError, Unavailable
from judges.asking import Answer, Client, Lost, Question, Scorer
from judges.in_flight import InFlight
from judges.judge_session import Ask, Done, JudgeSession, vote_row
from judges.reservation import BlockReservation
from judges.scoring import scored
from judges.vote_writer import Writer

PAGE = 256  # pairs read at a time: in both orders one block of a scorer
SCORED = 512  # questions claimed in one transaction for judges on this machine, who cost nothing
# Times the missing votes are gone through; a second pass finds what failed once, by hand 3.
PASSES = 3

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
                asking = [group.create_task(self._ask_judge(each)) for each in self.judge_sessions]
                await asyncio.gather(*asking)
                writing.cancel()
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        finally:
            self._cpu.shutdown(cancel_futures=True)

    async def _ask_judge(self, judge_session: JudgeSession) -> None:
        tally = judge_session.tally
        for _ in range(PASSES):
            failed_before = tally.asked - tally.stored
            if isinstance(judge_session.asked, Scorer):
                await self._score(judge_session, judge_session.asked)
            else:
                await self._ask(judge_session, judge_session.asked)
            await self.writer.drained()
            self.writer.report(judge_session, force=True)
            if tally.stopped or tally.asked - tally.stored == failed_before:
                return
        tally.problem = (
            f"judge {judge_session.judge.name!r} left {tally.wanted - tally.stored} questions "
            "unanswered; run again to ask them"
        )

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
        asks = [
            Ask(slot, question, bound, taken.claims[slot], reserved)
            for slot, question, bound in head
            if slot in taken.claims
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
        with self.writer.database.begin() as session:
            taken = take_block(
                session,
                self.run_id,
                judge_session.version_id,
                [(slot, bound) for slot, _, bound in head],
                asked=judge_session.judge.asked_as,
                lasts=judge_session.lasts,
                job=self.job,
                cap_nanousd=self.cap_nanousd,
            )
        bounds = {taken.claims[slot]: bound for slot, _, bound in head if slot in taken.claims}
        reserved = BlockReservation(taken.reservation_id, bounds)
        if bounds:
            self.writer.opened(reserved)
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

    async def _done(self, judge_session: JudgeSession, client: Client, ask: Ask) -> Done:
        """Ask one question; what is to be stored of it, whatever happens."""
        if judge_session.tally.problem is not None:
            return Done(judge_session, ask, None, 0)
        held = judge_session.held_back(ask.slot, ask.question, self.run_id)
        if held is not None:
            return Done(judge_session, ask, held, 0)
        await judge_session.keep_pace(ask.question)
        started = time.monotonic()
        try:
            async with judge_session.circuit.turn():
                ask.reserved.leaves(ask.claim)
                answer = await client.ask(ask.question)
        except (KeyRefused, BadInput) as error:
            judge_session.tally.problem = f"judge {judge_session.judge.name!r}: {error}"
            judge_session.tally.refused = isinstance(error, KeyRefused)
            return Done(judge_session, ask, None, 0)
        except Unavailable as error:
            judge_session.circuit.failed()
            if judge_session.circuit.given_up:
                judge_session.tally.problem = f"judge {judge_session.judge.name!r}: {error}"
            return Done(judge_session, ask, None, ask.bound if isinstance(error, Lost) else 0)
        judge_session.circuit.ok()
        return self._answered(judge_session, ask, answer, time.monotonic() - started)

    def _answered(
        self, judge_session: JudgeSession, ask: Ask, answer: Answer, seconds: float
    ) -> Done:
        cost = judge_session.prices.cost(answer.usage, batched=answer.batched)
        row = vote_row(judge_session, ask.slot, answer, cost, seconds, self.run_id)
        return Done(judge_session, ask, row, cost)

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
