"""Rows of text files, plain or gzip: JSON lines and CSV. No line is held that is too long."""

import csv
import gzip
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from db.errors import BadInput
from db.files.limits import FileLimits, Unpacked
from db.files.line import Line, too_long

_TEXTS = ("prompt", "chosen", "rejected", "response_a", "response_b")
_LISTS = ("responses", "expected", "ranking")
_GZIP = b"\x1f\x8b"
_SKIPPED = 1 << 20  # letters read at once of a line that is too long
_OTHERS = {  # how files begin that are no text, whatever they are called
    b"PK\x03\x04": "a zip archive or an office document",
    b"BZh": "packed by bzip2",
    b"\xfd7zXZ\x00": "packed by xz",
    b"\x28\xb5\x2f\xfd": "packed by zstd",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"SQLite format 3": "an SQLite database",
    b"%PDF": "a PDF document",
    _GZIP: "packed by gzip twice",
}


class _TooLong(csv.Error):
    """A row that is longer than one may be; `csv` hands it on as one of its own."""


class _Bounded(Iterator[str]):
    """Lines of a text, counted; `_TooLong`, and the rest of it passed over, for one too long.

    A row of CSV may have many lines: `row_begins` counts its letters anew.
    """

    def __init__(self, stream: io.TextIOWrapper, limits: FileLimits, packed: Unpacked | None):
        self.number, self._ended = 0, True
        self._stream, self._limits, self._packed = stream, limits, packed
        self._left, self._quotes = limits.longest_row, 0

    def row_begins(self) -> None:
        self._left, self._quotes = self._limits.longest_row, 0

    def pass_over_row(self) -> None:
        """Go to the end of a row of CSV: the end of a line with no quote left open."""
        while self._quotes % 2 and self._read(_SKIPPED):
            pass

    def __next__(self) -> str:
        line = self._read(max(self._left, 0) + 1)
        if not line:
            raise StopIteration
        self._left -= len(line)
        if self._left < 0:
            while line and line[-1] not in "\r\n":
                line = self._read(_SKIPPED)
            raise _TooLong(too_long(self._limits))
        return line

    def _read(self, most: int) -> str:
        line = self._stream.readline(most)
        if line and self._packed is not None:
            self._packed.add(len(line))
        self.number += bool(line) and self._ended
        self._ended = line[-1:] in ("\r", "\n")
        self._quotes += line.count('"')
        return line


def read_json_lines(path: Path, limits: FileLimits) -> Iterator[Line]:
    """One JSON object a line. Raises BadInput for a file that is one JSON list, or no UTF-8."""
    with _opened(path, limits) as lines:
        while True:
            lines.row_begins()
            try:
                text = next(lines, None)
            except _TooLong as error:
                yield Line(str(path), lines.number, {}, str(error))
                continue
            if text is None:
                return
            if text.strip():
                line = _parsed(path, lines.number, text)
                if line.number == 1 and line.problem and _begins_a_list(text):
                    raise BadInput(f"{str(path)!r} is one JSON list; write one object a line")
                yield line


def read_csv(path: Path, limits: FileLimits) -> Iterator[Line]:
    """Rows under a header. Raises BadInput for a header that cannot be used, or no UTF-8."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with _opened(path, limits) as lines:
        reader = csv.reader(lines, strict=True)
        header = _header(path, reader)
        while True:
            number = lines.number + 1
            lines.row_begins()
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if isinstance(error, _TooLong):
                    lines.pass_over_row()
                yield Line(str(path), number, {}, f"not CSV ({error})")
                continue
            if values:
                yield _csv_line(path, number, header, values)


@contextmanager
def _opened(path: Path, limits: FileLimits) -> Iterator[_Bounded]:
    """The lines of a file, which is known by what it begins with and not by its name."""
    with path.open("rb") as plain:
        zipped = plain.read(2) == _GZIP
        plain.seek(0)
        raw = gzip.GzipFile(fileobj=plain, mode="rb") if zipped else plain
        _require_utf8(path, raw.read(16))
        raw.seek(0)
        # What is not UTF-8 becomes a lone surrogate, so that it costs its own row and no other.
        stream = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
        yield _Bounded(stream, limits, Unpacked(path, limits) if zipped else None)


def _require_utf8(path: Path, beginning: bytes) -> None:
    """Raise BadInput for a file that begins as no text in UTF-8 does: no row could be read."""
    for mark, what in _OTHERS.items():
        if beginning.startswith(mark):
            raise BadInput(f"{str(path)!r} is {what}; save it as text in UTF-8")
    found = json.detect_encoding(beginning) if len(beginning) > 1 else "utf-8"
    if not found.startswith("utf-8"):
        raise BadInput(f"{str(path)!r} is {found[:6].upper()}; save it as UTF-8")


def _begins_a_list(text: str) -> bool:
    """Whether this first line is the beginning of a list that goes on over other lines."""
    if not text.lstrip("\ufeff \t").startswith("["):
        return False
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text.rstrip()) or "Unterminated" in error.msg
    except (ValueError, RecursionError):
        return False
    return False


def _parsed(path: Path, number: int, text: str) -> Line:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Line(str(path), number, {}, f"not JSON ({error}): {text.strip()[:80]!r}")
    if not isinstance(row, dict):
        return Line(str(path), number, {}, f"not a JSON object: {text.strip()[:80]!r}")
    return Line(str(path), number, row, size=len(text))


def _header(path: Path, reader: Any) -> list[str]:
    try:
        header: list[str] = next(reader, [])
    except csv.Error as error:
        raise BadInput(
            f"{str(path)!r} begins with no header of CSV ({error}); name the columns in its first "
            "line, each in quotes or none"
        ) from error
    if len(header) == 1 and (found := [mark for mark in ";\t|" if mark in header[0]]):
        raise BadInput(f"{str(path)!r} separates its columns by {found[0]!r}; save it with commas")
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise BadInput(f"{str(path)!r} names a column twice: {twice[:80]!r}; rename one")
    return header


def _csv_line(path: Path, number: int, header: list[str], values: list[str]) -> Line:
    if len(values) != len(header):
        problem = f"has {len(values)} values where the header has {len(header)} names"
        return Line(str(path), number, {}, problem)
    row = {k: _csv_value(k, v) for k, v in zip(header, values, strict=True)}
    return Line(str(path), number, row, size=sum(map(len, values)))


def _csv_value(name: str, value: str) -> Any:
    # CSV has no null: an empty response is a response, an empty anything else is missing.
    if value == "":
        return value if name in _TEXTS and name != "prompt" else None
    if value[0] not in "[{" or name not in (*_TEXTS, *_LISTS):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    # A text may look like JSON; a conversation is a list of objects with a role.
    talk = isinstance(found, list) and all(isinstance(m, dict) and "role" in m for m in found)
    return found if name in _LISTS or (talk and found) else value
