"""A consensus before any human has answered: raters are believed by how consistent they are.

A rater that changes its mind when the order changes is guessing on that pair, so the share of kept
choices stands in for accuracy: a = .95 c^1.5. The log-odds grow with the weighted mean vote and not
with the number of raters, because raters err together; unanimous and consistent gives
σ(2.4) = .917, not .999. Leaves out: everything human answers teach (stacking.py).
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from judges.trust.likeness import independence
from judges.trust.patterns import mean_votes, spread, vote_counts
from judges.trust.vote_matrix import AB, BA, MISSING, TIE, Consensus, VoteMatrix, consensus_of

Floats = NDArray[np.float64]

# Why each number here is what it is: docs/design/cold-start.md.
PRIOR_KEPT, PRIOR_ASKED = 7.0, 10.0
"""Pseudo-pairs on which a rater kept its choice, of so many asked in both orders."""

MOST_CONSISTENT = 0.97
"""Consistency nobody is believed to exceed."""

WITHOUT_SWAPS = 0.8
"""Consistency of a rater nobody has asked in both orders, where the whole panel is like that."""

OF_A_COIN = 0.4
"""Consistency at which a rater is believed no more than a coin."""

ACCURACY_TOP, ACCURACY_EXPONENT = 0.95, 1.5
"""Accuracy believed of a consistency c: .95 c^1.5."""

LEAST_ACCURACY, MOST_ACCURACY = 0.51, 0.97
"""Bounds of the believed accuracy, so that nobody weighs nothing and nobody decides alone."""

TIE_VOTES, TIE_OUT_OF = 0.05, 1.0
"""Pseudo-votes for a tie, of so many."""

FAR = 3.0
"""Standard errors below none at which a rater's agreement with the others is contrary."""

ORDER_FREE = 100
"""Pairs without one reversal that show that a rater does not see an order."""


def swap_consistency(codes_PRO: NDArray[np.int8]) -> Floats:
    """Share of pairs on which each rater keeps its choice when the order changes, shrunk to .7.

    c = (kept + 7) / (asked in both orders + 10), at most .97. Raters without swaps (or that never
    reverse, because they see no order) get the median of the others, or .8.
    """
    ab, ba = codes_PRO[..., AB], codes_PRO[..., BA]
    both = (ab != MISSING) & (ba != MISSING) & ~((ab == TIE) & (ba == TIE))
    asked, kept = both.sum(axis=0), (both & (ab == ba)).sum(axis=0)
    consistency: Floats = np.minimum((kept + PRIOR_KEPT) / (asked + PRIOR_ASKED), MOST_CONSISTENT)
    swapped = (asked > 0) & ~((asked >= ORDER_FREE) & (kept == asked))
    middle = float(np.median(consistency[swapped])) if swapped.any() else WITHOUT_SWAPS
    return np.where(swapped, consistency, middle)


def contrary(codes_PRO: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Raters whose votes run against the rest of the panel far beyond chance, the worst first.

    Order tells nothing about a rater that reads the question upside down: it is as consistent as a
    good one. Agreement of its mean votes with the sign of the others' sum, in standard errors,
    below −3; of two raters left neither can be told.
    """
    mean, _ = mean_votes(codes_PRO[spread(len(codes_PRO))])
    kept = np.ones(mean.shape[1], dtype=bool)
    while kept.sum() > 2:
        others = mean[:, kept].sum(axis=1)[:, None] - mean
        with_them = np.where(kept, mean * np.sign(others), 0.0)
        error = np.sqrt((with_them**2).sum(axis=0))
        score = with_them.sum(axis=0) / np.maximum(error, 1e-12)
        worst = int(np.argmin(score))
        if score[worst] >= -FAR:
            break
        kept[worst] = False
    return ~kept


def believed_consistency(codes_PRO: NDArray[np.int8]) -> Floats:
    """Consistency as a token of accuracy: contrary raters get that of a coin."""
    return np.where(contrary(codes_PRO), OF_A_COIN, swap_consistency(codes_PRO))


@dataclass
class ColdStart:
    """Consistency-weighted mean vote. Labels are not used. Learned: consistency_R_, weight_R_."""

    scale: float = 2.4

    consistency_R_: Floats = field(init=False, repr=False)
    weight_R_: Floats = field(init=False, repr=False)

    def fit(
        self,
        vote_matrix: VoteMatrix,
        labels_P: NDArray[np.int8] | None = None,
        weight_P: Floats | None = None,
    ) -> Self:
        """Measure how consistent each rater is, and whether it contradicts or repeats others."""
        self.consistency_R_ = swap_consistency(vote_matrix.codes_PRO)
        accuracy = np.clip(
            ACCURACY_TOP * self.consistency_R_**ACCURACY_EXPONENT, LEAST_ACCURACY, MOST_ACCURACY
        )
        weight_R = np.log(accuracy / (1 - accuracy))
        heard_R = ~contrary(vote_matrix.codes_PRO)
        self.weight_R_ = heard_R * weight_R * independence(vote_matrix)
        return self

    def contributions(self, codes_PRO: NDArray[np.int8]) -> Floats:
        """Log-odds by rater: 2.4 w m / Σ w over the raters that voted on the pair."""
        mean, cast = mean_votes(codes_PRO)
        total = cast @ self.weight_R_
        share = self.scale / np.where(total > 0, total, 1.0)
        parts: Floats = mean * self.weight_R_ * share[:, None]
        return parts

    def predict(self, vote_matrix: VoteMatrix) -> Consensus:
        """logit = 2.4 Σ w m / Σ w over the raters that voted on the pair."""
        parts = self.contributions(vote_matrix.codes_PRO)
        counts = vote_counts(vote_matrix)
        tie = (counts[:, TIE] + TIE_VOTES) / (counts.sum(axis=1) + TIE_OUT_OF)
        return consensus_of(parts.sum(axis=1), tie, parts, vote_matrix.raters)
