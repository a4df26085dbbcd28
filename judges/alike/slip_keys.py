"""Keys that wordings share which differ by slips alone, for those that have many to compare with.

Leaves out whether two wordings that share a key do (`misspelling`).
"""

from array import array
from collections.abc import Iterator, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from judges.alike.misspelling import may_slip
from judges.alike.sketches import SKETCH_BANDS, key_pairs, sketches

SHORT = 16
"""Up to so many words a wording is compared with those that lack one of its words."""

SKETCHED = 6
"""From so many words on it is also looked for by its shingles, which sees several slips."""

_AT_ONCE = 512


class SlipKeys:
    """The keys of many wordings, some fifty bytes each where they are long."""

    def __init__(self) -> None:
        self._shorts, self._short_of = array("I"), array("I")
        self._bands, self._long = [np.zeros((0, SKETCH_BANDS), np.uint32)], array("I")
        self._waiting: list[tuple[int, str]] = []

    def add(self, owner: int, same: int, said: Sequence[str], text: Sequence[str]) -> None:
        """The words of a prompt, its turns as `joined` text, and a key that is the same in all
        wordings it is to be compared with.
        """
        if len(said) <= SHORT:
            for i, word in enumerate(said):
                if may_slip(word):
                    rest = " ".join((*said[:i], word[0], *said[i + 1 :]))
                    digest = blake2b(rest.encode("utf-8", "surrogatepass"), digest_size=4)
                    self._shorts.append(int.from_bytes(digest.digest(), "big"))
                    self._short_of.append(owner)
        if len(said) >= SKETCHED:
            self._long.append(owner)
            self._waiting.append((same, "\0".join(text)))
            if len(self._waiting) >= _AT_ONCE:
                self._sketch()

    def pairs(self, number_N: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
        """Prompts to compare, each of shape (pairs, 2); in a crowd, neighbours by their number."""
        self._sketch()
        short_of, long = np.array(self._short_of, np.intp), np.array(self._long, np.intp)
        yield short_of[key_pairs(np.array(self._shorts, np.uint32), number_N[short_of])]
        for band in np.concatenate(self._bands).T:
            yield long[key_pairs(band, number_N[long])]

    def _sketch(self) -> None:
        """Sketch what has been waiting for it."""
        if self._waiting:
            same = np.array([key for key, _ in self._waiting], np.uint64)
            mixed = sketches([text for _, text in self._waiting])
            mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + same[:, None]
            self._bands.append((mixed >> np.uint64(32)).astype(np.uint32))
            self._waiting.clear()
