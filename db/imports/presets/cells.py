"""Values of a row that published formats write in several ways."""

import ast
import json
from collections.abc import Sequence
from typing import Any

from db.imports.fields import BadRow, Row

_ABOUT = {
    "pair_id": ("pair_id", "id"),
    "domain": ("domain", "category"),
    "source": ("source", "dataset"),
    "expected": ("expected",),
}
_LABEL = ("annotator", "strength", "rationale", "created_at", "active_seconds")
_CHOSEN = ("chosen_model", "model_chosen", "chosen-model")
_REJECTED = ("rejected_model", "model_rejected", "rejected-model")
_META = (
    "prompt_id",
    "margin",
    *("score_chosen", "chosen_score", "chosen_rating"),
    *("score_rejected", "rejected_score", "rejected_rating"),
)
BESIDE = frozenset(
    {*(name for names in _ABOUT.values() for name in names), *_LABEL, *_CHOSEN, *_REJECTED, *_META}
)
"""Columns that any preference row may have beside its texts; `beside` reads them."""


def beside(row: Row) -> Row:
    """What stands beside the texts of a preference row, as arguments of `preferred`.

    Scores and margins of a row that names no judge are kept in `meta`: whose they are is not known.
    """
    found: Row = {}
    meta = {name: row[name] for name in _META if row.get(name) is not None}
    for name, written in _ABOUT.items():
        there = [key for key in written if row.get(key) not in (None, "")]
        if there:
            found[name] = row[there[0]]
        meta |= {key: row[key] for key in there[1:]}
    label = {name: row[name] for name in _LABEL if row.get(name) not in (None, "")}
    models = (_first(row, _CHOSEN), _first(row, _REJECTED))
    return found | {"label": label, "models": models, "meta": meta or None}


def listed(value: Any, name: str) -> list[Any]:
    """A list, also where a cell holds it as JSON or as Python writes it. Raises BadRow."""
    if isinstance(value, str):
        value = _unpacked(value, name)
    if not isinstance(value, list):
        raise BadRow(value, f"{name} is {value!r:.80}; it must be a list")
    return value


def tools_of(row: Row) -> list[Row] | None:
    """The tools of a row, also as a JSON text; bare functions are wrapped as tools of that type.

    No tools and an empty list of tools are the same. Raises BadRow.
    """
    value = row.get("tools")
    if value in (None, "", []):
        return None
    tools = listed(value, "tools")
    for tool in tools:
        if not isinstance(tool, dict):
            raise BadRow(tool, f"tools holds {tool!r:.80}; a tool is an object")
    return [t if "type" in t else {"type": "function", "function": t} for t in tools] or None


def yes(row: Row, name: str) -> bool:
    """True or false, also as 1 and 0 or as texts of these. Raises BadRow for anything else."""
    value = row.get(name)
    told = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
    found = told.get(str(value).strip().lower())
    if found is None:
        raise BadRow(value, f"{name} is {value!r:.80}; it must be true or false")
    return found


def score_of(row: Row, name: str) -> float:
    """A number that must be there. Raises BadRow."""
    value = row.get(name)
    try:
        found = float("nan" if value is None or isinstance(value, bool) else value)
    except (TypeError, ValueError):
        found = float("nan")
    if not abs(found) < float("inf"):
        raise BadRow(value, f"{name} is {value!r:.80}; it must be a number")
    return found


def no_media(row: Row, names: Sequence[str] = ("images", "image", "videos", "audios")) -> None:
    """Raises BadRow, naming the column, where a row has pictures, films or sound."""
    for name in names:
        if row.get(name) not in (None, "", []):
            raise BadRow(None, f"{name} holds what is no text, which cannot be kept yet")


MEDIA = frozenset({"images", "image", "videos", "audios"})
"""Columns that `no_media` looks at."""


def _first(row: Row, names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _unpacked(cell: str, name: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        pass
    try:
        return ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise BadRow(
            cell[:80], f"{name} is a text that holds no list, neither as JSON nor as Python"
        ) from None
