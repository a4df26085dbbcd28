"""Weighs odd evidence into log-odds: Bayesian logistic regression whose scales the evidence sets.

s = Σ β x without an intercept, β ~ N(mean, scale²) by group; the judges' mean is τ times a family
discount. (τ, scales) climb the Laplace approximation of the evidence, D. MacKay, "The evidence
framework applied to classification networks", Neural Computation 4 (1992), on small grids with
log-normal hyper-priors. The prediction averages over β: σ(μ / √(1 + πv/8)), the same paper, eq. 5.
Leaves out: where columns come from (evidence.py).
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]

JUDGES, CONSISTENCY, AGREEMENT = "judges", "consistency", "agreement"
"""The group whose mean is τ times the family discount; what all judges say, weighed in two ways."""

# Why each number here is what it is: docs/design/stack.md.
PRIOR_MEANS = {
    CONSISTENCY: 0.25,
    AGREEMENT: 0.3,
    "style regression": 0.3,
    "neighbours": 0.4,
    "author": 0.4,
    "text classifier": 0.2,
}
"""Groups taught by the panel itself agree with it before any answer; every other mean is 0."""

COLD_START_TRUST = 0.225
"""τ before any answer: half of the cold start is the judges' ratios, half their consistency."""

SCALES = {
    JUDGES: (0.15, 0.7),
    CONSISTENCY: (0.2, 0.7),
    AGREEMENT: (0.2, 0.7),
    "style": (0.12, 1.0),
    "votes by domain": (0.08, 1.0),
    "length by domain": (0.08, 1.0),
}
OTHER_SCALE = (0.4, 1.0)
"""Median and log-width of a group's scale before any answer, and of a single column's."""

TRUST_PRIOR = (0.35, 0.7)
"""Median and log-width of τ."""

START_TRUST, START_JUDGES, START_OTHERS = 0.45, 0.2, 0.1
"""Where the climb begins: τ, the judges' scale, every other scale."""

RELATIVE = 0.6
"""How far two judges of one family are one."""

TRUST_GRID = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.3)
JUDGE_SCALES = (0.05, 0.1, 0.2, 0.4)
OTHER_SCALES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 1.0)


@dataclass(frozen=True)
class _Posterior:
    mode_C: Floats
    covariance_CC: Floats
    evidence: float


@dataclass
class StackedLogistic:
    """Evidence-scaled logistic regression on odd columns.

    Learned: scale_ by group, mode_C_ and covariance_CC_ of the weights.
    """

    sweeps: int = 3

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
        x, sign = columns_LC, np.where(is_a_L > 0.5, 1.0, -1.0)
        names = tuple(dict.fromkeys(groups))
        member = {name: np.array([g == name for g in groups]) for name in names}
        scale = {name: START_JUDGES if name == JUDGES else START_OTHERS for name in names}
        trust, start = START_TRUST, np.zeros(x.shape[1])
        fixed = np.array([PRIOR_MEANS.get(group, 0.0) for group in groups])
        judges = np.array([group == JUDGES for group in groups])

        def attempt(trust: float, scale: dict[str, float], start: Floats) -> _Posterior:
            prior = np.empty(x.shape[1])
            for name in names:
                prior[member[name]] = scale[name]
            mean = np.where(judges, trust * discount_C, fixed)
            found = _laplace(x, sign, weight_L, mean, prior, start)
            return _Posterior(
                found.mode_C, found.covariance_CC, found.evidence + _hyper_prior(trust, scale)
            )

        best = attempt(trust, scale, start)
        for _ in range(self.sweeps):
            before = best.evidence
            for option in TRUST_GRID:
                tried = attempt(option, scale, best.mode_C)
                if tried.evidence > best.evidence + 1e-9:
                    best, trust = tried, option
            for name in names:
                for option in JUDGE_SCALES if name == JUDGES else OTHER_SCALES:
                    tried = attempt(trust, scale | {name: option}, best.mode_C)
                    if tried.evidence > best.evidence + 1e-9:
                        best, scale = tried, scale | {name: option}
            if best.evidence - before < 0.01:
                break
        self.scale_, self.mode_C_, self.covariance_CC_ = scale, best.mode_C, best.covariance_CC
        return self

    def open(self, groups: tuple[str, ...], discount_C: Floats) -> Self:
        """The weights before any answer, held for certain."""
        fixed = np.array([PRIOR_MEANS.get(group, 0.0) for group in groups])
        judges = np.array([group == JUDGES for group in groups])
        self.mode_C_ = np.where(judges, COLD_START_TRUST * discount_C, fixed)
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


def family_discount(families: tuple[str, ...]) -> Floats:
    """f ∝ 1 / (1 + .6 (family size − 1)) with mean 1: relatives repeat each other."""
    size = np.array([families.count(name) for name in families], dtype=np.float64)
    raw = 1.0 / (1.0 + RELATIVE * (size - 1.0))
    discount: Floats = raw / raw.mean() if len(raw) else raw
    return discount


def _hyper_prior(trust: float, scale: dict[str, float]) -> float:
    """Log-normal: τ as in TRUST_PRIOR, the scales as in SCALES."""
    log_p = -((np.log(trust / TRUST_PRIOR[0]) / TRUST_PRIOR[1]) ** 2) / 2
    for name, value in scale.items():
        middle, width = SCALES.get(name, OTHER_SCALE)
        log_p -= (np.log(value / middle) / width) ** 2 / 2
    return float(log_p)


def _laplace(
    x: Floats, sign: Floats, weight: Floats, mean: Floats, scale: Floats, start: Floats
) -> _Posterior:
    """Mode, covariance and log-evidence by Newton's method with halved steps."""
    precision = 1.0 / scale**2

    def objective(beta: Floats) -> float:
        fit = float((weight * np.logaddexp(0, -sign * (x @ beta))).sum())
        return fit + float((precision * (beta - mean) ** 2).sum()) / 2

    beta: Floats = start
    value = objective(start)
    for _ in range(30):
        q = expit(sign * (x @ beta))
        slope = precision * (beta - mean) - x.T @ (weight * sign * (1 - q))
        bend = (x.T * (weight * q * (1 - q))) @ x
        bend.flat[:: len(bend) + 1] += precision
        step = np.linalg.solve(bend, slope)
        size = 1.0
        while size > 1e-3 and (tried := objective(beta - size * step)) > value + 1e-12:
            size /= 2
        if size <= 1e-3:
            break
        beta, gained, value = beta - size * step, value - tried, tried
        if gained < 1e-7:
            break
    p = expit(x @ beta)
    bend = (x.T * (weight * p * (1 - p))) @ x
    bend.flat[:: len(bend) + 1] += precision
    covariance = np.asarray(np.linalg.inv(bend), dtype=np.float64)
    log_det = float(np.linalg.slogdet(bend)[1])
    return _Posterior(beta, covariance, -value - float(np.log(scale).sum()) - log_det / 2)
