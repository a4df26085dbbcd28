"""The JSON objects of a text, found in one pass and read within bounds.

Linear in the text: an object that cannot be read is stepped over whole, never searched for others,
so what a broken object quotes does not speak for it.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from judges.reading.mending import mended

DEEPEST = 32  # levels of an object that is read; the answer's own schema has two
_OPENING = re.compile(r"""\{(?:\s|//[^\r\n]*+|/\*[^*]*+\*/)*+(?:["}]|(?P<odd>['“”＂]))""")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+("|\\?\Z)|[{}\[\]]', re.DOTALL)
_ODD_TOKEN = re.compile(
    r"""(?:"(?:[^"\\]|\\.)*+("|\\?\Z)|'(?:[^'\\]|\\.)*+(?:'|\\?\Z)|[“”][^”]*+(?:”|\Z)|＂[^＂]*+(?:＂|\Z))"""
    r"|[{}\[\]]",
    re.DOTALL,
)
_DIGITS = 18  # of a whole number; a longer one is read as a float, which ends at infinity


@dataclass(frozen=True, slots=True)
class Found:
    """One object at the outermost level: `text[start:end]`. `value` is None where it is broken;
    `odd`: its names stand in other quotation marks than JSON's.
    """

    start: int
    end: int
    value: dict[str, Any] | None
    odd: bool = False


def objects(text: str) -> list[Found]:
    """Every outermost object of a text, in order.

    Line breaks inside its strings are taken as they stand, what is nearly JSON is mended, and one
    that lacks nothing but its last brace is read: none of it leaves a second reading.
    """
    found: list[Found] = []
    at = 0
    while opening := _OPENING.search(text, at):
        start, odd = opening.start(), opening["odd"] is not None
        at, missing, deepest = _end(text, start, odd)
        whole = text[start:at]
        if missing:
            whole = whole.rstrip().removesuffix("```").rstrip() + missing
        found.append(Found(start, at, _load(whole) if deepest <= DEEPEST else None, odd))
    return found


def _end(text: str, start: int, odd: bool) -> tuple[int, str, int]:
    """Where the object ends, what it lacks there ("}" or nothing), and how deep it goes."""
    depth = deepest = 0
    in_string = False
    for token in (_ODD_TOKEN if odd else _TOKEN).finditer(text, start):
        if token[0][0] not in "{}[]":
            in_string = not odd and token[1] != '"'
            continue
        depth += 1 if token[0] in "{[" else -1
        deepest = max(deepest, depth)
        if depth == 0:
            return token.end(), "", deepest
    return len(text), "}" if depth == 1 and not in_string and not odd else "", deepest


def _load(text: str) -> dict[str, Any] | None:
    try:
        value = _decoded(text)
    except ValueError:
        try:
            value = _decoded(mended(text))
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def _decoded(text: str) -> Any:
    return json.JSONDecoder(strict=False, parse_int=_whole).decode(text)


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS else float(digits)
