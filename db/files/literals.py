"""Lists and objects as Python prints them: `repr` of lists, dicts and texts, and numpy's arrays.

numpy prints no commas between items, and Python itself joins two texts that stand so; here they
stay two. Nothing is evaluated.
"""

import re
from typing import Any

_SPACE = re.compile(r"\s*+")
_TEXT = re.compile(r"""'((?:[^'\\]++|\\.)*+)'|"((?:[^"\\]++|\\.)*+)\"""", re.DOTALL)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|.)", re.DOTALL)
_SIGNS = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\n": ""}
_NUMBER = re.compile(r"[+-]?(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][+-]?\d++)?+(?![\w.])")
_WORD = re.compile(r"None|True|False|null|true|false|nan(?!\w)")
_WORDS = {"None": None, "True": True, "False": False, "null": None, "true": True, "false": False}
_ARRAY = re.compile(r"(?:np\.)?array\(")
_TYPE = re.compile(r"\s*,\s*dtype=[\w.<>'\"|=\[\]]+\s*\)|\s*\)")
_DEEPEST, _DIGITS = 100, 1000
_ENDLESS = "a text in it has no end"


class NoLiteral(ValueError):
    """What stands there is no literal; the message says what, and at which letter."""


def literal(text: str, at: int = 0) -> tuple[Any, int]:
    """The list, object, text or number that begins at a letter, and where it ends.

    Raises NoLiteral where there is none, or it has no end.
    """
    return _value(text, at, 0)


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    at = _past_space(text, at)
    if depth > _DEEPEST:
        raise NoLiteral(f"it is more than {_DEEPEST} deep")
    sign = text[at : at + 1]
    if sign in ("'", '"'):
        return _text(text, at)
    if sign == "[":
        return _list(text, at + 1, "]", depth)
    if sign == "(":
        return _list(text, at + 1, ")", depth)
    if sign == "{":
        return _object(text, at + 1, depth)
    if found := _ARRAY.match(text, at):
        items, at = _value(text, found.end(), depth + 1)
        ends = _TYPE.match(text, at)
        if ends is None:
            raise _odd(text, at)
        return items, ends.end()
    if found := _NUMBER.match(text, at):
        return _number(found.group()), found.end()
    if found := _WORD.match(text, at):
        return _WORDS.get(found.group()), found.end()
    raise _odd(text, at)


def _number(digits: str) -> int | float:
    whole = digits.lstrip("+-").isdigit()
    if whole and len(digits) <= _DIGITS:
        return int(digits)
    if whole or abs(float(digits)) == float("inf"):
        raise NoLiteral(f"the number {digits[:20]}... is too large")
    return float(digits)


def _list(text: str, at: int, close: str, depth: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    while True:
        at = _past_space(text, at)
        if text[at : at + 1] == close:
            return items, at + 1
        item, at = _value(text, at, depth + 1)
        items.append(item)
        at = _past_comma(text, at)


def _object(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while True:
        at = _past_space(text, at)
        if text[at : at + 1] == "}":
            return found, at + 1
        name, at = _text(text, at)
        at = _past_space(text, at)
        if text[at : at + 1] != ":":
            raise _odd(text, at)
        if name in found:
            raise NoLiteral(f"it names {name[:40]!r} twice")
        found[name], at = _value(text, at + 1, depth + 1)
        at = _past_comma(text, at, needed=True)


def _text(text: str, at: int) -> tuple[str, int]:
    found = _TEXT.match(text, at)
    if found is None:
        raise _odd(text, at) if text[at : at + 1] not in ("'", '"') else NoLiteral(_ENDLESS)
    inner = found.group(1) if found.group(1) is not None else found.group(2)
    return _ESCAPE.sub(_escaped, inner), found.end()


def _escaped(found: re.Match[str]) -> str:
    said = found.group(1)
    if said[0] in "xuU" and len(said) > 1:
        code = int(said[1:], 16)
        return chr(code) if code < 0x110000 else found.group()
    if said[0].isdigit() and said.isascii():
        return chr(int(said, 8)) if said[0] < "8" else found.group()
    if said in "\\'\"":
        return said
    return _SIGNS.get(said, found.group())


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _past_comma(text: str, at: int, needed: bool = False) -> int:
    """Past one comma; between items numpy has a space or a new line in its place."""
    past = _past_space(text, at)
    sign = text[past : past + 1]
    if sign == ",":
        return past + 1
    if sign in ("]", ")", "}") or (past > at and sign and not needed):
        return past
    raise _odd(text, past)


def _odd(text: str, at: int) -> NoLiteral:
    if at >= len(text):
        return NoLiteral("it has no end")
    return NoLiteral(f"letter {at + 1} is {text[at : at + 20]!r}")
