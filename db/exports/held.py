"""What a dataset and those it continues hold: each pair's last label, and each prompt's split."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import String, select, type_coerce
from sqlalchemy.orm import Session

from db.datasets import TIES, WITHDRAWN, chain
from db.exports.columns import streamed
from db.exports.labels import code_of
from db.gold import GroupOf
from db.models import Dataset, DatasetItem, Pair, Preference, Prompt

_AT_ONCE = 5000


@dataclass
class Lookup:
    """Numbers by keys that are numbers, sixteen bytes each; of a key told twice the last stands."""

    keys: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[int]" = field(default_factory=lambda: array("q"))

    @classmethod
    def of(cls, told: Iterable[tuple[int, int]]) -> "Lookup":
        """From keys with their values, in the order in which they are told."""
        keys, values = array("q"), array("q")
        for key, value in told:
            keys.append(key)
            values.append(value)
        some = np.asarray(keys, np.int64)
        order = np.argsort(some, kind="stable")
        last = np.append(np.diff(some[order]) != 0, np.ones(min(1, len(some)), dtype=bool))
        kept = order[last]
        return cls(
            array("q", some[kept].tobytes()),
            array("q", np.asarray(values, np.int64)[kept].tobytes()),
        )

    @classmethod
    def together(cls, told: Iterable[tuple[int, int]]) -> "Lookup":
        """The same, where the values of a key are joined by or."""
        found: dict[int, int] = {}
        for key, value in told:
            found[key] = found.get(key, 0) | value
        return cls.of(found.items())

    def get(self, key: int) -> int | None:
        """The value of a key, or None."""
        at = bisect_left(self.keys, key)
        return self.values[at] if at < len(self.keys) and self.keys[at] == key else None


@dataclass(frozen=True)
class Held:
    """labels: pair id -> what its last label says there (`code_of`) and the label's id, packed; 0
    where it was withdrawn. prompts: `key_of` a prompt -> its split (0 train, 1 validation, 2 test).
    groups: `key_of` a group of prompts -> the splits that it stands in, a bit each.
    """

    labels: Lookup
    prompts: Lookup
    groups: Lookup

    def label(self, pair_id: int) -> tuple[int, int] | None:
        """(preference id, code) of a pair's label, or None where it has none there."""
        packed = self.labels.get(pair_id)
        return divmod(packed, _CODES) if packed else None

    def splits(self, prompt_hash: str, group: str) -> tuple[int, ...]:
        """The split of a prompt, or of a new one those of its group."""
        own = self.prompts.get(key_of(prompt_hash))
        if own is not None:
            return (own,)
        bits = self.groups.get(key_of(group)) or 0
        return tuple(split for split in range(3) if bits >> split & 1)


_CODES = 64


def key_of(digest: str) -> int:
    """A hash as a number of 60 bits."""
    return int(digest[:15], 16)


def held(session: Session, dataset: Dataset, splits: Sequence[str], group_of: GroupOf) -> Held:
    """What a dataset holds together with those it continues; `splits` in their order."""
    ids = [each.id for each in chain(session, dataset)]
    prompts = Lookup.of(
        (key_of(prompt_hash), splits.index(place))
        for place, prompt_hash in _prompts(session, ids, splits)
    )
    return Held(
        Lookup.of(
            (pair_id, 0 if split == WITHDRAWN else preference_id * _CODES + code)
            for pair_id, preference_id, code, split, _ in _items(session, ids)
        ),
        prompts,
        Lookup.together(
            (key_of(group_of(prompt_hash)), 1 << splits.index(place))
            for place, prompt_hash in _prompts(session, ids, splits)
        ),
    )


def _prompts(
    session: Session, ids: Sequence[int], splits: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """(split, prompt's hash) of every item that stands in a split."""
    for *_, split, prompt_hash in _items(session, ids):
        place = split.removeprefix(f"{TIES} ")
        if place in splits:
            yield place, prompt_hash


def _items(session: Session, ids: Sequence[int]) -> Iterator[tuple[int, int, int, str, str]]:
    """Pair, preference, code, split and prompt's hash of every item, dataset by dataset."""
    for dataset_id in ids:
        query = (
            select(
                Preference.pair_id,
                Preference.id,
                type_coerce(Preference.choice, String),
                Preference.strength,
                Preference.both_bad,
                type_coerce(Preference.source, String),
                DatasetItem.split,
                Prompt.content_hash,
            )
            .join(Preference, Preference.id == DatasetItem.preference_id)
            .join(Pair, Pair.id == Preference.pair_id)
            .join(Prompt, Prompt.id == Pair.prompt_id)
            .where(DatasetItem.dataset_id == dataset_id)
        )
        for pair_id, preference_id, *said, split, prompt in streamed(session, query, _AT_ONCE):
            yield pair_id, preference_id, code_of(*said), split, prompt
