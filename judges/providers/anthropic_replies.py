"""A message of Claude's as an answer."""

from typing import Any

from judges.asking import Answer, Lost, Stop, Usage
from judges.providers.replies import count_of, text_of

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
    usage = message.usage
    return Answer(
        text=text_of(message.content),
        usage=Usage(
            input=count_of(getattr(usage, "input_tokens", 0)),
            cached=count_of(getattr(usage, "cache_read_input_tokens", 0)),
            written=count_of(getattr(usage, "cache_creation_input_tokens", 0)),
            output=count_of(getattr(usage, "output_tokens", 0)),
        ),
        stop=_STOPS.get(str(message.stop_reason), "end"),
        held=held,
        model=message.model,
        batched=batched,
    )
