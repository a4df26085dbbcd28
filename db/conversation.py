"""Conversations: messages that keep every key they came with, and how they read as text.

A message has a `role` and a `content` (a text, text parts, or null beside tool calls) and may have
`tool_calls`, `tool_call_id`, `name` and whatever else its maker wrote, in the shape of OpenAI's
chat messages, which chat templates read too. Leaves out which messages an import takes
(`db.imports.fields`).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Message = dict[str, Any]
Messages = list[Message]
Tools = list[dict[str, Any]]

ROLES = ("system", "developer", "user", "assistant", "tool", "function")

_READ = {"role", "content", "tool_calls", "name", "tool_call_id"}


Kind = Literal[
    "system", "developer", "user", "assistant", "tool", "function", "call", "tools", "other"
]
"""Whose a part is: a role's, a call to a tool, the tools there are, or a key nobody knows here."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a conversation as people read it. `name` is what it is called by its maker: who
    speaks, which tool is called, which key of whose message. `key`: the id of a call, and of what
    answers it.
    """

    kind: Kind
    name: str
    text: str
    key: str = ""

    @property
    def called(self) -> str:
        """Its name with its key, as far as it has them."""
        return " ".join(filter(None, (self.name, self.key and f"({self.key})")))

    @property
    def label(self) -> str:
        """Whose it is, in one line of words that are partly its maker's."""
        return f"{self.kind} {self.called}".rstrip()


class Spoken(str):
    """The text of a conversation that is still the conversation: its messages and its tools.

    A text alone cannot tell a speaker's words from words that only look like another speaker; who
    quotes it line by line asks `parts`, who hands it to a chat template its messages.
    """

    messages: Sequence[Message]
    tools: Tools | None

    def __new__(cls, messages: Sequence[Message], tools: Tools | None = None) -> "Spoken":
        """Every part behind its label."""
        told = (f"{part.label}: {part.text}" for part in parts(messages, tools))
        made = super().__new__(cls, "\n\n".join(told))
        made.messages, made.tools = messages, tools
        return made

    @property
    def parts(self) -> tuple[Part, ...]:
        """It piece by piece."""
        return parts(self.messages, self.tools)

    def __reduce__(self) -> Any:
        """Copies and other processes keep what it is."""
        return Spoken, (self.messages, self.tools)


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


def said(text: str, messages: Messages | None) -> str:
    """A stored response as one text, `Spoken` where it is messages."""
    return text if messages is None else response_text(messages)


def content_text(content: Any) -> str:
    """What a content says: itself, its text parts one after the other, or nothing."""
    if isinstance(content, list):
        return "".join(each["text"] for each in content)
    return content or ""


def parts(messages: Sequence[Message], tools: Tools | None = None) -> tuple[Part, ...]:
    """A conversation piece by piece: its tools, then each message, its calls, its other keys."""
    found = [Part("tools", "", _json(tools))] if tools else []
    for message in messages:
        found += _parts_of(message)
    return tuple(found)


def prompt_text(messages: Sequence[Message], tools: Tools | None = None) -> str:
    """A conversation as one text: a single plain message is itself, others are `Spoken`."""
    if len(messages) == 1 and is_plain(messages[0]) and not tools:
        text: str = messages[0]["content"]
        return text
    return Spoken(messages, tools)


def response_text(messages: Sequence[Message]) -> str:
    """A response as one text: a single plain message is itself, others are `Spoken`."""
    return prompt_text(messages)


def _parts_of(message: Message) -> Iterator[Part]:
    role: Kind = message["role"]
    name, key = (str(message.get(each) or "") for each in ("name", "tool_call_id"))
    text = content_text(message.get("content"))
    calls = message.get("tool_calls") or ()
    rest = {key: value for key, value in message.items() if key not in _READ}
    if text or not (calls or rest):
        yield Part(role, name, text, key)
    for call in calls:
        yield _call(call)
    for key, value in rest.items():
        told = value if isinstance(value, str) else _json(value)
        yield Part("other", f"{role} {key}", told)


def _call(call: Any) -> Part:
    """A call with its arguments as they were written; whatever else it holds is told too."""
    inner = call.get("function") if isinstance(call, dict) else None
    inner = inner if isinstance(inner, dict) else call
    if not isinstance(inner, dict) or "name" not in inner:
        return Part("call", "", _json(call))
    given = inner.get("arguments")
    told = given if isinstance(given, str) else _json(given)
    more = {k: v for k, v in inner.items() if k not in ("name", "arguments")}
    if inner is not call:
        more |= {k: v for k, v in call.items() if k not in ("id", "type", "function")}
    whole = f"{told} {_json(more)}" if more else told
    return Part("call", str(inner["name"]), whole, str(call.get("id") or ""))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
