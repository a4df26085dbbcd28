"""Circles in candidate sets: x beats y, y beats z, z beats x within one prompt.

Such a pair is about twice as often wrong; it is flagged and never overwritten.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from judges.trust.vote_matrix import A, B
from review.detectors.flag import Flag


def cycles(
    candidates: Sequence[tuple[Hashable, Hashable]],
    prompt_P: NDArray[np.int64],
    choice_P: NDArray[np.int8],
) -> list[Flag]:
    """Pairs that take part in a cyclic triad of settled choices.

    candidates: identity of responses A and B of each pair. Ties and missing choices close no
    circle. Score: cyclic triads over all complete triads the pair is part of.
    """
    wins: dict[int, dict[Hashable, dict[Hashable, int]]] = defaultdict(lambda: defaultdict(dict))
    for pair in np.flatnonzero((choice_P == A) | (choice_P == B)).tolist():
        first, second = candidates[pair]
        winner, loser = (first, second) if choice_P[pair] == A else (second, first)
        wins[int(prompt_P[pair])][winner][loser] = pair
    cyclic: dict[int, int] = defaultdict(int)
    members: dict[int, list[Hashable]] = {}
    triads: dict[int, int] = defaultdict(int)
    for beats in wins.values():
        for winner, losers in list(beats.items()):
            for loser, pair in losers.items():
                closing, complete = _closing(beats, winner, loser)
                triads[pair] = complete
                if closing:
                    cyclic[pair] = len(closing)
                    members[pair] = closing
    return [
        Flag(
            "cycle",
            pair,
            count / triads[pair],
            {"through": [str(name) for name in members[pair]][:5], "triads": count},
            hard=True,
        )
        for pair, count in sorted(cyclic.items())
    ]


def _closing(
    beats: dict[Hashable, dict[Hashable, int]], winner: Hashable, loser: Hashable
) -> tuple[list[Hashable], int]:
    """Candidates that close a circle with winner > loser, and all that complete a triad."""
    below_loser = beats.get(loser, {})
    closing = [third for third in below_loser if winner in beats.get(third, {})]
    around = [
        third
        for third in beats
        if third not in (winner, loser) and _met(beats, third, winner) and _met(beats, third, loser)
    ]
    leaves = [
        third
        for third in beats[winner]
        if third not in beats and third != loser and third in below_loser
    ]
    return closing, len(around) + len(leaves)


def _met(beats: dict[Hashable, dict[Hashable, int]], one: Hashable, other: Hashable) -> bool:
    return other in beats.get(one, {}) or one in beats.get(other, {})
