"""A logistic regression with a normal prior: its mode, and the likelihood's shape around it.

Laplace's approximation, D. MacKay, "The evidence framework applied to classification networks",
Neural Computation 4 (1992). Leaves out: where the prior comes from (scales.py).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Likelihood:
    """The answers' log-likelihood as a parabola that touches it at mode_C.

    curvature_CC: minus its second derivative; pull_C: curvature · mode + slope, so that
    log L(β) = pull·β − β·curvature·β / 2 + constant.
    """

    mode_C: Floats
    curvature_CC: Floats
    pull_C: Floats


def newton(
    columns_LC: Floats,
    sign_L: Floats,
    weight_L: Floats,
    mean_C: Floats,
    precision_C: Floats,
    start_C: Floats,
) -> Likelihood:
    """The mode under β ~ N(mean, 1 / precision), by Newton's method with halved steps.

    sign: 1 where the answer was A, −1 where it was B; start: where to begin.
    """
    weighted, beta = weight_L * sign_L, start_C
    score = sign_L * (columns_LC @ beta)
    value = _loss(score, weight_L, beta - mean_C, precision_C)
    for _ in range(30):
        q = expit(-score)
        slope = precision_C * (beta - mean_C) - (weighted * q) @ columns_LC
        bend = _curvature(columns_LC, weight_L, q)
        bend.flat[:: len(bend) + 1] += precision_C
        step, size = np.linalg.solve(bend, slope), 1.0
        while size > 1e-3:
            tried = beta - size * step
            score_tried = sign_L * (columns_LC @ tried)
            value_tried = _loss(score_tried, weight_L, tried - mean_C, precision_C)
            if value_tried <= value + 1e-12:
                break
            size /= 2
        else:
            break
        gained = value - value_tried
        beta, score, value = tried, score_tried, value_tried
        if gained < 1e-7:
            break
    q = expit(-score)
    curvature = _curvature(columns_LC, weight_L, q)
    return Likelihood(beta, curvature, curvature @ beta + (weighted * q) @ columns_LC)


def _curvature(columns_LC: Floats, weight_L: Floats, q_L: Floats) -> Floats:
    bend: Floats = (columns_LC.T * (weight_L * q_L * (1 - q_L))) @ columns_LC
    return bend


def _loss(score_L: Floats, weight_L: Floats, away_C: Floats, precision_C: Floats) -> float:
    return float(weight_L @ np.logaddexp(0, -score_L)) + float(precision_C @ away_C**2) / 2
