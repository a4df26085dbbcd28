"""Drift by the week, for a picture: how unlike the weeks before one week's votes were.

The statistic is the G of `judges.trust.drift` over the same cells. Its limit comes from dealing
the prompts to the week and to the time before it at random, so that several pairs of a prompt do
not count as news several times. Leaves out alarms, which watch every vote and pay for each look.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from judges.trust.changes import two_sample_g
from judges.trust.drift import CELLS
from judges.trust.vote_matrix import MISSING

LEAST_PAIRS = 50
_NEWEST = 1_000


@dataclass(frozen=True)
class WeekDrift:
    """One week against the weeks before. pairs: of the week. excess: G over its limit.

    Above 1 a week is less like those before than 99 of 100 would be if nothing had changed.
    """

    week: int
    pairs: int
    statistic: float
    limit: float

    @property
    def excess(self) -> float:
        """statistic / limit."""
        return self.statistic / self.limit if self.limit > 0 else 0.0


def weekly_drift(
    cells_P: NDArray[np.int8],
    week_P: NDArray[np.int64],
    prompt_P: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    level: float = 0.99,
    deals: int = 100,
) -> list[WeekDrift]:
    """Every week with enough pairs of its own and before it, the earliest first.

    cells_P: see `drift_cells`, MISSING where the judge did not vote. week_P: any number that grows
    with time. Before means the newest 1,000 pairs of earlier weeks.
    """
    seen = cells_P != MISSING
    cells, week, prompt = cells_P[seen], week_P[seen], prompt_P[seen]
    found = []
    for now in np.unique(week):
        inside = np.flatnonzero(week == now)
        before = np.flatnonzero(week < now)
        before = before[np.argsort(week[before], kind="stable")][-_NEWEST:]
        if min(len(inside), len(before)) < LEAST_PAIRS:
            continue
        rows = np.concatenate([before, inside])
        late = np.arange(len(rows)) >= len(before)
        statistic, limit = _against(cells[rows], late, prompt[rows], rng, level, deals)
        found.append(WeekDrift(int(now), len(inside), statistic, limit))
    return found


def _against(
    cells_N: NDArray[np.int8],
    late_N: NDArray[np.bool_],
    prompt_N: NDArray[np.int64],
    rng: np.random.Generator,
    level: float,
    deals: int,
) -> tuple[float, float]:
    """G of the late pairs against the others, and its quantile when prompts are dealt anew."""
    group_N = np.unique(np.stack([prompt_N, late_N]), axis=1, return_inverse=True)[1].reshape(-1)
    counts_GC = np.zeros((int(group_N.max()) + 1, CELLS))
    np.add.at(counts_GC, (group_N, cells_N), 1.0)
    late_G = np.zeros(len(counts_GC))
    late_G[group_N] = late_N
    dealt_DG = np.tile(late_G, (deals + 1, 1))
    dealt_DG[1:] = rng.permuted(dealt_DG[1:], axis=1)
    late_DC = dealt_DG @ counts_GC
    g_D = two_sample_g(late_DC, counts_GC.sum(axis=0) - late_DC)
    return float(g_D[0]), float(np.quantile(g_D[1:], level))
