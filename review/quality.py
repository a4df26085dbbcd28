"""How well and how fast people answer: pure sums over their answers.

Leaves out agreement between raters, which is `judges.trust`'s, and reading rows (`db/figures`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from db.vocabulary import Choice
from review.settings import ReviewSettings


@dataclass(frozen=True)
class Share:
    """`hits` of `of`; `value` is None, not zero, where nothing was counted."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        """hits / of in [0, 1]."""
        return self.hits / self.of if self.of else None

    def interval(self, z: float = 1.96) -> tuple[float, float] | None:
        """Wilson score interval (Wilson 1927, JASA 22, p. 209); None where nothing was counted."""
        if not self.of:
            return None
        share, n = self.hits / self.of, self.of
        centre = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
        return max(0.0, centre - half), min(1.0, centre + half)

    def __str__(self) -> str:
        bounds = self.interval()
        if bounds is None:
            return "none yet"
        return f"{self.hits / self.of:.0%} of {self.of} ({bounds[0]:.0%} to {bounds[1]:.0%})"


def matches(pairs: Sequence[tuple[Choice, Choice]]) -> Share:
    """How often two choices are the same; an abstain is no answer and is left out."""
    usable = [(a, b) for a, b in pairs if Choice.ABSTAIN not in (a, b)]
    return Share(sum(a is b for a, b in usable), len(usable))


def pause_reason(answers: Sequence[tuple[Choice, Choice]], settings: ReviewSettings) -> str | None:
    """Why a person with these latest (answer, gold) should pause; None where they need not."""
    found = matches(answers)
    if found.of < settings.gold_minimum or found.value is None or found.value >= settings.gold_bar:
        return None
    return (
        f"{found.hits} of your last {found.of} control answers matched the trusted ones, "
        f"{settings.gold_bar:.0%} are needed; read the guideline again and speak to an admin"
    )


@dataclass(frozen=True)
class AnswerPace:
    """How fast answers come. Times are seconds of active work."""

    answers: int
    median_seconds: float | None

    def hours(self, waiting: int) -> float | None:
        """Working hours for `waiting` more answers at this pace; None before the first."""
        return None if self.median_seconds is None else waiting * self.median_seconds / 3600


def pace(seconds: Sequence[float]) -> AnswerPace:
    """The pace of answers that took so many seconds each."""
    return AnswerPace(len(seconds), median(seconds) if seconds else None)
