"""Majority vote: the baseline everybody knows.

A rater has one vote, shared over its orders. Leaves out: who is good and who is not.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from judges.trust.patterns import mean_votes, vote_counts
from judges.trust.vote_matrix import TIE, A, B, Consensus, VoteMatrix


@dataclass
class Majority:
    """p_k = (votes for k + ⅓·smoothing) / (votes + smoothing); labels are not used."""

    smoothing: float = 1.5

    def fit(
        self,
        vote_matrix: VoteMatrix,
        labels_P: NDArray[np.int8] | None = None,
        weight_P: NDArray[np.float64] | None = None,
    ) -> Self:
        """Nothing is learned."""
        return self

    def predict(self, vote_matrix: VoteMatrix) -> Consensus:
        """Smoothed shares of the votes; a rater contributes in proportion to its mean vote."""
        counts = vote_counts(vote_matrix) + self.smoothing / 3
        p = counts / counts.sum(axis=1, keepdims=True)
        logit = np.log(p[:, A]) - np.log(p[:, B])
        mean, _ = mean_votes(vote_matrix.codes_PRO)
        net = mean.sum(axis=1)
        scale = np.divide(logit, net, out=np.zeros_like(logit), where=np.abs(net) > 1e-12)
        even = np.abs(net) <= 1e-12
        p[even, A] = p[even, B] = (1 - p[even, TIE]) / 2
        logit[even] = 0.0
        return Consensus(p, logit, mean * scale[:, None], vote_matrix.raters)
