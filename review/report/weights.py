"""What an answered pair stands for: the unanswered ones it was drawn at random from, or nobody.

Where humans drew blind, only those answers measure (Horvitz, Thompson 1952, each weighing by the
inverse of its chance, by zone): an answer that came because a pair was hard, or because somebody
sent it in, would pull every figure its way. Where every pair of a zone is answered, all count.
Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Weights:
    """weight_P: what each answered pair counts, 0 for others.

    silent: zones nothing is known about. chosen: zones where nobody drew at random and not all is
    answered, so that the answers there are were taken to stand for the rest.
    """

    weight_P: NDArray[np.float64]
    silent: tuple[str, ...]
    chosen: tuple[str, ...]


def weigh(
    known_P: NDArray[np.bool_],
    drawn_P: NDArray[np.bool_],
    zone_P: NDArray[np.int64],
    zones: Sequence[str],
    among_P: NDArray[np.bool_] | None = None,
) -> Weights:
    """The weights of answered pairs (known_P); drawn_P: out of their zone, blind and at random.

    among_P: pairs that say how large each zone is and whether all of it is answered; all by
    default. A zone of N pairs with K answers, R of them drawn, gives each answer N / K where K is
    all or R is 0, and else each drawn one N / R.
    """
    count = len(zones)
    among = np.ones(len(known_P), bool) if among_P is None else among_P
    size = np.bincount(zone_P[among], minlength=count)
    told = np.bincount(zone_P[known_P], minlength=count)
    draws = np.bincount(zone_P[known_P & drawn_P], minlength=count)
    whole = np.bincount(zone_P[among & ~known_P], minlength=count) == 0
    by_draw = ~whole & (draws > 0)
    counted_P = known_P & (drawn_P | ~by_draw[zone_P])
    behind = np.where(by_draw, draws, told)
    each = np.divide(size, behind, out=np.zeros(count), where=behind > 0)
    return Weights(
        np.where(counted_P, each[zone_P], 0.0),
        _names(zones, (told == 0) & (size > 0)),
        _names(zones, ~whole & ~by_draw & (told > 0)),
    )


def _names(zones: Sequence[str], mask: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(zones[int(z)] for z in np.flatnonzero(mask)))
