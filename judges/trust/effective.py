"""How many independent judges a panel is worth, and what each one adds.

Judges that make the same mistakes count once: n_eff = R^2 / (sum of the correlation matrix), the
design effect of Kish (1965) for R equally trusted, correlated votes. Leaves out the label model,
which discounts families itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from judges.trust.intervals import Estimate, paired_difference
from judges.trust.likeness import correlation, likeness
from judges.trust.vote_matrix import MISSING, TIE, A, B, Pooler, VoteMatrix

LEAST_LABELS = 30
"""Answered pairs it takes to say what a panel loses without one of its judges."""


def margins(vote_matrix: VoteMatrix) -> NDArray[np.float64]:
    """Mean vote of each rater, from -1 (B) to 1 (A), NaN without a vote: [pairs, raters]."""
    codes = vote_matrix.codes_PRO
    known = codes != MISSING
    total = ((codes == A).astype(float) - (codes == B)).sum(axis=2)
    out = np.full(total.shape, np.nan)
    np.divide(total, known.sum(axis=2), out=out, where=known.any(axis=2))
    return out


def error_correlation(vote_matrix: VoteMatrix, labels_P: NDArray[np.int8]) -> NDArray[np.float64]:
    """Correlation of the judges' errors on answered pairs; NaN where too few are shared.

    The error of a judge is how far its mean vote stands from the answer (a tie stands at 0).
    """
    known = labels_P != MISSING
    truth = np.select([labels_P == A, labels_P == B], [1.0, -1.0], default=0.0)[known]
    away = np.abs(margins(vote_matrix)[known] - truth[:, None])
    return correlation(away)


def vote_correlation(vote_matrix: VoteMatrix) -> NDArray[np.float64]:
    """Correlation of every two judges' votes, what the other judges say taken out.

    For use before there are answers. The others are a noisy stand-in for the truth, so some shared
    truth remains and the correlation is an upper bound (n_eff a lower one). With two judges there
    are no others, and the plain correlation is given. Copies explain each other away, so no
    correlation is below the judges' likeness.
    """
    votes = margins(vote_matrix)
    raters = votes.shape[1]
    matrix = np.eye(raters)
    for one in range(raters):
        for other in range(one + 1, raters):
            rest = np.delete(votes, [one, other], axis=1)
            pair = votes[:, [one, other]]
            if rest.shape[1]:
                pair = _residuals(pair, rest)
            matrix[one, other] = matrix[other, one] = correlation(pair)[0, 1]
    return np.fmax(matrix, likeness(vote_matrix))


def _residuals(pair_P2: NDArray[np.float64], rest_PR: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is left of two judges' votes after a linear fit on all the others."""
    design = np.column_stack([np.nan_to_num(rest_PR), np.ones(len(rest_PR))])
    out = np.full(pair_P2.shape, np.nan)
    for column in range(2):
        known = np.isfinite(pair_P2[:, column])
        if known.sum() > design.shape[1]:
            fit = np.linalg.lstsq(design[known], pair_P2[known, column], rcond=None)[0]
            out[known, column] = pair_P2[known, column] - design[known] @ fit
    return out


def effective_number(correlation_RR: NDArray[np.float64]) -> float:
    """n_eff in [1, R] of a panel with this correlation; unknown pairs take the mean of the known.

    Negative correlations count as none: they would promise more judges than there are.
    """
    raters = len(correlation_RR)
    if raters <= 1:
        return float(raters)
    off = correlation_RR[~np.eye(raters, dtype=bool)]
    known = off[np.isfinite(off)]
    filled = np.where(np.isfinite(off), off, known.mean() if len(known) else 0.0)
    total = raters + np.clip(filled, 0.0, 1.0).sum()
    return float(raters**2 / total)


@dataclass(frozen=True)
class JudgeValue:
    """What a panel loses without one judge.

    gain: log-loss on answered pairs without the judge minus with it; positive is worth having.
    n_eff_without: effective number of the rest. drop: whether the panel is no worse without it.
    """

    rater: str
    gain: Estimate
    n_eff_without: float
    drop: bool


def judge_values(
    make: Callable[[], Pooler],
    vote_matrix: VoteMatrix,
    labels_P: NDArray[np.int8],
    rng: np.random.Generator,
) -> list[JudgeValue]:
    """Refit without each judge in turn and compare log-loss on the answered pairs.

    make: a fresh pooler; its own predictions on answered pairs are leave-one-out. Intervals draw
    whole prompts. A judge may be dropped where the panel's loss without it is no higher.
    """
    decided = (labels_P == A) | (labels_P == B)
    if not decided.any() or len(vote_matrix.raters) < 2:
        return []
    prompts = vote_matrix.prompt_P[decided]
    together = _log_loss(make, vote_matrix, labels_P)[decided]
    errors = error_correlation(vote_matrix, np.where(labels_P == TIE, MISSING, labels_P))
    values = []
    for rater, name in enumerate(vote_matrix.raters):
        rest = np.delete(np.arange(len(vote_matrix.raters)), rater)
        without = _log_loss(make, vote_matrix.keep_raters(rest), labels_P)[decided]
        gain = paired_difference(without, together, prompts, rng)
        left = effective_number(errors[np.ix_(rest, rest)])
        values.append(JudgeValue(name, gain, left, (gain.value or 0.0) <= 0.0))
    return values


def _log_loss(
    make: Callable[[], Pooler], vote_matrix: VoteMatrix, labels_P: NDArray[np.int8]
) -> NDArray[np.float64]:
    win_probability = make().fit(vote_matrix, labels_P).predict(vote_matrix).win_P
    right = np.where(labels_P == A, win_probability, 1.0 - win_probability)
    return np.asarray(-np.log(np.clip(right, 1e-9, 1.0)))
