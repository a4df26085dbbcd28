"""Intervals of every statistic shown: bootstrap by prompt, paired bootstrap, exact and Wilson.

Leaves out the statistics themselves, and draws out of a finite batch (`finite`). Pairs of one
prompt are not independent, so every bootstrap here draws whole prompts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From sums of components [repeats, components] to values [repeats]; NaN where undefined."""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; None where undefined, and `why` then says why.

    n: observations behind it. level: coverage the interval aims at.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    why: str = ""
    level: float = 0.95

    def __str__(self) -> str:
        if self.value is None:
            return f"undefined ({self.why})"
        if self.low is None or self.high is None:
            return f"{self.value:.3f} (no interval: {self.why})"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def undefined(why: str, n: int = 0) -> Estimate:
    """An estimate that cannot be given, with the reason."""
    return Estimate(None, None, None, n, why)


def wilson(hits: float, n: int, level: float = 0.95) -> Estimate:
    """Score interval of a share (E. B. Wilson, JASA 22, 1927); for display, not for promises.

    A draw may count half a hit.
    """
    _check_counts(hits, n)
    if n == 0:
        return undefined("no observation")
    z = float(norm.ppf(0.5 + level / 2))
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == n else min(1.0, centre + half)
    return Estimate(share, low, high, n, level=level)


def clopper_pearson(hits: int, n: int, level: float = 0.95) -> Estimate:
    """Exact interval of a share (Clopper, Pearson 1934); covers at least `level`."""
    _check_counts(hits, n)
    if n == 0:
        return undefined("no observation")
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits == n else float(beta.ppf(1 - tail, hits + 1, n - hits))
    return Estimate(hits / n, low, high, n, level=level)


def _check_counts(hits: float, n: int) -> None:
    if not 0 <= hits <= n:
        raise ValueError(f"{hits!r} hits of {n!r}: 0 to n is allowed; count them again.")


def by_prompt(
    components_PS: NDArray[np.float64],
    prompt_P: NDArray[np.int64],
    statistic: Statistic,
    rng: np.random.Generator,
    *,
    repeats: int = 1000,
    level: float = 0.95,
    why: str = "the statistic is undefined on these pairs",
) -> Estimate:
    """Percentile bootstrap over prompts of a statistic of sums over pairs.

    components_PS: what each pair adds to each sum. Whole prompts are drawn with replacement, as
    many as there are. Without two prompts there is a value but no interval.
    """
    pairs = len(components_PS)
    if not pairs:
        return undefined("no pair")
    _, group = np.unique(prompt_P, return_inverse=True)
    groups = int(group.max()) + 1
    sums_GS = np.stack(
        [np.bincount(group, weights=column, minlength=groups) for column in components_PS.T], axis=1
    )
    value = float(statistic(sums_GS.sum(axis=0, keepdims=True))[0])
    if not np.isfinite(value):
        return undefined(why, pairs)
    if groups < 2:
        return Estimate(value, None, None, pairs, "a single prompt", level)
    drawn = np.empty((repeats, sums_GS.shape[1]))
    for repeat in range(repeats):
        times = np.bincount(rng.integers(0, groups, groups), minlength=groups)
        drawn[repeat] = times @ sums_GS
    values = statistic(drawn)
    values = values[np.isfinite(values)]
    if len(values) < repeats / 2:
        return Estimate(value, None, None, pairs, "undefined in most resamples", level)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), pairs, level=level)


def ratio(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """First sum over the second: a mean where the second counts the pairs."""
    out = np.full(len(sums), np.nan)
    np.divide(sums[:, 0], sums[:, 1], out=out, where=sums[:, 1] != 0)
    return out


def mean_by_prompt(
    values_P: NDArray[np.float64],
    prompt_P: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    repeats: int = 1000,
    level: float = 0.95,
) -> Estimate:
    """Mean over pairs with a bootstrap by prompt; NaN values are left out."""
    known = np.isfinite(values_P)
    components = np.stack([values_P[known], np.ones(int(known.sum()))], axis=1)
    return by_prompt(components, prompt_P[known], ratio, rng, repeats=repeats, level=level)


def paired_difference(
    one_P: NDArray[np.float64],
    other_P: NDArray[np.float64],
    prompt_P: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    repeats: int = 1000,
    level: float = 0.95,
) -> Estimate:
    """Mean of one minus other on the very same pairs; they differ where 0 is outside."""
    difference = np.asarray(one_P, np.float64) - np.asarray(other_P, np.float64)
    return mean_by_prompt(difference, prompt_P, rng, repeats=repeats, level=level)
