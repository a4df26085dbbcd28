"""A completion of the OpenAI protocol as an answer, with the verdict token's probabilities."""

import math
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from judges.asking import Answer, Lost
from judges.prompts import MENU
from judges.providers.endings import category_of, stop_of
from judges.providers.replies import refusal_of, text_of, thinking_parts, thought_of
from judges.providers.usages import completion_usage, told_nanousd
from judges.reading.stated import is_sole_object
from judges.reading.thinking import parted
from judges.surcharges import surcharges
from judges.verdicts import verdict_at

_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
_TOLD = (
    "content_filter_results",
    "content_filter_result",
    "safety_ratings",
    "safetyRatings",
    "error",
)
_TOLD_BESIDE = ("prompt_filter_results", "error", "prompt_feedback")


def read_completion(completion: Any, *, held: bool = False, batched: bool = False) -> Answer:
    """A completion as an answer; `held`: the server was to hold it to a schema.

    Raises Lost where it holds no answer, and anything where an answer cannot be read.
    """
    if not getattr(completion, "choices", None):
        raise Lost("the reply holds no answer")
    choice = completion.choices[0]
    said = text_of(choice.message.content)
    refusal = text_of(getattr(choice.message, "refusal", None)) or refusal_of(
        choice.message.content
    )
    text, thinking = _own(choice.message, said)
    stop = "refusal" if refusal else stop_of(choice.finish_reason)
    logprobs = getattr(choice, "logprobs", None)
    return Answer(
        text=text or refusal,
        usage=completion_usage(completion, said.strip() or text or refusal),
        stop=stop,
        held=held,
        probabilities=probabilities(logprobs, said, held=held),
        model=completion.model,
        batched=batched,
        told_nanousd=told_nanousd(completion),
        surcharges=surcharges(completion),
        thinking=thinking,
        category=_category(completion, choice) if stop != "end" else None,
    )


def _own(message: Any, said: str) -> tuple[str, str | None]:
    """What a message says and what its model thought. Where it says nothing and the thinking is
    exactly one object of the schema, a server took the answer for thinking.
    """
    text, marked = parted(said)
    field = next((value for name in _FIELDS if (value := getattr(message, name, None))), None)
    thinking = thought_of(thinking_parts(message.content), field)
    if not said.strip() and isinstance(field, str) and is_sole_object(field):
        return field, None
    return text, "\n".join(filter(None, (thinking, marked))) or None


def _category(completion: Any, choice: Any) -> str | None:
    told = [getattr(choice, name, None) for name in _TOLD]
    return category_of(*told, *(getattr(completion, name, None) for name in _TOLD_BESIDE))


def probabilities(logprobs: Any, text: str, *, held: bool = False) -> dict[str, float] | None:
    """The chance the server gave each entry of the menu where the verdict stands; sums to 1.

    None where there are no log-probabilities, where they cannot be read, where the verdict's token
    cannot be found or no alternative is on the menu.
    """
    tokens = getattr(logprobs, "content", None) or ()
    at = verdict_at(text, held=held) if tokens else None
    if at is None:
        return None
    try:
        spelt = [_spelt(token) for token in tokens]
        sought = _begin(b"".join(spelt), text.encode()) + len(text[:at].encode())
        token = tokens[bisect_right(list(accumulate(map(len, spelt))), sought)]
        if _entry(token.token) is None:
            return None
        return _on_menu({t.token: t.logprob for t in [*token.top_logprobs, token]})
    except (AttributeError, TypeError, ValueError, IndexError):  # a server of another dialect
        return None


def _spelt(token: Any) -> bytes:
    """The bytes of a token; one character may be several tokens. Raises ValueError where the server
    sends none and its text lost them.
    """
    sent = getattr(token, "bytes", None)
    if sent:
        return bytes(sent)
    if "\ufffd" in token.token:
        raise ValueError("the token's text is not its bytes")
    spelt: bytes = token.token.encode()
    return spelt


def _begin(tokens: bytes, text: bytes) -> int:
    """Where the text begins among its tokens, which may hold thinking and marks besides. Raises
    ValueError where it stands nowhere, or more than once.
    """
    begin = tokens.index(text)
    if tokens.find(text, begin + 1) >= 0:
        raise ValueError("nobody can tell which of them it is")
    return begin


def _entry(token: str) -> str | None:
    word = token.strip(" \n\t\"'`*:").lower()
    return next((m for m in MENU if word and m.startswith(word)), None)


def _on_menu(given: Mapping[str, float]) -> dict[str, float] | None:
    weights = dict.fromkeys(MENU, 0.0)
    for token, logprob in given.items():
        entry = _entry(token)
        if entry is not None:
            weights[entry] += math.exp(min(logprob, 0.0))
    total = sum(weights.values())
    return {entry: weight / total for entry, weight in weights.items()} if total > 0 else None
