"""What a layout is: rows of a pair, and the files they go to, as one outside tool reads them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from db.exports.pairs import ExportPair
from trainer.export.selection import PLACES, ExportOptions
from trainer.export.writing import Row, Writer


class Unfit(Exception):
    """A pair that a layout cannot hold; its text says what pairs those are, in the plural."""


def _nothing_beside(name: str, rows: Mapping[str, int]) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class Layout:
    """One way to lay an export out.

    about: one line for the table of the docs. rows: of one settled pair; raises Unfit. table:
    begins the table of one place (a split or `ties`) in a folder. places: those that have a table;
    pairs of others are left out. whole: votes and all pairs are written beside, so that it can
    come back. beside: more files by name, from the dataset's name and the rows of each place.
    """

    name: str
    about: str
    rows: Callable[[ExportPair, ExportOptions], list[Row]]
    table: Callable[[Path, str, ExportOptions], Writer]
    places: tuple[str, ...] = PLACES
    whole: bool = False
    beside: Callable[[str, Mapping[str, int]], dict[str, str]] = _nothing_beside
