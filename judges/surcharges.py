"""The service tier, speed and region of a request or a reply, where they may change its price.

How much they change it is a judge's `prices.factors`, else FACTORS.
"""

from collections.abc import Mapping, Sequence
from typing import Any

FACTORS: Mapping[str, float] = {"flex": 0.5, "priority": 2.5, "fast": 6.0, "us": 1.1}
"""Of the price of an answer. By hand, from public descriptions of the vendors' price lists
(2026-11): OpenAI's flex is billed as a batch, its priority up to 2.5 times; Claude's fast mode six
times, its inference in the US alone 1.1 times."""

UNKNOWN = 6.0
"""The factor of what is not named there: the largest that is."""

_PLAIN = {
    "",
    "none",
    "auto",
    "default",
    "standard",
    "batch",
    "on_demand",
    "global",
    "not_available",
}
_NAMES = ("service_tier", "speed", "inference_geo")


def surcharges(told: Any) -> tuple[str, ...]:
    """What a reply, or the body of a request, names beyond the usual; in order, lower-cased."""
    within = part(told, "usage")
    named = (part(whole, name) for whole in (told, within) for name in _NAMES)
    said = {each.lower() for each in named if isinstance(each, str)}
    return tuple(sorted(said - _PLAIN))


def keeps_an_hour(body: Any) -> bool:
    """Whether a request asks to keep a part of itself in the cache for an hour (`ttl = "1h"`)."""
    if isinstance(body, Mapping):
        return body.get("ttl") == "1h" or any(map(keeps_an_hour, body.values()))
    return (
        isinstance(body, Sequence) and not isinstance(body, str) and any(map(keeps_an_hour, body))
    )


def part(whole: Any, name: str) -> Any:
    """A part of an object or a mapping; None where there is none."""
    return whole.get(name) if isinstance(whole, Mapping) else getattr(whole, name, None)
