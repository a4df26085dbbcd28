"""Dialogues written as one text of Human: and Assistant: paragraphs, as Anthropic writes them."""

from typing import Any

from db.conversation import Messages
from db.imports.dialogues import turns_of
from db.imports.fields import BadRow


def is_transcript(text: Any) -> bool:
    """Whether a value is a text that begins with a Human: or Assistant: paragraph."""
    return isinstance(text, str) and turns_of(text) is not None


def turns(text: Any, name: str) -> Messages:
    """The messages of a transcript; white space around a turn is no part of it. Raises BadRow."""
    found = turns_of(text) if isinstance(text, str) else None
    if found is None:
        raise BadRow(text, f"{name} is {text!r:.80}; it must begin with Human: or Assistant:")
    return found


def asked(text: Any, name: str) -> Messages:
    """The prompt of a transcript that ends where the assistant is to answer. Raises BadRow."""
    messages = turns(text, name)
    if messages[-1] == {"role": "assistant", "content": ""}:
        messages = messages[:-1]
    if not messages or messages[-1]["role"] != "user":
        raise BadRow(text, f"{name} must end with what the human said")
    return messages
