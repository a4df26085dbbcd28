"""Responses in which a reader finds nothing, or not all that a judge reads."""

from collections.abc import Sequence
from typing import Any

from judges.unseen import seen, unseen
from review.detectors.flag import Flag

Texts = Sequence[str | None]


def empty(responses_a: Texts, responses_b: Texts) -> list[Flag]:
    """Pairs with a response of no word (score 1) or of a single one (0.5); never hard."""
    flags = []
    for pair, sides in enumerate(zip(responses_a, responses_b, strict=True)):
        words = {
            side: len(seen(text).split())
            for side, text in zip("ab", sides, strict=True)
            if text is not None
        }
        little = {side: count for side, count in words.items() if count < 2}
        if little:
            score = 1.0 if 0 in little.values() else 0.5
            flags.append(Flag("empty", pair, score, {"words": little}))
    return flags


def unseen_letters(responses_a: Texts, responses_b: Texts) -> list[Flag]:
    """Pairs with a response that holds characters nobody sees, with their number; never hard."""
    flags = []
    for pair, sides in enumerate(zip(responses_a, responses_b, strict=True)):
        counts: dict[str, Any] = {
            side: len(unseen(text)) for side, text in zip("ab", sides, strict=True) if text
        }
        found = {side: count for side, count in counts.items() if count}
        if found:
            flags.append(Flag("unseen", pair, 0.5, {"characters": found}))
    return flags
