"""Which prompts are one conversation or one question, so that they never stand apart. Pure.

Two prompts are of one group where

- one conversation begins with the other (a system message on one side alone, or the same on both);
- they share their first user turn and more than half of the rest of the shorter one, in turns from
  the beginning, in the user's turns alone, or in any turns (of more than a dozen that share one,
  neighbours are compared); a first turn of small talk is not enough for that;
- they are near-duplicates: the same wording (`wording`), but for slips (`misspelling`).

And whatever is of one group with a third. Which slips are looked at is found by what slips leave
of a wording (`misspelling.outline`). Where more than a dozen have the same, or a script has no
spaces, it is min-hashes of character shingles, for short prompts all words but one (`slip_keys`);
such crowds are read again for it. Time and memory grow with the prompts,
never with their square: some 400 bytes a prompt, whatever its length. The order of the prompts
changes nothing. The rule and its errors: docs/design/leakage.md.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from judges.alike.marks import Marks, all_words, values_of, worded_turn
from judges.alike.misspelling import same_but_for_slips
from judges.alike.sketches import CROWD, Keys, key_pairs
from judges.alike.slip_keys import SlipKeys
from judges.alike.turns import Turn, turns
from judges.alike.wording import joined

LARGE = 0.05
"""A group of more than this share of the prompts is named to people."""

_TEXTS, _BEGINS = 50_000, 60

Prompts = Iterable[tuple[str, Sequence[Mapping[str, Any]]]]
"""(key, messages) of every prompt, in any order, but each time they are iterated in the same."""


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
    """The groups of these prompts, each of its own key."""
    marks = Marks()
    for key, messages in prompts:
        marks.add(key, messages)
    edges = [marks.begins.linked()]
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


def _first_question(said: Sequence[Turn]) -> str:
    """The first thing a user says in a conversation."""
    return next((turn.text for turn in said if turn.role == "user"), "")


def _slips(prompts: Prompts, marks: Marks, alike_N: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Edges between prompts that differ by slips, read again in rounds of bounded memory."""
    pending = _candidates(prompts, marks, alike_N)
    while len(pending):
        wanted = np.unique(pending[: _TEXTS // 2])
        chosen = set(wanted.tolist())
        texts: dict[int, list[str]] = {}
        place = {marks.keys[i]: i for i in chosen}
        for key, messages in prompts:
            if key in place:
                said = turns(messages)
                texts[place[key]] = all_words(said, [worded_turn(turn) for turn in said])
        inside = np.isin(pending, wanted).all(axis=1)
        found = [
            (a, b) for a, b in pending[inside].tolist() if same_but_for_slips(texts[a], texts[b])
        ]
        yield np.array(found, np.intp).reshape(-1, 2)
        pending = pending[~inside]


def _candidates(prompts: Prompts, marks: Marks, alike_N: NDArray[np.intp]) -> NDArray[np.intp]:
    """Pairs of prompts that may differ by slips alone, each wording once."""
    whole_N = np.zeros(len(marks.keys), np.uint64)
    whole_N[values_of(marks.whole_of, np.uint32)] = values_of(marks.wholes, np.uint64)
    _, first, number_N = np.unique(whole_N, return_index=True, return_inverse=True)
    outline_N = np.zeros(len(marks.keys), np.uint64)
    outline_N[values_of(marks.whole_of, np.uint32)] = values_of(marks.outlines, np.uint64)

    def new(pairs: NDArray[np.intp]) -> NDArray[np.intp]:
        pairs = pairs[alike_N[pairs[:, 0]] != alike_N[pairs[:, 1]]]
        return np.unique(np.sort(number_N[pairs], axis=1), axis=0)

    outlined = first[outline_N[first] != 0]
    found = [new(outlined[key_pairs(outline_N[outlined], number_N[outlined])])]
    for keys in (marks.unspaced, _crowded(prompts, marks, outlined, outline_N)):
        found += map(new, keys.pairs(number_N))
    pairs = np.unique(np.concatenate(found), axis=0)
    return np.asarray(first[pairs].reshape(-1, 2), np.intp)


def _crowded(
    prompts: Prompts, marks: Marks, outlined: NDArray[np.intp], outline_N: Keys
) -> SlipKeys:
    """More keys of those wordings, named by one prompt each, of which a crowd has one outline."""
    keys = SlipKeys()
    _, of, sizes = np.unique(outline_N[outlined], return_inverse=True, return_counts=True)
    crowded = np.zeros(len(marks.keys), np.bool_)
    crowded[outlined[sizes[of] > CROWD]] = True
    for i, (key, messages) in enumerate(prompts if crowded.any() else ()):
        if i < len(crowded) and crowded[i] and marks.keys[i] == key:
            said = turns(messages)
            worded = [worded_turn(turn) for turn in said]
            text = [joined(each) for each in worded]
            keys.add(i, int(outline_N[i]), all_words(said, worded), text)
    return keys


def _components(n: int, edges: list[NDArray[np.intp]]) -> NDArray[np.intp]:
    pairs = np.concatenate(edges)
    graph = coo_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.intp)


def _named(marks: Marks, group_N: NDArray[np.intp]) -> Groups:
    together = np.flatnonzero(np.bincount(group_N, minlength=1)[group_N] > 1)
    shortest: dict[int, tuple[int, str]] = {}
    for i in together.tolist():
        mine = (marks.lengths[i], marks.keys[i])
        number = int(group_N[i])
        shortest[number] = min(shortest.get(number, mine), mine)
    names = {marks.keys[i]: shortest[int(group_N[i])][1] for i in together.tolist()}
    return Groups(len(marks.keys), names)
