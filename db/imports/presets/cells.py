"""Values of a row that published formats write in several ways."""

from typing import Any

from db.files.cells import BadCell, structure
from db.imports.fields import BadRow, Row

MEDIA = frozenset({"images", "image", "videos", "audios"})
"""Columns of pictures, films and sound; `no_media` refuses them."""


def listed(value: Any, name: str) -> list[Any]:
    """A list, also where a cell holds it as JSON or as Python writes it. Raises BadRow."""
    if isinstance(value, str):
        value = _unpacked(value, name)
    if not isinstance(value, list):
        raise BadRow(value, f"{name} is {value!r:.80}; it must be a list")
    return value


def tools_of(row: Row) -> list[Row] | None:
    """The tools of a row, also as a JSON text; an empty list of tools is none. Raises BadRow."""
    value = row.get("tools")
    if value in (None, "", []):
        return None
    tools = listed(value, "tools")
    for tool in tools:
        if not isinstance(tool, dict):
            raise BadRow(tool, f"tools holds {tool!r:.80}; a tool is an object")
    return tools or None


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


def no_media(row: Row) -> None:
    """Raises BadRow, naming the column, where a row has pictures, films or sound."""
    for name in sorted(row.keys() & MEDIA):
        if row[name] not in (None, "", []):
            raise BadRow(None, f"{name} holds what is no text, which cannot be kept yet")


def _unpacked(cell: str, name: str) -> Any:
    try:
        return structure(cell)
    except BadCell:
        raise BadRow(
            cell[:80], f"{name} is a text that holds no list, neither as JSON nor as Python"
        ) from None
