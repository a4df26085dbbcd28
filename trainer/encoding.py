"""Prompts and responses of a dataset's rows as texts, from conversational and plain rows alike.

Leaves out how they become tokens (`judges.encoding`).
"""

from typing import Any

from db.conversation import is_plain, prompt_text, response_text
from judges.encoding import as_messages


def asked_text(row: Any) -> str:
    """The prompt of a row of a dataset as one text, as the panel is shown it."""
    return prompt_text(as_messages(row["prompt"], "user"), row.get("tools"))


def said_text(value: Any) -> str:
    """A response of a row as one text, from conversational and plain rows alike."""
    return value if isinstance(value, str) else response_text(value)


def texts_of(row: Any, *columns: str) -> list[str]:
    """Every text of a row's columns, for a tokenizer to learn from: messages as they read."""
    found = []
    for column in columns:
        for message in as_messages(row[column], "user"):
            found.append(message["content"] if is_plain(message) else response_text([message]))
    return found
