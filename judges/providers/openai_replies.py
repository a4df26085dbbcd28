"""A completion of the OpenAI protocol as an answer, with the verdict token's probabilities."""

import math
from collections.abc import Mapping
from typing import Any

from judges.asking import Answer, Lost, Stop
from judges.prompts import MENU
from judges.providers.replies import text_of
from judges.providers.usages import completion_usage, told_nanousd
from judges.surcharges import surcharges
from judges.verdicts import verdict_at

_STOPS: dict[str, Stop] = {"length": "length", "content_filter": "filter"}


def read_completion(completion: Any, *, held: bool = False, batched: bool = False) -> Answer:
    """A completion as an answer; `held`: the server was to hold it to a schema.

    Raises Lost where it holds no answer, and anything where an answer cannot be read.
    """
    if not getattr(completion, "choices", None):
        raise Lost("the reply holds no answer")
    choice = completion.choices[0]
    refusal = getattr(choice.message, "refusal", None)
    text = text_of(choice.message.content) or text_of(refusal)
    logprobs = getattr(choice, "logprobs", None)
    return Answer(
        text=text,
        usage=completion_usage(completion, text),
        stop="refusal" if refusal else _STOPS.get(str(choice.finish_reason), "end"),
        held=held,
        probabilities=probabilities(logprobs, text, held=held),
        model=completion.model,
        batched=batched,
        told_nanousd=told_nanousd(completion),
        surcharges=surcharges(completion),
    )


def probabilities(logprobs: Any, text: str, *, held: bool = False) -> dict[str, float] | None:
    """The chance the server gave each entry of the menu where the verdict stands; sums to 1.

    None where there are no log-probabilities, where they cannot be read, where the verdict's token
    cannot be found or no alternative is on the menu.
    """
    tokens = getattr(logprobs, "content", None) or ()
    at = verdict_at(text, held=held) if tokens else None
    if at is None:
        return None
    end = 0
    try:
        for token in tokens:
            start, end = end, end + len(token.token)
            if start <= at < end:
                return _on_menu({t.token: t.logprob for t in [*token.top_logprobs, token]})
    except (AttributeError, TypeError):  # a server of another dialect: the text still counts
        return None
    return None


def _on_menu(given: Mapping[str, float]) -> dict[str, float] | None:
    weights = dict.fromkeys(MENU, 0.0)
    for token, logprob in given.items():
        word = token.strip(" \n\t\"'`*:").lower()
        entry = next((m for m in MENU if word and m.startswith(word)), None)
        if entry is not None:
            weights[entry] += math.exp(min(logprob, 0.0))
    total = sum(weights.values())
    return {entry: weight / total for entry, weight in weights.items()} if total > 0 else None
