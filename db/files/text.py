"""The letters and lines of a text file, plain or packed. No line is held that is too long."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from db.files.encoding import Encoding, encoding_of
from db.files.limits import FileLimits, Unpacked
from db.files.line import too_long
from db.files.packed import unpacked

_SKIPPED = 1 << 20  # letters read at once of a line that is too long


class TooLong(csv.Error):
    """A row that is longer than one may be; `csv` hands it on as one of its own."""


@dataclass(frozen=True)
class TextFile:
    """A text file whose encoding is known; it may be read several times."""

    path: Path
    limits: FileLimits
    encoding: Encoding

    @classmethod
    def of(cls, path: Path, limits: FileLimits) -> "TextFile":
        """Tell its encoding. Raises BadInput for what is no text, or unpacks to too much."""
        return cls(path, limits, encoding_of(path, limits))

    @contextmanager
    def lines(self) -> Iterator["BoundedLines"]:
        """Its lines, from the first."""
        with unpacked(self.path) as (raw, is_packed):
            # A byte that is no letter becomes a lone surrogate, so that it costs its own row alone.
            errors = "surrogateescape" if self.encoding.name == "utf-8-sig" else "surrogatepass"
            errors = "strict" if self.encoding.name == "cp1252" else errors
            stream = io.TextIOWrapper(raw, self.encoding.name, errors, newline="")
            yield BoundedLines(stream, self.limits, Unpacked(self.path, self.limits), is_packed)

    def unreadable(self, text: str) -> str | None:
        """Why a part of the text cannot be used, where it holds bytes that are no letters."""
        if self.encoding.whole or text.isascii():
            return None
        odd = next((sign for sign in text if "\udc80" <= sign <= "\udcff"), None)
        if odd is None:
            return None
        return (
            f"holds the byte 0x{ord(odd) - 0xDC00:02x}, which is no UTF-8; save the file as UTF-8"
        )


class BoundedLines(Iterator[str]):
    """Lines of a text, counted; TooLong, and the rest of it passed over, for one too long.

    A row of CSV may have many lines: `row_begins` counts its letters anew.
    """

    def __init__(
        self, stream: io.TextIOWrapper, limits: FileLimits, packed: Unpacked, counts: bool
    ) -> None:
        self.number, self._ended = 0, True
        self._stream, self._limits, self._packed, self._counts = stream, limits, packed, counts
        self._left, self._quotes = limits.longest_row, 0

    def row_begins(self) -> None:
        """Let the next row be as long as one may be."""
        self._left, self._quotes = self._limits.longest_row, 0

    def pass_over_row(self) -> None:
        """Go to the end of a row of CSV: the end of a line with no quote left open."""
        while self._quotes % 2 and self._read(_SKIPPED):
            pass

    def letters(self, most: int) -> str:
        """The next letters, whatever their lines; none at the end."""
        text = self._stream.read(most)
        self._count(text)
        return text

    def __next__(self) -> str:
        line = self._read(max(self._left, 0) + 1)
        if not line:
            raise StopIteration
        self._left -= len(line)
        if self._left < 0:
            while line and line[-1] not in "\r\n":
                line = self._read(_SKIPPED)
            raise TooLong(too_long(self._limits))
        return line

    def _read(self, most: int) -> str:
        line = self._stream.readline(most)
        self._count(line)
        self.number += bool(line) and self._ended
        self._ended = line[-1:] in ("\r", "\n")
        self._quotes += line.count('"')
        return line

    def _count(self, text: str) -> None:
        if text and self._counts:
            self._packed.add(len(text))
