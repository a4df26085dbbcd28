"""Texts of very many pairs as a sequence that is not held in memory: many lie in a nameless file.

Leaves out whose texts they are (`judges.vote_arrays`).
"""

import os
import weakref
from array import array
from collections.abc import Sequence
from tempfile import TemporaryFile
from typing import overload

_HELD = 16_000_000  # bytes kept in memory before they go to the file; by hand, docs/design/size.md
_WRITTEN = 1_000_000  # bytes written at once


class KeptTexts(Sequence[str | None]):
    """Texts in the order they were appended, read from the file each time they are asked for.

    One that is the same as the one before is kept once. The file lies in the temporary folder,
    nobody else can open it, and it is gone with this object, or with the process however it ends.
    """

    def __init__(self, held: int = _HELD) -> None:
        self._held = held
        self._start, self._size = array("q"), array("q")  # bytes; a size of -1 is None
        self._end, self._kept = 0, bytearray()  # what is not in the file yet
        self._written = 0  # bytes that are
        self._file: int | None = None
        self._last: str | None = None
        self._begin = self._length = 0  # of the last text

    def append(self, text: str | None) -> None:
        """Add a text at the end."""
        if text is None:
            self._start.append(0)
            self._size.append(-1)
            return
        if text != self._last:
            data = text.encode("utf-8", "surrogatepass")
            self._begin, self._length, self._last = self._end, len(data), text
            self._kept += data
            self._end += len(data)
            self._write()
        self._start.append(self._begin)
        self._size.append(self._length)

    def __len__(self) -> int:
        return len(self._start)

    @overload
    def __getitem__(self, index: int) -> str | None: ...
    @overload
    def __getitem__(self, index: slice) -> list[str | None]: ...
    def __getitem__(self, index: int | slice) -> str | list[str | None] | None:
        if isinstance(index, slice):
            return [self._read(i) for i in range(*index.indices(len(self)))]
        return self._read(index)

    def _read(self, index: int) -> str | None:
        start, size = self._start[index], self._size[index]
        if size < 0:
            return None
        if start >= self._written:
            data = bytes(self._kept[start - self._written : start - self._written + size])
        else:
            data = os.pread(self._file or 0, size, start)
        return data.decode("utf-8", "surrogatepass")

    def _write(self) -> None:
        """Put what waits into the file, once it is too much for memory."""
        if self._file is None:
            if len(self._kept) <= self._held:
                return
            with TemporaryFile(prefix="tiebreak-texts-") as file:
                self._file = os.dup(file.fileno())
            weakref.finalize(self, os.close, self._file)
        elif len(self._kept) < _WRITTEN:
            return
        with memoryview(self._kept) as waiting:
            while self._written < self._end:
                rest = waiting[len(waiting) - (self._end - self._written) :]
                self._written += os.write(self._file, rest)
        self._kept = bytearray()
