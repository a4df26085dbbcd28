"""JSON values one after the other, found by their brackets, so that a long file is never held.

Rather than ijson, which holds a text however long it is, and gives up a file at the first damaged
value: here a value that is too long or broken costs itself, and `json` still reads each row whole.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress

from db.files.limits import FileLimits
from db.files.line import too_long
from db.files.text import BoundedLines, TooLong

_PIECE = 1 << 18
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n\ufeff]*+")
_OUTSIDE = re.compile(r'["\[\]{}]')
_INSIDE = re.compile(r'["\\]')
_SCALAR = re.compile(r"[^\s,:\[\]{}\"]*+")
_OPENS = {"]": ord("["), "}": ord("{")}


class JsonText:
    """Where reading stands in a text of JSON values."""

    def __init__(self, lines: BoundedLines, limits: FileLimits) -> None:
        self._lines, self._limits = lines, limits
        self._text, self._at = "", 0

    def peek(self) -> str:
        """The next letter that is no space; none at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def took(self, letter: str) -> bool:
        """Whether this letter is next; it is passed."""
        if self.peek() != letter:
            return False
        self._at += 1
        return True

    def items(self) -> Iterator[None]:
        """Stand before each item of the list that begins here, and pass its end.

        Raises EOFError where the text ends before the list does. A comma that lacks or is there
        twice costs nothing.
        """
        self.took("[")
        while not self._ends():
            yield

    def names(self) -> Iterator[str]:
        """Stand before each value of the object that begins here, telling its name as JSON.

        Raises EOFError like `items`.
        """
        self.took("{")
        while not self._ends():
            name = self.value()
            self.took(":")
            yield name

    def _ends(self) -> bool:
        while self.took(","):
            pass
        letter = self.peek()
        if not letter:
            raise EOFError("it ends before its list or object does")
        self._at += letter in "]}"
        return letter in "]}"

    def value(self) -> str:
        """The next value as it stands there, and pass it. Raises TooLong, having passed it, for one
        too long, and EOFError where the text ends before it does.
        """
        parts: list[str] = []
        held = 0
        for part in self._parts():
            held += len(part)
            parts = [*parts, part] if held <= self._limits.longest_row else []
        if held > self._limits.longest_row:
            raise TooLong(too_long(self._limits))
        return "".join(parts)

    def skip(self) -> None:
        """Pass the next value, however long."""
        for _ in self._parts():
            pass

    def _parts(self) -> Iterator[str]:
        letter = self.peek()
        if letter == "{":
            with suppress(ValueError, RecursionError):  # whole here: five times as fast
                _, end = _DECODER.raw_decode(self._text, self._at)
                begin, self._at = self._at, end
                return iter((self._text[begin:end],))
        return self._bracketed() if letter in ("[", "{", '"') else self._scalar()

    def _scalar(self) -> Iterator[str]:
        yield self._text[self._at : self._at + 1]
        self._at += 1
        while self._at < len(self._text) or self._more():
            begin, self._at = self._at, _SCALAR.match(self._text, self._at).end()  # type: ignore
            yield self._text[begin : self._at]
            if self._at < len(self._text):
                return

    def _bracketed(self) -> Iterator[str]:
        """The value up to the bracket that closes it. One that closes an outer bracket closes what
        is open within, so that a value with a bracket too few costs itself alone.
        """
        opened, in_string, begin = bytearray(), False, self._at
        while True:
            found = (_INSIDE if in_string else _OUTSIDE).search(self._text, self._at)
            self._at = found.end() if found else len(self._text)
            sign = found.group() if found else ""
            if not found or (sign == "\\" and self._at == len(self._text)):
                yield self._text[begin:]
                if not self._more():
                    raise EOFError("it ends within a value")
                begin = 0
            if sign == "\\":
                self._at += 1
            elif sign == '"':
                in_string = not in_string
            elif sign in ("[", "{"):
                opened.append(ord(sign))
                if len(opened) > self._limits.longest_row:
                    raise ValueError("lists stand in lists without end")
            elif sign:
                while opened and opened.pop() != _OPENS[sign]:
                    pass
            if found and not in_string and not opened:
                yield self._text[begin : self._at]
                return

    def _more(self) -> bool:
        """Whether there is more text; it takes the place of what was read."""
        self._text, self._at = self._lines.letters(_PIECE), 0
        return bool(self._text)
