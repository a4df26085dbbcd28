"""How each rater fares beside the consensus: agreement, ties, flips. Pure counts, no model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from judges.trust.vote_matrix import AB, BA, MISSING, TIE, A, B, Consensus, VoteMatrix


@dataclass(frozen=True)
class Reliability:
    """One rater. Shares are in [0, 1], None where there is nothing to count.

    pairs: pairs it voted on. ties: share of its votes that are ties. agreement: share of its votes
    for a or b that are the consensus's choice, where that is a or b. flips: share of the pairs it
    saw in both orders on which it says a in one and b in the other. accuracy: as agreement, beside
    known answers instead; `answers`: how many of its votes that rests on.
    """

    judge: str
    pairs: int
    ties: float | None
    agreement: float | None
    flips: float | None
    accuracy: float | None = None
    answers: int = 0


def reliability(
    vote_matrix: VoteMatrix, consensus: Consensus, labels_P: NDArray[np.int8] | None = None
) -> list[Reliability]:
    """The figures of every rater, in the order of the matrix. labels_P: known answers, if any."""
    choice_P = consensus.choice_P
    figures = []
    for r, name in enumerate(vote_matrix.raters):
        codes_PO = vote_matrix.codes_PRO[:, r]
        cast = codes_PO != MISSING
        both = cast.all(axis=1)
        flips = (codes_PO[:, AB] + codes_PO[:, BA] == A + B) & (codes_PO != TIE).all(axis=1) & both
        agreement, _ = _matching(codes_PO, choice_P)
        accuracy, answers = _matching(codes_PO, labels_P) if labels_P is not None else (None, 0)
        figures.append(
            Reliability(
                judge=name,
                pairs=int(cast.any(axis=1).sum()),
                ties=_share(int((codes_PO == TIE).sum()), int(cast.sum())),
                agreement=agreement,
                flips=_share(int(flips.sum()), int(both.sum())),
                accuracy=accuracy,
                answers=answers,
            )
        )
    return figures


def _matching(codes_PO: NDArray[np.int8], choice_P: NDArray[np.int8]) -> tuple[float | None, int]:
    """The share of votes for a or b that are the choice, where that is a or b; of how many."""
    decided_P = (choice_P == A) | (choice_P == B)
    decided = ((codes_PO == A) | (codes_PO == B)) & decided_P[:, None]
    of = int(decided.sum())
    return _share(int((decided & (codes_PO == choice_P[:, None])).sum()), of), of


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
