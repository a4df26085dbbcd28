"""How a new version of a judge differs from the one before, on pairs that both have answered.

Codes [pairs, 2] in stored order, MISSING where there is no usable vote. Leaves out which pairs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from judges.trust.intervals import Estimate, mean_by_prompt, paired_difference
from judges.trust.vote_matrix import AB, BA, MISSING, TIE, A, B

Codes = NDArray[np.int8]
Floats = NDArray[np.float64]

WORSE_BY = 0.1
"""Agreement with humans that a version may lose, as a share: why, docs/design/voters.md."""

LIKE_BEFORE = 0.75
"""Share of questions answered as before that is enough where humans have said too little."""

LEAST_HUMAN = 20
"""Pairs with a decided human answer from which agreement with humans is what counts."""


@dataclass(frozen=True)
class Bridged:
    """Shares with 95% intervals by prompt. alike: questions both versions answer the same. before,
    now: agreement with humans on pairs whose human answer is a or b (a tie is half right), and
    change, now minus before on the same pairs. turned_before, turned_now: pairs on which the two
    orders contradict each other. pairs: those both versions answered.
    """

    pairs: int
    alike: Estimate
    before: Estimate
    now: Estimate
    change: Estimate
    turned_before: Estimate
    turned_now: Estimate

    @property
    def not_worse(self) -> bool:
        """Whether it can have lost no more than WORSE_BY against humans; where these have said too
        little, whether it answers as before."""
        if self.change.low is not None and self.change.n >= LEAST_HUMAN:
            return self.change.low >= -WORSE_BY
        return self.alike.low is not None and self.alike.low >= LIKE_BEFORE


def bridged(
    before_PO: Codes, now_PO: Codes, human_P: Codes, prompt_P: NDArray[np.int64], seed: int = 0
) -> Bridged:
    """Compare two versions; only pairs on which both have a usable vote count."""
    both = (before_PO != MISSING).any(axis=1) & (now_PO != MISSING).any(axis=1)
    before, now = before_PO[both], now_PO[both]
    human, prompt = human_P[both], prompt_P[both]
    known = (before != MISSING) & (now != MISSING)
    alike = _mean(np.where(known, (before == now).astype(float), np.nan))
    rng = np.random.default_rng(seed)
    hit_before, hit_now = _right(before, human), _right(now, human)
    return Bridged(
        int(both.sum()),
        mean_by_prompt(alike, prompt, rng),
        mean_by_prompt(hit_before, prompt, rng),
        mean_by_prompt(hit_now, prompt, rng),
        paired_difference(hit_now, hit_before, prompt, rng),
        mean_by_prompt(_turned(before), prompt, rng),
        mean_by_prompt(_turned(now), prompt, rng),
    )


def _right(codes_PO: Codes, human_P: Codes) -> Floats:
    """Mean over the orders of 1 on the human's side, one half at a tie; NaN without a side."""
    hit = np.where(codes_PO == TIE, 0.5, (codes_PO == human_P[:, None]).astype(float))
    hit = np.where(codes_PO == MISSING, np.nan, hit)
    decided = (human_P == A) | (human_P == B)
    return np.where(decided, _mean(hit), np.nan)


def _turned(codes_PO: Codes) -> Floats:
    """1 where one order says a and the other b; NaN where it was not asked in both."""
    known = (codes_PO != MISSING).all(axis=1)
    sides = np.isin(codes_PO, (A, B)).all(axis=1) & (codes_PO[:, AB] != codes_PO[:, BA])
    return np.where(known, sides.astype(float), np.nan)


def _mean(values_PO: Floats) -> Floats:
    """Mean of what is known of each row; NaN where nothing is."""
    known = np.isfinite(values_PO)
    count = known.sum(axis=1)
    total = np.where(known, values_PO, 0.0).sum(axis=1)
    mean: Floats = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return mean
