"""Reads one field of an imported row, or says in one sentence what is wrong with it."""

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from db.conversation import ROLES, Message, Messages, Tools
from db.errors import TiebreakError
from db.files.cells import BadCell, structure
from db.files.line import unreadable
from db.imports import speakers
from db.vocabulary import Choice, Order

Row = dict[str, Any]
_WRITTEN = re.compile(r"""\s*\[\s*\{\s*['"](?:role|content|from|value)['"]""")


class BadRow(ValueError):
    """Why a row cannot be used: `value` is what was there, the message what is allowed."""

    def __init__(self, value: Any, reason: str) -> None:
        super().__init__(reason)
        self.value = value


@contextmanager
def one_reason() -> Iterator[None]:
    """Whatever reading one row raises is the reason why that row cannot be used."""
    try:
        yield
    except (BadRow, TiebreakError):
        raise
    except (AttributeError, TypeError) as error:
        reason = "the row cannot be read, for a value in it has another type than this format has"
        raise BadRow(None, f"{reason} ({unreadable(error)})") from error
    except (ArithmeticError, LookupError, RecursionError, ValueError) as error:
        raise BadRow(None, f"the row cannot be read ({unreadable(error)})") from error


def text(row: Row, name: str) -> str:
    """A text that must be there; the empty text is a text."""
    value = row.get(name)
    if not isinstance(value, str):
        raise BadRow(value, f"{name} is {shown(value)}; it must be a text")
    _require_storable(value, name)
    return value


def optional_text(row: Row, name: str) -> str | None:
    """A text, or None where the field is missing."""
    return None if row.get(name) is None else text(row, name)


def name(row: Row, key: str, longest: int = 200) -> str:
    """A non-empty name of at most `longest` letters; numbers are taken as their digits.

    A whole float is the number it is: pandas turns a column of numbers into floats where one lacks.
    """
    value = row.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    value = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise BadRow(value, f"{key} is {shown(value)}; it must be a name of 1 to {longest} letters")
    _require_storable(value, key)
    return value


def optional_name(row: Row, key: str, longest: int = 200) -> str | None:
    """A name, or None where the field is missing or empty."""
    return None if row.get(key) in (None, "") else name(row, key, longest)


def optional_object(row: Row, key: str) -> dict[str, Any] | None:
    """A JSON object, or None where the field is missing."""
    value = row.get(key)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadRow(value, f"{key} is {shown(value)}; it must be an object like {{kind: exact}}")
    _require_json(value, key)
    return value


def objects(row: Row, key: str) -> list[Row]:
    """A list of objects; none where the field is missing."""
    value = row.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise BadRow(value, f"{key} is {shown(value)}; it must be a list of objects")
    return value


def kept(row: Row, key: str) -> Row | None:
    """Columns that are kept as they are, without those of no value; None where there is none."""
    value = row.get(key)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadRow(value, f"{key} is {shown(value)}; it must be an object {{column: value}}")
    found = {column: inner for column, inner in value.items() if inner is not None}
    _require_json(found, key)
    return found or None


def choice(row: Row, *, abstain: bool = True) -> Choice:
    """a, b, tie or (where allowed) abstain."""
    allowed = [c.value for c in Choice if abstain or c is not Choice.ABSTAIN]
    value = row.get("choice")
    if value not in allowed:
        raise BadRow(value, f"choice is {shown(value)}; it must be one of {', '.join(allowed)}")
    return Choice(value)


def order(row: Row) -> Order:
    """ab, ba or none; missing means none."""
    value = row.get("order") or "none"
    if value not in [o.value for o in Order]:
        raise BadRow(value, f"order is {shown(value)}; it must be ab, ba or none")
    return Order(value)


def integer(row: Row, key: str, default: int | None, lowest: int, highest: int) -> int | None:
    """A whole number within bounds; texts of digits (CSV) are taken too."""
    value = row.get(key)
    if value is None or value == "":
        return default
    number = _number(value)
    if number is None or number != int(number) or not lowest <= number <= highest:
        raise BadRow(value, f"{key} is {shown(value)}; it must be {lowest} to {highest}")
    return int(number)


def number(row: Row, key: str, lowest: float, highest: float) -> float | None:
    """A number within bounds, or None where it is missing."""
    value = row.get(key)
    if value is None or value == "":
        return None
    found = _number(value)
    if found is None or not lowest <= found <= highest:
        reason = f"{key} is {shown(value)}; it must be {lowest:g} to {highest:g}"
        raise BadRow(value, f"{reason}, a number like 3.5" if found is None else reason)
    return found


def flag(row: Row, key: str) -> bool:
    """A yes or no; missing means no."""
    value = row.get(key)
    if value in (None, "", False, 0, "false", "False", "0"):
        return False
    if value in (True, 1, "true", "True", "1"):
        return True
    raise BadRow(value, f"{key} is {shown(value)}; it must be true or false")


def time(row: Row, key: str) -> datetime | None:
    """A moment in ISO 8601, without a zone in UTC; or the time since 1970 as a number.

    Its digits tell the unit of a number: 10 are seconds, 13, 16 and 19 a thousandth each of the one
    before, which is right from 2001 to 2286.
    """
    value = row.get(key)
    if value in (None, ""):
        return None
    try:
        found = value if isinstance(value, datetime) else _since_1970(value)
        found = found or datetime.fromisoformat(str(value))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRow(
            value, f"{key} is {shown(value)}; write it like 2026-01-31T12:00:00Z"
        ) from None


def _since_1970(value: Any) -> datetime | None:
    number = _number(value)
    for unit in (1, 1e3, 1e6, 1e9):
        if number is not None and 1e9 <= number / unit < 1e10:
            return datetime.fromtimestamp(number / unit, UTC)
    return None


def messages(row: Row, key: str) -> Messages:
    """A conversation: a text means one user message."""
    value = row.get(key)
    if isinstance(value, str):
        return [{"role": "user", "content": _said(row, key)}]
    if not isinstance(value, list) or not value:
        raise BadRow(value, f"{key} is {shown(value)}; it must be a text or a list of messages")
    return [message(item, key) for item in value]


def response(row: Row, key: str) -> Messages:
    """A response: a text means one message of the assistant; messages begin with one of it."""
    value = row.get(key)
    if isinstance(value, str):
        return [{"role": "assistant", "content": _said(row, key)}]
    if value is None or value == []:
        raise BadRow(value, f"{key} is {shown(value)}; it must be a text or a list of messages")
    said = messages(row, key)
    if said[0]["role"] != "assistant":
        raise BadRow(
            said[0]["role"], f"{key} begins with the role {said[0]['role']!r}, not with assistant"
        )
    return said


def _said(row: Row, key: str) -> str:
    """A text that is not the JSON (or the Python) of messages, which would be lost as such."""
    said = text(row, key)
    if _WRITTEN.match(said):
        with suppress(BadCell):
            held = structure(said)
            if all(speakers.is_message(each) for each in held):
                raise BadRow(
                    said[:80],
                    f"{key} is a text that holds messages; write them as a list and not as a text",
                )
    return said


def message(item: Any, key: str) -> Message:
    """One message with every key it came with, but for those that are null.

    Words for a role and for what is said are read as ours (`speakers`).
    """
    written, item = item, speakers.told(item)
    if not isinstance(item, dict) or item.get("role") not in ROLES:
        raise BadRow(
            written, f"{key} holds {shown(written)}; a message is {{role, content}} or "
            f"{{from, value}}, its role one of {', '.join(speakers.WORDS)}"
        )  # fmt: skip
    calls = _calls(item.get("tool_calls"), key)
    content = _content(item.get("content"), key, may_lack=bool(calls))
    said: Message = {
        str(name): content if name == "content" else value
        for name, value in item.items()
        if name == "content" or (value is not None and (name != "tool_calls" or calls))
    }
    said.setdefault("content", content)
    _require_json(said, key)
    return said


def tools(row: Row, key: str = "tools") -> Tools | None:
    """What may be called, as a list of JSON schemas or as that list's JSON; None for none."""
    value = row.get(key)
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise BadRow(row[key][:80], f"{key} is no JSON; it must be a list of tools") from None
    if value in (None, "", []):
        return None
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise BadRow(value, f"{key} is {shown(value)}; it must be a list of tools, each an object")
    _require_json(value, key)
    return value


def _calls(value: Any, key: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise BadRow(value, f"tool_calls in {key} is {shown(value)}; it must be a list of calls")
    return value


def _content(value: Any, key: str, may_lack: bool) -> Any:
    """A text, text parts as they came, or null beside tool calls."""
    if isinstance(value, str) or (value is None and may_lack):
        return value
    if not isinstance(value, list) or not value:
        raise BadRow(value, f"content in {key} is {shown(value)}; it must be a text")
    for part in value:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind != "text" or not isinstance(part.get("text"), str):
            what = f"of type {kind!r}" if isinstance(kind, str) else shown(part)
            raise BadRow(
                kind, f"content in {key} has a part {what}; only parts of type 'text' can be kept"
            )
    # Parquet gives every part the keys of all others, as nulls.
    return [{k: v for k, v in part.items() if v is not None} for part in value]


def _require_json(value: Any, key: str) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRow(None, f"{key} cannot be kept as JSON ({error})") from None
    for inner in _strings(value):
        _require_storable(inner, key)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _require_storable(value: str, key: str) -> None:
    if "\x00" in value:
        raise BadRow(value[:80], f"{key} holds a NUL character, which no database stores")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        bad = value[error.start]
        raise BadRow(
            value[:80], f"{key} holds {bad!r}, which is no Unicode text; save the file as UTF-8"
        ) from None


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def shown(value: Any) -> str:
    """A value as the sentences of a refusal show it."""
    shown = "missing" if value is None else repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."
