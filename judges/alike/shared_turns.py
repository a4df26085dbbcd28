"""Conversations with the same first question that share most of the rest, wherever it stands.

Leaves out those that share their beginning: `groups` finds these by key, however many.
"""

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from judges.alike.sketches import key_pairs


class SharedTurns:
    """The turns behind the first question of every conversation, by key and size."""

    def __init__(self, least: float) -> None:
        """least: more than this share of the shorter rest makes two conversations the same."""
        self._least = least
        self._owners, self._starts = array("I"), array("I")
        self._keys, self._sizes = array("Q"), array("I")

    def add(self, owner: int, keys: Sequence[bytes], sizes: Sequence[int]) -> None:
        """The turns of one conversation; a key holds its first question, too."""
        self._owners.append(owner)
        self._starts.append(len(self._keys))
        self._keys.extend(int.from_bytes(key, "big") for key in keys)
        self._sizes.extend(sizes)

    def linked(self, alike_N: NDArray[np.intp]) -> NDArray[np.intp]:
        """Edges, shape (edges, 2), between conversations not alike yet that share enough."""
        owners = np.array(self._owners, np.intp)
        ends = np.array([*self._starts[1:], len(self._keys)], np.int64)
        lengths = ends - np.array(self._starts, np.int64) if len(owners) else ends[:0]
        place = np.repeat(np.arange(len(owners)), lengths)
        keys = np.array(self._keys, np.uint64)
        pairs = place[key_pairs(keys, alike_N[owners[place]])]
        apart = alike_N[owners[pairs[:, 0]]] != alike_N[owners[pairs[:, 1]]]
        pairs = np.unique(np.sort(pairs[apart], axis=1), axis=0)
        found = [(owners[a], owners[b]) for a, b in pairs.tolist() if self._enough(a, b)]
        return np.array(found, np.intp).reshape(-1, 2)

    def _enough(self, one: int, other: int) -> bool:
        mine, theirs = self._turns(one), self._turns(other)
        shared = sum(size for key, size in mine.items() if key in theirs)
        return shared > self._least * min(sum(mine.values()), sum(theirs.values()))

    def _turns(self, place: int) -> dict[int, int]:
        start = self._starts[place]
        end = self._starts[place + 1] if place + 1 < len(self._starts) else len(self._keys)
        return dict(zip(self._keys[start:end], self._sizes[start:end], strict=True))
