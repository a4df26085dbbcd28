"""In which order pairs deserve a human: by risk, by what the answer teaches, and a random share.

Leaves out who decides what is routed at all (`routing`) and the claims of annotators (`queue`).
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from judges.trust.vote_matrix import MISSING, Consensus, VoteMatrix, rename
from review.detectors.flag import Flag
from review.routing.options import RANDOM_SHARE

HALF_TAUGHT = 50.0
"""Answers at which what a further one teaches counts half (docs/design/ordering.md)."""


def risk(consensus: Consensus, *, tie_ok: bool = False) -> NDArray[np.float64]:
    """Probability that the settled choice is wrong, in [0, 2/3].

    With `tie_ok` a human tie does not make a delivered a or b wrong, so only the opposite counts.
    """
    choice = consensus.choice_P
    rows = np.arange(len(choice))
    if not tie_ok:
        return np.asarray(1.0 - consensus.p_PK[rows, choice])
    return np.asarray(
        np.where(
            choice == 2,
            1.0 - consensus.p_PK[:, 2],
            consensus.p_PK[rows, np.where(choice == 0, 1, 0)],
        )
    )


def patterns(vote_matrix: VoteMatrix) -> NDArray[np.int64]:
    """Number of each pair's vote pattern; a pattern and its mirror image are the same one."""
    as_is = _packed(vote_matrix.codes_PRO)
    mirrored = _packed(rename(vote_matrix.codes_PRO)[:, :, ::-1])
    first = np.asarray(as_is != mirrored).argmax(axis=1)  # the word that decides which is smaller
    rows = np.arange(len(as_is))
    smaller = as_is[rows, first] <= mirrored[rows, first]
    canonical = np.where(smaller[:, None], as_is, mirrored)
    one_word = canonical.shape[1] == 1
    found = np.unique(canonical[:, 0] if one_word else canonical, axis=0, return_inverse=True)[1]
    return found.astype(np.int64).reshape(-1)


def _packed(codes_PRO: NDArray[np.int8]) -> NDArray[np.int64]:
    """Votes as base-4 digits, 31 to a word: [pairs, words]."""
    digits = codes_PRO.reshape(len(codes_PRO), -1).astype(np.int64) + 1
    words = [digits[:, i : i + 31] for i in range(0, digits.shape[1], 31)]
    packed = [word @ (4 ** np.arange(word.shape[1], dtype=np.int64)) for word in words]
    return np.stack(packed, axis=1) if packed else np.zeros((len(codes_PRO), 1), np.int64)


def teaching(
    vote_matrix: VoteMatrix, consensus: Consensus, labels_P: NDArray[np.int8] | None = None
) -> NDArray[np.float64]:
    """How much one answer informs the fit, in [0, 1]; 1 is the most informative pair of the set.

    An answer speaks for every pair with the same vote pattern, so it is worth the uncertainty left
    in the pattern (pairs x Bernoulli variance of the win probability), divided by the answers
    already there plus one; square root, because the knowledge of a rate grows with the root of the
    answers.
    """
    if not len(vote_matrix):
        return np.zeros(0)
    pattern = patterns(vote_matrix)
    size = np.bincount(pattern)
    win_probability = consensus.win_P
    doubt = np.bincount(pattern, weights=win_probability * (1.0 - win_probability)) / size
    known = np.zeros(len(vote_matrix)) if labels_P is None else labels_P != MISSING
    answered = np.bincount(pattern, weights=known, minlength=len(size))
    worth = np.sqrt(size * doubt / (answered + 1.0))[pattern]
    most = worth.max()
    return np.asarray(worth / most) if most > 0 else worth


def review_value(
    vote_matrix: VoteMatrix,
    consensus: Consensus,
    labels_P: NDArray[np.int8] | None = None,
    *,
    tie_ok: bool = False,
) -> NDArray[np.float64]:
    """What a review of each pair is worth: its risk, raised by what the answer teaches the fit.

    Teaching counts as much as risk before the first answer, half at fifty, and fades from there.
    """
    known = 0 if labels_P is None else int((labels_P != MISSING).sum())
    fading = 1.0 / (1.0 + known / HALF_TAUGHT)
    lesson = teaching(vote_matrix, consensus, labels_P)
    return risk(consensus, tie_ok=tie_ok) * (1.0 + fading * lesson) / 2.0


def hard_mask(flags: Iterable[Flag], pairs: int) -> NDArray[np.bool_]:
    """Pairs with at least one hard flag."""
    mask = np.zeros(pairs, bool)
    mask[[flag.pair for flag in flags if flag.hard]] = True
    return mask


def queue_order(
    value_P: NDArray[np.float64],
    hard_P: NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    random_share: float = RANDOM_SHARE,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """All pairs in the order of review, and which of them stand where they are by chance.

    Hard pairs come first, then the highest value; every place of the queue is with probability
    `random_share` given to a pair drawn at random from all that still wait, so that the labels
    also cover what the model is sure of.
    """
    count = len(value_P)
    tie_break = rng.permutation(count)
    by_value = np.lexsort((tie_break, -value_P, ~hard_P))
    lottery = rng.permutation(count)
    by_chance = rng.random(count) < random_share
    order = np.empty(count, np.int64)
    drawn = np.zeros(count, bool)
    taken = bytearray(count)
    ranked, tickets = iter(by_value.tolist()), iter(lottery.tolist())
    for place, chance in enumerate(by_chance.tolist()):
        source = tickets if chance else ranked
        pair = next(pair for pair in source if not taken[pair])
        taken[pair] = 1
        order[place] = pair
        drawn[pair] = chance
    return order, drawn
