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
_BANDS, _ROWS = 20, 5
"""Finds 0.8 alike in all but (1 - .8⁵)^20 = 0.04% of cases, and 0.03 alike, as unlike texts of one
language are, in 20 · .03⁵ = 5e-7: of all pairs among a million texts some hundred thousand.
"""
_CROWD = 30
_PRIME = (1 << 61) - 1
_FACTOR, _ODD = np.uint64(0x100000001B3), np.uint64(0xBF58476D1CE4E5B9)


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


def band_hashes(texts: Sequence[str]) -> NDArray[np.uint32]:
    """[texts, bands] min-hashes of shingles: texts that are alike share one. 0 without a word.

    A text's own words alone decide, so that very many are hashed a part at a time.
    """
    found = np.zeros((len(texts), _BANDS), np.uint64)
    grams, owner = _hashed_shingles(texts)
    if not len(grams):
        return found.astype(np.uint32)
    rng = np.random.default_rng(20)
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    filled = owner[starts]
    for band in range(_BANDS):
        for _ in range(_ROWS):
            smallest = np.minimum.reduceat(_mix(grams, rng), starts)
            found[filled, band] = found[filled, band] * np.uint64(1_000_003) + smallest
    return (found * _ODD >> np.uint64(32)).astype(np.uint32)


def _hashed_shingles(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """The hash of every shingle, as `shingles` cuts them, and whose text it is of, in order."""
    padded = ["".join(f" {word} " for word in text.lower().split()) for text in texts]
    joined = "".join(padded).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(joined, np.uint32).astype(np.uint64)
    space = codes == ord(" ")
    starts = np.flatnonzero(space[:-1] & ~space[1:])  # of each word with its two spaces
    sizes = np.flatnonzero(space[1:] & ~space[:-1]) + 2 - starts
    counts = np.maximum(sizes - _CHARACTERS + 1, 1)
    before = np.cumsum(counts) - counts
    place = np.repeat(starts - before, counts) + np.arange(counts.sum())
    size = np.repeat(np.minimum(sizes, _CHARACTERS), counts)
    codes = np.append(codes, np.zeros(_CHARACTERS, np.uint64))
    hashed = np.zeros(len(place), np.uint64)
    for i in range(_CHARACTERS):
        hashed = hashed * _FACTOR + np.where(i < size, codes[place + i], 0)
    hashed ^= hashed >> np.uint64(29)
    hashed *= _ODD
    ends = np.cumsum([len(text) for text in padded])
    return hashed, np.searchsorted(ends, place, side="right")


def sharing(hashes: NDArray[np.uint32]) -> set[tuple[int, int]]:
    """Pairs of rows of `band_hashes` that may be alike: they share a band.

    A crowd of equal bands is compared with its neighbours alone. Empty rows are like nothing.
    """
    found: set[tuple[int, int]] = set()
    filled = np.flatnonzero(hashes.any(axis=1))
    for band in hashes[filled].T:
        order = np.argsort(band, kind="stable")
        starts = np.flatnonzero(np.diff(band[order], prepend=band[order[:1]] + np.uint32(1)))
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
