"""What several files tell about the same text or pair: nothing known is lost, in any order.

What one tells and another does not is filled in. Of two that differ, the first by content is kept,
so that the order of files changes nothing; who tells the other is counted (`db.pairs`).
"""

import json
from collections.abc import Iterable
from typing import Any


def kept(told: Iterable[Any]) -> Any:
    """Of what was told about one thing (None: nothing) what is kept; JSON is ordered as text."""
    known = [value for value in told if value is not None]
    if len(known) < 2:
        return known[0] if known else None
    return min(known, key=_by_content)


def kept_author(told: Iterable[tuple[str | None, str | None]]) -> tuple[str | None, str | None]:
    """The same of who wrote a text: (model, family). A family never goes to another model."""
    listed = list(told)
    model = kept(model for model, _ in listed)
    return model, kept(family for name, family in listed if name in (None, model))


def otherwise(told: Any, kept: Any) -> bool:
    """Whether something else was told than is kept."""
    return told is not None and told != kept


def _by_content(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
