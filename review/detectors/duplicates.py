"""Near-duplicate pairs whose settled choices contradict each other, also with A and B exchanged.

Candidates by min-hashing of character 5-grams, so that a million pairs need no million squared
comparisons; candidates are then compared response by response. Leaves out exact copies of both
responses: those are one pair from the import on.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer

from judges.trust.vote_matrix import A, B
from review.detectors.flag import Flag

_BANDS, _ROWS = 10, 3
_CROWD = 30
_PRIME = (1 << 61) - 1


def shingles(texts: Sequence[str | None]) -> csr_matrix:
    """Sets of hashed character 5-grams, one sparse row a text."""
    vectorizer = HashingVectorizer(
        analyzer="char_wb",
        ngram_range=(5, 5),
        n_features=2**21,
        binary=True,
        norm=None,
        alternate_sign=False,
        dtype=np.float32,
    )
    return csr_matrix(vectorizer.transform([text or "" for text in texts]))


def near_duplicates(
    prompts: Sequence[str | None],
    responses_a: Sequence[str | None],
    responses_b: Sequence[str | None],
    *,
    at_least: float = 0.8,
) -> Iterator[tuple[int, int, bool, float]]:
    """(pair, pair, mirrored, similarity) of pairs whose prompts and responses are nearly the same.

    Similarity: the smaller Jaccard index of the two matched responses' 5-gram sets.
    """
    if not len(prompts):
        return
    first, second, asked = shingles(responses_a), shingles(responses_b), shingles(prompts)
    whole = csr_matrix(first + second + asked)
    for one, other in sorted(_candidates(whole)):
        if _jaccard(asked, one, asked, other) < at_least:
            continue
        straight = min(_jaccard(first, one, first, other), _jaccard(second, one, second, other))
        crossed = min(_jaccard(first, one, second, other), _jaccard(second, one, first, other))
        if max(straight, crossed) >= at_least:
            yield one, other, crossed > straight, max(straight, crossed)


def duplicate_conflict(
    prompts: Sequence[str | None],
    responses_a: Sequence[str | None],
    responses_b: Sequence[str | None],
    choice_P: NDArray[np.int8],
    *,
    at_least: float = 0.8,
) -> list[Flag]:
    """Both pairs of every near-duplicate whose choices are opposite; score is the similarity."""
    flags = []
    for one, other, mirrored, score in near_duplicates(
        prompts, responses_a, responses_b, at_least=at_least
    ):
        here, there = int(choice_P[one]), int(choice_P[other])
        if {here, there} <= {A, B} and (here == there) == mirrored:
            detail = {"mirrored": mirrored, "similarity": round(score, 3)}
            flags.append(
                Flag("duplicate_conflict", one, score, {"other": other, **detail}, hard=True)
            )
            flags.append(
                Flag("duplicate_conflict", other, score, {"other": one, **detail}, hard=True)
            )
    return flags


def _candidates(rows: csr_matrix) -> set[tuple[int, int]]:
    """Pairs of rows that share a band of min-hashes; a crowd is compared with its neighbours."""
    filled = np.flatnonzero(np.diff(rows.indptr))
    found: set[tuple[int, int]] = set()
    if not len(filled):
        return found
    rng = np.random.default_rng(20)
    starts = rows.indptr[filled]
    grams = rows.indices.astype(np.uint64)
    for _ in range(_BANDS):
        band = np.zeros(len(filled), np.uint64)
        for _ in range(_ROWS):
            hashed = _mix(grams, rng)
            smallest = np.minimum.reduceat(hashed, starts)
            band = band * np.uint64(1_000_003) + smallest
        order = np.argsort(band, kind="stable")
        edges = np.flatnonzero(np.diff(band[order])) + 1
        for bucket in np.split(order, edges):
            if len(bucket) < 2:
                continue
            members = filled[bucket].tolist()
            pairs = combinations(members, 2) if len(members) <= _CROWD else pairwise(members)
            found.update((min(pair), max(pair)) for pair in pairs)
    return found


def _mix(grams: NDArray[np.uint64], rng: np.random.Generator) -> NDArray[np.uint64]:
    """A random hash of the gram numbers (multiply and shift)."""
    odd = np.uint64(int(rng.integers(1, _PRIME)) | 1)
    add = np.uint64(int(rng.integers(0, _PRIME)))
    return np.asarray((grams * odd + add) >> np.uint64(20))


def _jaccard(left: csr_matrix, one: int, right: csr_matrix, other: int) -> float:
    mine = left.indices[left.indptr[one] : left.indptr[one + 1]]
    theirs = right.indices[right.indptr[other] : right.indptr[other + 1]]
    if not len(mine) and not len(theirs):
        return 1.0
    shared = len(np.intersect1d(mine, theirs, assume_unique=True))
    return shared / (len(mine) + len(theirs) - shared)
