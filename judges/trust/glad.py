"""GLAD: a rater's ability times a pair's ease decides how often a vote is right.

P(v = k) = σ(α_r β_p), wrong choices share the rest; α ~ N(1, 1), log β ~ N(0, 1).
Source: J. Whitehill et al., "Whose vote should count more", NIPS 2009, equations 1 to 6. Pairs with
equal votes have equal posteriors, so ease belongs to a pattern. Leaves out: order bias.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from judges.trust.patterns import distinct, vote_counts
from judges.trust.vote_matrix import MISSING, TIE, A, B, Consensus, VoteMatrix, no_labels

Floats = NDArray[np.float64]


@dataclass
class Glad:
    """Abilities and, per voting pattern, ease. Learned: ability_R_, tie_."""

    iterations: int = 25

    ability_R_: Floats = field(init=False, repr=False)
    tie_: float = field(init=False, repr=False, default=0.1)

    def fit(
        self,
        vote_matrix: VoteMatrix,
        labels_P: NDArray[np.int8] | None = None,
        weight_P: Floats | None = None,
    ) -> Self:
        """Generalised EM; labelled pairs keep their human answer."""
        labels = no_labels(vote_matrix) if labels_P is None else labels_P
        weight = np.ones(len(vote_matrix)) if weight_P is None else weight_P
        known = (labels != MISSING) & (weight > 0)
        key = np.where(known, labels, MISSING).astype(np.int8)
        keyed = np.broadcast_to(key[:, None, None], (len(vote_matrix), 1, 2))
        rows = distinct(np.concatenate([vote_matrix.codes_PRO, keyed], axis=1))
        votes, key = _tally(rows.codes_URO[:, :-1]), rows.codes_URO[:, -1, 0]
        size = np.bincount(rows.of_P, np.where(known, weight, 1.0), len(key)).astype(np.float64)
        q = np.zeros((len(key), 3))
        q[rows.of_P] = vote_counts(vote_matrix) + 1.0 / 3
        q /= q.sum(axis=1, keepdims=True)
        self.ability_R_, ease = np.ones(votes.shape[1]), np.zeros(len(key))
        for _ in range(self.iterations):
            q[key != MISSING] = np.eye(3)[key[key != MISSING]]
            self.tie_ = float(((q[:, TIE] * size).sum() + 0.5) / (size.sum() + 2.5))
            ease = self._maximise(votes, q, size, ease)
            q = self._posterior(votes, ease)[0]
        return self

    def predict(self, vote_matrix: VoteMatrix) -> Consensus:
        """Posterior with the ease that suits each pattern best under the learned abilities."""
        rows = distinct(vote_matrix.codes_PRO)
        votes = _tally(rows.codes_URO)
        ease = np.zeros(len(votes))
        for _ in range(5):
            q = self._posterior(votes, ease)[0]
            ease = self._ease(votes, q, ease)
        p, parts = self._posterior(votes, ease)
        return Consensus(
            p[rows.of_P], parts.sum(axis=1)[rows.of_P], parts[rows.of_P], vote_matrix.raters
        )

    def _maximise(self, votes: Floats, q: Floats, size: Floats, ease: Floats) -> Floats:
        ease = self._ease(votes, q, ease)
        beta = np.exp(ease)
        right = np.einsum("urk,uk->ur", votes, q)
        wrong = votes.sum(axis=2) - right

        def loss(ability: Floats) -> tuple[float, Floats]:
            z = beta[:, None] * ability
            slope = beta[:, None] * (right * _sigmoid(-z) - wrong * _sigmoid(z))
            fit = -(right * np.logaddexp(0, -z) + wrong * np.logaddexp(0, z))
            value = float((size @ fit).sum() - ((ability - 1) ** 2).sum() / 2)
            return -value, -(size @ slope - (ability - 1))

        found = minimize(loss, self.ability_R_, jac=True, method="L-BFGS-B")
        self.ability_R_ = found.x
        return ease

    def _ease(self, votes: Floats, q: Floats, ease: Floats) -> Floats:
        """Two damped Newton steps on log β of each pattern (its prior is N(0, 1))."""
        right = np.einsum("urk,uk->ur", votes, q)
        cast = votes.sum(axis=2)
        for _ in range(2):
            z = np.exp(ease)[:, None] * self.ability_R_
            p = _sigmoid(z)
            slope = (z * (right - cast * p)).sum(axis=1) - ease
            bend = 1.0 + (z**2 * cast * p * (1 - p)).sum(axis=1)
            ease = np.clip(ease + np.clip(slope / bend, -0.5, 0.5), -3.0, 3.0)
        return ease

    def _posterior(self, votes: Floats, ease: Floats) -> tuple[Floats, Floats]:
        z = np.exp(ease)[:, None] * self.ability_R_
        step = z + np.log(2.0)  # log of σ(z) over (1 − σ(z)) / 2
        prior = np.log([(1 - self.tie_) / 2, (1 - self.tie_) / 2, self.tie_])
        log_p = (votes * step[:, :, None]).sum(axis=1) + prior
        p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True), (votes[..., A] - votes[..., B]) * step


def _tally(codes_PRO: NDArray[np.int8]) -> Floats:
    return np.stack([(codes_PRO == k).sum(axis=2) for k in (A, B, TIE)], axis=-1).astype(float)


def _sigmoid(z: Floats) -> Floats:
    result: Floats = 0.5 * (1.0 + np.tanh(z / 2))
    return result
