"""A message of Claude's as an answer."""

from typing import Any

from judges.asking import Answer, Lost
from judges.providers.endings import category_of, stop_of
from judges.providers.replies import text_of, thinking_parts, thought_of
from judges.providers.usages import message_usage, told_nanousd
from judges.reading.thinking import parted
from judges.surcharges import surcharges


def read_message(message: Any, *, held: bool = False, batched: bool = False) -> Answer:
    """A message as an answer; `held`: the server was to hold it to a schema.

    Raises Lost where it holds no answer, and anything where an answer cannot be read.
    """
    if not isinstance(getattr(message, "content", None), list):
        raise Lost("the reply holds no answer")
    said = text_of(message.content)
    text, marked = parted(said)
    stop = stop_of(message.stop_reason)
    details = getattr(message, "stop_details", None)
    return Answer(
        text=text or _explanation(details),
        usage=message_usage(message, said),
        stop=stop,
        held=held,
        model=message.model,
        batched=batched,
        told_nanousd=told_nanousd(message),
        surcharges=surcharges(message),
        thinking=thought_of(thinking_parts(message.content), marked),
        category=category_of(details) if stop != "end" else None,
    )


def _explanation(details: Any) -> str:
    """Why the model refused, in the vendor's words."""
    fields = details if isinstance(details, dict) else getattr(details, "__dict__", {})
    return str(fields.get("explanation") or "")
