"""Distinct voting patterns: a million pairs hold a few thousand of them, and models run on those.

Leaves out: what a pattern means; that is the work of the label models.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from judges.trust.vote_matrix import AB, BA, MISSING, TIE, A, B, VoteMatrix

_PACKED_SLOTS = 31  # two bits a slot in an int64

_SIGN = np.array([0.0, 1.0, -1.0, 0.0])  # indexed by code + 1
_CAST = np.array([0.0, 1.0, 1.0, 1.0])
_MEAN = ((_SIGN[:, None] + _SIGN) / np.maximum(_CAST[:, None] + _CAST, 1.0)).reshape(-1)


@dataclass(frozen=True)
class Patterns:
    """codes_URO: distinct rows of a `codes_PRO`; of_P: which row a pair has; size_U: how many."""

    codes_URO: NDArray[np.int8]
    of_P: NDArray[np.int64]
    size_U: NDArray[np.int64]


def distinct(codes_PRO: NDArray[np.int8]) -> Patterns:
    """Fold equal rows of votes together. The order of the rows is that of their packed number."""
    pairs, raters, orders = codes_PRO.shape
    flat = (codes_PRO.reshape(pairs, raters * orders) + 1).astype(np.int64)
    if flat.shape[1] <= _PACKED_SLOTS:
        key = flat @ (4 ** np.arange(flat.shape[1], dtype=np.int64))
        _, first, of_P = np.unique(key, return_index=True, return_inverse=True)
    else:
        _, first, of_P = np.unique(flat, axis=0, return_index=True, return_inverse=True)
    of_P = of_P.reshape(-1)
    return Patterns(codes_PRO[first], of_P, np.bincount(of_P, minlength=len(first)))


def joint_codes(codes_PRO: NDArray[np.int8]) -> NDArray[np.int8]:
    """Both orders of a rater as one of 16 codes: 4·(v_ab + 1) + (v_ba + 1); 0 is no vote at all."""
    code: NDArray[np.int8] = (4 * (codes_PRO[..., AB] + 1) + codes_PRO[..., BA] + 1).astype(np.int8)
    return code


def mirrored_joint() -> NDArray[np.int64]:
    """φ on joint codes: rename A and B and exchange the two orders."""
    renamed = {MISSING: MISSING, A: B, B: A, TIE: TIE}
    image = [4 * (renamed[v % 4 - 1] + 1) + renamed[v // 4 - 1] + 1 for v in range(16)]
    return np.array(image, dtype=np.int64)


def spread(pairs: int) -> NDArray[np.int64]:
    """Rows spread evenly over all, some 20,000 at most: enough to tell what raters are like."""
    return np.arange(0, pairs, 1 + pairs // 20_000)


def mean_votes(codes_PRO: NDArray[np.int8]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Mean vote over the orders in [-1, 1] (A is +1, TIE 0; 0 where missing), and who voted."""
    mean = _MEAN[(codes_PRO[..., AB] + 1) * 4 + codes_PRO[..., BA] + 1]
    return mean, (codes_PRO != MISSING).any(axis=2)


def vote_counts(vote_matrix: VoteMatrix) -> NDArray[np.float64]:
    """Votes for A, B and TIE of each pair, [pairs, 3]; each rater counts once over its orders."""
    present = vote_matrix.codes_PRO != MISSING
    weight = present / np.maximum(present.sum(axis=2, keepdims=True), 1)
    counts = [((vote_matrix.codes_PRO == k) * weight).sum(axis=(1, 2)) for k in (A, B, TIE)]
    return np.stack(counts, axis=1)
