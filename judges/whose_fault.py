"""Whose fault a refused question is: its own, or its judge's. Told by evidence alone.

Questions of one judge are numbered as they leave. A refusal belongs to its question once a question
that left after it has been answered: the server takes such requests still. Until then it is held.
Where as many as `FIRST` are refused alike and nothing was ever answered, or `IN_A_ROW` after the
last one answered, it is the judge's: its settings, its key, its server. Those are of `APART`
different pairs at least: one that is asked about often proves nothing.
docs/design/whose-fault.md
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from judges.asking import Rejected

T = TypeVar("T")
FIRST = 5  # by hand: so many different questions are not refused alike by accident
APART = 3  # by hand: two refused pairs lie side by side often enough
IN_A_ROW = 20  # by hand: texts that are too long lie side by side where they were sorted


@dataclass
class Evidence(Generic[T]):
    """What has become of one judge's questions. answered: whether it ever answered one, in an
    earlier run or in this.
    """

    answered: bool = False
    _left: int = 0
    _last_answered: int = 0
    _held: list[tuple[int, T, Rejected]] = field(default_factory=list)
    _about: dict[str, set[Hashable]] = field(default_factory=lambda: defaultdict(set))

    def leaves(self) -> int:
        """The number of a question that leaves now."""
        self._left += 1
        return self._left

    def answer(self, number: int) -> list[tuple[T, Rejected]]:
        """The question of this number was answered. Returns what is thereby known to be refused
        by its own fault.
        """
        self.answered = True
        self._last_answered = max(self._last_answered, number)
        return self._decided()

    def refused(
        self, number: int, item: T, why: Rejected, about: Hashable = None
    ) -> list[tuple[T, Rejected]]:
        """The question of this number, `about` a pair, was refused; what is now known, as of
        `answer`.
        """
        self._held.append((number, item, why))
        self._about[why.alike].add(number if about is None else about)
        own = self._decided()
        if not self._held:
            self._about.clear()
        return own

    @property
    def doubt(self) -> Rejected | None:
        """A refusal of the kind that may be the judge's fault; None where there is no such doubt.

        It stands once nothing is away that may still be answered.
        """
        kinds = Counter(why.alike for _, _, why in self._held)
        for _, _, why in self._held:
            of_text = why.answer.stop != "rejected"
            if len(self._about[why.alike]) < APART:
                continue
            if kinds[why.alike] >= (IN_A_ROW if self.answered or of_text else FIRST):
                return why
        return None

    def end(self) -> tuple[list[tuple[T, Rejected]], Rejected | None]:
        """Nothing is away and nothing is left to ask: what is refused by its own fault, or the
        refusal that is the judge's, whose questions stay unanswered.
        """
        why = self.doubt
        if why is None and self._held and not self.answered:
            why = self._held[0][2]
        found = [(item, refusal) for _, item, refusal in self._held] if why is None else []
        self._held.clear()
        self._about.clear()
        return found, why

    def _decided(self) -> list[tuple[T, Rejected]]:
        """Refusals before the last answer; and those that name the text, of one who answers."""
        own, held = [], []
        for number, item, why in self._held:
            of_text = self.answered and why.answer.stop != "rejected"
            if number < self._last_answered or of_text:
                own.append((item, why))
            else:
                held.append((number, item, why))
        self._held = held
        return own


class Trial(Generic[T]):
    """Holds the questions of one judge back while refusals of others leave it in doubt.

    In doubt, nothing leaves until everything away has come back: one answer may clear the judge.
    """

    def __init__(self) -> None:
        self.evidence: Evidence[T] = Evidence()
        self._away = 0
        self._back = asyncio.Event()

    async def clear(self) -> bool:
        """Whether one more may leave; False where all the evidence is against the judge."""
        while self.evidence.doubt is not None and self._away:
            self._back.clear()
            await self._back.wait()
        return self.evidence.doubt is None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Around one question, from its leaving to its end."""
        self._away += 1
        try:
            yield
        finally:
            self._away -= 1
            self._back.set()
