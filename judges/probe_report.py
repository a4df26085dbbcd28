"""What a probe shows of one judge version: figures of every change, and the sentences beside them.

Pure. Leaves out how answers were gathered (`judges.steps.probing`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from db.probes import LEAST
from judges.perturbations import PERTURBATIONS
from judges.trust import flips
from judges.trust.flips import Verdict


@dataclass(frozen=True)
class ProbeRow:
    """What one change did. pairs: counted; left_out: pairs with an answer missing or an abstain;
    flips, placebo_flips: of the pairs, under the change and under its placebo; difference of their
    rates with its interval. enough: pairs that would show it, where these do not.
    """

    change: str
    effect: str
    pairs: int
    left_out: int
    flips: int
    placebo_flips: int
    difference: float | None
    low: float | None
    high: float | None
    verdict: str
    enough: int | None = None

    @property
    def told(self) -> str:
        """The difference in points, for people."""
        if self.difference is None or self.low is None or self.high is None:
            return "no pair"
        points = (100 * each for each in (self.difference, self.low, self.high))
        return "{:+.0f} [{:+.0f}, {:+.0f}]".format(*points)


@dataclass(frozen=True)
class ProbeReport:
    """Every change on one judge version. asked: pairs; prompts: of those; there: pairs to draw
    from; level: of each interval, so that all hold together.
    """

    edition: int
    asked: int
    prompts: int
    there: int
    margin: float
    level: float
    rows: tuple[ProbeRow, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of all changes that could be made."""
        found = {row.verdict for row in self.rows}
        if Verdict.FAILED in found:
            return Verdict.FAILED
        return Verdict.PASSED if found == {Verdict.PASSED} else Verdict.UNSHOWN

    @property
    def suffices(self) -> bool:
        """Whether a judge votes with it where a probe is required."""
        return self.verdict is not Verdict.FAILED and self.asked >= min(LEAST, self.there)

    @property
    def lines(self) -> list[str]:
        """What is to be said beside the figures."""
        said = []
        if self.asked < LEAST:
            reach = flips.reach(self.prompts, self.level, self.margin)
            said.append(
                f"only {self.asked:,} pairs of {self.prompts:,} prompts were asked: at best, where "
                f"nothing flips, they bound a change at {100 * reach.bound:.0f} points, and the "
                f"margin is {100 * self.margin:.0f}; from {reach.needed:,} prompts on a judge can "
                "pass"
            )
        for row in self.rows:
            if row.verdict == Verdict.UNSHOWN:
                more = f"; about {row.enough:,} would decide" if row.enough else ""
                said.append(f"{row.change}: not visible on {row.pairs:,} pairs{more}")
        missing = [each.name for each in PERTURBATIONS if each.name not in self.changes]
        if missing:
            said.append(f"no pair here could be changed by: {', '.join(missing)}")
        return said

    @property
    def changes(self) -> list[str]:
        """The changes that could be made."""
        return [row.change for row in self.rows]

    def as_figures(self) -> dict[str, Any]:
        """As JSON values."""
        return {**vars(self), "rows": [vars(row) for row in self.rows]}

    @classmethod
    def of_figures(cls, kept: Mapping[str, Any]) -> "ProbeReport":
        """What `as_figures` gave."""
        return cls(**{**kept, "rows": tuple(ProbeRow(**row) for row in kept["rows"])})
