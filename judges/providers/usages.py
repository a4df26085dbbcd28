"""What a reply says was used and charged, in every documented dialect; what cannot be is nothing.

An answer whose usage is missing or impossible is counted at the most it can cost, so a server that
says too little or nonsense never makes an answer cheaper.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from judges.asking import Answer, Usage
from judges.prices import NANO
from judges.providers import transport
from judges.surcharges import part

_WORDS = 4  # of one token at most: no tokenizer in use joins words, some join a few of a phrase
_HEADER = "x-litellm-response-cost"
_MOST = 10**9  # tokens of one answer; a count beyond is none


class _Impossible(ValueError):
    """A count that no bill could show."""


def completion_usage(completion: Any, text: str) -> Usage | None:
    """The usage of a completion of the OpenAI protocol; None where it tells none that can be.

    Input read from or written into a cache is a part of the prompt's tokens (DeepSeek, Moonshot and
    others name it beside the details). Thinking is a part of the completion's; where the total is
    more than both (Gemini, xAI), the rest is thinking, too. text: what came back.
    """
    told = getattr(completion, "usage", None)
    try:
        prompt, output = _count(told, "prompt_tokens"), _count(told, "completion_tokens")
        details = part(told, "prompt_tokens_details")
        cached = max(
            _count(details, "cached_tokens", 0),
            _count(told, "prompt_cache_hit_tokens", 0),
            _count(told, "cached_tokens", 0),
        )
        written = _count(details, "cache_write_tokens", 0)
        output = max(output, _count(told, "total_tokens", 0) - prompt)
        usage = Usage(
            input=prompt - cached - written, cached=cached, written=written, output=output
        )
    except _Impossible:
        return None
    return usage if usage.input >= 0 and prompt and _fits(output, text) else None


def message_usage(message: Any, text: str) -> Usage | None:
    """The usage of one of Claude's messages; None where it tells none that can be.

    Its three kinds of input stand beside one another; what is written for an hour is a part of
    what is written.
    """
    told = getattr(message, "usage", None)
    try:
        usage = Usage(
            input=_count(told, "input_tokens"),
            cached=_count(told, "cache_read_input_tokens", 0),
            written=_count(told, "cache_creation_input_tokens", 0),
            output=_count(told, "output_tokens"),
            kept=_count(part(told, "cache_creation"), "ephemeral_1h_input_tokens", 0),
        )
    except _Impossible:
        return None
    possible = usage.read and usage.kept <= usage.written and _fits(usage.output, text)
    return usage if possible else None


def told_nanousd(reply: Any) -> int | None:
    """What the server itself says that it charged, in nano-dollars; None where it says nothing.

    OpenRouter's `usage.cost` (with an own key of the vendor's that vendor's charge beside it) and
    Perplexity's `usage.cost.total_cost`. A charge of nothing is none: a gateway that knows no
    price says so, too.
    """
    told = getattr(reply, "usage", None)
    cost = part(told, "cost")
    if isinstance(cost, Mapping):
        cost = cost.get("total_cost")
    if part(told, "is_byok") is True:
        upstream = part(part(told, "cost_details"), "upstream_inference_cost")
        cost = (cost or 0) + upstream if _is_charge(upstream) and _is_charge(cost or 0) else None
    return _nano(cost)


def charged(answer: Answer) -> Answer:
    """The answer that this task has just had, with what LiteLLM says in a header that it cost,
    where the reply itself says nothing.
    """
    said = transport.headers.get().get(_HEADER)
    if said is None or answer.told_nanousd is not None:
        return answer
    try:
        return replace(answer, told_nanousd=_nano(float(said)))
    except ValueError:
        return answer


def _nano(cost: Any) -> int | None:
    return math.ceil(round(cost * NANO, 3)) or None if _is_charge(cost) else None


def _fits(output: int, text: str) -> bool:
    """Whether a text can be of so few tokens."""
    return (output > 0 and len(text.split()) <= _WORDS * output) or not text.strip()


def _count(told: Any, name: str, missing: int | None = None) -> int:
    """A number of tokens; `missing` where none is told. Raises _Impossible."""
    tokens = part(told, name)
    if tokens is None and missing is not None:
        return missing
    if isinstance(tokens, float) and tokens.is_integer():
        tokens = int(tokens)
    if isinstance(tokens, bool) or not isinstance(tokens, int) or not 0 <= tokens <= _MOST:
        raise _Impossible(f"{name} {tokens!r}")
    return tokens


def _is_charge(dollars: Any) -> bool:
    """Whether this can be what one answer cost: dollars, finite, not negative."""
    is_number = isinstance(dollars, int | float) and not isinstance(dollars, bool)
    return is_number and math.isfinite(dollars) and 0 <= dollars < 1e6
