"""What each rater's votes on a pair are worth, from human answers: exact leave-one-out ratios.

Z = log[(n(u) + κθ(u)) / (n(φu) + κθ(φu))], n counting the answered pairs without the row's own;
θ from confusions.py is worth κ pairs. Leaves out: that raters overlap (stacking.py weighs them).
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from judges.trust.confusions import PHI
from judges.trust.vote_matrix import A, B

Floats = NDArray[np.float64]


@dataclass
class Ratios:
    """Log likelihood ratios of joint codes. Learned: counts_RJ_ of the answered pairs."""

    kappa: float = 25.0
    clip: float = 4.0

    theta_RJ_: Floats = field(init=False, repr=False)
    counts_RJ_: Floats = field(init=False, repr=False)

    def fit(
        self,
        theta_RJ: Floats,
        codes_LR: NDArray[np.int8],
        labels_L: NDArray[np.int8],
        weight_L: Floats,
    ) -> Self:
        """Count the codes of the L pairs answered A or B, those of B renamed."""
        self.theta_RJ_ = theta_RJ
        self.counts_RJ_ = np.zeros_like(theta_RJ)
        for rater in range(len(theta_RJ)):
            seen = np.where(labels_L == A, codes_LR[:, rater], PHI[codes_LR[:, rater]])
            decided = np.where((labels_L == A) | (labels_L == B), weight_L, 0.0)
            self.counts_RJ_[rater] = np.bincount(seen, decided, minlength=16)
        return self

    def __call__(self, codes_PR: NDArray[np.int8]) -> Floats:
        """Z of pairs that were not answered."""
        mass = self.counts_RJ_ + self.kappa * self.theta_RJ_
        table = np.clip(np.log(mass) - np.log(mass[:, PHI]), -self.clip, self.clip)
        table[:, 0] = 0.0
        ratios: Floats = table[np.arange(codes_PR.shape[1]), codes_PR]
        return ratios

    def leaving_out(
        self, codes_LR: NDArray[np.int8], labels_L: NDArray[np.int8], weight_L: Floats
    ) -> Floats:
        """Z of answered pairs, each with its own answer taken out of the counts."""
        rater = np.arange(codes_LR.shape[1])
        mass = self.counts_RJ_ + self.kappa * self.theta_RJ_
        for_a, for_b = mass[rater, codes_LR], mass[rater, PHI[codes_LR]]
        own_a = np.where(labels_L == A, weight_L, 0.0)[:, None]
        own_b = np.where(labels_L == B, weight_L, 0.0)[:, None]
        ratios = np.log(np.maximum(for_a - own_a, 1e-9)) - np.log(np.maximum(for_b - own_b, 1e-9))
        ratios[codes_LR == PHI[codes_LR]] = 0.0  # its own image: it says nothing either way
        clipped: Floats = np.clip(ratios, -self.clip, self.clip)
        return clipped
