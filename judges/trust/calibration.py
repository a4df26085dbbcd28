"""How good and how honest probabilities are, and how to mend them.

Binary measures take `win_P` (p_a over p_a + p_b) on pairs whose reference is A or B, as the
three-way ones take p_PK on all referenced pairs. Leaves out: who made the probabilities.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from judges.trust.intervals import wilson
from judges.trust.vote_matrix import A, B

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]
_TINY = 1e-12


def _decided(values_P: Floats, truth_P: Codes) -> tuple[Floats, Floats]:
    """Values and 0/1 truth (1 is A) of the pairs whose reference is A or B."""
    kept = (truth_P == A) | (truth_P == B)
    return np.asarray(values_P, dtype=np.float64)[kept], (truth_P[kept] == A).astype(np.float64)


def accuracy(win_P: Floats, truth_P: Codes) -> float:
    """Share of pairs whose likelier side won, higher is better; an exact half counts one half."""
    win_probability, truth = _decided(win_P, truth_P)
    if not len(win_probability):
        return float("nan")
    return float(
        np.where(win_probability == 0.5, 0.5, (win_probability > 0.5) == (truth == 1)).mean()
    )


def log_loss(win_P: Floats, truth_P: Codes) -> float:
    """Mean −log of the probability given to the reference, in nats; lower is better."""
    win_probability, truth = _decided(win_P, truth_P)
    given = np.where(truth == 1, win_probability, 1 - win_probability)
    return float(-np.log(np.clip(given, _TINY, 1)).mean()) if len(win_probability) else float("nan")


def brier(win_P: Floats, truth_P: Codes) -> float:
    """Mean squared error of the win probability, in [0, 1]; lower is better."""
    win_probability, truth = _decided(win_P, truth_P)
    return float(((win_probability - truth) ** 2).mean()) if len(win_probability) else float("nan")


@dataclass(frozen=True)
class ReliabilityBin:
    """Pairs of like confidence: their mean confidence, share right, and its 95% Wilson interval."""

    pairs: int
    confidence: float
    accuracy: float
    low: float
    high: float


def reliability(win_P: Floats, truth_P: Codes, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Bins of equal width on the confidence max(p, 1 − p) in [½, 1]; empty ones are left out.

    Folding at one half makes the measure the same whichever response is called A.
    """
    win_probability, truth = _decided(win_P, truth_P)
    sure = np.maximum(win_probability, 1 - win_probability)
    right = np.where(win_probability == 0.5, 0.5, (win_probability > 0.5) == (truth == 1))
    place = np.minimum(((sure - 0.5) * 2 * bins).astype(int), bins - 1)
    found = []
    for number in range(bins):
        inside = place == number
        if inside.any():
            n, hit = int(inside.sum()), float(right[inside].sum())
            share = wilson(hit, n)
            bounds = (share.low or 0.0, 1.0 if share.high is None else share.high)
            found.append(ReliabilityBin(n, float(sure[inside].mean()), hit / n, *bounds))
    return tuple(found)


def ece(win_P: Floats, truth_P: Codes, bins: int = 10) -> float:
    """Expected calibration error: mean |confidence − accuracy| over pairs, by bin; 0 is best."""
    found = reliability(win_P, truth_P, bins)
    total = sum(bin_.pairs for bin_ in found)
    if not total:
        return float("nan")
    return sum(bin_.pairs * abs(bin_.confidence - bin_.accuracy) for bin_ in found) / total


def human_share(
    win_P: Floats, truth_P: Codes, target: float, weight_P: Floats | None = None
) -> float:
    """Smallest share of pairs to hand to humans, least sure first, for `target` agreement overall.

    Handed pairs count as right. Pairs of equal confidence count their mean error, so that the
    order in the file decides nothing. weight_P: how many pairs each stands for, 1 by default.
    """
    weight = np.ones(len(win_P)) if weight_P is None else np.asarray(weight_P, dtype=np.float64)
    return float(human_shares(win_P, truth_P, target, weight[None])[0])


def human_shares(win_P: Floats, truth_P: Codes, target: float, weight_RP: Floats) -> Floats:
    """The same under R weightings of the pairs at once, as a bootstrap draws them; NaN without a
    decided pair.
    """
    win_probability, truth = _decided(win_P, truth_P)
    if not len(win_probability):
        return np.full(len(weight_RP), np.nan)
    weight = weight_RP[:, (truth_P == A) | (truth_P == B)]
    wrong = np.where(win_probability == 0.5, 0.5, (win_probability > 0.5) != (truth == 1)).astype(
        np.float64
    )
    sure = np.round(np.maximum(win_probability, 1 - win_probability), 9)
    order = np.argsort(-sure, kind="stable")
    weight, wrong = weight[:, order], wrong[order]
    _, start, group = np.unique(-sure[order], return_index=True, return_inverse=True)
    lost = np.add.reduceat(weight * wrong, start, axis=1)
    total = np.add.reduceat(weight, start, axis=1)
    mean = np.divide(lost, total, out=np.zeros_like(lost), where=total > 0)
    errors = np.cumsum(weight * mean[:, group], axis=1)
    carried = np.cumsum(weight, axis=1)
    kept = (errors <= (1 - target) * carried[:, -1:] + 1e-9).sum(axis=1)
    safe = np.where(kept > 0, np.take_along_axis(carried, np.maximum(kept - 1, 0)[:, None], 1).T, 0)
    shares: Floats = 1.0 - safe[0] / carried[:, -1]
    return shares


def fit_temperature(logit_P: Floats, truth_P: Codes, weight_P: Floats | None = None) -> float:
    """Factor on the log-odds of least log-loss, with the prior log t ~ N(0, 1); odd in A and B.

    J. Platt (1999) without the intercept, which would prefer one of two mere names.
    """
    kept = (truth_P == A) | (truth_P == B)
    side = np.where(truth_P[kept] == A, 1.0, -1.0) * np.asarray(logit_P, dtype=np.float64)[kept]
    weight = np.ones(len(side)) if weight_P is None else weight_P[kept]

    def loss(log_t: float) -> float:
        return float((weight * np.logaddexp(0, -np.exp(log_t) * side)).sum() + log_t**2 / 2)

    return float(np.exp(minimize_scalar(loss, bounds=(-4.0, 3.0), method="bounded").x))
