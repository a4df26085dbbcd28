"""From single votes to ballots: samples of one rater, pair and order become one choice.

Leaves out: reading votes from anywhere.
"""

import numpy as np
from numpy.typing import NDArray

from judges.trust.ballots import AB, BA, MISSING, TIE, A, B

NO_ORDER = 2
"""Order code of a vote without an order; it fills both slots unless an ordered vote is there."""


def tally_votes(
    pair_V: NDArray[np.integer],
    rater_V: NDArray[np.integer],
    order_V: NDArray[np.integer],
    choice_V: NDArray[np.integer],
    pairs: int,
    raters: int,
) -> NDArray[np.int8]:
    """Codes [pairs, raters, 2] from V votes; order 0 is ab, 1 is ba, 2 is none.

    Several samples become their majority: A or B by the sign of the sum, a draw is a TIE.
    """
    usable = choice_V != MISSING
    pair, rater, order = pair_V[usable], rater_V[usable], order_V[usable]
    sign = np.array([1.0, -1.0, 0.0])[choice_V[usable]]
    slot = (pair * raters + rater) * 3 + order
    total = np.bincount(slot, sign, minlength=pairs * raters * 3).reshape(pairs, raters, 3)
    cast = np.bincount(slot, minlength=pairs * raters * 3).reshape(pairs, raters, 3)
    codes = np.where(total > 0, A, np.where(total < 0, B, TIE)).astype(np.int8)
    codes[cast == 0] = MISSING
    for side in (AB, BA):
        bare = codes[..., side] == MISSING
        codes[..., side][bare] = codes[..., NO_ORDER][bare]
    return np.ascontiguousarray(codes[..., :2])
