"""Which prompts are one conversation or one question, so that they never stand apart. Pure.

Two prompts are of one group where

- one conversation begins with the other (a system message on one side alone, or the same on both);
- they share their first user turn and more than half of the rest of the shorter one, in turns from
  the beginning or in the user's turns alone; a first turn of small talk is not enough for that;
- they are near-duplicates: the same wording (`wording`), but for slips (`misspelling`).

And whatever is of one group with a third. Which slips are looked at is found by min-hashes of
character shingles, for short prompts by all words but one. Time and memory grow with the prompts,
never with their square: some 600 bytes a prompt, whatever its length. The order of the prompts
changes nothing. The rule and its errors: docs/design/leakage.md.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from judges.alike.fillers import SMALL_TALK
from judges.alike.misspelling import may_slip, same_but_for_slips
from judges.alike.shared_turns import SharedTurns
from judges.alike.sketches import SKETCH_BANDS, Keys, key_pairs, sketches
from judges.alike.turns import Turn, turns
from judges.alike.wording import HARD, bare, joined, plain, words

REST = 0.5
"""Share of what follows the first user turn that two conversations of one group have in common."""

SHORT = 16
"""Up to so many words a prompt is compared with those that lack one of its words."""

SKETCHED = 6
"""From so many words on it is also looked for by its shingles, which sees several slips."""

LARGE = 0.05
"""A group of more than this share of the prompts is named to people."""

_AT_ONCE, _TEXTS, _BEGINS = 512, 50_000, 60

Prompts = Iterable[tuple[str, Sequence[Mapping[str, Any]]]]
"""(key, messages) of every prompt, in any order; iterated more than once."""


@dataclass(frozen=True)
class Large:
    """A group of more than LARGE of the prompts; `begins` is how its shortest member begins."""

    name: str
    prompts: int
    share: float
    begins: str

    @property
    def told(self) -> str:
        """For people."""
        return (
            f"{self.prompts:,} prompts ({self.share:.0%}) are one group, which stands in one place "
            f"as a whole: those like {self.begins!r} (prompt {self.name[:12]})"
        )


@dataclass(frozen=True)
class Groups:
    """The groups of a set of prompts; a prompt that is alone is its own.

    names: key -> name of its group, of the prompts that are not alone. A group is named by the key
    of its shortest conversation, so that conversations that grow keep their name.
    """

    prompts: int = 0
    names: Mapping[str, str] = field(default_factory=dict)
    large: tuple[Large, ...] = ()

    def of(self, key: str) -> str:
        """The name of a prompt's group."""
        return self.names.get(key, key)

    def sizes(self) -> Counter[str]:
        """Prompts of every group of two or more."""
        return Counter(self.names.values())


def group_of(prompts: Prompts) -> Callable[[str], str]:
    """For those who need no more than the name of each prompt's group."""
    return group(prompts).of


def group(prompts: Prompts) -> Groups:
    """The groups of these prompts. A key that comes twice is one prompt."""
    marks = _Marks()
    for key, messages in prompts:
        marks.add(key, messages)
    marks.close()
    edges = [marks.whole.linked(), marks.begins.linked()]
    alike = _components(len(marks.keys), edges)
    edges.append(marks.turns.linked(alike))
    edges += list(_slips(prompts, marks, alike))
    groups = _named(marks, _components(len(marks.keys), edges))
    return replace(groups, large=tuple(_large(prompts, groups)))


def _large(prompts: Prompts, groups: Groups) -> Iterator[Large]:
    sizes = {name: n for name, n in groups.sizes().items() if n > LARGE * groups.prompts}
    begins = {key: _begins(messages) for key, messages in prompts if key in sizes} if sizes else {}
    for name, n in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        yield Large(name, n, n / groups.prompts, begins[name])


def _begins(messages: Sequence[Mapping[str, Any]]) -> str:
    text = " ".join(_first_question(turns(messages)).split())
    return text if len(text) <= _BEGINS else text[: _BEGINS - 1] + "…"


class _Links:
    """Prompts by key: `linked` joins those that have a key in common, where it is claimed."""

    def __init__(self) -> None:
        self.keys, self.owners = array("Q"), array("I")
        self.claimed = array("Q")

    def add(self, owner: int, key: bytes) -> None:
        self.keys.append(int.from_bytes(key, "big"))
        self.owners.append(owner)

    def claim(self, key: bytes) -> None:
        self.claimed.append(int.from_bytes(key, "big"))

    def arrays(self) -> tuple[Keys, NDArray[np.intp]]:
        keys = np.frombuffer(self.keys, np.uint64) if self.keys else np.zeros(0, np.uint64)
        return keys, np.array(self.owners, np.intp)

    def linked(self) -> NDArray[np.intp]:
        """Edges, shape (edges, 2), between neighbours of one key."""
        keys, owners = self.arrays()
        wanted = np.isin(keys, np.array(self.claimed, np.uint64))
        keys, owners = keys[wanted], owners[wanted]
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(np.diff(keys[order]) == 0) if len(keys) else np.zeros(0, np.intp)
        return np.stack([owners[order][same], owners[order][same + 1]], axis=1)


class _Marks:
    """What is remembered of every prompt."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.lengths = array("I")
        self.whole, self.begins = _Links(), _Links()
        self.turns = SharedTurns(REST)
        self.short, self.bands = _Links(), [np.zeros((0, SKETCH_BANDS), np.uint64)]
        self.long = array("I")
        self._known: set[str] = set()
        self._waiting: list[tuple[bytes, str]] = []

    def add(self, key: str, messages: Sequence[Mapping[str, Any]]) -> None:
        """Remember one prompt."""
        if key in self._known:
            return
        self._known.add(key)
        owner = len(self.keys)
        said = turns(messages)
        self.keys.append(key)
        self.lengths.append(len(said))
        worded = [_worded(turn) for turn in said]
        if worded:
            roles, text = [turn.role for turn in said], [joined(each) for each in worded]
            asked = next(
                (each for role, each in zip(roles, worded, strict=True) if role == "user"), []
            )
            small_talk = SMALL_TALK.issuperset(" ".join(asked).replace(HARD, "").split())
            for forms in ([bare(t.text) for t in said], [plain(each) for each in worded], text):
                self._conversation(owner, list(zip(roles, forms, strict=True)), small_talk)
            self._remember(owner, _all_words(said, worded), "\0".join(text))

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
        any_, under, bare = (_hash(f"{k}\0{begins[first].hex()}") for k in ("*", system, ""))
        for key in (any_, under, *begins[first + 1 :]):
            links.add(owner, key)
        if first == len(spoken) - 1:
            for key in (under, bare) if system else (any_,):
                links.claim(key)
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

    def _remember(self, owner: int, said: list[str], text: str) -> None:
        """Keep the keys of the whole wording, by which slips are found."""
        whole = _hash(" ".join(said))
        self.whole.add(owner, whole)
        self.whole.claim(whole)
        if len(said) <= SHORT:
            for i, word in enumerate(said):
                if may_slip(word):
                    self.short.add(owner, _hash(" ".join((*said[:i], word[0], *said[i + 1 :]))))
        if len(said) < SKETCHED:
            return
        self.long.append(owner)
        self._waiting.append((_hash(" ".join(w for w in said if w[0] == HARD)), text))
        if len(self._waiting) >= _AT_ONCE:
            self.close()

    def close(self) -> None:
        """Sketch what has been waiting for it."""
        if self._waiting:
            must = np.array([int.from_bytes(key, "big") for key, _ in self._waiting], np.uint64)
            bands = sketches([text for _, text in self._waiting])
            self.bands.append(bands * np.uint64(0x9E3779B97F4A7C15) + must[:, None])
            self._waiting.clear()


def _worded(turn: Turn) -> list[str]:
    """The words of a turn; one of nothing but filler and punctuation is its own text."""
    said = words(turn.text)
    if said:
        return said
    text = turn.text.casefold()
    bare = " ".join("".join(c if c.isalnum() else " " for c in text).split())
    return [HARD + (bare or text.strip())]


def _all_words(said: list[Turn], worded: list[list[str]]) -> list[str]:
    if len(said) == 1:
        return worded[0]
    return [
        word
        for turn, each in zip(said, worded, strict=True)
        for word in (f"{HARD}<{turn.role}>", *each)
    ]


def _first_question(said: Sequence[Turn]) -> str:
    """The first thing a user says in a conversation."""
    return next((turn.text for turn in said if turn.role == "user"), "")


def _beginnings(kind: str, spoken: list[tuple[str, str]]) -> list[bytes]:
    """The key of each beginning of a conversation, from its first turn to all of them."""
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


def _slips(
    prompts: Prompts, marks: _Marks, alike_N: NDArray[np.intp]
) -> Iterator[NDArray[np.intp]]:
    """Edges between prompts that differ by slips, read again in rounds of bounded memory."""
    pending = _candidates(marks, alike_N)
    while len(pending):
        wanted = np.unique(pending[: _TEXTS // 2])
        chosen = set(wanted.tolist())
        texts: dict[int, list[str]] = {}
        place = {marks.keys[i]: i for i in chosen}
        for key, messages in prompts:
            if key in place:
                said = turns(messages)
                texts[place[key]] = _all_words(said, [_worded(turn) for turn in said])
        inside = np.isin(pending, wanted).all(axis=1)
        found = [
            (a, b) for a, b in pending[inside].tolist() if same_but_for_slips(texts[a], texts[b])
        ]
        yield np.array(found, np.intp).reshape(-1, 2)
        pending = pending[~inside]


def _candidates(marks: _Marks, alike_N: NDArray[np.intp]) -> NDArray[np.intp]:
    """Pairs of prompts that may differ by slips alone, each wording once."""
    wholes, owners = marks.whole.arrays()
    whole_N = np.zeros(len(marks.keys), np.uint64)
    whole_N[owners] = wholes
    keys, owners = marks.short.arrays()
    found = [owners[key_pairs(keys, whole_N[owners])]]
    bands, long = np.concatenate(marks.bands), np.array(marks.long, np.intp)
    for band in bands.T:
        found.append(long[key_pairs(band, whole_N[long])])
    pairs = np.concatenate(found)
    pairs = pairs[alike_N[pairs[:, 0]] != alike_N[pairs[:, 1]]]
    _, first, number_N = np.unique(whole_N, return_index=True, return_inverse=True)
    worded = np.sort(number_N[pairs], axis=1)
    return np.asarray(first[np.unique(worded, axis=0)].reshape(-1, 2), np.intp)


def _components(n: int, edges: list[NDArray[np.intp]]) -> NDArray[np.intp]:
    pairs = np.concatenate(edges)
    graph = coo_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.intp)


def _named(marks: _Marks, group_N: NDArray[np.intp]) -> Groups:
    together = np.flatnonzero(np.bincount(group_N, minlength=1)[group_N] > 1)
    shortest: dict[int, tuple[int, str]] = {}
    for i in together.tolist():
        mine = (marks.lengths[i], marks.keys[i])
        number = int(group_N[i])
        shortest[number] = min(shortest.get(number, mine), mine)
    names = {marks.keys[i]: shortest[int(group_N[i])][1] for i in together.tolist()}
    return Groups(len(marks.keys), names)


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
