"""Messages as ShareGPT writes them: `from` and `value`, with function calls and observations.

Source: LLaMA-Factory's data/README.md, "Sharegpt Format" and its tags. A call becomes `tool_calls`
of an assistant message, an observation a tool message. Messages with `role` and `content` (its
"OpenAI Format") stay as they are.
"""

from typing import Any

from db.conversation import Messages
from db.imports.fields import BadRow, Row
from db.imports.speakers import CALL, WORDS, calls_of, told


def messages_of(value: Any, name: str) -> Messages:
    """A list of messages, or one. Raises BadRow, naming the column and what it holds."""
    listed = [value] if isinstance(value, dict) else value
    if not isinstance(listed, list):
        raise BadRow(value, f"{name} is {value!r:.80}; it must be a message or a list of them")
    return [_message(item, name) for item in listed]


def functions_of(tools: list[Row] | None) -> list[Row] | None:
    """Tools as this format writes them, bare functions, as tools of the type function."""
    return tools and [t if "type" in t else {"type": "function", "function": t} for t in tools]


def _message(item: Any, name: str) -> Row:
    if not isinstance(item, dict):
        raise BadRow(item, f"{name} holds {item!r:.80}; a message is {{from, value}}")
    if item.get("from") is None:
        if not isinstance(item.get("role"), str):
            raise BadRow(item, f"{name} holds {item!r:.80}; a message is {{from, value}}")
        rest = {key: value for key, value in item.items() if value is not None}
        return {**rest, "content": item.get("content")}
    who, said = item["from"], item.get("value")
    if not isinstance(said, str):
        raise BadRow(said, f"{name} holds the value {said!r:.80}; it must be a text")
    if who == CALL and calls_of(said) is None:
        raise BadRow(said[:80], f"{name} holds a {CALL} that is no {{name, arguments}}")
    if who != CALL and (not isinstance(who, str) or who.lower() not in WORDS):
        known = ", ".join([*WORDS, CALL])
        raise BadRow(who, f"{name} holds a message from {who!r:.80}; {known} are known")
    return {key: value for key, value in told(item).items() if value is not None}
