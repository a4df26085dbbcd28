"""Detectors that look at the votes of one pair: disagreement, reversal by order, low confidence.

Leaves out time (`selfcheck`), text (`injection`, `duplicates`) and statistics of a rater (`bias`).
"""

import numpy as np
from numpy.typing import NDArray

from judges.trust.vote_matrix import AB, BA, MISSING, TIE, A, B, Consensus, VoteMatrix
from review.detectors.flag import Flag

_CHOICE_NAMES = ("a", "b", "tie")


def vote_counts(codes_PRO: NDArray[np.int8]) -> NDArray[np.int64]:
    """Usable votes of each pair by choice, [pairs, (a, b, tie)]; both orders count."""
    flat = codes_PRO.reshape(len(codes_PRO), -1)
    return np.stack([(flat == choice).sum(axis=1) for choice in (A, B, TIE)], axis=1)


def agreement(vote_matrix: VoteMatrix) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Share of each pair's usable votes that name its most frequent choice, and that choice.

    Without a usable vote the share is 0; the choice is MISSING there and where two choices draw.
    """
    counts = vote_counts(vote_matrix.codes_PRO)
    total = counts.sum(axis=1)
    most = counts.max(axis=1, initial=0)
    share = most / np.maximum(total, 1)
    drawn = (counts == most[:, None]).sum(axis=1) > 1
    top = np.where(drawn | (total == 0), MISSING, counts.argmax(axis=1)).astype(np.int8)
    return share, top


def disagreement_scores(vote_matrix: VoteMatrix) -> NDArray[np.float64]:
    """Chance that two votes of two different raters on the pair differ, in [0, 1].

    Raters weigh the same however many orders they answered; 0 where fewer than two raters voted.
    """
    codes = vote_matrix.codes_PRO
    shares = np.stack([(codes == choice).mean(axis=2) for choice in (A, B, TIE)], axis=2)
    asked = shares.sum(axis=2)
    voted = asked > 0
    shares = np.divide(
        shares, asked[:, :, None], out=np.zeros_like(shares), where=voted[:, :, None]
    )
    raters = voted.sum(axis=1)
    same_ordered = (shares.sum(axis=1) ** 2).sum(axis=1) - (shares**2).sum(axis=(1, 2))
    pairs = raters * (raters - 1)
    differ = 1.0 - np.divide(same_ordered, pairs, out=np.ones(len(codes)), where=pairs > 0)
    return np.asarray(np.clip(differ, 0.0, 1.0))


def disagreement(vote_matrix: VoteMatrix, *, at_least: float = 0.3) -> list[Flag]:
    """Pairs on which the raters contradict each other; score is `disagreement_scores`.

    The default lets one dissenter in five pass as a flag (.4) and one flipped vote in ten not (.2).
    """
    scores = disagreement_scores(vote_matrix)
    counts = vote_counts(vote_matrix.codes_PRO)
    return [
        Flag(
            "disagreement",
            int(pair),
            float(scores[pair]),
            {name: int(n) for name, n in zip(_CHOICE_NAMES, counts[pair], strict=True)},
        )
        for pair in np.flatnonzero(scores >= max(at_least, 1e-9))
    ]


def reversed_PR(vote_matrix: VoteMatrix, *, ties: bool = True) -> NDArray[np.bool_]:
    """Where a rater's two orders contradict each other; with `ties`, a tie against a or b does."""
    first, second = vote_matrix.codes_PRO[:, :, AB], vote_matrix.codes_PRO[:, :, BA]
    both = vote_matrix.swapped_PR
    if not ties:
        both = both & (first != TIE) & (second != TIE)
    return np.asarray(both & (first != second))


def reversal(vote_matrix: VoteMatrix, *, strongest: int | None = None) -> list[Flag]:
    """Pairs on which some rater's choice changed with the order of the two responses.

    Score: reversed raters over raters asked in both orders. A change between a and b of the rater
    `strongest` (an index; the one the consensus leans on most) makes the flag hard.
    """
    flipped = reversed_PR(vote_matrix)
    opposite = reversed_PR(vote_matrix, ties=False)
    hard = np.zeros(len(vote_matrix), bool) if strongest is None else opposite[:, strongest]
    asked = np.maximum(vote_matrix.swapped_PR.sum(axis=1), 1)
    favours = np.where(opposite, np.where(vote_matrix.codes_PRO[:, :, AB] == A, 1, 2), 0)
    pairs, raters = np.nonzero(flipped)
    if not len(pairs):
        return []
    flags = []
    starts = np.flatnonzero(np.diff(pairs, prepend=-1))
    for pair, who in zip(pairs[starts].tolist(), np.split(raters, starts[1:]), strict=True):
        flags.append(
            Flag(
                "reversal",
                pair,
                len(who) / int(asked[pair]),
                {
                    "raters": [vote_matrix.raters[rater] for rater in who.tolist()],
                    "favours": [_POSITIONS[side] for side in favours[pair, who].tolist()],
                    "opposite": int(opposite[pair].sum()),
                },
                hard=bool(hard[pair]),
            )
        )
    return flags


_POSITIONS = ("neither", "first", "second")
"""The shown position a reversed rater favoured; neither where one of its answers is a tie."""


def low_confidence(consensus: Consensus, *, below: float = 0.75) -> list[Flag]:
    """Pairs whose settled choice is less probable than `below`; score is 1 - confidence."""
    confidence = consensus.confidence_P
    return [
        Flag(
            "low_confidence",
            int(pair),
            float(1.0 - confidence[pair]),
            {"confidence": round(float(confidence[pair]), 4)},
        )
        for pair in np.flatnonzero(confidence < below)
    ]


def no_vote(vote_matrix: VoteMatrix) -> list[Flag]:
    """Pairs on which nobody gave a usable answer; only a human can settle them."""
    silent = (vote_matrix.codes_PRO == MISSING).all(axis=(1, 2))
    return [Flag("no_vote", int(pair), 1.0, {}, hard=True) for pair in np.flatnonzero(silent)]
