"""Keeps gold out of everything that learns: by content hash, and by near-duplicate prompts.

Two prompts are near duplicates where their three-word shingles are alike by at least a threshold
(`judges.trust.near_duplicates`). Leaves out where gold is stored (`db.gold.gold_set`).
"""

from collections.abc import Mapping

from judges.trust.near_duplicates import closest, shingles

SAME, NEAR = "gold", "near_gold"
"""Why a prompt must not be learnt from: it is a gold prompt, or it resembles one."""


def leaks(
    prompts: Mapping[str, str], gold: Mapping[str, str], threshold: float = 0.9
) -> dict[str, str]:
    """Which prompts (hash -> text) are, or nearly are, gold prompts: hash -> SAME or NEAR."""
    found = {key: SAME for key in prompts if key in gold}
    rest = [key for key in prompts if key not in gold]
    if rest and gold:
        texts = [prompts[key] for key in rest]
        close = closest(shingles(texts, "words"), shingles([*gold.values()], "words"))
        found |= {key: NEAR for key, value in zip(rest, close, strict=True) if value >= threshold}
    return found
