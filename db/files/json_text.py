"""JSON in which nothing is lost: an object that names a key twice is refused, NaN is null."""

import json
from typing import Any


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object names {twice[:80]!r} twice")
    return found


def _constant(word: str) -> float | None:
    return None if word == "NaN" else float(word)


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
"""Raises ValueError and RecursionError as `json.loads` does."""
