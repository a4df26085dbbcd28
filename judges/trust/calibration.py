"""How good and how honest probabilities are, and how to mend them.

Binary measures take `win_P` (p_a over p_a + p_b) on pairs whose reference is A or B, as the
three-way ones take p_PK on all referenced pairs. Leaves out: who made the probabilities.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from judges.trust.vote_matrix import MISSING, TIE, A, B, Consensus, Pooler, VoteMatrix, consensus_of

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]
_TINY = 1e-12


def _decided(values_P: Floats, truth_P: Codes) -> tuple[Floats, Floats]:
    """Values and 0/1 truth (1 is A) of the pairs whose reference is A or B."""
    kept = (truth_P == A) | (truth_P == B)
    return np.asarray(values_P, dtype=np.float64)[kept], (truth_P[kept] == A).astype(np.float64)


def accuracy(win_P: Floats, truth_P: Codes) -> float:
    """Share of right leans, higher is better; an exact half counts one half."""
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
            low, high = wilson(hit, n)
            found.append(ReliabilityBin(n, float(sure[inside].mean()), hit / n, low, high))
    return tuple(found)


def ece(win_P: Floats, truth_P: Codes, bins: int = 10) -> float:
    """Expected calibration error: mean |confidence − accuracy| over pairs, by bin; 0 is best."""
    found = reliability(win_P, truth_P, bins)
    total = sum(bin_.pairs for bin_ in found)
    if not total:
        return float("nan")
    return sum(bin_.pairs * abs(bin_.confidence - bin_.accuracy) for bin_ in found) / total


def wilson(hits: float, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Interval of a share (E. B. Wilson, JASA 22, 1927); the whole of [0, 1] where n is 0."""
    if n == 0:
        return 0.0, 1.0
    share, square = hits / n, z * z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = z / (1 + square / n) * np.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def accuracy3(p_PK: Floats, truth_P: Codes) -> float:
    """Share of pairs whose reference (A, B or TIE) has the largest probability; draws share."""
    known = truth_P != MISSING
    p, truth = p_PK[known], truth_P[known]
    if not len(p):
        return float("nan")
    best = p >= p.max(axis=1, keepdims=True)
    return float((best[np.arange(len(p)), truth] / best.sum(axis=1)).mean())


def log_loss3(p_PK: Floats, truth_P: Codes) -> float:
    """Mean −log of the probability of the reference among A, B and TIE; lower is better."""
    known = truth_P != MISSING
    given = p_PK[known, truth_P[known]]
    return float(-np.log(np.clip(given, _TINY, 1)).mean()) if len(given) else float("nan")


def human_share(win_P: Floats, truth_P: Codes, target: float) -> float:
    """Smallest share of pairs to hand to humans, least sure first, for `target` agreement overall.

    Handed pairs count as right. Pairs of equal confidence count their mean error, so that the
    order in the file decides nothing.
    """
    win_probability, truth = _decided(win_P, truth_P)
    n = len(win_probability)
    if n == 0:
        return float("nan")
    wrong = np.where(win_probability == 0.5, 0.5, (win_probability > 0.5) != (truth == 1)).astype(
        np.float64
    )
    sure = np.round(np.maximum(win_probability, 1 - win_probability), 9)
    _, group = np.unique(-sure, return_inverse=True)
    mean = np.bincount(group, wrong) / np.bincount(group)
    errors = np.concatenate([[0.0], np.cumsum(mean[np.sort(group)])])
    kept = int(np.flatnonzero(errors <= (1 - target) * n + 1e-9).max())
    return 1.0 - kept / n


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


@dataclass
class PlattScaled:
    """Any label model with its log-odds scaled by one learned factor.

    With fewer than 5 decided human answers the factor stays 1. Learned: temperature_.
    """

    model: Pooler
    temperature_: float = field(init=False, default=1.0)

    def fit(
        self,
        vote_matrix: VoteMatrix,
        labels_P: Codes | None = None,
        weight_P: Floats | None = None,
    ) -> Self:
        """Fit the inner model, then the factor on its leave-one-out answers."""
        self.model.fit(vote_matrix, labels_P, weight_P)
        self.temperature_ = 1.0
        if labels_P is not None and ((labels_P == A) | (labels_P == B)).sum() >= 5:
            logit = self.model.predict(vote_matrix).logit_P
            self.temperature_ = fit_temperature(logit, labels_P, weight_P)
        return self

    def predict(self, vote_matrix: VoteMatrix) -> Consensus:
        """The inner answer with scaled log-odds; its tie probability stays."""
        found, t = self.model.predict(vote_matrix), self.temperature_
        parts = found.contributions_PC
        return consensus_of(
            t * found.logit_P,
            found.p_PK[:, TIE],
            None if parts is None else t * parts,
            found.contributors,
        )
