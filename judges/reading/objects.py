"""The JSON objects of a text, found in one pass and read within bounds.

Linear in the text: an object that cannot be read is stepped over whole, never searched for others,
so what a broken object quotes does not speak for it.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

DEEPEST = 32  # levels of an object that is read; the answer's own schema has two
_OPENING = re.compile(r'\{\s*+["}]')
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+("|\\?\Z)|[{}\[\]]', re.DOTALL)
_DIGITS = 18  # of a whole number; a longer one is read as a float, which ends at infinity


@dataclass(frozen=True, slots=True)
class Found:
    """One object at the outermost level: `text[start:end]`. `value` is None where it is broken."""

    start: int
    end: int
    value: dict[str, Any] | None


def objects(text: str) -> list[Found]:
    """Every outermost object of a text, in order.

    Line breaks inside its strings are taken as they stand, and one that lacks nothing but its last
    brace is read: neither leaves a second reading.
    """
    found: list[Found] = []
    at = 0
    while opening := _OPENING.search(text, at):
        start = opening.start()
        at, missing, deepest = _end(text, start)
        whole = text[start:at]
        if missing:
            whole = whole.rstrip().removesuffix("```").rstrip() + missing
        found.append(Found(start, at, _load(whole) if deepest <= DEEPEST else None))
    return found


def _end(text: str, start: int) -> tuple[int, str, int]:
    """Where the object ends, what it lacks there ("}" or nothing), and how deep it goes."""
    depth = deepest = 0
    in_string = False
    for token in _TOKEN.finditer(text, start):
        if token[1] is not None:
            in_string = token[1] != '"'
            continue
        depth += 1 if token[0] in "{[" else -1
        deepest = max(deepest, depth)
        if depth == 0:
            return token.end(), "", deepest
    return len(text), "}" if depth == 1 and not in_string else "", deepest


def _load(text: str) -> dict[str, Any] | None:
    try:
        value = json.JSONDecoder(strict=False, parse_int=_whole).decode(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS else float(digits)
