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
_OBJECT_LINE = re.compile(r"\n([ \t]*+)(?:,[ \t]*+)?(?=\{)")
_REST = re.compile(r"[^\[{]*+")
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
        while not self._ends("]"):
            yield

    def names(self) -> Iterator[str]:
        """Stand before each value of the object that begins here, telling its name as JSON.

        Raises EOFError like `items`.
        """
        self.took("{")
        while not self._ends("}"):
            name = self.value()
            self.took(":")
            yield name

    def _ends(self, close: str) -> bool:
        """Whether the list or object ends here; past commas, and brackets that close nothing: after
        the end of a list no object follows a comma.
        """
        ended = comma = False
        while letter := self.peek():
            if letter not in ",]}":
                return ended and not (comma and letter == "{")
            if ended and letter != ",":
                return True
            comma = letter == ","
            ended = ended or letter == close
            self._at += 1
            if ended and close == "}":
                return True
        if ended:
            return True
        raise EOFError("it ends before its list or object does")

    def value(self) -> str:
        """The next value as it stands there, and pass it. Raises TooLong, having passed it, for one
        too long, and EOFError where the text ends before it does.

        One that is no JSON ends where a line further down begins an object no deeper than it, if
        only brackets stand between: what is broken there costs no other value.
        """
        self.peek()
        if (whole := self._whole()) is not None:
            return whole
        depth = self._depth()
        parts: list[str] = []
        held, error = 0, None
        try:
            for part in self._parts():
                held += len(part)
                parts = [*parts, part] if held <= self._limits.longest_row else []
        except EOFError as found:
            error = found
        text = "".join(parts)
        if text and (error or not _is_json(text)):
            lines = (line for line in _OBJECT_LINE.finditer(text) if len(line.group(1)) <= depth)
            if line := next(lines, None):
                self._text, self._at = text[line.end() :] + self._text[self._at :], 0
                return text[: line.start()]
            self._pass_rest(depth)
        if error:
            raise error
        if held > self._limits.longest_row:
            raise TooLong(too_long(self._limits))
        return text

    def skip(self) -> None:
        """Pass the next value, however long, up to where `value` would."""
        with suppress(TooLong):
            self.value()

    def _pass_rest(self, depth: int) -> None:
        """Pass what is left of a broken value, where the next to begin is an object on its line."""
        rest = _REST.match(self._text, self._at)
        before, newline, line = (rest.group() if rest else "").rpartition("\n")
        begins = self._at + len(before) + len(newline) + len(line)
        if newline and len(line) <= depth and self._text.startswith("{", begins):
            self._at = begins if not line.strip() else self._at

    def _whole(self) -> str | None:
        """The object that begins and ends in the text at hand, and pass it: five times as fast."""
        with suppress(ValueError, RecursionError):
            if self._text.startswith("{", self._at):
                _, end = _DECODER.raw_decode(self._text, self._at)
                if end - self._at <= self._limits.longest_row:
                    begin, self._at = self._at, end
                    return self._text[begin:end]
        return None

    def _depth(self) -> int:
        """How many letters stand before the value's line begins in earnest."""
        line = self._text[self._text.rfind("\n", 0, self._at) + 1 : self._at]
        return len(line) - len(line.lstrip(" \t[,"))

    def _parts(self) -> Iterator[str]:
        return self._bracketed() if self.peek() in tuple('[{"') else self._scalar()

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


def _is_json(text: str) -> bool:
    with suppress(ValueError, RecursionError):
        json.loads(text)
        return True
    return False
