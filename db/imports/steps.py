"""Reads one row of a stepwise file: the steps of a solution, and what is said of each.

Own rows (`prompt`, `steps`, `labels` or `ratings`) and TRL's stepwise rows (`prompt`,
`completions`, `labels`; TRL 1.16, docs/source/dataset_formats.md).
"""

import math
from collections.abc import Iterable
from typing import Any

from db.imports import fields
from db.imports.fields import BadRow, Row
from db.step_labels import NEUTRAL, RIGHT, WRONG, Rating, Solution

_WORDS: dict[Any, Rating] = {"+": RIGHT, "-": WRONG, "true": RIGHT, "false": WRONG}


def parse(row: Row, rated: bool = False) -> Solution:
    """One solution. Raises BadRow with the reason.

    `labels` are true and false, 1 and 0, or + and -; in a file that holds a -1 (`rated`), and
    always in `ratings`, 0 is neither right nor wrong. Null is a step that nobody rated.
    """
    steps, said = _listed(row, "steps", "completions"), _listed(row, "ratings", "labels")
    if not steps or len(steps) != len(said):
        raise BadRow(
            len(said), f"{len(steps)} steps have {len(said)} labels; give each step one label"
        )
    texts = tuple(fields.text({"a step": step}, "a step") for step in steps)
    scale = rated or row.get("ratings") is not None
    labels = tuple(_rating(each, scale) for each in said)
    if all(label is None for label in labels):
        raise BadRow(None, "no step is rated, so there is nothing to learn; leave the row out")
    return Solution(fields.messages(row, "prompt"), texts, labels)


def holds_ratings(rows: Iterable[Row]) -> bool:
    """Whether any row has a -1 among its `labels`, so that 0 is neutral in all of them."""
    return any(
        _number(label) == WRONG
        for row in rows
        if isinstance(row.get("labels"), list)
        for label in row["labels"]
    )


def _listed(row: Row, *names: str) -> list[Any]:
    """The one of these columns that is there."""
    there = [name for name in names if row.get(name) is not None]
    if len(there) != 1:
        told = f"it has {' and '.join(there)}" if there else f"it has {', '.join(sorted(row))}"
        raise BadRow(None, f"a row needs prompt, and one of {' or '.join(names)}; {told}")
    value = row[there[0]]
    if not isinstance(value, list):
        raise BadRow(value, f"{there[0]} must be a list, one entry a step")
    return value


def _rating(label: Any, rated: bool) -> Rating:
    if label is None or label in ("", "null"):
        return None
    word = _WORDS.get(label.strip().lower()) if isinstance(label, str) else None
    if word is not None:
        return word
    if isinstance(label, bool):
        return RIGHT if label else WRONG
    known = {1.0: RIGHT, 0.0: NEUTRAL, -1.0: WRONG} if rated else {1.0: RIGHT, 0.0: WRONG}
    number = _number(label)
    if number not in known:
        allowed = "1, 0 or -1" if rated else "true or false, 1 or 0, + or -"
        raise BadRow(label, f"label {label!r} is not known; use {allowed}, or null")
    return known[number]


def _number(label: Any) -> float | None:
    """A number, also where it is written as a text; NaN is none."""
    if isinstance(label, bool) or not isinstance(label, int | float | str):
        return None
    try:
        found = float(label)
    except (ValueError, OverflowError):
        return None
    return None if math.isnan(found) else found
