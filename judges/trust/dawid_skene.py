"""Dawid–Skene with ties and the bias of the first place, by expectation maximisation.

Each rater has a 3×3 confusion matrix for the order ab; the order ba is its mirror image,
P(v | k, ba) = P(φv | φk, ab), so that a rater who likes the first response it sees is modelled
exactly, and renaming A and B mirrors every answer. Runs on distinct patterns, not on pairs.
Source: A. P. Dawid, A. M. Skene, "Maximum likelihood estimation of observer error-rates using the
EM algorithm", Applied Statistics 28 (1979), equations 2.3 to 2.5. Leaves out: that raters err
together; untempered, the posterior of correlated raters is far too sure (see confusions.py).
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from judges.trust.patterns import Patterns, distinct, vote_counts
from judges.trust.vote_matrix import (
    AB,
    BA,
    MISSING,
    TIE,
    A,
    B,
    Consensus,
    VoteMatrix,
    no_labels,
)

Floats = NDArray[np.float64]
_SWAP = np.array([B, A, TIE])


@dataclass
class DawidSkene:
    """Confusion matrices of all raters, from votes and any human answers.

    smoothing: pseudo-count of each cell; diagonal: extra pseudo-count of a correct vote.
    Learned: theta_RKV_ = P(vote v | truth k) in the order ab; prior_K_; iterations_.
    """

    smoothing: float = 0.1
    diagonal: float = 0.2
    max_iterations: int = 200
    tolerance: float = 1e-5

    prior_K_: Floats = field(init=False, repr=False)
    counts_RKV_: Floats = field(init=False, repr=False)
    iterations_: int = field(init=False, default=0, repr=False)

    def fit(
        self,
        vote_matrix: VoteMatrix,
        labels_P: NDArray[np.int8] | None = None,
        weight_P: Floats | None = None,
    ) -> Self:
        """EM from the smoothed majority; labelled pairs keep their human answer throughout."""
        labels = no_labels(vote_matrix) if labels_P is None else labels_P
        weight = np.ones(len(vote_matrix)) if weight_P is None else weight_P
        known = (labels != MISSING) & (weight > 0)
        rows = distinct(vote_matrix.codes_PRO[~known])
        fixed = self._count(
            vote_matrix.codes_PRO[known], weight[known, None] * np.eye(3)[labels[known]]
        )
        fixed_K = (weight[known, None] * np.eye(3)[labels[known]]).sum(axis=0)
        start = vote_counts(vote_matrix)[~known] + 1.0 / 3
        q_UK = np.zeros((len(rows.size_U), 3))
        q_UK[rows.of_P] = start / start.sum(axis=1, keepdims=True)
        for iteration in range(1, self.max_iterations + 1):
            self.iterations_ = iteration
            self._maximise(rows, q_UK, fixed, fixed_K)
            before, q_UK = q_UK, _softmax(self._log_joint(rows.codes_URO))
            if len(q_UK) == 0 or np.abs(q_UK - before).max() < self.tolerance:
                break
        self._maximise(rows, q_UK, fixed, fixed_K)
        self._fitted, self._labels, self._weight = vote_matrix, labels, np.where(known, weight, 0.0)
        return self

    @property
    def theta_RKV_(self) -> Floats:
        """P(vote v | truth k) of each rater in the order ab."""
        theta: Floats = self.counts_RKV_ / self.counts_RKV_.sum(axis=2, keepdims=True)
        return theta

    def predict(self, vote_matrix: VoteMatrix) -> Consensus:
        """Posterior of each pair; a labelled pair of the fit is judged without its own label."""
        table = self._log_votes(vote_matrix.codes_PRO)
        if vote_matrix.same_pairs(self._fitted):
            self._leave_out_own(table, vote_matrix)
        log_prior = np.log(self.prior_K_)
        p = _softmax(table.sum(axis=1) + log_prior)
        parts = table[..., A] - table[..., B]
        return Consensus(p, parts.sum(axis=1), parts, vote_matrix.raters)

    def log_odds(self, codes_PRO: NDArray[np.int8]) -> Floats:
        """log P(votes | A) − log P(votes | B) of each pair; no label of the fit is left out."""
        ab, ba = (table[..., A] - table[..., B] for table in self._slot_tables())
        result: Floats = _both_orders(ab, ba, codes_PRO).sum(axis=1)
        return result

    def _maximise(self, rows: Patterns, q_UK: Floats, fixed: Floats, fixed_K: Floats) -> None:
        mass = q_UK * rows.size_U[:, None]
        prior = self.smoothing + self.diagonal * np.eye(3)
        self.counts_RKV_ = self._count(rows.codes_URO, mass) + fixed + prior
        total = mass.sum(axis=0) + fixed_K + np.array([1.0, 1.0, 0.5])
        share = (total + total[_SWAP]) / 2  # A and B are names: equal before the votes
        self.prior_K_ = share / share.sum()

    def _count(self, codes_URO: NDArray[np.int8], mass_UK: Floats) -> Floats:
        """Weighted votes [raters, truth, vote] in the order ab, the order ba mirrored onto it."""
        counts = np.zeros((codes_URO.shape[1], 3, 3))
        for rater in range(codes_URO.shape[1]):
            for truth in range(3):
                ab = np.bincount(codes_URO[:, rater, AB] + 1, mass_UK[:, truth], minlength=4)[1:]
                ba = np.bincount(codes_URO[:, rater, BA] + 1, mass_UK[:, truth], minlength=4)[1:]
                counts[rater, truth] += ab
                counts[rater, _SWAP[truth]] += ba[_SWAP]
        return counts

    def _slot_tables(self) -> tuple[Floats, Floats]:
        """log P(vote | truth) [rater, vote + 1, truth] for the orders ab and ba; missing is 0."""
        log_theta = np.log(self.theta_RKV_).transpose(0, 2, 1)
        ab = np.concatenate([np.zeros_like(log_theta[:, :1]), log_theta], axis=1)
        ba = ab.copy()
        ba[:, 1:] = log_theta[:, _SWAP][:, :, _SWAP]
        return ab, ba

    def _log_votes(self, codes_PRO: NDArray[np.int8]) -> Floats:
        return _both_orders(*self._slot_tables(), codes_PRO)

    def _log_joint(self, codes_URO: NDArray[np.int8]) -> Floats:
        ab, ba = self._slot_tables()
        total = np.tile(np.log(self.prior_K_), (len(codes_URO), 1))
        for rater in range(codes_URO.shape[1]):
            total += ab[rater, codes_URO[:, rater, AB] + 1]
            total += ba[rater, codes_URO[:, rater, BA] + 1]
        return total

    def _leave_out_own(self, table_PRK: Floats, vote_matrix: VoteMatrix) -> None:
        """Take each labelled pair's own votes out of the counts it is judged by."""
        for pair in np.flatnonzero(self._weight):
            codes, truth = vote_matrix.codes_PRO[pair], self._labels[pair]
            one_hot = self._weight[pair] * np.eye(3)[[truth]]
            own = self._count(codes[None], one_hot)
            counts = np.maximum(self.counts_RKV_ - own, 1e-6)
            log_theta = np.log(counts / counts.sum(axis=2, keepdims=True))
            for rater in range(len(codes)):
                row = np.zeros(3)
                if codes[rater, AB] != MISSING:
                    row += log_theta[rater, :, codes[rater, AB]]
                if codes[rater, BA] != MISSING:
                    row += log_theta[rater, _SWAP, _SWAP[codes[rater, BA]]]
                table_PRK[pair, rater] = row


def _both_orders(ab: Floats, ba: Floats, codes_PRO: NDArray[np.int8]) -> Floats:
    """What the tables [rater, vote + 1, ...] of the two orders say of each vote, added up."""
    rater = np.arange(codes_PRO.shape[1])
    both: Floats = ab[rater, codes_PRO[..., AB] + 1] + ba[rater, codes_PRO[..., BA] + 1]
    return both


def _softmax(log_PK: Floats) -> Floats:
    shifted = np.exp(log_PK - log_PK.max(axis=1, keepdims=True, initial=-np.inf))
    result: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return result
