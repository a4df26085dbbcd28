"""How an export reads many rows: as columns, without objects, a portion at a time."""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.orm import Session

DIGITS = 9
"""Decimals of an exported probability: sums in another order differ far behind them."""


def streamed(session: Session, query: Executable, at_once: int) -> Iterator[Any]:
    """The rows of a query, fetched in portions, so that memory is flat."""
    read = session.connection().execute(query, execution_options={"yield_per": at_once})
    with read as rows:
        for portion in rows.partitions():
            yield from portion


def ids_in(text: str | None) -> list[int]:
    """A JSON list of ids that was read as text; most are empty."""
    return json.loads(text) if text and text != "[]" else []
