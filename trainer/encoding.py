"""How a prompt and one response become tokens: the same way in training, scoring and serving."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Messages = Sequence[dict[str, str]]
_LONGEST_TOKEN = 64  # characters; what lies further before the end than that is never kept


@dataclass(frozen=True)
class Encoded:
    """Token ids of one answered prompt; `cut` where its beginning had to go to fit."""

    ids: list[int]
    cut: bool


def as_messages(value: Any, role: str) -> list[dict[str, str]]:
    """Conversational and plain rows alike as messages."""
    return [{"role": role, "content": value}] if isinstance(value, str) else list(value)


def encode(tokenizer: Any, prompt: Messages, response: Messages, max_length: int) -> Encoded:
    """The conversation with its answer by the tokenizer's chat template; without one, as two texts.

    A conversation that is too long loses its beginning, so that the response stays. Of a text far
    too long, that beginning is not even looked at: a megabyte costs no more than a page.
    """
    prompt, response = (_ends(each, _LONGEST_TOKEN * max_length) for each in (prompt, response))
    if tokenizer.chat_template:
        ids = tokenizer.apply_chat_template([*prompt, *response], tokenize=True, return_dict=True)[
            "input_ids"
        ]
        return Encoded(ids[-max_length:], len(ids) > max_length)
    asked = "\n\n".join(message["content"] for message in prompt)
    said = "\n\n".join(message["content"] for message in response)
    asked_ids = tokenizer(asked, add_special_tokens=False)["input_ids"]
    said_ids = tokenizer(said, add_special_tokens=False)["input_ids"]
    room = max_length - tokenizer.num_special_tokens_to_add(pair=True)
    over = len(asked_ids) + len(said_ids) - room
    if over > 0:
        asked_ids = asked_ids[min(over, len(asked_ids)) :]
        said_ids = said_ids[-room:]
    if tokenizer.num_special_tokens_to_add(pair=True):
        return Encoded(_joined(tokenizer, asked_ids, said_ids), over > 0)
    end = [tokenizer.eos_token_id] if tokenizer.eos_token_id is not None else []
    return Encoded([*asked_ids, *said_ids, *end][-max_length:], over > 0)


def _ends(messages: Messages, keep: int) -> list[dict[str, str]]:
    return [{**each, "content": each["content"][-keep:]} for each in messages]


def _joined(tokenizer: Any, asked: list[int], said: list[int]) -> list[int]:
    """Two texts with the special tokens an encoder expects between and around them."""
    start, middle = tokenizer.cls_token_id, tokenizer.sep_token_id
    return [start, *asked, middle, *said, middle]


def prompt_text(messages: Messages) -> str:
    """The conversation as plain text, as the panel is shown it; a single message is itself."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"{message['role']}: {message['content']}" for message in messages)
