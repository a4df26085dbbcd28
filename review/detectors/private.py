"""Pairs whose texts hold personal data or secrets: kinds and counts, never what was found."""

from collections.abc import Sequence

from judges.private import private_in
from review.detectors.flag import Flag

GRAVE = frozenset(("card", "iban", "national_id", "secret"))
"""Kinds that are private wherever they stand; an address or a number may be a company's."""


def private(
    prompts: Sequence[str | None],
    responses_a: Sequence[str | None],
    responses_b: Sequence[str | None],
) -> list[Flag]:
    """Pairs with private data in the prompt or a response; score 1 where a kind is grave, else 0.5.

    Never hard: whether such a pair may be judged is decided before it is sent (`[panel]
    hold_private`), and people see the flag.
    """
    flags = []
    for pair, texts in enumerate(zip(prompts, responses_a, responses_b, strict=True)):
        found = {
            place: dict(sorted(private_in(text).items()))
            for place, text in zip(("prompt", "a", "b"), texts, strict=True)
            if text
        }
        found = {place: kinds for place, kinds in found.items() if kinds}
        if found:
            grave = any(kind in GRAVE for kinds in found.values() for kind in kinds)
            flags.append(Flag("private", pair, 1.0 if grave else 0.5, {"found": found}))
    return flags
