"""How far each group of weights may stray from its prior mean: the scales the evidence prefers.

Around one mode the likelihood is a parabola (laplace.py), so the evidence of every other scale is
known in closed form: a group's precision changes the covariance by a matrix of the group's size
alone (Woodbury's identity), and no option needs a fit of its own. Leaves out: the hyper-priors'
values and the grids (stacking.py).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from judges.trust.laplace import Likelihood

Floats = NDArray[np.float64]


@dataclass
class Posterior:
    """The weights under a likelihood and a prior N(mean, 1 / precision).

    `choose_scale` changes precision_C, and covariance_CC and mode_C with it.
    """

    likelihood: Likelihood
    mean_C: Floats
    precision_C: Floats

    def __post_init__(self) -> None:
        bend = self.likelihood.curvature_CC + np.diag(self.precision_C)
        self.covariance_CC: Floats = np.asarray(np.linalg.inv(bend), dtype=np.float64)
        self.mode_C: Floats = self._pulled()

    def _pulled(self) -> Floats:
        """The mode that likelihood and prior pull to."""
        mode: Floats = self.covariance_CC @ (
            self.likelihood.pull_C + self.precision_C * self.mean_C
        )
        return mode

    def choose_scale(self, member: NDArray[np.int64], scales: Floats, log_prior: Floats) -> int:
        """Give a group's columns the best of `scales`; which one it was.

        member: the group's columns, of one scale until now; log_prior: of each option. The gain in
        log-evidence is r'Σr/2 + Σ log(precision)/2 − log det(Σ⁻¹)/2 − m'Pm/2, r the pull.
        """
        before, after = self.precision_C[member[0]], 1 / scales**2
        step = after - before
        mean, across = self.mean_C[member], self.covariance_CC[:, member]
        values, vectors = np.linalg.eigh(across[member])
        shift = across @ mean
        mode = vectors.T @ self.mode_C[member]
        turn = vectors.T @ shift[member]
        stretch = 1 + step[:, None] * values
        gain = step * (mean @ self.mode_C[member]) + step**2 * (mean @ shift[member]) / 2
        lost = (step[:, None] / stretch * (mode + step[:, None] * turn) ** 2).sum(axis=1)
        gain -= (lost + step * (mean @ mean) + np.log(stretch).sum(axis=1)) / 2
        gain += len(member) * np.log(after / before) / 2
        best = int(np.argmax(gain + log_prior))
        if step[best]:
            turned = across @ vectors
            lost_CC = (turned * (step[best] / stretch[best])) @ turned.T
            self.covariance_CC = self.covariance_CC - lost_CC
            self.precision_C = self.precision_C.copy()
            self.precision_C[member] = after[best]
            self.mode_C = self._pulled()
        return best
