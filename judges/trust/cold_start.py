"""A consensus before any human has answered: raters are believed by how consistent they are.

A rater that changes its mind when the order changes is guessing on that pair, so the share of kept
choices stands in for accuracy: a = .95 c^1.5. The log-odds grow with the weighted mean vote and not
with the number of raters, because raters err together; unanimous and consistent gives
σ(2.4) = .917, not .999. Leaves out: everything human answers teach (stack.py).
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from judges.trust.ballots import AB, BA, MISSING, TIE, Ballots, Consensus, consensus_of
from judges.trust.patterns import mean_votes, vote_counts

Floats = NDArray[np.float64]

WITHOUT_SWAPS = 0.8
"""Consistency of a rater nobody has asked in both orders, where the whole panel is like that."""

_CEILING = 0.97
_ORDER_FREE = 100  # so many pairs without one reversal: this rater does not see an order


def swap_consistency(codes_PRO: NDArray[np.int8]) -> Floats:
    """Share of pairs on which each rater keeps its choice when the order changes, shrunk to .7.

    c = (kept + 7) / (asked in both orders + 10), at most .97. Raters without swaps (or that never
    reverse, because they see no order) get the median of the others, or .8.
    """
    ab, ba = codes_PRO[..., AB], codes_PRO[..., BA]
    both = (ab != MISSING) & (ba != MISSING) & ~((ab == TIE) & (ba == TIE))
    asked, kept = both.sum(axis=0), (both & (ab == ba)).sum(axis=0)
    consistency: Floats = np.minimum((kept + 7.0) / (asked + 10.0), _CEILING)
    swapped = (asked > 0) & ~((asked >= _ORDER_FREE) & (kept == asked))
    middle = float(np.median(consistency[swapped])) if swapped.any() else WITHOUT_SWAPS
    return np.where(swapped, consistency, middle)


@dataclass
class ColdStart:
    """Consistency-weighted mean vote. Labels are not used. Learned: consistency_R_, weight_R_."""

    scale: float = 2.4

    consistency_R_: Floats = field(init=False, repr=False)
    weight_R_: Floats = field(init=False, repr=False)

    def fit(
        self,
        ballots: Ballots,
        labels_P: NDArray[np.int8] | None = None,
        weight_P: Floats | None = None,
    ) -> Self:
        """Measure each rater's consistency."""
        self.consistency_R_ = swap_consistency(ballots.codes_PRO)
        accuracy = np.clip(0.95 * self.consistency_R_**1.5, 0.51, 0.97)
        self.weight_R_ = np.log(accuracy / (1 - accuracy))
        return self

    def contributions(self, codes_PRO: NDArray[np.int8]) -> Floats:
        """Log-odds by rater: 2.4 w m / Σ w over the raters that voted on the pair."""
        mean, cast = mean_votes(codes_PRO)
        total = np.maximum(cast @ self.weight_R_, 1e-12)
        parts: Floats = mean * self.weight_R_ * (self.scale / total)[:, None]
        return parts

    def predict(self, ballots: Ballots) -> Consensus:
        """logit = 2.4 Σ w m / Σ w over the raters that voted on the pair."""
        parts = self.contributions(ballots.codes_PRO)
        counts = vote_counts(ballots)
        tie = (counts[:, TIE] + 0.05) / (counts.sum(axis=1) + 1.0)
        return consensus_of(parts.sum(axis=1), tie, parts, ballots.raters)
