"""How a prompt and one response become tokens: the same way in training, scoring and serving."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db.conversation import Message, Spoken, Tools, is_plain, prompt_text
from judges.tokens import AS_TEXT, CHAT_AS_TEXT

Messages = Sequence[Message]
_LONGEST_TOKEN = 64  # characters; what lies further before the end than that is never kept


@dataclass(frozen=True)
class Encoded:
    """Token ids of one answered prompt; `cut` where its beginning had to go to fit."""

    ids: list[int]
    cut: bool


def as_messages(value: Any, role: str) -> list[Message]:
    """Conversational and plain rows alike as messages."""
    if isinstance(value, Spoken):
        return list(value.messages)
    return [{"role": role, "content": value}] if isinstance(value, str) else list(value)


def encode(
    tokenizer: Any,
    prompt: Messages,
    response: Messages,
    max_length: int,
    tools: Tools | None = None,
) -> Encoded:
    """The conversation with its answer by the tokenizer's chat template, which is given the tools;
    without one, as two texts. Control tokens spelt in any of them are text, never control.

    A conversation that is too long loses its beginning, so that the response stays. Of a text far
    too long, that beginning is not even looked at: a megabyte costs no more than a page.
    """
    prompt, response = (_ends(each, _LONGEST_TOKEN * max_length) for each in (prompt, response))
    if tokenizer.chat_template:
        ids = tokenizer.apply_chat_template(
            [*prompt, *response], tools=tools, tokenize=True, return_dict=True, **CHAT_AS_TEXT
        )["input_ids"]
        return Encoded(ids[-max_length:], len(ids) > max_length)
    asked, said = _words(prompt, tools), _words(response)
    asked_ids = tokenizer(asked, **AS_TEXT)["input_ids"]
    said_ids = tokenizer(said, **AS_TEXT)["input_ids"]
    room = max_length - tokenizer.num_special_tokens_to_add(pair=True)
    over = len(asked_ids) + len(said_ids) - room
    if over > 0:
        asked_ids = asked_ids[min(over, len(asked_ids)) :]
        said_ids = said_ids[-room:]
    if tokenizer.num_special_tokens_to_add(pair=True):
        return Encoded(_joined(tokenizer, asked_ids, said_ids), over > 0)
    end = [tokenizer.eos_token_id] if tokenizer.eos_token_id is not None else []
    return Encoded([*asked_ids, *said_ids, *end][-max_length:], over > 0)


def _ends(messages: Messages, keep: int) -> list[Message]:
    return [
        {**each, "content": each["content"][-keep:]}
        if isinstance(each["content"], str)
        else dict(each)
        for each in messages
    ]


def _words(messages: Messages, tools: Tools | None = None) -> str:
    """Messages for a tokenizer that knows no roles; what is more than words is told as it reads."""
    if not tools and all(is_plain(message) for message in messages):
        return "\n\n".join(message["content"] for message in messages)
    return prompt_text(messages, tools)


def _joined(tokenizer: Any, asked: list[int], said: list[int]) -> list[int]:
    """Two texts with the special tokens an encoder expects between and around them."""
    start, middle = tokenizer.cls_token_id, tokenizer.sep_token_id
    return [start, *asked, middle, *said, middle]
