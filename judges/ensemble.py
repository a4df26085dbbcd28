"""Asks a panel: one event loop, bounded concurrency, one writer, memory flat in the pairs.

Each judge streams its missing votes from the database page by page, takes them in blocks (claimed,
with money set aside, in one transaction), asks, and hands the answers to the writer. Killed at any
moment, nothing is lost but what was in flight. Leaves out who is asked and what a run is.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from db.asking import Block, Slot, missing_slots, pair_page, pair_texts, take_block
from db.errors import BadInput, KeyRefused, Unavailable
from judges.asking import Answer, Asker, Lost, Question, Scorer
from judges.purse import Purse
from judges.seats import Ask, Done, Seat, vote_row
from judges.vote_writer import Writer

PAGE = 256  # pairs read at a time
BLOCK = 64  # questions claimed and paid for in one transaction, or as many as are in flight
SCORED = 512  # the same for judges on this machine, who cost nothing
PASSES = 3  # times the missing votes are gone through before the rest is left to the next run

Wanted = tuple[Slot, Question, int]
Handle = Callable[[list[Ask]], Awaitable[None]]


@dataclass(frozen=True)
class Ensemble:
    """One process's part in a run. `job` and `cap_nanousd`: the cap and the runs that share it;
    `within`: only these pairs.
    """

    run_id: int
    seats: Sequence[Seat]
    writer: Writer
    job: int | None = None
    cap_nanousd: int | None = None
    within: Sequence[int] | None = None
    _cpu: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="scorer"), repr=False
    )

    async def ask_all(self) -> None:
        """Returns when every seat is done or stopped; raises what the database or a bug raised."""
        try:
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(self.writer.run())
                seated = [group.create_task(self._ask_seat(seat)) for seat in self.seats]
                await asyncio.gather(*seated)
                writing.cancel()
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        finally:
            self._cpu.shutdown(cancel_futures=True)

    async def _ask_seat(self, seat: Seat) -> None:
        tally = seat.tally
        for _ in range(PASSES):
            failed_before = tally.asked - tally.stored
            if isinstance(seat.asked, Scorer):
                await self._score(seat, seat.asked)
            else:
                await self._ask(seat, seat.asked)
            await self.writer.drained()
            self.writer.report(seat, force=True)
            if tally.stopped or tally.asked - tally.stored == failed_before:
                return
        tally.problem = (
            f"judge {seat.judge.name!r} left {tally.wanted - tally.stored} questions unanswered; "
            "run again to ask them"
        )

    # -- what is missing, in blocks ---------------------------------------------------------------

    async def _blocks(self, seat: Seat, size: int, handle: Handle) -> None:
        """Go once through the pairs and hand on the missing questions block by block."""
        after = 0
        while not seat.tally.stopped:
            last, work = await self.writer.in_database(lambda after=after: self._page(seat, after))  # type: ignore[misc]
            if last is None:
                return
            after = last
            while work and not seat.tally.stopped:
                work = await self._take(seat, work[:size], handle) + work[size:]

    def _page(self, seat: Seat, after: int) -> tuple[int | None, list[Wanted]]:
        with self.writer.database.read() as session:
            page = pair_page(session, after, PAGE, self.within)
            slots = missing_slots(session, page, seat.version_id, seat.orders, seat.samples)
            texts = pair_texts(session, [slot.pair_id for slot in slots])
        questions = ((slot, seat.question(slot, texts[slot.pair_id])) for slot in slots)
        return (page[-1] if page else None), [(s, q, seat.bound(q)) for s, q in questions]

    async def _take(self, seat: Seat, head: list[Wanted], handle: Handle) -> list[Wanted]:
        """Claim a block and hand it on. Returns what the cap has left no room for yet."""
        seen = self.writer.settled
        taken, purse = await self.writer.in_database(lambda: self._claim(seat, head))
        asks = [
            Ask(slot, question, bound, taken.claims[slot], purse)
            for slot, question, bound in head
            if slot in taken.claims
        ]
        if asks:
            seat.tally.asked += len(asks)
            await handle(asks)
        if not taken.short:
            return []
        if not await self.writer.wait_for_money(seen):
            seat.tally.capped = True
        return head[taken.considered :]

    def _claim(self, seat: Seat, head: list[Wanted]) -> tuple[Block, Purse]:
        with self.writer.database.begin() as session:
            taken = take_block(
                session,
                self.run_id,
                seat.version_id,
                [(slot, bound) for slot, _, bound in head],
                lasts=seat.lasts,
                job=self.job,
                cap_nanousd=self.cap_nanousd,
            )
        bounds = {taken.claims[slot]: bound for slot, _, bound in head if slot in taken.claims}
        purse = Purse(taken.reservation_id, bounds)
        if bounds:
            self.writer.opened(purse)
        return taken, purse

    # -- over the network -------------------------------------------------------------------------

    async def _ask(self, seat: Seat, asker: Asker) -> None:
        queue: asyncio.Queue[Ask] = asyncio.Queue(maxsize=seat.judge.concurrency)

        async def put(asks: list[Ask]) -> None:
            for ask in asks:
                await queue.put(ask)

        async with asyncio.TaskGroup() as group:
            workers = [
                group.create_task(self._work(seat, asker, queue))
                for _ in range(seat.judge.concurrency)
            ]
            await self._blocks(seat, max(BLOCK, min(seat.judge.concurrency, SCORED)), put)
            await queue.join()
            for worker in workers:
                worker.cancel()

    async def _work(self, seat: Seat, asker: Asker, queue: asyncio.Queue[Ask]) -> None:
        while True:
            ask = await queue.get()
            await self.writer.inbox.put(await self._done(seat, asker, ask))
            queue.task_done()

    async def _done(self, seat: Seat, asker: Asker, ask: Ask) -> Done:
        """Ask one question; what is to be stored of it, whatever happens."""
        if seat.tally.problem is not None:
            return Done(seat, ask, None, 0)
        await seat.keep_pace(ask.question)
        started = time.monotonic()
        try:
            async with seat.circuit.turn():
                ask.purse.leaves(ask.claim)
                answer = await asker.ask(ask.question)
        except (KeyRefused, BadInput) as error:
            seat.tally.problem = f"judge {seat.judge.name!r}: {error}"
            seat.tally.refused = isinstance(error, KeyRefused)
            return Done(seat, ask, None, 0)
        except Unavailable as error:
            seat.circuit.failed()
            if seat.circuit.given_up:
                seat.tally.problem = f"judge {seat.judge.name!r}: {error}"
            return Done(seat, ask, None, ask.bound if isinstance(error, Lost) else 0)
        seat.circuit.ok()
        return self._answered(seat, ask, answer, time.monotonic() - started)

    def _answered(self, seat: Seat, ask: Ask, answer: Answer, seconds: float) -> Done:
        cost = seat.prices.cost(answer.usage, batched=answer.batched)
        row = vote_row(seat, ask.slot, answer, cost, seconds, self.run_id)
        return Done(seat, ask, row, cost)

    # -- on this machine --------------------------------------------------------------------------

    async def _score(self, seat: Seat, scorer: Scorer) -> None:
        async def put(asks: list[Ask]) -> None:
            questions = [ask.question for ask in asks]
            started = time.monotonic()
            loop = asyncio.get_running_loop()
            # One thread for all scorers: several would only fight the event loop for the processor.
            answers = await loop.run_in_executor(self._cpu, scorer.score, questions)
            each = (time.monotonic() - started) / len(asks)
            for ask, answer in zip(asks, answers, strict=True):
                await self.writer.inbox.put(self._answered(seat, ask, answer, each))

        await self._blocks(seat, SCORED, put)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
