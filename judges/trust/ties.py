"""How likely it is that the two responses are equally good, from even features.

P(tie) = σ(w · e): even features stay when A and B are exchanged. Ridge regression around weights
that hold before any human has answered. Leaves out: who is better (stacking.py).
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from judges.trust.patterns import mean_votes
from judges.trust.vote_matrix import AB, BA, MISSING, TIE, VoteMatrix

Floats = NDArray[np.float64]

# In the order of even_features: base, tie votes, flips, margin, log-odds, length gap, same texts.
# Why each number here is what it is: docs/design/label-model-constants.md.
_PRIOR = np.array([-2.2, 2.0, 0.5, -0.7, -0.2, 0.0, 1.0])
_SPREAD = np.array([1.5, 1.5, 1.0, 1.0, 0.7, 0.3, 1.5])


def even_features(vote_matrix: VoteMatrix, logit_P: Floats) -> Floats:
    """Features [pairs, 7]: 1, share of tie votes and of flips, margin of the votes, size of the
    log-odds, length gap, identical texts. logit_P: the log-odds of the model that A wins.
    """
    codes = vote_matrix.codes_PRO
    cast = codes != MISSING
    tie_share = ((codes == TIE) & cast).sum(axis=(1, 2)) / np.maximum(cast.sum(axis=(1, 2)), 1)
    both = cast.all(axis=2)
    flips = (both & (codes[..., AB] != codes[..., BA])).sum(axis=1) / np.maximum(
        both.sum(axis=1), 1
    )
    mean, voted = mean_votes(codes)
    margin = np.abs(mean.sum(axis=1)) / np.maximum(voted.sum(axis=1), 1)
    length = np.zeros(len(vote_matrix))
    if "length" in vote_matrix.feature_names:
        length = np.abs(vote_matrix.features_PF[:, vote_matrix.feature_names.index("length")])
    same = np.zeros(len(vote_matrix))
    if vote_matrix.even_PF is not None and "identical texts" in vote_matrix.even_names:
        same = vote_matrix.even_PF[:, vote_matrix.even_names.index("identical texts")].astype(
            np.float64
        )
    one = np.ones(len(vote_matrix))
    return np.stack([one, tie_share, flips, margin, np.abs(logit_P), length, same], axis=1)


@dataclass
class TieModel:
    """Learned: weight_E_ by feature in the order of `even_features`."""

    weight_E_: Floats = field(init=False, repr=False)

    def fit(self, even_LE: Floats, is_tie_L: Floats, weight_L: Floats) -> Self:
        """Even features of the answered pairs; without any, the prior weights stay."""

        def loss(w: Floats) -> tuple[float, Floats]:
            z = even_LE @ w
            p = 0.5 * (1 + np.tanh(z / 2))
            gap = (w - _PRIOR) / _SPREAD**2
            value = float((weight_L * (np.logaddexp(0, z) - is_tie_L * z)).sum())
            value += float(((w - _PRIOR) ** 2 / _SPREAD**2).sum()) / 2
            return value, even_LE.T @ (weight_L * (p - is_tie_L)) + gap

        self.weight_E_ = _PRIOR.copy()
        if len(is_tie_L):
            self.weight_E_ = minimize(loss, _PRIOR, jac=True, method="L-BFGS-B").x
        return self

    def predict(self, even_PE: Floats) -> Floats:
        """Probability of a tie for each pair."""
        result: Floats = 0.5 * (1 + np.tanh(even_PE @ self.weight_E_ / 2))
        return result
