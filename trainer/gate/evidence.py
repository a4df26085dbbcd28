"""What the gate has seen so far, week after week, and what it says of a challenger not let in.

A refusal is one of three: worse, no different, or not visible with so many pairs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from judges.trust.always_valid import FALSE_PROMOTIONS, Standing, Week, standing
from judges.trust.power import pairs_for, smallest_visible


@dataclass(frozen=True)
class Refusal:
    """Which of the three it is, why in a sentence, and the decided pairs that would show the gain
    worth looking for, where more would.
    """

    kind: "Kind"
    why: str
    wanted: int | None = None

    def as_figures(self) -> dict[str, Any]:
        """As JSON values."""
        return vars(self)


Kind = Literal["worse", "no different", "not visible"]
_Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Gain:
    """What a challenger gains: its value (above 0 is better), standard error and 95% interval.

    pairs: decided gold pairs behind it. smallest: the gain worth looking for. unit: how a gain of 1
    is told, and its multiple.
    """

    value: float
    error: float
    low: float
    high: float
    pairs: int
    smallest: float
    unit: str = "points"
    times: float = 100.0

    def told(self, gain: float) -> str:
        """A gain in its unit."""
        return f"{self.times * gain:.1f} {self.unit}"


def weeks_of(decided: Sequence[_Figures]) -> list[Week]:
    """Evidence of earlier decisions, oldest first, from their stored figures."""
    told = [each["evidence"] for each in decided if each.get("evidence")]
    return [Week(each["everything"], each["new"]) for each in told]


def seen_through(decided: Sequence[_Figures]) -> int:
    """The newest gold that earlier decisions saw; 0 where there was none."""
    told = [each["evidence"] for each in decided if each.get("evidence")]
    return max((int(each["through"]) for each in told), default=0)


def add(past: Sequence[Week], week: Week) -> Standing:
    """Where the evidence stands with this week."""
    return standing([*past, week])


def week_figures(week: Week, through: int, stands: Standing) -> dict[str, Any]:
    """What is kept of a week, so that the next one goes on from it."""
    return {
        "everything": week.everything,
        "new": week.new,
        "through": through,
        "log_e": stands.log_e,
        "log_bar": stands.log_bar,
        "since": stands.since,
        "proven": stands.proven,
        "false_promotions": FALSE_PROMOTIONS,
    }


def refusal(gain: Gain, stands: Standing) -> Refusal:
    """Which of the three it is, and the sentence that says so."""
    if gain.high < 0:
        return Refusal("worse", f"worse: at most {gain.told(gain.high)}, and 0 would be no gain")
    if gain.high < gain.smallest:
        return Refusal(
            "no different",
            f"no different: a gain of {gain.told(gain.smallest)} or more is ruled out, at most "
            f"{gain.told(gain.high)}",
        )
    seen = smallest_visible(gain.error, stands.log_bar)
    wanted = pairs_for(gain.smallest, gain.error, gain.pairs, stands.log_bar)
    return Refusal(
        "not visible",
        f"not visible with {gain.pairs:,} decided gold pairs: the smallest gain they could have "
        f"shown is {gain.told(seen)}; about {_round(wanted):,} would show "
        f"{gain.told(gain.smallest)}",
        wanted,
    )


def _round(pairs: int) -> int:
    return int(float(f"{pairs:.2g}"))
