"""Asks for texts that are no votes (candidates, critiques): bounded, capped, stored as they come.

Works in blocks: money for a block is set aside, its questions are asked together, its answers are
stored and the block settled in one transaction. Killed, a run repeats at most one block.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from db.asking import set_aside, settle
from db.errors import BadInput, KeyRefused, TiebreakError, Unavailable
from db.session import Database, Session
from judges.asking import Answer, Asker, Lost, Question
from judges.prices import Prices
from judges.seats import input_bound

T = TypeVar("T")
Progress = Callable[[str, int, int], None]

BLOCK = 64


@dataclass(frozen=True)
class Errand:
    """One text to ask for: of whom, what, at which price; `about` is for whoever stores it."""

    asker: Asker
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

    errand: Errand
    answer: Answer
    cost_nanousd: int


@dataclass
class Outcome:
    """How the errands of a run went. problem: the sentence that ended them early."""

    brought: int = 0
    failed: int = 0
    cost_nanousd: int = 0
    capped: bool = False
    problem: str | None = None


Store = Callable[[Session, list[Brought]], None]


@dataclass(frozen=True)
class Errands:
    """Runs errands under a cap; `store` writes a block of answers inside the given transaction."""

    database: Database
    run_id: int
    store: Store
    job: int | None = None
    cap_nanousd: int | None = None
    concurrency: int = 32
    progress: Progress | None = None
    label: str = "texts"

    async def run(self, errands: Iterable[Errand], total: int) -> Outcome:
        """Until all are done, the money is spent or the key is refused."""
        outcome = Outcome()
        slots = asyncio.Semaphore(self.concurrency)
        for block in _blocks(errands):
            left = block
            while left and not (outcome.capped or outcome.problem):
                covered = await self._block(left, slots, outcome)
                left = left[covered:]
                if not covered:
                    outcome.capped = True
            if self.progress is not None:
                self.progress(self.label, outcome.brought + outcome.failed, total)
            if outcome.capped or outcome.problem:
                break
        return outcome

    async def _block(
        self, block: Sequence[Errand], slots: asyncio.Semaphore, outcome: Outcome
    ) -> int:
        bounds = [errand.bound for errand in block]
        with self.database.begin() as session:
            reservation, covered = set_aside(
                session, self.run_id, bounds, job=self.job, cap_nanousd=self.cap_nanousd
            )
        tasks = (self._one(errand, slots, outcome) for errand in block[:covered])
        results = await asyncio.gather(*tasks)
        brought = [result for result in results if isinstance(result, Brought)]
        lost = sum(result for result in results if isinstance(result, int))
        cost = sum(one.cost_nanousd for one in brought) + lost
        with self.database.begin() as session:
            self.store(session, brought)
            if reservation is not None:
                settle(session, reservation, cost)
        outcome.brought += len(brought)
        outcome.failed += covered - len(brought)
        outcome.cost_nanousd += cost
        return covered

    async def _one(
        self, errand: Errand, slots: asyncio.Semaphore, outcome: Outcome
    ) -> Brought | int:
        """The text, or what an answer that never came may have cost."""
        async with slots:
            if outcome.problem is not None:
                return 0
            try:
                answer = await errand.asker.ask(errand.question)
            except (KeyRefused, BadInput) as error:
                outcome.problem = str(error)
                return 0
            except Lost:
                return errand.bound
            except Unavailable:
                return 0
        return Brought(errand, answer, errand.prices.cost(answer.usage))


def raise_if_nothing(outcome: Outcome) -> None:
    """Raise the problem where nothing at all was brought."""
    if outcome.problem is not None and not outcome.brought:
        raise TiebreakError(outcome.problem)


def _blocks(errands: Iterable[T]) -> Iterator[list[T]]:
    source = iter(errands)
    while block := list(islice(source, BLOCK)):
        yield block
