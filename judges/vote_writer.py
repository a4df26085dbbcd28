"""The one writer of a run: stores answers in batches and settles what they cost.

An answer waits a fiftieth of a second for others to be stored with; asking goes on meanwhile.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar

from db.asking import release, renew
from db.progress import Progress, quiet
from db.reservations import in_turn
from db.session import Database
from db.votes import add_votes
from judges.judge_session import Done, JudgeSession, abstained
from judges.reservation import BlockReservation

T = TypeVar("T")
# At most a block of scorers, gathered for less than a call takes: docs/design/orders-and-costs.md
_BATCH = 512
_GATHER_SECONDS = 0.02
_REPORT_SECONDS = 0.1  # faster is not seen


class Writer:
    """Everything the run does in the database goes through here, one piece after the other.

    On SQLite it happens in the event loop's own thread: the driver lets go of the interpreter at
    every row, and beside a busy loop each row would then wait five milliseconds for its turn.
    """

    def __init__(self, database: Database, progress: Progress = quiet) -> None:
        self.database = database
        self.progress = progress
        self.settled = 0
        self._reserved: list[BlockReservation] = []
        self.inbox: asyncio.Queue[Done] = asyncio.Queue(maxsize=4096)
        self._changed = asyncio.Condition()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")
        self._held: list[Done] = []
        self._reported: dict[str, float] = {}

    async def run(self) -> None:
        """Store until cancelled; what has gathered by then is stored, and its money settled."""
        try:
            while True:
                self._held = [await self.inbox.get()]
                await asyncio.sleep(_GATHER_SECONDS)
                while not self.inbox.empty() and len(self._held) < _BATCH:
                    self._held.append(self.inbox.get_nowait())
                batch, self._held = self._held, []
                await self.in_database(lambda batch=batch: self._store(batch))  # type: ignore[misc]
                await self._announce(batch)
        finally:
            self._store_rest()

    async def in_database(self, work: Callable[[], T]) -> T:
        """Run blocking database work where it does not disturb, or disturbs least."""
        if self.database.is_sqlite:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def opened(self, reserved: BlockReservation) -> None:
        """A block has been taken."""
        self._reserved.append(reserved)

    def renew(self, lasts: timedelta) -> None:
        """Let the claims of all open blocks stand for so long from now."""
        claims = [claim for reserved in self._reserved for claim in reserved.bounds]
        if claims:
            with self.database.begin() as session:
                in_turn(session)
                renew(session, claims, lasts)

    def store_rows(self, rows: list[dict[str, Any]]) -> int:
        """Store votes whose claims and money are given back already; how many were new."""
        with self.database.begin() as session:
            in_turn(session)
            return add_votes(session, rows)

    async def wait_for_money(self, seen: int) -> bool:
        """Wait until a block is settled after `seen`; False where none is left to wait for."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.settled != seen or not self._reserved)
        return self.settled != seen

    async def drained(self) -> None:
        """Wait until everything handed over so far is stored."""
        await self.inbox.join()

    def _store(self, batch: list[Done]) -> None:
        touched = {id(done.ask.reserved): done.ask.reserved for done in batch}.values()
        for done in batch:
            answered = done.row is not None
            done.ask.reserved.pay(done.ask.claim, done.cost_nanousd, answered=answered)
        rows = [done.row for done in batch if done.row is not None]
        with self.database.begin() as session:
            in_turn(session)
            if rows:
                add_votes(session, rows)
            release(session, [done.ask.claim for done in batch])
            for reserved in touched:
                reserved.write(session)
        self.settled += sum(reserved.is_empty for reserved in touched)
        self._reserved = [reserved for reserved in self._reserved if not reserved.is_empty]

    async def _announce(self, batch: list[Done]) -> None:
        for _ in batch:
            self.inbox.task_done()
        by_session: dict[str, list[Done]] = defaultdict(list)
        for done in batch:
            by_session[done.judge_session.judge.name].append(done)
        for done_list in by_session.values():
            self._count(done_list)
        async with self._changed:
            self._changed.notify_all()

    def _count(self, done_list: list[Done]) -> None:
        judge_session = done_list[0].judge_session
        rows = [done.row for done in done_list if done.row is not None]
        judge_session.tally.stored += len(rows)
        judge_session.tally.abstains += abstained(rows)
        judge_session.tally.cost_nanousd += sum(done.cost_nanousd for done in done_list)
        guessed = [done.cost_nanousd for done in done_list if done.at_most]
        judge_session.tally.guessed += len(guessed)
        judge_session.tally.guessed_nanousd += sum(guessed)
        above = [done.cost_nanousd for done in done_list if done.above]
        judge_session.tally.above += len(above)
        judge_session.tally.above_nanousd += sum(above)
        self.report(judge_session)

    def report(self, judge_session: JudgeSession, *, force: bool = False) -> None:
        """Tell whoever watches how far a judge is, at most ten times a second."""
        name, moment = judge_session.judge.name, time.monotonic()
        if not judge_session.tally.wanted:
            return
        if force or moment - self._reported.get(name, 0.0) > _REPORT_SECONDS:
            self._reported[name] = moment
            self.progress(name, judge_session.tally.stored, judge_session.tally.wanted)

    def _store_rest(self) -> None:
        rest = [*self._held, *(self.inbox.get_nowait() for _ in range(self.inbox.qsize()))]
        if rest:
            self._thread.submit(self._store, rest).result()
            for done in rest:
                done.judge_session.tally.stored += done.row is not None
                self.inbox.task_done()
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def _close(self) -> None:
        """Stopped in the middle: what was never asked costs nothing."""
        if self._reserved:
            with self.database.begin() as session:
                for reserved in self._reserved:
                    reserved.close(session)
