"""Who speaks in a message and what it says, by one table of the words for it. Pure.

Besides {role, content}, messages are written as {from, value} (ShareGPT) or with `text`.
"""

import json
from typing import Any

from db.conversation import ROLES

WORDS = {
    **{role: role for role in ROLES},
    **dict.fromkeys(("human", "prompter"), "user"),
    **dict.fromkeys(("gpt", "chatgpt", "bot", "chatbot", "model", "ai"), "assistant"),
    "observation": "tool",
}
"""Words for a role, case aside."""
CALL = "function_call"
"""Who speaks where a call is written as JSON, {name, arguments}, in place of a text."""


def told(item: Any) -> Any:
    """A message under our names, its other keys as they are; what is no message stays as it is.

    `role` and `content` go before other names. A word for a role that is not known stays, too.
    """
    if not isinstance(item, dict):
        return item
    who = next((key for key in ("role", "from") if item.get(key) is not None), "role")
    said = "content"
    if item.get(said) is None and not item.get("tool_calls"):
        said = next((key for key in ("value", "text") if item.get(key) is not None), said)
    word = item.get(who)
    if word is None:
        return item
    if word == CALL and (calls := calls_of(item.get(said))) is not None:
        rest = {key: value for key, value in item.items() if key not in (who, said)}
        return {**rest, "role": "assistant", "content": "", "tool_calls": calls}
    role = WORDS.get(word.lower(), word) if isinstance(word, str) else word
    if who == "role" and said == "content" and role == word:
        return item
    names = {who: "role", said: "content"}
    hidden = {new for old, new in names.items() if old != new}
    found = {names.get(key, key): value for key, value in item.items() if key not in hidden}
    return {**found, "role": role}


def is_message(item: Any) -> bool:
    """Whether a value is a message under our names, or under others by one who is known."""
    if not isinstance(item, dict):
        return False
    found = told(item)
    return {"role", "content"} <= item.keys() or ("content" in found and found["role"] in ROLES)


def calls_of(said: Any) -> list[dict[str, Any]] | None:
    """Calls written as JSON, {name, arguments} or a list of them; None for anything else."""
    try:
        found = json.loads(said)
    except (TypeError, ValueError, RecursionError):
        return None
    calls = found if isinstance(found, list) else [found]
    if not calls or not all(isinstance(c, dict) and set(c) == {"name", "arguments"} for c in calls):
        return None
    return [{"type": "function", "function": call} for call in calls]
