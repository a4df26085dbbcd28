"""The prompts that an export may show, to be searched for what must stay apart."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.conversation import prompt_text
from db.erased_prompts import unerased
from db.exports.columns import streamed
from db.models import Prompt

_AT_ONCE = 500


def prompt_texts(session: Session) -> Iterator[tuple[str, str]]:
    """(content hash, text) of every prompt that still has its texts, in order of hash."""
    query = select(Prompt.content_hash, Prompt.messages, Prompt.tools).where(unerased())
    for digest, messages, tools in streamed(session, query.order_by(Prompt.content_hash), _AT_ONCE):
        yield digest, prompt_text(messages, tools)
