"""The turns of a conversation, also where a prompt is a transcript in one text.

Leaves out how conversations are compared (`groups`).
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_ROLES = {
    "human": "user", "prompter": "user", "用户": "user", "turn": "user",
    "developer": "system",
    "ai": "assistant", "bot": "assistant", "model": "assistant", "gpt": "assistant",
    "助手": "assistant",
}  # fmt: skip
_SPEAKER = re.compile(
    r"^[ \t]*(?:(?:\#{2,3}[ \t]*)?"
    r"(human|user|prompter|assistant|ai|bot|model|gpt|system|developer|tool|用户|助手)[ \t]*[:：]"
    r"|\[(turn)[ ]\d+\]"
    r"|<\|im_start\|>(user|assistant|system|tool)\b"
    r"|<\|(user|assistant|system)\|>)",
    re.IGNORECASE | re.MULTILINE,
)
_PLAIN = {"role", "content"}
_END = re.compile(r"<\|(?:im_end|end|eot_id)\|>|</s>")


class Turn(NamedTuple):
    """Who spoke (system, user, assistant, tool or another role) and what, as one text."""

    role: str
    text: str


def turns(messages: Sequence[Mapping[str, Any]]) -> list[Turn]:
    """The turns of a conversation; a lone message that is a transcript is cut at its speakers.

    A transcript begins with a line of the user or the system (`Human:`, `### User:`, `[turn 1]`,
    `<|im_start|>user`); the empty turn that an assistant is to fill is none.
    """
    found = [Turn(_role(message.get("role", "user")), turn_text(message)) for message in messages]
    if len(found) == 1 and found[0].role == "user":
        return _cut(found[0].text) or found
    return found


def turn_text(message: Mapping[str, Any]) -> str:
    """All that a message says: its content, then everything else it carries, as JSON."""
    content = message.get("content")
    if isinstance(content, str) and message.keys() <= _PLAIN:
        return content
    if isinstance(content, list) and all(part.get("type") == "text" for part in content):
        content = "".join(part["text"] for part in content)
    more = {k: v for k, v in message.items() if k not in ("role", "content") and v is not None}
    if content is not None and not isinstance(content, str):
        more["content"] = content
    said = content if isinstance(content, str) else ""
    return f"{said}\n{json.dumps(more, ensure_ascii=False, sort_keys=True)}" if more else said


def _cut(text: str) -> list[Turn]:
    if not _SPEAKER.match(text, len(text) - len(text.lstrip())):
        return []
    marks = list(_SPEAKER.finditer(text))
    found = []
    for i, mark in enumerate(marks):
        end = marks[i + 1].start() if i + 1 < len(marks) else len(text)
        role = _role(next(group for group in mark.groups() if group))
        found.append(Turn(role, _END.sub("", text[mark.end() : end]).strip()))
    if found[0].role not in ("user", "system"):
        return []
    if found[-1].role == "assistant" and not found[-1].text:
        found.pop()
    return found


def _role(name: str) -> str:
    return _ROLES.get(name.lower(), name.lower())
