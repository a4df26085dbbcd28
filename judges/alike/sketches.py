"""Which of many texts are nearly the same, by keys that such texts share: none are compared here.

Min-hashes of character shingles that run across words and sentences, so that scripts without
spaces are covered. Leaves out whether two texts that share a key are the same (`misspelling`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]

CROWD = 12
"""So many with one key are compared each with each; of more, neighbours alone."""

SKETCH_BANDS, SKETCH_ROWS = 12, 6  # finds 0.85 alike in all but (1 - .85⁶)^12 = 0.3% of cases
_CHARACTERS, _UNSPACED = 5, 3  # of a shingle; and where a character is half a word
_BINS = SKETCH_BANDS * SKETCH_ROWS
_FIRST_UNSPACED = 0x0E00  # Thai; what lies from here to Hangul has no spaces, or few letters a word
_EMPTY = np.iinfo(np.uint64).max
_ODD = np.uint64(0x9E3779B97F4A7C15)


def key_pairs(keys_N: NDArray[np.unsignedinteger], rank_N: NDArray[np.integer]) -> NDArray[np.intp]:
    """Pairs of places, shape (pairs, 2), whose keys are equal; in a crowd, neighbours by rank."""
    order = np.lexsort((rank_N, keys_N))
    keys = keys_N[order]
    edges = np.flatnonzero(np.diff(keys)) + 1
    starts = np.concatenate([[0], edges]).astype(np.intp)
    sizes = np.diff(np.concatenate([starts, [len(keys)]]))
    crowded = np.repeat(sizes > CROWD, sizes)
    found = []
    for step in range(1, CROWD):
        first = np.flatnonzero(keys[step:] == keys[:-step])
        if step > 1:
            first = first[~crowded[first]]
        if not len(first):
            break
        found.append(np.stack([order[first], order[first + step]], axis=1))
    return np.concatenate(found) if found else np.zeros((0, 2), np.intp)


def sketches(texts: Sequence[str]) -> Keys:
    """Keys of each text, shape (texts, SKETCH_BANDS); texts alike share one of them.

    Min-hashes of character shingles that run across words, from one hash each (Li, Owen and Zhang
    2012, "One permutation hashing"; empty bins by rotation, Shrivastava and Li 2014). A text of
    fewer characters than a shingle has the keys of an empty one.
    """
    smallest = np.full((len(texts), _BINS), _EMPTY, np.uint64)
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    owner = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    if len(codes) >= _CHARACTERS:
        hashed, owners = _hashed_shingles(codes.astype(np.uint64), owner)
        bins = ((hashed >> np.uint64(32)) * np.uint64(_BINS) >> np.uint64(32)).astype(np.intp)
        np.minimum.at(smallest.reshape(-1), owners * _BINS + bins, hashed)
    smallest = _without_gaps(smallest)
    bands = np.zeros((len(texts), SKETCH_BANDS), np.uint64)
    for row in range(SKETCH_ROWS):
        bands = bands * _ODD + smallest[:, row::SKETCH_ROWS]
    return np.asarray(bands + np.arange(SKETCH_BANDS, dtype=np.uint64), np.uint64)


def _hashed_shingles(codes: Keys, owner: NDArray[np.intp]) -> tuple[Keys, NDArray[np.intp]]:
    """The hash of the shingle that begins at each character, and whose text it is of."""
    factor = np.uint64(0x100000001B3)
    n = len(codes) - _CHARACTERS + 1
    hashed = np.zeros(n, np.uint64)
    spaced = codes[:n] < _FIRST_UNSPACED
    mixed = not spaced.all()
    for i in range(_CHARACTERS):
        part = codes[i : i + n]
        if mixed and i >= _UNSPACED:
            part = np.where(spaced, part, 0)
        hashed = hashed * factor + part
    hashed ^= hashed >> np.uint64(29)
    hashed *= np.uint64(0xBF58476D1CE4E5B9)
    hashed ^= hashed >> np.uint64(32)
    whole = owner[:n] == owner[_CHARACTERS - 1 :]
    return hashed[whole], owner[:n][whole]


def _without_gaps(smallest: Keys) -> Keys:
    """Empty bins take the value of the next filled one, marked by how far it came."""
    bins = smallest.shape[1]
    twice = np.concatenate([smallest, smallest], axis=1)
    place = np.where(twice != _EMPTY, np.arange(2 * bins), 2 * bins - 1)
    nearest = np.minimum.accumulate(place[:, ::-1], axis=1)[:, ::-1][:, :bins]
    far = (nearest - np.arange(bins)).astype(np.uint64)
    return np.asarray(np.take_along_axis(twice, nearest, axis=1) + far * _ODD, np.uint64)
