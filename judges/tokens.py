"""A question as the tokens of a judge trained here.

Asking takes a question whole or not at all (`whole`, `whole_chat`); training encodes in the same
form, and cuts what is too long (`encode`, `fitted`). Leaves out the models (`judges.local`).
"""

from collections.abc import Sequence
from typing import Any

from judges.asking import Question
from judges.prompts import material

# What others wrote is text: a control token spelt in it is read letter by letter.
AS_TEXT = {"add_special_tokens": False, "split_special_tokens": True}
CHAT_AS_TEXT = {"sanitize_control_tokens": True}

_GAP = "\n[...]\n"
# By hand: the beginning says what is asked, the end what it comes to.
_HEAD = 0.6  # share of a cut text that is kept from its beginning; the rest is kept from its end


def encode(tokenizer: Any, question: Question, max_length: int, instructed: bool) -> list[int]:
    """Token ids of a question for a scoring judge, cut to fit by `fitted`.

    `instructed` puts the constant instructions before it: wanted by a pretrained base, dead weight
    for a small one.
    """
    head = question.system + "\n\n" if instructed else ""
    room = max_length - len(_ids(tokenizer, head))
    return _ids(tokenizer, head + fitted(tokenizer, question, room))[-max_length:]


def whole(
    tokenizer: Any, question: Question, max_length: int, instructed: bool
) -> list[int] | None:
    """Token ids of a question for a scoring judge, or None where they are too many."""
    head = question.system + "\n\n" if instructed else ""
    ids = _ids(tokenizer, head + question.user)
    return ids if len(ids) <= max_length else None


def fitted(tokenizer: Any, question: Question, room: int) -> str:
    """The question's words in at most `room` tokens: its longest texts are cut in their middle."""
    shown = question.shown
    whole = material(shown.prompt, shown.first, shown.second)
    if _count(tokenizer, question.user) <= room or not question.user.startswith(whole):
        return question.user
    tail = question.user[len(whole) :]
    texts = (shown.prompt, shown.first, shown.second)
    left = room - _count(tokenizer, material("", "", "") + tail)
    for _ in range(8):  # marks of lines cost tokens, too: ask for less until it fits
        text = material(*_fitted(tokenizer, texts, max(left, 0))) + tail
        over = _count(tokenizer, text) - room
        if over <= 0 or left <= 0:
            break
        left -= over
    return text


def whole_chat(tokenizer: Any, question: Question, max_length: int) -> list[int] | None:
    """The question as a conversation that waits for the judge's answer, or None where it is too
    long.
    """
    ids: list[int] = tokenizer.apply_chat_template(
        [
            {"role": "system", "content": question.system},
            {"role": "user", "content": question.user},
        ],
        tokenize=True,
        add_generation_prompt=True,
        return_dict=True,
        **CHAT_AS_TEXT,
    )["input_ids"]
    return ids if len(ids) <= max_length else None


def _count(tokenizer: Any, text: str) -> int:
    return len(tokenizer(text, truncation=False, **AS_TEXT)["input_ids"])


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, truncation=False, split_special_tokens=True)["input_ids"]
    # A decoder reads its verdict off the last token: always the same one.
    if tokenizer.cls_token_id is None and tokenizer.eos_token_id is not None:
        ids = [*ids, tokenizer.eos_token_id]
    return ids


def _fitted(tokenizer: Any, texts: tuple[str, str, str], room: int) -> tuple[str, str, str]:
    """Three texts in `room` tokens: short ones stay whole, longer ones share what is left."""
    tokens = [tokenizer(text, **AS_TEXT)["input_ids"] for text in texts]
    share = _share([len(row) for row in tokens], room)
    first, second, third = (
        text if len(row) <= share else _cut(tokenizer, row, share)
        for text, row in zip(texts, tokens, strict=True)
    )
    return first, second, third


def _share(lengths: Sequence[int], room: int) -> int:
    """The largest length that, as a limit for all, keeps the sum within the room."""
    left, count = room, len(lengths)
    for length in sorted(lengths):
        if length * count > left:
            return left // count
        left, count = left - length, count - 1
    return max(lengths)


def _cut(tokenizer: Any, row: Sequence[int], keep: int) -> str:
    head = int(keep * _HEAD)
    tail = row[len(row) - (keep - head) :] if keep > head else []
    start: str = tokenizer.decode(row[:head])
    end: str = tokenizer.decode(tail)
    return start + _GAP + end
