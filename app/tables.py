"""Rows as lines of text for a terminal: a grid, or records one under another. Pure.

Names stay whole and no line ends inside a word. Where the columns do not fit side by side, figures
go on two lines (a value, its interval below); where that does not fit either, each row becomes a
record of `column: value`. Only a word longer than the terminal is left to run over its edge.
Signs that would command the terminal come out as their numbers (`app.harmless`).
"""

import re
from collections.abc import Sequence
from math import ceil

from rich.cells import cell_len

from app.harmless import harmless, one_line

_GAP = "  "
_BETWEEN = "   "  # values of a record on one line
_INDENT = "  "
_SENTENCE = 30  # columns; a wider cell may run over lines
_MOST_LINES = 4  # that a sentence may take in a grid
_UNIT = re.compile(r"(?:\[[^\[\]]{0,24}\]|\([^()]{0,24}\)|\S)+")  # a word, or a bracketed interval

Row = Sequence[str]


def lines(columns: Row, rows: Sequence[Row], width: int) -> list[str]:
    """The rows, not wider than `width` columns of a terminal; white space within a cell is one."""
    told = [i for i, name in enumerate(columns) if name or any(row[i] for row in rows)]
    if not told:
        return []
    names = [_plain(columns[i]) for i in told]
    cells = [[_plain(row[i]) for i in told] for row in rows]
    for tight in (False, True):
        floors = [_floor(names[i], [r[i] for r in cells], tight and i > 0) for i in _each(names)]
        if sum(floors) + len(_GAP) * (len(floors) - 1) <= width:
            return _grid(names, cells, _grown(floors, names, cells, width))
    return [line for row in cells for line in _record(names, row, width)]


def wrapped(text: str, width: int, first: str = "", hanging: str = "") -> list[str]:
    """Text in lines of at most `width` columns, broken between words, each with its indent."""
    found: list[str] = []
    for unit in _UNIT.findall(harmless(text)):
        if found and cell_len(found[-1]) + 1 + cell_len(unit) <= width:
            found[-1] += f" {unit}"
        else:
            found.append((hanging if found else first) + unit)
    return found or [""]


def _each(names: Row) -> range:
    return range(len(names))


def _plain(text: str) -> str:
    return one_line(" ".join(text.split()))


def _longest_unit(text: str) -> int:
    return max((cell_len(unit) for unit in _UNIT.findall(text)), default=0)


def _floor(name: str, cells: Row, tight: bool) -> int:
    """The least width of a column; `tight` lets short cells go on two lines, too."""

    def least(cell: str) -> int:
        whole = cell_len(cell)
        if whole > _SENTENCE:
            return max(_longest_unit(cell), min(whole, max(_SENTENCE, ceil(whole / _MOST_LINES))))
        return _longest_unit(cell) if tight else whole

    return max([_longest_unit(name), *map(least, cells)])


def _grown(floors: list[int], names: Row, cells: Sequence[Row], width: int) -> list[int]:
    """The widths, with what is left given first to the columns that lack least."""
    wanted = [max(map(cell_len, [names[i], *(row[i] for row in cells)])) for i in _each(names)]
    widths, spare = list(floors), width - sum(floors) - len(_GAP) * (len(floors) - 1)
    for i in sorted(_each(names), key=lambda i: wanted[i] - floors[i]):
        more = min(max(wanted[i] - floors[i], 0), spare)
        widths[i], spare = widths[i] + more, spare - more
    return widths


def _grid(names: Row, cells: Sequence[Row], widths: Sequence[int]) -> list[str]:
    """Header, rule, rows; what is no sentence stands on the right, but for the first column."""
    left = [i == 0 or any(cell_len(row[i]) > _SENTENCE for row in cells) for i in range(len(names))]
    drawn = [*_tall(names, widths, left, foot=True), _GAP.join("─" * width for width in widths)]
    for row in cells:
        drawn += _tall(row, widths, left)
    return drawn


def _tall(row: Row, widths: Sequence[int], left: Sequence[bool], foot: bool = False) -> list[str]:
    """One row as the lines its tallest cell needs; `foot` lets the others stand at the bottom."""
    parts = [wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    tallest = max(map(len, parts))
    filled = [
        [""] * (tallest - len(p)) + p if foot else p + [""] * (tallest - len(p)) for p in parts
    ]
    return [
        _GAP.join(
            _padded(part[n], width, side)
            for part, width, side in zip(filled, widths, left, strict=True)
        ).rstrip()
        for n in range(tallest)
    ]


def _padded(text: str, width: int, left: bool) -> str:
    space = " " * max(width - cell_len(text), 0)
    return text + space if left else space + text


def _record(names: Row, row: Row, width: int) -> list[str]:
    """The first cell, and under it `column: value`, as many on a line as fit; sentences alone."""
    head, *said = [
        (f"{name}: {cell}" if name else cell, cell) for name, cell in zip(names, row, strict=True)
    ]
    found = wrapped(head[0], width, hanging=_INDENT * 2)
    line = ""
    for item, cell in said:
        joined = f"{line}{_BETWEEN}{item}" if line else _INDENT + item
        if not cell:
            continue
        if cell_len(joined) <= width:
            line = joined
            continue
        found += [line] if line else []
        whole = wrapped(item, width, _INDENT, _INDENT * 2)
        line = whole[0] if len(whole) == 1 else ""
        found += [] if line else whole
    return [*found, line] if line else found
