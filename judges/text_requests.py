"""Asks for texts that are no votes (candidates, critiques): bounded, capped, stored as they come.

Works in blocks: money for a block is set aside, its questions are asked together, and each answer
is stored with its cost as it comes. Killed, a run repeats only what was in flight.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from db.asking import reserve
from db.errors import BadInput, KeyRefused, TiebreakError, Unavailable
from db.progress import Progress, quiet
from db.session import Database, Session
from judges.asking import Answer, Client, Lost, Question
from judges.judge_session import input_bound
from judges.prices import Prices
from judges.reservation import BlockReservation

T = TypeVar("T")
# As for votes: docs/design/orders-and-costs.md
BLOCK = 64


@dataclass(frozen=True)
class TextRequest:
    """One text to ask for: of whom, what, at which price; `about` is for whoever stores it."""

    client: Client
    question: Question
    prices: Prices
    about: Any

    @property
    def bound(self) -> int:
        """The most its answer can cost, in nano-dollars."""
        return self.prices.bound(input_bound(self.question), self.question.max_tokens)


@dataclass(frozen=True)
class Brought:
    """A text that came back, and its price in nano-dollars."""

    request: TextRequest
    answer: Answer
    cost_nanousd: int


@dataclass
class Requested:
    """How the requests of a run went. problem: the sentence that ended them early."""

    brought: int = 0
    failed: int = 0
    cost_nanousd: int = 0
    capped: bool = False
    problem: str | None = None


Store = Callable[[Session, Brought], None]


@dataclass(frozen=True)
class TextRequests:
    """Runs requests under a cap; `store` writes an answer inside the given transaction."""

    database: Database
    run_id: int
    store: Store
    job: int | None = None
    cap_nanousd: int | None = None
    concurrency: int = 32
    progress: Progress = quiet
    label: str = "texts"

    async def run(self, requests: Iterable[TextRequest], total: int) -> Requested:
        """Until all are done, the money is spent or the key is refused."""
        outcome = Requested()
        slots = asyncio.Semaphore(self.concurrency)
        for block in _blocks(requests):
            left = block
            while left and not (outcome.capped or outcome.problem):
                covered = await self._block(left, slots, outcome)
                left = left[covered:]
                if not covered:
                    outcome.capped = True
            self.progress(self.label, outcome.brought + outcome.failed, total)
            if outcome.capped or outcome.problem:
                break
        return outcome

    async def _block(
        self, block: Sequence[TextRequest], slots: asyncio.Semaphore, outcome: Requested
    ) -> int:
        bounds = [request.bound for request in block]
        with self.database.begin() as session:
            reservation, covered = reserve(
                session, self.run_id, bounds, job=self.job, cap_nanousd=self.cap_nanousd
            )
        reserved = BlockReservation(reservation, dict(enumerate(bounds[:covered])))
        try:
            async with asyncio.TaskGroup() as group:
                for number, request in enumerate(block[:covered]):
                    group.create_task(self._one(number, request, slots, reserved, outcome))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            if not reserved.is_empty:
                with self.database.begin() as session:
                    reserved.close(session)
        return covered

    async def _one(
        self,
        number: int,
        request: TextRequest,
        slots: asyncio.Semaphore,
        reserved: BlockReservation,
        outcome: Requested,
    ) -> None:
        """Ask, and store the text at once with what it cost."""
        async with slots:
            brought = await self._asked(request, outcome, lambda: reserved.leaves(number))
        cost = brought.cost_nanousd if isinstance(brought, Brought) else brought
        reserved.pay(number, cost)
        with self.database.begin() as session:
            if isinstance(brought, Brought):
                self.store(session, brought)
            reserved.write(session)
        outcome.brought += isinstance(brought, Brought)
        outcome.failed += not isinstance(brought, Brought)
        outcome.cost_nanousd += cost

    async def _asked(
        self, request: TextRequest, outcome: Requested, leaves: Callable[[], None]
    ) -> Brought | int:
        """The text, or what an answer that never came may have cost."""
        if outcome.problem is not None:
            return 0
        leaves()
        try:
            answer = await request.client.ask(request.question)
        except (KeyRefused, BadInput) as error:
            outcome.problem = str(error)
            return 0
        except Lost:
            return request.bound
        except Unavailable:
            return 0
        return Brought(request, answer, request.prices.cost(answer.usage))


def raise_if_nothing(outcome: Requested) -> None:
    """Raise the problem where nothing at all was brought."""
    if outcome.problem is not None and not outcome.brought:
        raise TiebreakError(outcome.problem)


def _blocks(requests: Iterable[T]) -> Iterator[list[T]]:
    source = iter(requests)
    while block := list(islice(source, BLOCK)):
        yield block
