"""A second look for leaks at what an export is about to write, by another way than the groups.

Texts are compared without case, white space and the punctuation at their end; every conversation
is looked up among the beginnings of all others. What groups find beyond that (slips, most of the
rest shared) is not looked for again. Some forty bytes a turn are kept.
"""

from array import array
from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from db.conversation import Messages
from db.errors import Conflict
from db.gold import GoldSet
from judges.alike.turns import Turn, turns
from judges.alike.wording import bare
from trainer.export.selection import SPLITS

SHOWN, GOLD = "pairs", "gold"
"""Where else a prompt can stand: shown without a label; frozen."""

_PLACES = (*SPLITS, SHOWN, GOLD)


class LeakCheck:
    """Takes the prompts of an export one after the other, with the split each stands in."""

    def __init__(self, gold: GoldSet) -> None:
        self._keys, self._prompts = array("Q"), array("Q")
        self._places, self._whole = array("b"), array("b")
        self._answers = {text.strip() for text in gold.answers} - {""}
        self._holding: str | None = None
        self._last: tuple[str, str] | None = None
        self.prompts = 0
        for key, messages in gold.prompts.items():
            self.add(GOLD, key, messages)

    def add(self, place: str, prompt_hash: str, messages: Messages) -> None:
        """A prompt and where it stands."""
        if self._last == (place, prompt_hash):
            return
        self._last = (place, prompt_hash)
        self.prompts += place != GOLD
        said = turns(messages)
        answered = (t.text.strip() for t in said if t.role == "assistant")
        if place != GOLD and not self._answers.isdisjoint(answered):
            self._holding = self._holding or _named(place, int(prompt_hash[:12], 16))
        asked = next((i for i, turn in enumerate(said) if turn.role == "user"), len(said))
        for i, key in enumerate(_beginnings(said)):
            if i >= asked or i == len(said) - 1:
                self._keys.append(key)
                self._prompts.append(int(prompt_hash[:12], 16))
                self._places.append(_PLACES.index(place))
                self._whole.append(i == len(said) - 1)

    def require_none(self) -> None:
        """Raises Conflict where a gold answer is a turn of a prompt, or, naming two prompts, where
        one begins the other and stands elsewhere.
        """
        if self._holding:
            raise Conflict(
                f"a gold answer stands in {self._holding}, and gold is never trained on; {_WAY_OUT}"
            )
        keys = np.frombuffer(self._keys, np.uint64) if self._keys else np.zeros(0, np.uint64)
        places = np.array(self._places, np.int8)
        order = np.lexsort((places, keys))
        starts = np.flatnonzero(np.diff(keys[order], prepend=keys[order][:1] + np.uint64(1)))
        if not len(starts):
            return
        least = np.minimum.reduceat(places[order], starts)
        most = np.maximum.reduceat(places[order], starts)
        ends = np.append(starts[1:], len(order))
        for at in np.flatnonzero(least != most):
            self._require_none(order[starts[at] : ends[at]])

    def _require_none(self, rows: NDArray[np.intp]) -> None:
        for one in rows:
            for other in rows:
                here, there = _PLACES[self._places[one]], _PLACES[self._places[other]]
                if self._whole[one] and _apart(here, there):
                    first, second = self._prompts[one], self._prompts[other]
                    raise Conflict(
                        f"{_named(here, first)} is {_named(there, second)} or its beginning, and "
                        f"they must not stand apart; {_WAY_OUT}"
                    )


_WAY_OUT = (
    "nothing was written, as this should never come up: leave one out with "
    "`tiebreak prompts erase`, and report it"
)


def _apart(here: str, there: str) -> bool:
    if GOLD in (here, there):
        return here != there
    return here != there and SHOWN not in (here, there)


def _named(place: str, prompt: int) -> str:
    return f"prompt {prompt:012x} ({place})"


def _beginnings(said: list[Turn]) -> Iterator[int]:
    digest = blake2b(digest_size=8)
    for turn in said:
        digest.update(f"\1{turn.role}\2{bare(turn.text)}".encode("utf-8", "surrogatepass"))
        yield int.from_bytes(digest.copy().digest(), "big")
