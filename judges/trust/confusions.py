"""How each rater votes over both orders together, learned without labels.

θ_r(u) = P(u | A) over joint codes u = (vote in ab, vote in ba); P(u | B) = θ_r(φu), where φ renames
A and B. A rater that takes the first place twice says nothing, because u = φu there. EM whose
likelihood is raised to τ < 1: raters are correlated, and plain EM on correlated votes talks itself
into one rater's mistakes. Leaves out: human answers (ratios.py).
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from judges.trust.cold_start import OF_A_COIN, believed_consistency
from judges.trust.patterns import distinct, joint_codes, mirrored_joint
from judges.trust.vote_matrix import Consensus, VoteMatrix, consensus_of

Floats = NDArray[np.float64]
PHI = mirrored_joint()
_CODES = np.arange(16)
SHAPES = tuple(
    np.flatnonzero(((_CODES // 4 > 0) == ab) & ((_CODES % 4 > 0) == ba))
    for ab, ba in ((True, True), (True, False), (False, True), (False, False))
)
"""Joint codes by which of the two votes are there; θ sums to 1 within each."""

# Why each number here is what it is: docs/design/label-model-constants.md.
PRIOR_GAIN, PRIOR_FLOOR = 0.45, 0.02
"""Accuracy believed beyond a coin's: of a rater that never reverses, and at least this share."""

PRIOR_TIES = 0.06
"""Share of ties believed of every rater."""


def prior_confusions(consistency_R: Floats, ties: float | None = None) -> Floats:
    """θ0 [raters, 16] from swap consistency: accuracy .5 + .45 clip((c − .4) / .6, .02, 1)."""
    ties = PRIOR_TIES if ties is None else ties
    sure = np.clip((consistency_R - OF_A_COIN) / (1 - OF_A_COIN), PRIOR_FLOOR, 1.0)
    accuracy = 0.5 + PRIOR_GAIN * sure
    kept = np.clip(consistency_R, 0.05, 0.99)
    one = np.stack([(1 - ties) * accuracy, (1 - ties) * (1 - accuracy), np.full_like(kept, ties)])
    theta = np.zeros((len(kept), 16))
    theta[:, 0] = 1.0
    for vote in range(3):
        theta[:, 4 * (vote + 1)] = theta[:, vote + 1] = one[vote]
    right = np.clip((accuracy - (1 - kept) / 2) / kept, 0.5, 0.99)  # right given kept
    firm = 1 - ties
    theta[:, 5] = firm * kept * right
    theta[:, 10] = firm * kept * (1 - right)
    theta[:, 6] = theta[:, 9] = firm * (1 - kept) / 2
    theta[:, 15] = ties / 2
    theta[:, 7] = theta[:, 13] = ties / 4 * accuracy
    theta[:, 11] = theta[:, 14] = ties / 4 * (1 - accuracy)
    return normalised(theta)


def normalised(theta_RJ: Floats) -> Floats:
    """Scale θ to sum to 1 within each pattern of missing votes."""
    result = np.maximum(theta_RJ, 1e-9)
    for shape in SHAPES:
        result[:, shape] /= result[:, shape].sum(axis=1, keepdims=True)
    return result


@dataclass
class Confusions:
    """Joint-order confusions of all raters, by tempered EM on distinct patterns.

    temper: exponent τ of the likelihood; anchor: pseudo-pairs of θ0 per pair. Learned: theta_RJ_.
    """

    temper: float = 0.45
    anchor: float = 3.0
    max_iterations: int = 60
    tolerance: float = 1e-4

    theta_RJ_: Floats = field(init=False, repr=False)
    iterations_: int = field(init=False, default=0, repr=False)

    def fit(
        self,
        vote_matrix: VoteMatrix,
        labels_P: NDArray[np.int8] | None = None,
        weight_P: Floats | None = None,
    ) -> Self:
        """EM from θ0; labels are not used here, so that no pair can judge itself by way of θ."""
        rows = distinct(vote_matrix.codes_PRO)
        codes, size = joint_codes(rows.codes_URO), rows.size_U.astype(np.float64)
        raters = codes.shape[1]
        start = prior_confusions(believed_consistency(vote_matrix.codes_PRO))
        anchor = self.anchor * len(vote_matrix) * start
        self.theta_RJ_, win_probability = start, np.full(len(size), 0.5)
        for iteration in range(1, self.max_iterations + 1):
            self.iterations_ = iteration
            before = win_probability
            win_probability = expit(self.temper * self._ratios(codes).sum(axis=1))
            if len(win_probability) == 0 or np.abs(win_probability - before).max() < self.tolerance:
                break
            counts = np.empty((raters, 16))
            for rater in range(raters):
                as_a = np.bincount(codes[:, rater], win_probability * size, minlength=16)
                as_b = np.bincount(codes[:, rater], (1 - win_probability) * size, minlength=16)
                counts[rater] = as_a + as_b[PHI]
            self.theta_RJ_ = normalised(counts + anchor)
        return self

    def predict(self, vote_matrix: VoteMatrix) -> Consensus:
        """Tempered posterior; ties are left to the tie model."""
        parts = self.temper * self._ratios(joint_codes(vote_matrix.codes_PRO))
        return consensus_of(parts.sum(axis=1), 0.0, parts, vote_matrix.raters)

    def _ratios(self, codes_PR: NDArray[np.int8]) -> Floats:
        table = np.log(self.theta_RJ_) - np.log(self.theta_RJ_[:, PHI])
        ratios: Floats = table[np.arange(codes_PR.shape[1]), codes_PR]
        return ratios
