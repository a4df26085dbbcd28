"""From single votes to votes: samples of one rater, pair and order become one choice.

Leaves out: reading votes from anywhere.
"""

import numpy as np
from numpy.typing import NDArray

from judges.trust.vote_matrix import AB, BA, MISSING, TIE

NO_ORDER = 2
"""Order code of a vote without an order; it counts in both."""


def count_votes(
    pair_V: NDArray[np.integer],
    rater_V: NDArray[np.integer],
    order_V: NDArray[np.integer],
    choice_V: NDArray[np.integer],
    pairs: int,
    raters: int,
) -> NDArray[np.uint16]:
    """How often each choice was cast, [pairs, raters, 2, 3], from V votes.

    Order 0 is ab, 1 is ba, 2 is none. A MISSING choice counts nowhere.
    """
    counts = np.zeros((pairs, raters, 2, TIE + 1), dtype=np.uint16)
    for side in (AB, BA):
        here = ((order_V == side) | (order_V == NO_ORDER)) & (choice_V != MISSING)
        np.add.at(counts, (pair_V[here], rater_V[here], side, choice_V[here]), 1)
    return counts


def most_frequent(counts_PROK: NDArray[np.uint16]) -> NDArray[np.int8]:
    """Codes [pairs, raters, 2]: the most frequent choice, a draw is a TIE, no vote is MISSING."""
    codes: NDArray[np.int8] = counts_PROK.argmax(axis=3).astype(np.int8)
    best = counts_PROK.max(axis=3)
    codes[(counts_PROK == best[..., None]).sum(axis=3) > 1] = TIE
    codes[best == 0] = MISSING
    return codes


def mean_confidence(
    pair_V: NDArray[np.integer],
    rater_V: NDArray[np.integer],
    order_V: NDArray[np.integer],
    said_V: NDArray[np.float64],
    pairs: int,
    raters: int,
) -> NDArray[np.float32] | None:
    """Mean of the confidences said, [pairs, raters, 2]; NaN where none was, None where nowhere.

    said_V: one a vote, NaN where nothing was said. Orders as in `count_votes`.
    """
    total, count = np.zeros((pairs, raters, 2)), np.zeros((pairs, raters, 2))
    for side in (AB, BA):
        here = ((order_V == side) | (order_V == NO_ORDER)) & ~np.isnan(said_V)
        np.add.at(total, (pair_V[here], rater_V[here], side), said_V[here])
        np.add.at(count, (pair_V[here], rater_V[here], side), 1)
    if not count.any():
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        return (total / count).astype(np.float32)
