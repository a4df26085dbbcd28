"""Means for dashboards from few human answers: stratified audits and prediction-powered inference.

Estimates with normal intervals, never promises: certificates use uniform audits and exact tests.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from judges.trust.intervals import Estimate, undefined


@dataclass(frozen=True)
class StratifiedDraw:
    """Pairs drawn for an estimate. index: rows drawn. inclusion_P: every row's chance of it."""

    index: NDArray[np.int64]
    inclusion_P: NDArray[np.float64]
    seed: int


def draw_stratified(
    stratum_P: NDArray[np.int64],
    spread_P: NDArray[np.float64],
    audits: int,
    seed: int,
) -> StratifiedDraw:
    """Draw more where answers are expected to vary more (Neyman 1934), at least two a stratum.

    stratum_P: stratum number of each row. spread_P: expected standard deviation of the answer,
    for example sqrt(p (1 - p)) of the consensus.
    """
    rng = np.random.default_rng(seed)
    names, group = np.unique(stratum_P, return_inverse=True)
    sizes = np.bincount(group, minlength=len(names))
    wish = np.asarray(np.bincount(group, weights=spread_P, minlength=len(names)), np.float64)
    quota = _allocate(sizes, wish, audits)
    drawn: list[NDArray[np.int64]] = []
    inclusion = np.zeros(len(stratum_P))
    for number, count in enumerate(quota):
        rows = np.flatnonzero(group == number)
        drawn.append(rng.choice(rows, size=count, replace=False))
        inclusion[rows] = count / len(rows)
    index = rng.permutation(np.concatenate(drawn)) if drawn else np.zeros(0, np.int64)
    return StratifiedDraw(index, inclusion, seed)


def _allocate(
    sizes: NDArray[np.int64], wish: NDArray[np.float64], audits: int
) -> NDArray[np.int64]:
    """Audits per stratum, in proportion to the wish, two at least and all of it at most."""
    least = np.minimum(sizes, 2)
    quota = least.copy()
    left = max(audits - int(least.sum()), 0)
    share = wish / wish.sum() if wish.sum() > 0 else sizes / max(sizes.sum(), 1)
    while left > 0 and (quota < sizes).any():
        room = quota < sizes
        part = np.where(room, share + 1e-12, 0.0)
        ideal = left * part / part.sum()
        add = np.minimum(np.floor(ideal).astype(np.int64), sizes - quota)
        if not add.any():
            add[int(np.argmax(np.where(room, ideal, -1.0)))] = 1
        quota += add
        left -= int(add.sum())
    return quota


def stratified_mean(
    values_I: NDArray[np.float64],
    stratum_I: NDArray[np.int64],
    stratum_P: NDArray[np.int64],
    *,
    level: float = 0.95,
) -> Estimate:
    """Mean over all rows from the drawn ones (`values_I` with their strata), finite population.

    Sum over strata of N_h / N times the mean there; variance with (1 - n_h / N_h) s_h^2 / n_h.
    """
    total, mean, variance = len(stratum_P), 0.0, 0.0
    for name in np.unique(stratum_P):
        size = int((stratum_P == name).sum())
        mine = values_I[stratum_I == name]
        if not len(mine):
            return undefined(f"stratum {int(name)} has no answer", len(values_I))
        weight = size / total
        mean += weight * float(mine.mean())
        if len(mine) > 1:
            variance += weight**2 * (1 - len(mine) / size) * float(mine.var(ddof=1)) / len(mine)
        elif size > 1:
            return undefined(f"stratum {int(name)} has a single answer", len(values_I))
    return _normal(mean, variance, len(values_I), level)


def prediction_powered_mean(
    answers_I: NDArray[np.float64],
    predicted_I: NDArray[np.float64],
    predicted_P: NDArray[np.float64],
    *,
    level: float = 0.95,
) -> Estimate:
    """Mean of what humans would say about all rows, with the panel's predictions doing the work.

    answers_I, predicted_I: uniformly drawn rows. predicted_P: the panel on all other rows. The
    predictions enter with the weight that makes the variance smallest, so a useless panel does no
    harm (PPI++: Angelopoulos, Duchi, Zrnic 2023; the mean of equation 3 with power tuning).
    """
    n, many = len(answers_I), len(predicted_P)
    if n < 2 or many < 2:
        return undefined("fewer than two answers or predictions", n)
    everything = np.concatenate([predicted_I, predicted_P])
    spread = float(everything.var(ddof=1))
    shared = float(np.cov(answers_I, predicted_I)[0, 1])
    tuned = 0.0 if spread == 0 else min(max(shared / ((1 + n / many) * spread), 0.0), 1.0)
    mean = tuned * float(predicted_P.mean()) + float((answers_I - tuned * predicted_I).mean())
    variance = (
        tuned**2 * float(predicted_P.var(ddof=1)) / many
        + float((answers_I - tuned * predicted_I).var(ddof=1)) / n
    )
    return _normal(mean, variance, n, level)


def _normal(mean: float, variance: float, n: int, level: float) -> Estimate:
    half = float(norm.ppf(0.5 + level / 2)) * sqrt(max(variance, 0.0))
    return Estimate(mean, mean - half, mean + half, n, level=level)
