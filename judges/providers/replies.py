"""From a server's reply to an answer: the one boundary between what servers send and a run.

A reply without an answer in it is lost and asked for again. One that holds an answer is an answer,
whatever else in it cannot be read: a run never ends for it, and never pays for it again.
"""

from collections.abc import Callable
from typing import Any

from db.errors import TiebreakError
from judges.asking import Answer


def understood(reply: Any, read: Callable[[Any], Answer]) -> Answer:
    """`read(reply)`, or the whole reply as an unreadable answer. Raises the errors of `db.errors`
    that `read` raises where the reply holds no answer at all.
    """
    try:
        return read(reply)
    except TiebreakError:
        raise
    except Exception:
        return Answer(repr(reply), usage=None, stop="unreadable")


def text_of(content: Any) -> str:
    """The text of a message: a text, or the texts among its parts. Raises TypeError."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise TypeError(f"content is {type(content).__name__}")
    parts = [part if isinstance(part, dict) else vars(part) for part in content]
    return "".join(part["text"] for part in parts if part.get("type") in ("text", "output_text"))
