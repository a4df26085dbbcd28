"""How alike texts are, by their shingles; and which of many are alike, without comparing all.

Similarity is the Jaccard index of two texts' sets of shingles (A. Broder 1997, "On the resemblance
and containment of documents"). Leaves out what follows from it, a conflict, and which prompts ask
the same (`judges.alike`).
"""

import re
from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer

_WORD = re.compile(r"\w+")
_WORDS, _CHARACTERS = 3, 5
_BUCKETS = 2**21
_BANDS, _ROWS = 10, 3  # finds 0.8 alike in all but (1 - .8³)^10 = 0.08% of cases
_CROWD = 30
_PRIME = (1 << 61) - 1


def shingles(texts: Sequence[str | None]) -> csr_matrix:
    """Sets of hashed shingles, one sparse row of ones a text, without regard to case.

    A shingle is a run of five characters inside words.
    """
    vectorizer = HashingVectorizer(
        analyzer="char_wb",
        ngram_range=(_CHARACTERS, _CHARACTERS),
        n_features=_BUCKETS,
        binary=True,
        norm=None,
        alternate_sign=False,
        dtype=np.float32,
    )
    return csr_matrix(vectorizer.transform([text or "" for text in texts]))


def word_runs(text: str) -> list[str]:
    """The runs of three words of a text, lower-cased; a shorter text is one run."""
    words = _WORD.findall(text.lower())
    if len(words) <= _WORDS:
        return [" ".join(words)]
    return [" ".join(words[i : i + _WORDS]) for i in range(len(words) - _WORDS + 1)]


def jaccard(left: csr_matrix, one: int, right: csr_matrix, other: int) -> float:
    """Similarity of row `one` of `left` and row `other` of `right`; two empty rows are the same."""
    mine = left.indices[left.indptr[one] : left.indptr[one + 1]]
    theirs = right.indices[right.indptr[other] : right.indptr[other + 1]]
    if not len(mine) and not len(theirs):
        return 1.0
    shared = len(np.intersect1d(mine, theirs, assume_unique=True))
    return shared / (len(mine) + len(theirs) - shared)


def band_hashes(rows: csr_matrix) -> NDArray[np.uint64]:
    """[rows, bands] min-hashes: rows that are alike share one. 0 for a row without a shingle.

    A row's own alone decide, so that very many are hashed a part at a time.
    """
    found = np.zeros((rows.shape[0], _BANDS), np.uint64)
    filled = np.flatnonzero(np.diff(rows.indptr))
    if not len(filled):
        return found
    rng = np.random.default_rng(20)
    starts = rows.indptr[filled]
    grams = rows.indices.astype(np.uint64)
    for band in range(_BANDS):
        for _ in range(_ROWS):
            smallest = np.minimum.reduceat(_mix(grams, rng), starts)
            found[filled, band] = found[filled, band] * np.uint64(1_000_003) + smallest
    return found


def sharing(hashes: NDArray[np.uint64]) -> set[tuple[int, int]]:
    """Pairs of rows of `band_hashes` that may be alike: they share a band.

    A crowd of equal bands is compared with its neighbours alone. Empty rows are like nothing.
    """
    found: set[tuple[int, int]] = set()
    filled = np.flatnonzero(hashes.any(axis=1))
    for band in hashes[filled].T:
        order = np.argsort(band, kind="stable")
        starts = np.flatnonzero(np.diff(band[order], prepend=band[order[:1]] + np.uint64(1)))
        sizes = np.diff(starts, append=len(order))
        for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
            members = filled[order[start : start + size]].tolist()
            pairs = combinations(members, 2) if len(members) <= _CROWD else pairwise(members)
            found.update((min(pair), max(pair)) for pair in pairs)
    return found


def _mix(grams: NDArray[np.uint64], rng: np.random.Generator) -> NDArray[np.uint64]:
    """A random hash of the gram numbers (multiply and shift)."""
    odd = np.uint64(int(rng.integers(1, _PRIME)) | 1)
    add = np.uint64(int(rng.integers(0, _PRIME)))
    return np.asarray((grams * odd + add) >> np.uint64(20))
