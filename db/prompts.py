"""Stored prompts, one after the other, so that a million need no memory."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.conversation import Messages
from db.erased_prompts import unerased
from db.models import Prompt

_AT_ONCE = 1000


@dataclass(frozen=True)
class StoredPrompts:
    """(content hash, messages) of every prompt that still has its texts; read anew each time."""

    session: Session

    def __iter__(self) -> Iterator[tuple[str, Messages]]:
        query = select(Prompt.content_hash, Prompt.messages).where(unerased()).order_by(Prompt.id)
        rows = self.session.connection().execute(query, execution_options={"yield_per": _AT_ONCE})
        return ((row.content_hash, row.messages) for row in rows)
