"""Fills the tables of an export in one pass over its pairs, prompt by prompt, with flat memory."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from db.datasets import TIES
from db.errors import BadInput
from db.exports.changes import Change, ExportChange
from db.exports.pairs import ExportPair
from db.exports.votes import ExportVote, Voted
from db.gold import GoldSet
from judges.alike.groups import Groups
from trainer.export.check import SHOWN, LeakCheck
from trainer.export.layout import Layout, Writing
from trainer.export.layouts import LAYOUTS
from trainer.export.left_out import nothing
from trainer.export.selection import NOWHERE, SPLITS, Selection
from trainer.export.tables import VOTES, pair_row, pairs_schema, vote_values
from trainer.export.writing import Parquet, Writer

_VOTED_AT_ONCE = 250


@dataclass(frozen=True)
class Content:
    """What is to be written: which pairs stand where, and how their texts and votes are read.

    pairs: read by id, given in order of content. votes: those of pairs in that order. changes: what
    became of labels that the continued dataset holds. groups: of all prompts.
    """

    selection: Selection
    pairs: Callable[[Iterable[int]], Iterator[ExportPair]]
    votes: Callable[[Iterable[Voted]], Iterator[ExportVote]]
    changes: Callable[[Sequence[Change]], Iterator[ExportChange]]
    gold: GoldSet
    groups: Groups


class NotPlain(Exception):
    """A conversation is more than roles and texts, and the tables were begun as if none were."""


@dataclass
class _Tables:
    """The tables of one layout while they are written."""

    folder: Path
    layout: Layout
    writing: Writing
    rows: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        names = [*SPLITS, *([TIES] if self.layout.ties == "apart" else [])]
        first = self.layout.table(self.folder, names[0], self.writing)
        self.tables: dict[str, Writer] = {names[0]: first}
        for name in names[1:]:
            joined = self.layout.joined
            table = first if joined else self.layout.table(self.folder, name, self.writing)
            self.tables[name] = table
        self.beside: dict[str, Parquet] = {}
        if self.layout.whole:
            self.beside["votes"] = Parquet(self.folder, "votes/votes", VOTES)
            self.beside["pairs"] = Parquet(self.folder, "pairs/pairs", pairs_schema(self.writing))
        self.rows.update(dict.fromkeys([*self.tables, *self.beside], 0))
        self.of_split = {split: replace(self.writing, split=split) for split in SPLITS}

    def add(self, pairs: Sequence[ExportPair], split: str, table: str) -> dict[int, str]:
        """Write what a prompt's pairs come to; the positions of those that do not fit, and why."""
        laid = self.layout.rows(pairs, self.of_split[split])
        letters = sum(pair.size for pair in pairs) // max(1, len(laid.rows))
        for row in laid.rows:
            self.tables[table].add(row, letters)
        self.rows[table] += len(laid.rows)
        if laid.left_out or laid.unfit:
            self.left_out += laid.left_out + Counter(laid.unfit.values())
        return laid.unfit

    def add_shown(self, pair: ExportPair, split: str | None) -> None:
        """Write a pair among all that may be shown."""
        self.beside["pairs"].add(pair_row(pair, split, self.writing.name), pair.size)
        self.rows["pairs"] += 1

    def add_votes(self, votes: Iterable[ExportVote]) -> None:
        """Write votes of pairs that may be shown."""
        for vote in votes:
            self.beside["votes"].put(vote_values(vote), len(vote.rationale or ""))
            self.rows["votes"] += 1

    def close(self) -> dict[str, str]:
        """Every file and its sha256, those beside the tables too."""
        files: dict[str, str] = {}
        for table in dict.fromkeys([*self.tables.values(), *self.beside.values()]):
            files |= table.close()
        for name, text in self.layout.beside(self.writing, self.rows).items():
            files[name] = write_text(self.folder, name, text)
        return files


@dataclass(frozen=True)
class Filled:
    """What was written: which pairs stand where, the rows of each table, every file's sha256, and
    how many prompts were looked at for leaks.
    """

    selection: Selection
    rows: dict[str, int]
    files: dict[str, str]
    checked: int


def fill(folder: Path, content: Content, writing: Writing) -> Filled:
    """Write every table of a layout.

    Raises NotPlain as soon as `writing.plain` is seen to be wrong, BadInput where nothing is left
    to write, and Conflict where a leak is found.
    """
    tables, check = _Tables(folder, LAYOUTS[writing.options.to], writing), LeakCheck(content.gold)
    try:
        selection = _fill(tables, content, check)
        if selection.is_empty:
            raise BadInput(nothing(selection.left_out))
        check.require_none()
    except BaseException:
        tables.close()
        raise
    return Filled(selection, dict(tables.rows), tables.close(), check.prompts)


def _fill(tables: _Tables, content: Content, check: LeakCheck) -> Selection:
    layout, selection = tables.layout, content.selection
    splits, ties = selection.splits.tolist(), selection.ties.tolist()
    unfit: dict[int, str] = {}
    if layout.ties == "no place":
        reason = f"ties, which {layout.name} has no place for"
        homeless = np.flatnonzero(selection.ties & (selection.splits != NOWHERE))
        tables.left_out[reason] += len(homeless)
        for i in homeless.tolist():
            splits[i] = NOWHERE
        unfit |= dict.fromkeys(selection.pair_ids[homeless].tolist(), reason)
    read = [i for i, split in enumerate(splits) if layout.whole or split != NOWHERE]
    found = zip(read, content.pairs(selection.pair_ids[read].tolist()), strict=True)
    voted: list[Voted] = []
    for _, group in groupby(found, key=lambda each: each[1].prompt_hash):
        members = list(group)
        if tables.writing.plain and not all(pair.is_plain for _, pair in members):
            raise NotPlain
        for kept in _together(members, splits, ties, layout):
            at = kept[0][0]
            drawn = SPLITS[splits[at]]
            table = TIES if layout.ties == "apart" and ties[at] else drawn
            for position, reason in tables.add([pair for _, pair in kept], drawn, table).items():
                i, pair = kept[position]
                splits[i], unfit[pair.id] = NOWHERE, reason
        for i, pair in members:
            split = None if splits[i] == NOWHERE else SPLITS[splits[i]]
            if split or layout.whole:
                check.add(split or SHOWN, pair.prompt_hash, pair.messages)
            if layout.whole:
                tables.add_shown(pair, TIES if split and ties[i] else split)
                voted.append(Voted(pair.id, pair.name, pair.turned))
        if len(voted) >= _VOTED_AT_ONCE:
            tables.add_votes(content.votes(voted))
            voted = []
    if voted:
        tables.add_votes(content.votes(voted))
    left_out = {k: n for k, n in sorted(tables.left_out.items()) if n}
    return replace(
        selection,
        splits=np.asarray(splits, np.int8),
        left_out={**selection.left_out, **left_out},
        changes=tuple(
            each._replace(withdrawn=each.withdrawn or unfit.get(each.pair_id))
            for each in selection.changes
        ),
    )


def _together(
    members: Sequence[tuple[int, ExportPair]],
    splits: Sequence[int],
    ties: Sequence[bool],
    layout: Layout,
) -> Iterator[list[tuple[int, ExportPair]]]:
    """Of a prompt's pairs those that are kept, ties on their own where they stand apart."""
    kept = [each for each in members if splits[each[0]] != NOWHERE]
    if layout.ties == "apart":
        parts = [[e for e in kept if ties[e[0]] == tie] for tie in (False, True)]
    else:
        parts = [kept]
    yield from (part for part in parts if part)


def write_text(folder: Path, name: str, text: str) -> str:
    """A small file of an export, UTF-8; its sha256."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(text.encode())
    return hashlib.sha256(text.encode()).hexdigest()
