"""A message of Claude's as an answer."""

from typing import Any

from judges.asking import Answer, Lost, Stop
from judges.providers.replies import text_of
from judges.providers.usages import message_usage, told_nanousd
from judges.surcharges import surcharges

_STOPS: dict[str, Stop] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}


def read_message(message: Any, *, held: bool = False, batched: bool = False) -> Answer:
    """A message as an answer; `held`: the server was to hold it to a schema.

    Raises Lost where it holds no answer, and anything where an answer cannot be read.
    """
    if not isinstance(getattr(message, "content", None), list):
        raise Lost("the reply holds no answer")
    text = text_of(message.content)
    return Answer(
        text=text,
        usage=message_usage(message, text),
        stop=_STOPS.get(str(message.stop_reason), "end"),
        held=held,
        model=message.model,
        batched=batched,
        told_nanousd=told_nanousd(message),
        surcharges=surcharges(message),
    )
