"""A rater against itself over time: the same pair answered again, differently.

Leaves out reversals by order (`votes`): here the order was the same, or the rater a human.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from judges.trust.vote_matrix import MISSING, TIE
from review.detectors.flag import Flag


def self_contradiction(
    pair_V: NDArray[np.integer],
    rater_V: NDArray[np.integer],
    choice_V: NDArray[np.integer],
    raters: Sequence[str],
    *,
    time_V: NDArray[np.floating] | None = None,
    order_V: NDArray[np.integer] | None = None,
) -> list[Flag]:
    """Pairs on which a rater later gave another answer than before, in the same order.

    Rows are votes or reviews: pair row, rater number, choice code, and optionally time and shown
    order (equal orders are compared; without them all answers are). Score: 1 where a and b
    contradict each other, .5 where a tie is one side. A contradiction of a and b is hard.
    """
    order = np.zeros(len(pair_V), np.int64) if order_V is None else order_V
    time = np.arange(len(pair_V)) if time_V is None else time_V
    known = np.flatnonzero(choice_V != MISSING)
    rank = known[np.lexsort((time[known], order[known], rater_V[known], pair_V[known]))]
    same = (
        (pair_V[rank[1:]] == pair_V[rank[:-1]])
        & (rater_V[rank[1:]] == rater_V[rank[:-1]])
        & (order[rank[1:]] == order[rank[:-1]])
        & (choice_V[rank[1:]] != choice_V[rank[:-1]])
    )
    worst: dict[tuple[int, int], tuple[float, list[int]]] = {}
    for before, after in zip(rank[:-1][same], rank[1:][same], strict=True):
        key = (int(pair_V[after]), int(rater_V[after]))
        score = 0.5 if TIE in (choice_V[before], choice_V[after]) else 1.0
        old, rows = worst.get(key, (0.0, []))
        worst[key] = (max(old, score), [*rows, int(before), int(after)])
    return [
        Flag(
            "self_contradiction",
            pair,
            score,
            {"rater": raters[rater], "rows": sorted(set(rows))},
            hard=score == 1.0,
        )
        for (pair, rater), (score, rows) in worst.items()
    ]
