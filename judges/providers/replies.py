"""From a server's reply to an answer: the one boundary between what servers send and a run.

A reply without an answer in it is lost and asked for again. One that holds an answer is an answer,
whatever else in it cannot be read: a run never ends for it, and never pays for it again.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from db.errors import TiebreakError
from judges.asking import Answer

_REFUSAL = "refusal"
_THINKING = ("thinking", "reasoning", "redacted_thinking", "reasoning_content", "thought")
_FIELDS = ("thinking", "reasoning", "reasoning_content", "text", "content", "summary")


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
    """The text of a message: a text, the texts among its parts, or an object that a server has
    already decoded. Raises TypeError.
    """
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, dict) and "verdict" in content:
        return json.dumps(content, ensure_ascii=False)
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        raise TypeError(f"content is {type(content).__name__}")
    texts = [part["text"] for part in map(_part, content) if _is_text(part)]
    return "".join(texts)


def refusal_of(content: Any) -> str:
    """The refusals among the parts of a message."""
    parts = map(_part, content) if isinstance(content, list) else ()
    return "".join(str(part.get("refusal") or "") for part in parts if part.get("type") == _REFUSAL)


def thought_of(*held: Any) -> str | None:
    """The thinking among the parts of a message, or in one of its fields; None where none is."""
    return "\n".join(filter(None, map(_thought, held))) or None


def _thought(held: Any, depth: int = 4) -> str:
    """A text, or the texts of whatever holds it: servers nest them in several ways."""
    if isinstance(held, str) or not held or not depth:
        return held if isinstance(held, str) else ""
    if isinstance(held, list):
        return "\n".join(filter(None, (_thought(part, depth - 1) for part in held)))
    fields = held if isinstance(held, dict) else vars(held)
    return next((said for name in _FIELDS if (said := _thought(fields.get(name), depth - 1))), "")


def thinking_parts(content: Any) -> list[Any]:
    """The parts of a message that are thinking."""
    return [one for one in map(_part, content) if _is_thinking(one)] if _is_list(content) else []


def _part(part: Any) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return part if isinstance(part, dict) else vars(part)


def _is_list(content: Any) -> bool:
    return isinstance(content, list)


def _is_text(part: Mapping[str, Any]) -> bool:
    return part.get("type") in ("text", "output_text", None) and not _is_thinking(part)


def _is_thinking(part: Mapping[str, Any]) -> bool:
    return part.get("thought") is True or part.get("type") in _THINKING
