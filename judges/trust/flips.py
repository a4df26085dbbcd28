"""Does a change move a rater more than a placebo does? Flip rates on the very same pairs.

The difference of the two rates has an interval by prompt at a level corrected for how many changes
are looked at (Bonferroni), and a stated margin decides. Leaves out what is changed, and for whom.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom

from judges.trust.intervals import Estimate, paired_difference, undefined

MARGIN = 0.10
"""Share of pairs that a change may move beyond its placebo: docs/design/probe.md."""
RISK = 0.05
"""Of any wrong verdict on one rater, over all changes together, both sides counted."""
_REPEATS = 4000  # of the bootstrap: at seven changes 14 draws lie beyond each end

Mask = NDArray[np.bool_]
Prompts = NDArray[np.int64]


class Verdict(StrEnum):
    """What a contrast shows of a rater."""

    PASSED = "passed"
    FAILED = "failed"
    UNSHOWN = "not visible"


def corrected_level(changes: int) -> float:
    """The level of each interval where so many changes are looked at."""
    return 1 - RISK / max(changes, 1)


def difference(
    changed_P: Mask, placebo_P: Mask, prompt_P: Prompts, rng: np.random.Generator, level: float
) -> Estimate:
    """Flip rate under the change minus that under the placebo, bootstrapped by prompt.

    Few discordant pairs make a bootstrap too sure, so exact methods widen it: 0 is left out only
    where a sign test over prompts leaves it out; the end away from 0 is no nearer than the exact
    bound of so many prompts flipped one way alone (Clopper, Pearson 1934), and without any
    difference both ends are that bound. Exchanging change and placebo mirrors it.
    """
    if not len(changed_P):
        return undefined("no pair could be changed and was answered")
    found = paired_difference(
        changed_P.astype(np.float64), placebo_P.astype(np.float64), prompt_P, rng,
        repeats=_REPEATS, level=level,
    )  # fmt: skip
    _, group = np.unique(prompt_P, return_inverse=True)
    net_G = np.bincount(group, changed_P.astype(float) - placebo_P.astype(float))
    more, less = int((net_G > 0).sum()), int((net_G < 0).sum())
    tail, value = (1 - level) / 2, found.value or 0.0
    bound = _bound(abs(more - less), len(net_G), tail)
    low = value if found.low is None else found.low
    high = value if found.high is None else found.high
    signed = binom.sf(max(more, less) - 1, more + less, 0.5) <= tail if more + less else False
    if more >= less:
        high = max(high, bound)
        low = low if signed else min(low, 0.0)
    if less >= more:
        low = min(low, -bound)
        high = high if signed else max(high, 0.0)
    return replace(found, low=max(low, -1.0), high=min(high, 1.0), why="")


def verdict(found: Estimate, *, worse: bool = False, margin: float = MARGIN) -> Verdict:
    """By the interval: moved by less than the margin, moved by more than nothing, or neither shown.

    worse: the change makes a response worse, so a good rater is moved: below the margin it fails.
    """
    if found.low is None or found.high is None:
        return Verdict.UNSHOWN
    little, much = found.high <= margin, found.low > 0
    if little:
        return Verdict.FAILED if worse else Verdict.PASSED
    if much:
        return Verdict.PASSED if worse else Verdict.FAILED
    return Verdict.UNSHOWN


@dataclass(frozen=True)
class Reach:
    """What so many prompts can show at best. bound: the upper end where nothing flips; needed: the
    prompts from which that lies within the margin.
    """

    bound: float
    needed: int


def reach(prompts: int, level: float, margin: float = MARGIN) -> Reach:
    """Of a rater that never flips."""
    tail = (1 - level) / 2
    return Reach(_bound(0, prompts, tail), ceil(np.log(tail) / np.log1p(-margin)))


def enough(found: Estimate, margin: float = MARGIN) -> int | None:
    """Pairs at which this difference would be below the margin or above 0 for certain, if its
    interval narrows by the root of them. None where that is never.
    """
    if found.value is None or found.low is None or found.high is None:
        return None
    room = max(margin - found.value, found.value)
    width = max(found.high - found.value, found.value - found.low)
    return max(ceil(found.n * (width / room) ** 2), found.n + 1)


def _bound(hits: int, n: int, tail: float) -> float:
    """Upper end of the exact interval of a share, `tail` beyond it."""
    return 1.0 if hits >= n else float(beta.ppf(1 - tail, hits + 1, n - hits))
