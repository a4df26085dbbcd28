"""Rows of CSV and TSV. What separates the columns is told by the header and the first rows."""

import csv
import re
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from db.errors import BadInput
from db.files.cells import BadCell, cell
from db.files.limits import FileLimits
from db.files.line import Line
from db.files.text import BoundedLines, TextFile, TooLong

_LOOKED_AT = 50  # rows by which the separator is told
_SAID = re.compile(r"\ufeff?\"?sep=(.)\"?[\r\n]*")  # a line that Excel writes above the header


@dataclass(frozen=True)
class _Dialect:
    """What separates the columns, and whether a quote is a letter like others."""

    mark: str
    quotes: bool = True
    above: bool = False  # whether the file's first line says so, above the header

    @property
    def told(self) -> str | None:
        """What should be said of it; None for the commas everybody expects."""
        if self.mark == ",":
            return None
        name = {"\t": "tab", "|": "|", ";": ";"}.get(self.mark, repr(self.mark))
        return f"separator {name}" + ("" if self.quotes else ", quotes are letters")

    def rows(self, lines: BoundedLines) -> Iterator[list[str] | csv.Error]:
        """The rows from the first on, or why one is none. A blank line is an empty row."""
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        if self.above:
            next(lines)
        reader = csv.reader(
            lines,
            strict=True,
            delimiter=self.mark,
            quoting=csv.QUOTE_MINIMAL if self.quotes else csv.QUOTE_NONE,
        )
        while True:
            lines.row_begins()
            try:
                yield next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if isinstance(error, TooLong):
                    lines.pass_over_row()
                yield error


_DIALECTS = (_Dialect(","), _Dialect(";"), _Dialect("\t"), _Dialect("|"), _Dialect("\t", False))


def read_csv(
    path: Path, limits: FileLimits, note: Callable[[str], None], ignore: Collection[str] = ()
) -> Iterator[Line]:
    """Rows under a header, without columns to ignore; an empty cell is absent. Raises BadInput for
    a header that cannot be used, and where two separators would do.
    """
    text = TextFile.of(path, limits)
    dialect = _dialect(text)
    for told in (text.encoding.told, dialect.told):
        if told:
            note(told)
    listed: set[str] = set()
    with text.lines() as lines:
        rows = dialect.rows(lines)
        header = _header(path, next(rows, []))
        while True:
            number = lines.number + 1
            values = next(rows, None)
            if values is None:
                return
            if isinstance(values, csv.Error):
                yield Line(str(path), number, {}, f"not CSV ({values})")
            elif values:
                line = _line(text, number, header, values, ignore)
                for name, value in line.row.items():
                    if not isinstance(value, str) and name not in listed:
                        listed.add(name)
                        note(f"lists or objects in column {name!r} are read as such")
                yield line


def _dialect(text: TextFile) -> _Dialect:
    """The one whose columns fit the header in most of the first rows."""
    with text.lines() as lines:
        first = ""
        with suppress(TooLong):
            first = next(lines, "")
        if said := _SAID.fullmatch(first):
            return _Dialect(said.group(1), above=True)
    fits = [(_fit(text, each), each) for each in _DIALECTS]
    best = max(fit for fit, _ in fits)
    named = [each for fit, each in fits if fit == best]
    if best[0] and len({each.mark for each in named}) > 1:
        told = " or ".join(repr(each.mark) for each in named)
        raise BadInput(
            f"{str(text.path)!r} may separate its columns by {told}; put quotes around the names "
            "in its header that hold one of them"
        )
    return named[0]


def _fit(text: TextFile, dialect: _Dialect) -> tuple[bool, int]:
    """Whether the header has several names, and how many of the first rows are as long."""
    with text.lines() as lines:
        rows = dialect.rows(lines)
        header = next(rows, [])
        if isinstance(header, csv.Error) or len(header) < 2:
            return False, 0
        if dialect.quotes and any('"' in name for name in header):  # quoted for another mark
            return False, 0
        first = islice((row for row in rows if row), _LOOKED_AT)
        return True, sum(isinstance(row, list) and len(row) == len(header) for row in first)


def _header(path: Path, found: list[str] | csv.Error) -> list[str]:
    if isinstance(found, csv.Error):
        raise BadInput(
            f"{str(path)!r} begins with no header of CSV ({found}); name the columns in its first "
            "line, each in quotes or none"
        )
    names = [name.strip("\ufeff \t\xa0") for name in found]
    header = [name or f"column {place}" for place, name in enumerate(names, 1)]
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise BadInput(f"{str(path)!r} names a column twice: {twice[:80]!r}; rename one")
    return header


def _line(
    text: TextFile, number: int, header: list[str], values: list[str], ignore: Collection[str]
) -> Line:
    empty = Line(str(text.path), number, {})
    if len(values) != len(header):
        return empty.refused(f"has {len(values)} values where the header has {len(header)} names")
    if problem := next(filter(None, map(text.unreadable, values)), None):
        return empty.refused(problem)
    row: dict[str, Any] = {}
    for name, value in zip(header, values, strict=True):
        try:
            found = None if name in ignore else cell(name, value)
        except BadCell as error:
            return empty.refused(str(error))
        if found is not None:
            row[name] = found
    return Line(str(text.path), number, row, size=sum(map(len, values)))
