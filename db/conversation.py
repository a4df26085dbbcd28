"""Conversations: messages that keep every key they came with, and how they read as text.

A message has a `role` and a `content` (a text, text parts, or null beside tool calls) and may have
`tool_calls`, `tool_call_id`, `name` and whatever else its maker wrote, in the shape of OpenAI's
chat messages, which chat templates read too. Leaves out which messages an import takes
(`db.imports.fields`).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]
Messages = list[Message]
Tools = list[dict[str, Any]]

ROLES = ("system", "developer", "user", "assistant", "tool", "function")

_READ = {"role", "content", "tool_calls", "name", "tool_call_id"}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a conversation as people read it; `label` says whose it is ("user", "assistant
    calls weather"), and is empty where the whole conversation is one plain message.
    """

    label: str
    text: str


def is_plain(message: Message) -> bool:
    """Whether a message is a role and a text, and nothing else."""
    return message.keys() == {"role", "content"} and isinstance(message["content"], str)


def plain_answer(messages: Messages) -> str | None:
    """The text of a response that is one plain message of the assistant, else None."""
    if len(messages) == 1 and is_plain(messages[0]) and messages[0]["role"] == "assistant":
        text: str = messages[0]["content"]
        return text
    return None


def as_response(text: str, messages: Messages | None) -> Messages:
    """A stored response as messages: `messages`, or the one plain answer that `text` is."""
    return [{"role": "assistant", "content": text}] if messages is None else messages


def content_text(content: Any) -> str:
    """What a content says: itself, its text parts one after the other, or nothing."""
    if isinstance(content, list):
        return "".join(each["text"] for each in content)
    return content or ""


def parts(messages: Sequence[Message], tools: Tools | None = None) -> tuple[Part, ...]:
    """A conversation piece by piece: its tools, then each message, its calls, its other keys."""
    if len(messages) == 1 and is_plain(messages[0]) and not tools:
        return (Part("", messages[0]["content"]),)
    found = [Part("tools", _json(tools))] if tools else []
    for message in messages:
        found += _parts_of(message)
    return tuple(found)


def prompt_text(messages: Sequence[Message], tools: Tools | None = None) -> str:
    """A conversation as one text; a single plain message is itself."""
    return _joined(parts(messages, tools))


def response_text(messages: Sequence[Message]) -> str:
    """A response as one text; a single plain message is itself."""
    return _joined(parts(messages))


def _joined(pieces: Sequence[Part]) -> str:
    return "\n\n".join(f"{p.label}: {p.text}" if p.label else p.text for p in pieces)


def _parts_of(message: Message) -> Iterator[Part]:
    who = str(message["role"])
    if message.get("name"):
        who += f" {message['name']}"
    if message.get("tool_call_id"):
        who += f" ({message['tool_call_id']})"
    text = content_text(message.get("content"))
    calls = message.get("tool_calls") or ()
    rest = {key: value for key, value in message.items() if key not in _READ}
    if text or not (calls or rest):
        yield Part(who, text)
    for call in calls:
        yield _call(who, call)
    for key, value in rest.items():
        yield Part(f"{who} {key}", value if isinstance(value, str) else _json(value))


def _call(who: str, call: Any) -> Part:
    """A call with its arguments as they were written; whatever else it holds is told too."""
    inner = call.get("function") if isinstance(call, dict) else None
    inner = inner if isinstance(inner, dict) else call
    if not isinstance(inner, dict) or "name" not in inner:
        return Part(f"{who} calls", _json(call))
    about = f"{who} calls {inner['name']}"
    if call.get("id"):
        about += f" ({call['id']})"
    given = inner.get("arguments")
    told = given if isinstance(given, str) else _json(given)
    more = {k: v for k, v in inner.items() if k not in ("name", "arguments")}
    if inner is not call:
        more |= {k: v for k, v in call.items() if k not in ("id", "type", "function")}
    return Part(about, f"{told} {_json(more)}" if more else told)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
