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
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    prompt_P: NDArray[np.int64],
    choice_P: NDArray[np.int8],
) -> list[Flag]:
    """Pairs that take part in a cyclic triad of settled choices.

    first, second: identity of responses A and B of each pair. Ties and missing choices close no
    circle. Score: cyclic triads over all complete triads the pair is part of.
    """
    cyclic: dict[int, int] = {}
    members: dict[int, list[Hashable]] = {}
    triads: dict[int, int] = {}
    order = np.argsort(prompt_P, kind="stable")
    for own in np.split(order, np.flatnonzero(np.diff(prompt_P[order])) + 1):
        if len(own) < 3:
            continue
        beats = _beats(first, second, own, choice_P)
        for winner, losers in list(beats.items()):
            for loser, pair in losers.items():
                closing, complete = _closing(beats, winner, loser)
                if closing:
                    cyclic[pair], triads[pair] = len(closing), complete
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


def _beats(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    rows: NDArray[np.int64],
    choice_P: NDArray[np.int8],
) -> dict[Hashable, dict[Hashable, int]]:
    """Who beats whom on these pairs of one prompt, and in which of them."""
    wins: dict[Hashable, dict[Hashable, int]] = defaultdict(dict)
    for pair in rows[np.isin(choice_P[rows], (A, B))].tolist():
        both = first[pair], second[pair]
        winner, loser = both if choice_P[pair] == A else both[::-1]
        wins[winner][loser] = pair
    return wins


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
