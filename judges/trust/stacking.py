"""Weighs odd evidence into log-odds: Bayesian logistic regression whose scales the evidence sets.

s = Σ β x without an intercept, β ~ N(mean, scale²) by group. A judge's β is its independence times
a trust τ that all share, and a part of its own; τ ~ N(mean, scale²) is averaged over like any other
weight, for the best τ of a few answers is surer than they are. The scales climb the Laplace
approximation of the evidence, D. MacKay, "The evidence framework applied to classification
networks", Neural Computation 4 (1992), on small grids with log-normal hyper-priors. The prediction
averages over β: σ(μ / √(1 + πv/8)), the same paper, eq. 5. Leaves out: where columns come from
(evidence.py), the climb (scales.py).
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from judges.trust.laplace import newton
from judges.trust.scales import Posterior

Floats = NDArray[np.float64]

JUDGES, TRUST, JUDGES_BY_DOMAIN = "judges", "trust", "judges by domain"
"""Groups of what single judges say: each one's own part, what all share, its part by domain."""

TRAINED = "trained judges"
"""Log-odds of judges trained here: a quarter believed before any answer."""

CONSISTENCY, AGREEMENT = "consistency", "agreement"
"""What all judges say together, weighed in two ways."""

# Why each number here is what it is: docs/design/stack.md.
PRIOR_MEANS = {
    TRUST: 0.225,
    CONSISTENCY: 0.25,
    AGREEMENT: 0.3,
    TRAINED: 0.25,
    "style regression": 0.3,
    "neighbours": 0.4,
    "author": 0.4,
    "text classifier": 0.2,
}
"""Groups that mean something before any answer; every other mean is 0."""

SCALES = {
    JUDGES: (0.15, 0.7),
    TRUST: (0.15, 0.7),
    CONSISTENCY: (0.2, 0.7),
    AGREEMENT: (0.2, 0.7),
    TRAINED: (0.6, 0.7),
    "style": (0.06, 1.0),
    "confidence by judge": (0.2, 1.0),
    JUDGES_BY_DOMAIN: (0.2, 1.0),
    "votes by domain": (0.08, 1.0),
    "length by domain": (0.08, 1.0),
}
OTHER_SCALE = (0.4, 1.0)
"""Median and log-width of a group's scale before any answer, and of a single column's."""

GRID = (0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 1.0)
"""Scales tried beside each group's median."""


@dataclass
class StackedLogistic:
    """Evidence-scaled logistic regression on odd columns.

    sweeps: how often the scales are chosen, each time around the newest mode.
    Learned: scale_ by group, mode_C_ and covariance_CC_ of the weights.
    """

    sweeps: int = 6

    scale_: dict[str, float] = field(init=False, default_factory=dict, repr=False)
    mode_C_: Floats = field(init=False, repr=False)
    covariance_CC_: Floats = field(init=False, repr=False)

    def fit(
        self,
        columns_LC: Floats,
        is_a_L: Floats,
        weight_L: Floats,
        groups: tuple[str, ...],
        discount_C: Floats,
    ) -> Self:
        """Columns of L answered pairs, 1 where the answer was A; discount is f of each judge."""
        shared = np.concatenate([np.eye(len(groups)), discount_C[None]])  # the last weight is τ
        groups, columns = (*groups, TRUST), columns_LC @ shared.T
        sign, mode = np.where(is_a_L > 0.5, 1.0, -1.0), _means(groups)
        self.scale_ = {name: SCALES.get(name, OTHER_SCALE)[0] for name in dict.fromkeys(groups)}
        precision = np.array([1 / self.scale_[group] ** 2 for group in groups])
        for left in range(self.sweeps, -1, -1):
            around = newton(columns, sign, weight_L, _means(groups), precision, mode)
            posterior, mode = Posterior(around, _means(groups), precision), around.mode_C
            if not left or not self._climb(posterior, groups):
                break
            precision = posterior.precision_C
        self.mode_C_ = mode @ shared
        self.covariance_CC_ = shared.T @ posterior.covariance_CC @ shared
        return self

    def _climb(self, posterior: Posterior, groups: tuple[str, ...]) -> bool:
        """Choose each group's scale in turn; whether one has changed."""
        before = dict(self.scale_)
        for name, now in before.items():
            options = np.array([now, *GRID])
            middle, width = SCALES.get(name, OTHER_SCALE)
            log_prior = -((np.log(options / middle) / width) ** 2) / 2
            member = np.flatnonzero([group == name for group in groups])
            self.scale_[name] = float(options[posterior.choose_scale(member, options, log_prior)])
        return before != self.scale_

    def open(self, groups: tuple[str, ...], discount_C: Floats) -> Self:
        """The weights before any answer, held for certain."""
        self.mode_C_ = _means(groups) + PRIOR_MEANS[TRUST] * discount_C
        self.covariance_CC_ = np.zeros((len(groups), len(groups)))
        return self

    def contributions(self, columns_PC: Floats) -> Floats:
        """Each column's part of the log-odds, shrunk together by what is not known about β."""
        parts: Floats = columns_PC * self.mode_C_
        if not self.covariance_CC_.any():
            return parts
        variance = np.einsum(
            "pc,cd,pd->p", columns_PC, self.covariance_CC_, columns_PC, optimize=True
        )
        result: Floats = parts / np.sqrt(1 + np.pi * variance / 8)[:, None]
        return result

    def leave_out_contributions(
        self, columns_LC: Floats, is_a_L: Floats, weight_L: Floats
    ) -> Floats:
        """Contributions to the fitted pairs as if each had not been answered.

        One Newton step away from the full fit (approximate leave-one-out, K. Rad and A. Maleki,
        JRSS-B 82, 2020, eq. 4): β_−i = β − Σ x_i w (y_i − p_i) / (1 − w p(1 − p) x_iᵀΣx_i).
        """
        score = columns_LC @ self.mode_C_
        p = expit(score)
        spread = columns_LC @ self.covariance_CC_
        leverage = np.einsum("lc,lc->l", spread, columns_LC)
        bend = weight_L * p * (1 - p)
        rest = np.maximum(1 - bend * leverage, 0.05)
        mode = self.mode_C_ - spread * (weight_L * (is_a_L - p) / rest)[:, None]
        variance = leverage / rest
        result: Floats = columns_LC * mode / np.sqrt(1 + np.pi * variance / 8)[:, None]
        return result

    def out_of_fold(
        self, columns_LC: Floats, is_a_L: Floats, weight_L: Floats, fold_L: NDArray[np.int64]
    ) -> Floats:
        """Log-odds of the fitted pairs by weights that saw no pair of their fold.

        One Newton step from the full fit without the fold's data; the scales stay.
        """
        p = expit(columns_LC @ self.mode_C_)
        precision = np.linalg.inv(self.covariance_CC_)
        result = np.zeros(len(is_a_L))
        for fold in np.unique(fold_L):
            own = fold_L == fold
            x, w = columns_LC[own], weight_L[own]
            bend = precision - (x.T * (w * p[own] * (1 - p[own]))) @ x
            mode = self.mode_C_ - np.linalg.solve(bend, x.T @ (w * (is_a_L[own] - p[own])))
            variance = np.einsum("lc,lc->l", np.linalg.solve(bend, x.T).T, x)
            result[own] = (x @ mode) / np.sqrt(1 + np.pi * np.maximum(variance, 0) / 8)
        return result


def _means(groups: tuple[str, ...]) -> Floats:
    return np.array([PRIOR_MEANS.get(group, 0.0) for group in groups])
