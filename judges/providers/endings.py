"""How an answer ended, in the words of every dialect; and what a refusal or a filter is for."""

from collections.abc import Iterator, Mapping
from typing import Any

from judges.asking import Stop

_STOPS: dict[Stop, tuple[str, ...]] = {
    "length": (
        *("length", "max_tokens", "max_output_tokens", "model_length", "max_length"),
        *("model_context_window_exceeded", "context_length", "context_length_exceeded"),
        *("token_limit", "max_completion_tokens", "incomplete"),
    ),
    "filter": (
        *("content_filter", "content_filtered", "safety", "recitation", "blocklist", "spii"),
        *("prohibited_content", "image_safety", "guardrail_intervened", "moderation", "sensitive"),
        *("language", "blocked", "model_armor", "guardrails", "policy_violation"),
    ),
    "refusal": ("refusal", "refused"),
    "failed": (
        *("error", "abort", "aborted", "cancelled", "canceled", "timeout", "network_error"),
        *("insufficient_system_resource", "malformed_function_call", "pause_turn", "failed"),
        *("engine_error", "server_error", "other", "error_toxic", "error_limit"),
    ),
}
_STOP_OF = {word: stop for stop, words in _STOPS.items() for word in words}
_LONGEST = 80  # characters of a category that are kept


def stop_of(reason: Any) -> Stop:
    """How an answer ended; a word that no dialect has, or none, is an end like any other."""
    return _STOP_OF.get(str(reason).rpartition(".")[2].strip().lower(), "end")


def category_of(*told: Any) -> str | None:
    """What a refusal or filter says it is for, from what dialects put beside an answer: Anthropic's
    `stop_details`, Azure's `content_filter_results`, Gemini's safety ratings, a router's reasons.
    """
    names = dict.fromkeys(name for one in told for name in _names(_plain(one)))
    return ", ".join(names)[:_LONGEST] or None


def _names(told: Any) -> Iterator[str]:
    if isinstance(told, list):
        for one in told:
            yield from [one] if isinstance(one, str) else _names(_plain(one))
        return
    if not isinstance(told, dict):
        return
    if isinstance(told.get("category"), str):
        if "probability" not in told or told.get("blocked") is not False:
            yield told["category"].removeprefix("HARM_CATEGORY_").lower()
        return
    for name in (
        "reasons",
        "flagged_categories",
        "categories",
        "metadata",
        "content_filter_result",
    ):
        yield from _names(_plain(told.get(name)))
    for name, value in told.items():
        found = _plain(value)
        if isinstance(found, dict) and (found.get("filtered") or found.get("detected")) is True:
            yield str(name)


def _plain(told: Any) -> Any:
    """A mapping or a list as it is; a model of an SDK as its fields."""
    if isinstance(told, Mapping):
        return dict(told)
    if isinstance(told, list) or not hasattr(told, "__dict__"):
        return told
    return vars(told) | (getattr(told, "model_extra", None) or {})
