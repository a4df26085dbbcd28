"""How far judges repeat each other, from their families and their votes alone.

Leaves out: errors on answered pairs (effective.py), which tell more where there are answers.
"""

import numpy as np
from numpy.typing import NDArray

from judges.trust.patterns import spread
from judges.trust.vote_matrix import AB, BA, VoteMatrix

Floats = NDArray[np.float64]

# Why each number here is what it is: docs/design/label-model-constants.md.
RELATIVE = 0.2
"""How far two judges of one family are one."""

REVERSED_ALIKE, VOTED_ALIKE = 0.3, 0.9
"""Correlations of reversals, and of votes, that judges of their own mind do not exceed."""

LEAST_SHARED = 20
"""Pairs, or votes, that two judges must share for their correlation to count."""

_SIGN = np.array([1.0, -1.0, 0.0, np.nan])


def likeness(vote_matrix: VoteMatrix) -> Floats:
    """[raters, raters] in [0, 1]: 0 is a mind of its own, 1 is a copy; 1 on the diagonal.

    Judges that err apart reverse on different pairs, and do not agree on nearly all; a reversal is
    an error that shows without an answer. A relative is at least RELATIVE of a copy.
    """
    votes = _SIGN[vote_matrix.codes_PRO[spread(len(vote_matrix))]]
    reversals = votes[..., AB] - votes[..., BA]
    families = np.array(vote_matrix.families)
    alike = np.where(families[:, None] == families, RELATIVE, 0.0)
    for values, usual in (
        (reversals, REVERSED_ALIKE),
        (np.concatenate([votes[..., AB], votes[..., BA]]), VOTED_ALIKE),
    ):
        beyond = (correlation(values) - usual) / (1 - usual)
        alike = np.maximum(alike, np.clip(np.nan_to_num(beyond), 0.0, 1.0))
    np.fill_diagonal(alike, 1.0)
    return alike


def independence(vote_matrix: VoteMatrix) -> Floats:
    """1 / (sum of each judge's likeness to all, itself too): what of it nobody else says."""
    own: Floats = 1.0 / likeness(vote_matrix).sum(axis=1)
    return own


def correlation(values_NR: Floats) -> Floats:
    """Pearson correlation of columns on the rows both have; NaN under LEAST_SHARED rows."""
    known = np.isfinite(values_NR).astype(np.float64)
    filled = np.nan_to_num(values_NR)
    count = known.T @ known
    total, squares = filled.T @ known, (filled**2).T @ known
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = squares / count - (total / count) ** 2
        covariance = filled.T @ filled / count - total * total.T / count**2
        found = covariance / np.sqrt(variance * variance.T)
    usable = (count >= LEAST_SHARED) & (variance > 1e-12) & (variance.T > 1e-12)
    result: Floats = np.where(usable, np.clip(found, -1.0, 1.0), np.nan)
    np.fill_diagonal(result, 1.0)
    return result
