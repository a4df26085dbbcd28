"""What is remembered of every prompt while they stream by: keys that prompts of one group share.

Leaves out which prompts that makes one group (`groups`).
"""

import re
from array import array
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from judges.alike.fillers import SMALL_TALK
from judges.alike.misspelling import outline
from judges.alike.shared_turns import SharedTurns
from judges.alike.slip_keys import SlipKeys
from judges.alike.turns import Turn, turns
from judges.alike.wording import HARD, bare, joined, plain, words

REST = 0.5
"""Share of what follows the first user turn that two conversations of one group have in common."""

_SHA256 = re.compile("[0-9a-f]{64}")


class Names:
    """The keys of prompts by number: a sha256 in 32 bytes, any other text as it is."""

    def __init__(self) -> None:
        self._digests, self._others = bytearray(), dict[int, str]()

    def __len__(self) -> int:
        return len(self._digests) // 32

    def append(self, key: str) -> None:
        """The key of the next prompt."""
        digest = bytes.fromhex(key) if _SHA256.fullmatch(key) else b""
        if not digest:
            self._others[len(self)] = key
        self._digests += digest or bytes(32)

    def __getitem__(self, number: int) -> str:
        return self._others.get(number) or self._digests[32 * number : 32 * number + 32].hex()


class Links:
    """Prompts by key: `linked` joins those that have a key in common, where it is claimed."""

    def __init__(self) -> None:
        self._keys, self._owners, self._claimed = array("Q"), array("I"), array("Q")

    def add(self, owner: int, key: bytes) -> None:
        """One more key of a prompt."""
        self._keys.append(int.from_bytes(key, "big"))
        self._owners.append(owner)

    def claim_own(self, owner: int, key: bytes) -> None:
        """One more key of a prompt, by which whoever has it is of one group with it."""
        number = int.from_bytes(key, "big")
        self._keys.append(number)
        self._owners.append(owner)
        self._claimed.append(number)

    def claim(self, key: bytes) -> None:
        """Whoever has this key is of one group."""
        self._claimed.append(int.from_bytes(key, "big"))

    def linked(self) -> NDArray[np.intp]:
        """Edges, shape (edges, 2), between neighbours of one key."""
        keys, claimed = (
            values_of(self._keys, np.uint64),
            np.sort(values_of(self._claimed, np.uint64)),
        )
        if not len(claimed):
            return np.zeros((0, 2), np.intp)
        place = np.searchsorted(claimed, keys)
        place[place == len(claimed)] = 0
        wanted = np.flatnonzero(claimed[place] == keys)
        del place
        wanted = wanted[np.argsort(keys[wanted], kind="stable")]
        same = np.flatnonzero(np.diff(keys[wanted]) == 0)
        owners = values_of(self._owners, np.uint32)
        both = np.stack([owners[wanted[same]], owners[wanted[same + 1]]], axis=1)
        return both.astype(np.intp)


class Marks:
    """What is remembered of every prompt."""

    def __init__(self) -> None:
        self.keys = Names()
        self.lengths = array("H")
        self.begins, self.turns = Links(), SharedTurns(REST)
        self.wholes, self.outlines, self.whole_of = array("Q"), array("Q"), array("I")
        self.unspaced = SlipKeys()

    def add(self, key: str, messages: Sequence[Mapping[str, Any]]) -> None:
        """Remember one prompt."""
        owner = len(self.keys)
        said = turns(messages)
        self.keys.append(key)
        self.lengths.append(min(len(said), 65_535))
        worded = [worded_turn(turn) for turn in said]
        if not worded:
            return
        text = [joined(each) for each in worded]
        asked = [plain(each) for each in worded]
        if len(said) == 1 and said[0].role == "user":
            for form in (bare(said[0].text), asked[0], text[0]):
                self.begins.claim_own(owner, _hash(f"turns\1user\2{form}"))  # as `_beginnings`
        else:
            small_talk = _small_talk(said, asked)
            for forms in ([bare(turn.text) for turn in said], asked, text):
                roles = (turn.role for turn in said)
                self._conversation(owner, list(zip(roles, forms, strict=True)), small_talk)
        self._remember(owner, all_words(said, worded), text)

    def _conversation(self, owner: int, said: list[tuple[str, str]], small_talk: bool) -> None:
        """Claim the beginnings that make a conversation the same, and offer all of its own."""
        links = self.begins
        spoken = [turn for turn in said if turn[0] != "system"]
        if not spoken:
            spoken, said = [("system", form) for _, form in said], []
        first = next((i for i, (role, _) in enumerate(spoken) if role == "user"), 0)
        before = takewhile(lambda turn: turn != spoken[first], said)
        system = "\0".join(form for role, form in before if role == "system")
        begins = _beginnings("turns", spoken)
        single = first == len(spoken) - 1
        for key in begins[first:]:
            links.add(owner, key)
        if system or not single:
            links.add(owner, _hash(f"{system}\0{begins[first].hex()}"))
        if single and system:
            links.claim(_hash(f"{system}\0{begins[first].hex()}"))
            links.claim(_hash(f"\0{begins[first].hex()}"))
        elif single:
            links.claim(begins[first])
        elif small_talk:
            links.claim(begins[-1])
        else:
            links.claim(begins[_enough(spoken, first)])
            self._rest(owner, spoken, first)

    def _rest(self, owner: int, spoken: list[tuple[str, str]], first: int) -> None:
        """What follows a first question: the user's turns in order, and every turn by itself."""
        asked = [turn for turn in spoken if turn[0] == "user"]
        if len(asked) > 1:
            sequence = _beginnings("asked", asked)
            for key in sequence[1:]:
                self.begins.add(owner, key)
            self.begins.claim(sequence[_enough(asked, 0)])
        question = spoken[first][1]
        rest = spoken[first + 1 :]
        keys = [_hash(f"{question}\1{role}\2{form}") for role, form in rest]
        self.turns.add(owner, keys, [len(form) + 1 for _, form in rest])

    def _remember(self, owner: int, said: list[str], text: list[str]) -> None:
        """Keep the keys of the whole wording, by which slips are found."""
        self.wholes.append(_number(" ".join(said)))
        self.whole_of.append(owner)
        kept = outline(said)
        if kept is None:
            self.unspaced.add(owner, _number(" ".join(w for w in said if w[0] == HARD)), said, text)
        self.outlines.append(0 if kept is None else _number(kept) or 1)


def values_of(values: "array[int]", kind: type[Any]) -> NDArray[Any]:
    """An array that grew as one that counts, without a copy."""
    return np.frombuffer(values, kind) if len(values) else np.zeros(0, kind)


def worded_turn(turn: Turn) -> list[str]:
    """The words of a turn; one of nothing but filler and punctuation is its own text."""
    said = words(turn.text)
    if said:
        return said
    text = turn.text.casefold().strip()
    letters = " ".join("".join(c if c.isalnum() else " " for c in text).split())
    return [HARD + (letters or text)]


def all_words(said: list[Turn], worded: list[list[str]]) -> list[str]:
    """The words of a conversation, with whose they are where it has several turns."""
    if len(said) == 1:
        return worded[0]
    return [
        word
        for turn, each in zip(said, worded, strict=True)
        for word in (f"{HARD}<{turn.role}>", *each)
    ]


def _small_talk(said: list[Turn], plain: list[str]) -> bool:
    """Whether the first thing a user says, before others speak, is small talk."""
    if len(said) == 1:
        return False
    asked = (form for turn, form in zip(said, plain, strict=True) if turn.role == "user")
    return SMALL_TALK.issuperset(next(asked, "").split())


def _number(text: str) -> int:
    return int.from_bytes(_hash(text), "big")


def _beginnings(kind: str, spoken: list[tuple[str, str]]) -> list[bytes]:
    """The key of each beginning of a conversation, from its first turn to all of them: the hash of
    `kind` and what was said.
    """
    digest = blake2b(kind.encode(), digest_size=8)
    found = []
    for role, form in spoken:
        digest.update(f"\x01{role}\x02{form}".encode("utf-8", "surrogatepass"))
        found.append(digest.copy().digest())
    return found


def _enough(spoken: list[tuple[str, str]], first: int) -> int:
    """The first turn with which more than REST of what follows the turn `first` has been said."""
    sizes = [len(form) + 1 for _, form in spoken]
    rest, seen = sum(sizes[first + 1 :]), 0
    for i in range(first + 1, len(spoken)):
        seen += sizes[i]
        if seen > REST * rest:
            return i
    return first


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
