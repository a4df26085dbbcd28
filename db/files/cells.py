"""What a cell of CSV holds: a text, or a list or object that was written into it.

A cell that is wholly a list of texts, a message or a list of messages is read as that: as JSON, as
Python prints it, or as numpy prints it, without commas. One that begins as such and cannot be read
is refused. All else is a text, also "[INST] Go on", "[1] see", "[1, 2]" and an answer in JSON; in
columns that never hold texts (`_STRUCTURED`) every list and object is read.
"""

import re
from contextlib import suppress
from typing import Any

from db.files.json_text import DECODER
from db.files.literals import NoLiteral, literal

_STRUCTURED = {
    "responses", "expected", "ranking", "rankings", "tools", "labels", "votes", "meta", "metadata",
    "ratings", "annotations", "completions", "steps", "scores", "choices", "models", "tags",
}  # fmt: skip
_EMPTY = frozenset(("chosen", "rejected", "response_a", "response_b"))  # an answer may be empty
_LISTED = re.compile(r"""\s*+(?:\[\s*+)++(?:(?:np\.)?array\(\s*+\[*+\s*+)?+(?:['"]|\{\s*+['"])""")
_MESSAGE = re.compile(r"""\s*+\{\s*+['"](?:role|content|from|value)['"]\s*:""")
_SPEAKERS = ("role", "from", "speaker", "author", "sender")
_WORDS = ("content", "value", "text", "message", "parts", "tool_calls")
_DEEPEST = 8


class BadCell(ValueError):
    """A cell begins as a list or object and cannot be read; the message says why."""


def cell(name: str, text: str) -> Any:
    """What the cell of a column holds; None where it is empty. Raises BadCell."""
    if not text:
        # CSV has no null: an empty answer is an answer, an empty anything else is missing.
        return text if name in _EMPTY else None
    beginning = text.lstrip()[:1]
    if beginning not in ("[", "{"):
        return text
    structured = name in _STRUCTURED
    listed = _LISTED.match(text) is not None
    if beginning == "[" and not structured and not listed:
        return text
    value, end, why = _read(text)
    if why is not None:
        if structured or listed or _MESSAGE.match(text):
            raise BadCell(
                f"column {name!r} holds a list or object that cannot be read ({why}); "
                "write it as JSON"
            )
        return text
    if text[end:].strip():
        return text  # one that goes on after a bracket
    return value if structured or _is_said(value) else text


def structure(text: str) -> Any:
    """The value a text wholly is, as JSON, Python or numpy write it. Raises BadCell."""
    value, end, why = _read(text)
    if why is not None or text[end:].strip():
        raise BadCell(why or f"text goes on after letter {end}")
    return value


def _read(text: str) -> tuple[Any, int, str | None]:
    """The value a cell begins with, where it ends, and why there is none."""
    begin = len(text) - len(text.lstrip())
    with suppress(ValueError, RecursionError):
        return *DECODER.raw_decode(text, begin), None
    try:
        return *literal(text, begin), None
    except NoLiteral as error:
        return None, 0, str(error)


def _is_said(value: Any, depth: int = 0) -> bool:
    """Whether this is a message, or a list of texts or messages, or of such lists."""
    if isinstance(value, dict):
        return any(a in value for a in _SPEAKERS) and any(b in value for b in _WORDS)
    if not isinstance(value, list) or depth > _DEEPEST:
        return False
    filled = [item for item in value if item is not None]
    return bool(filled) and all(isinstance(i, str) or _is_said(i, depth + 1) for i in filled)
