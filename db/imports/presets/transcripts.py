"""Dialogues written as one text of Human: and Assistant: paragraphs, as Anthropic writes them."""

import re
from typing import Any

from db.conversation import Messages
from db.imports.fields import BadRow

_SPEAKER = re.compile(r"(?:^|\n\n)(Human|Assistant):")
_ROLES = {"Human": "user", "Assistant": "assistant"}


def is_transcript(text: Any) -> bool:
    """Whether a value is a text that begins with a Human: or Assistant: paragraph."""
    return isinstance(text, str) and _SPEAKER.match(text.lstrip("\n")) is not None


def turns(text: Any, name: str) -> Messages:
    """The messages of a transcript; white space around a turn is no part of it. Raises BadRow."""
    if not is_transcript(text):
        raise BadRow(text, f"{name} is {text!r:.80}; it must begin with Human: or Assistant:")
    parts = _SPEAKER.split(text.lstrip("\n"))
    return [
        {"role": _ROLES[who], "content": said.strip()}
        for who, said in zip(parts[1::2], parts[2::2], strict=True)
    ]


def asked(text: Any, name: str) -> Messages:
    """The prompt of a transcript that ends where the assistant is to answer. Raises BadRow."""
    messages = turns(text, name)
    if messages[-1] == {"role": "assistant", "content": ""}:
        messages = messages[:-1]
    if not messages or messages[-1]["role"] != "user":
        raise BadRow(text, f"{name} must end with what the human said")
    return messages
