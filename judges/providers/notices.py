"""What a user is to hear of a judge's server: each thing once, whoever comes upon it first."""

import re
from collections.abc import Callable, Iterator
from dataclasses import InitVar, dataclass, field

from judges.asking import Answer
from judges.prices import Prices


@dataclass
class Notices:
    """Sentences about one judge by what they are about, in the order they came up.

    first: one that is known before anything is asked.
    """

    judge: str
    first: InitVar[str | None] = None
    _said: dict[str, str] = field(default_factory=dict)

    def __post_init__(self, first: str | None) -> None:
        if first is not None:
            self.say("", first)

    def say(self, about: str, sentence: str) -> None:
        """Note a sentence in the place of what was noted about this before."""
        self._said[about] = f"judge {self.judge!r}: {sentence}"

    def answered_as(self, asked: str | None, model: str | None) -> None:
        """Note which model a server names where it is not the one asked for, however written."""
        if asked and model:
            one, other = (re.sub("[^a-z0-9]+", "-", name.lower()) for name in (asked, model))
            if one not in other and other not in one:
                self.say("model", f"asked for {asked!r}, its server answers as {model[:80]!r}")

    def hear(self, answer: Answer, prices: Callable[[], Prices]) -> None:
        """Note each service tier, speed or region beyond the usual that an answer was billed at."""
        for name in answer.surcharges:
            self.say(
                f"billed {name}",
                f"its server bills {name!r}, which is counted as {prices().factor(name):g} times "
                "the price; say otherwise by factors in its prices",
            )

    def __iter__(self) -> Iterator[str]:
        return iter(self._said.values())
