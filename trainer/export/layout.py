"""What a layout is: rows of a prompt's pairs, and the files they go to, for one outside tool."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from db.exports.pairs import ExportPair
from trainer.export.selection import ExportOptions
from trainer.export.writing import Row, Writer


class Unfit(Exception):
    """A pair that a layout cannot hold; its text says what pairs those are, in the plural."""


@dataclass(frozen=True)
class Writing:
    """What rows are written for: the dataset's name and options, whether every conversation is
    plain (roles and texts alone), and the split in which the rows stand.
    """

    name: str
    options: ExportOptions
    plain: bool = True
    split: str = "train"


@dataclass
class Laid:
    """Rows of one prompt's pairs; which of the pairs do not fit (by position) and why; and what
    else was left out, counted.
    """

    rows: list[Row] = field(default_factory=list)
    unfit: dict[int, str] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)


PairRows = Callable[[ExportPair, Writing], list[Row]]
PromptRows = Callable[[Sequence[ExportPair], Writing], Laid]
Beside = Callable[[Writing, Mapping[str, int]], dict[str, str]]


def each(rows: PairRows) -> PromptRows:
    """Rows of a prompt where each pair has its own, or raises Unfit."""

    def laid(pairs: Sequence[ExportPair], writing: Writing) -> Laid:
        made = Laid()
        for i, pair in enumerate(pairs):
            try:
                made.rows += rows(pair, writing)
            except Unfit as reason:
                made.unfit[i] = str(reason)
        return made

    return laid


def nothing_beside(writing: Writing, rows: Mapping[str, int]) -> dict[str, str]:
    """No more files."""
    return {}


@dataclass(frozen=True)
class Layout:
    """One way to lay an export out.

    about, left_out: the table of the docs. rows: of the pairs of one prompt. table: begins a
    table of a split, or of `ties` where they stand `apart`; ties may also stand `within` their
    split, or have `no place`. joined: one table holds all splits. by_prompt: a row rests on all
    pairs of its prompt. whole: votes and all pairs are written beside, so that it can come back.
    beside: more files by name, from the rows of each split.
    """

    name: str
    about: str
    left_out: str
    rows: PromptRows
    table: Callable[[Path, str, Writing], Writer]
    ties: Literal["apart", "within", "no place"]
    joined: bool = False
    by_prompt: bool = False
    whole: bool = False
    beside: Beside = nothing_beside
