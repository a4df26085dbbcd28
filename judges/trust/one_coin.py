"""One coin: each rater is right with one probability, whatever the truth and the order.

P(v | k) = a_r if v = k, else (1 − a_r) / 2, by expectation maximisation on distinct patterns.
Source: the "homogeneous Dawid–Skene" model, e.g. Y. Zhang et al., "Spectral methods meet EM",
JMLR 17 (2016), section 5. Leaves out: order bias and which mistakes a rater makes.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from judges.trust.patterns import distinct, vote_counts
from judges.trust.vote_matrix import MISSING, TIE, A, B, Consensus, VoteMatrix, no_labels

Floats = NDArray[np.float64]


@dataclass
class OneCoin:
    """Accuracy of each rater, with a prior of two right votes in three.

    Learned: accuracy_R_, and tie_, the share of ties in the truth.
    """

    max_iterations: int = 100
    tolerance: float = 1e-5

    accuracy_R_: Floats = field(init=False, repr=False)
    tie_: float = field(init=False, repr=False, default=0.1)

    def fit(
        self,
        vote_matrix: VoteMatrix,
        labels_P: NDArray[np.int8] | None = None,
        weight_P: Floats | None = None,
    ) -> Self:
        """EM from the smoothed majority; labelled pairs keep their human answer."""
        labels = no_labels(vote_matrix) if labels_P is None else labels_P
        weight = np.ones(len(vote_matrix)) if weight_P is None else weight_P
        known = (labels != MISSING) & (weight > 0)
        keyed = np.where(known, labels, MISSING)[:, None, None].astype(np.int8)
        keyed = np.broadcast_to(keyed, (len(vote_matrix), 1, 2))
        rows = distinct(np.concatenate([vote_matrix.codes_PRO, keyed], axis=1))
        codes, key = rows.codes_URO[:, :-1], rows.codes_URO[:, -1, 0]
        size = np.bincount(rows.of_P, np.where(known, weight, 1.0), minlength=len(key))
        q = np.zeros((len(key), 3))
        q[rows.of_P] = vote_counts(vote_matrix) + 1.0 / 3
        q /= q.sum(axis=1, keepdims=True)
        one_hot = np.stack([codes == k for k in (A, B, TIE)], axis=-1).sum(axis=2)
        for _ in range(self.max_iterations):
            q[key != MISSING] = np.eye(3)[key[key != MISSING]]
            mass = q * size[:, None]
            right = np.einsum("urk,uk->r", one_hot, mass)
            cast = np.einsum("urk,u->r", one_hot, size)
            self.accuracy_R_ = (right + 2.0) / (cast + 3.0)
            self.tie_ = float((mass[:, TIE].sum() + 0.5) / (mass.sum() + 2.5))
            before, q = q, self._posterior(codes)[0]
            free = key == MISSING
            if not free.any() or np.abs(q - before)[free].max() < self.tolerance:
                break
        return self

    def predict(self, vote_matrix: VoteMatrix) -> Consensus:
        """Posterior of each pair; one rater's votes move it by log-odds of its accuracy."""
        p, parts = self._posterior(vote_matrix.codes_PRO)
        return Consensus(p, parts.sum(axis=1), parts, vote_matrix.raters)

    def _posterior(self, codes_PRO: NDArray[np.int8]) -> tuple[Floats, Floats]:
        step = np.log(self.accuracy_R_) - np.log((1 - self.accuracy_R_) / 2)
        votes = np.stack([(codes_PRO == k).sum(axis=2) for k in (A, B, TIE)], axis=-1)
        prior = np.log([(1 - self.tie_) / 2, (1 - self.tie_) / 2, self.tie_])
        log_p = (votes * step[:, None]).sum(axis=1) + prior
        p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True), (votes[..., A] - votes[..., B]) * step
