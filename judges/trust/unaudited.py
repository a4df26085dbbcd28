"""How many wrong labels are left among pairs that nobody audited: an exact law for nested sets.

Audited pairs are delivered with the human answer: only wrong ones that no audit hit are left.
Go through the wrong pairs from the most confident down. A uniform audit of n among N pairs hits
each as it would in any other order, so how many it hits before it has missed more than `allowed`
follows the negative hypergeometric law, whichever pairs are wrong:

    P(at most k hit before allowed + 1 are missed) = P(Hypergeom(N, allowed + 1 + k, n) <= k),

because the event says that of the first allowed + 1 + k wrong pairs at most k were hit. With fewer
wrong pairs it is less likely still. Any rule that accepts only sets with at most k wrong audits
therefore leaves more than `allowed` wrong labels with at most that probability, at however many set
sizes it looks: the sets are nested, so the one it accepts would have to hold that point.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom


def chance_of_more(
    size: int, audits: int, allowed: int, found: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Chance that sets with at most `found` wrong audits ever hold more unaudited wrong pairs.

    More than `allowed` of them, in a frame of `size` pairs of which `audits` are drawn uniformly.
    """
    marked = allowed + 1 + np.asarray(found, np.int64)
    chance = hypergeom.cdf(found, size, np.minimum(marked, size), audits)
    return np.where(marked <= size, np.clip(chance, 0.0, 1.0), 0.0)


@lru_cache(maxsize=4096)
def most_found(size: int, audits: int, allowed: int, delta: float) -> int:
    """Most wrong audits for which `chance_of_more` stays within delta; -1 where not even 0 does."""
    low, high = -1, audits + 1  # low passes, high does not
    while high - low > 1:
        middle = (low + high) // 2
        if chance_of_more(size, audits, allowed, np.array([middle]))[0] <= delta:
            low = middle
        else:
            high = middle
    return low


def largest_set(size: int, places: NDArray[np.int64], wrong: NDArray[np.bool_], most: int) -> int:
    """Pairs before the first one, by rank, that would be wrong audit number most + 1; 0 if < 0.

    places: ranks of the audited pairs. wrong: which of them are wrong.
    """
    if most < 0:
        return 0
    bad = places[wrong]
    return size if len(bad) <= most else int(np.partition(bad, most)[most])
