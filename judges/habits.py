"""When a judge abstains by accident so often that somebody must look: its habit, and a ceiling."""

from collections.abc import Mapping

from db import abstains
from judges.trust.intervals import wilson

# By hand, all: fewer answers say nothing; at nine of ten a judge is of no use; below one in twenty
# nobody needs to look; and a share above its habit by chance rings once in some thousand runs.
_LEAST, _USELESS, _QUIET, _LEVEL = 4, 0.9, 0.05, 0.998

_WAYS_OUT = {
    abstains.CUT_OFF: "raise its max_tokens, and they are asked again",
    "too long": "give it a model with a larger context window",
    "refused": "another model, or other words in its rules",
    "filtered": "another model",
}


def unusual(
    judge: str, counts: Mapping[str, int], now: tuple[int, int], before: tuple[int, int]
) -> str | None:
    """What is to be said of a judge's accidents in a run, or None where they are as usual.

    counts: its abstains by kind; now, before: accidents and answers of this run and of earlier
    ones. It rings where nine of ten answers are accidents, or where the share is above the earlier
    one beyond noise (intervals of level 0.998 do not meet) and above one in twenty.
    """
    (accidents, answers), (had, of) = now, before
    if answers < _LEAST:
        return None
    useless = accidents >= _USELESS * answers
    if not useless:
        if of < _LEAST or accidents < _QUIET * answers:
            return None
        low, high = wilson(accidents, answers, _LEVEL).low, wilson(had, of, _LEVEL).high
        if low is None or high is None or low <= high:
            return None
    usual = "" if useless else f" (before, {had:,} of {of:,})"
    kind = max(counts, key=lambda each: (counts[each], each)).partition(" (")[0]
    way = _WAYS_OUT.get(kind, "look at what it says with `tiebreak show PAIR`")
    again = "" if kind == abstains.CUT_OFF else f"; then `tiebreak judge --retry-abstains '{kind}'`"
    return (
        f"{accidents:,} of {answers:,} answers of judge {judge!r} are no verdicts{usual}: "
        f"{abstains.told(counts)}; {way}{again}"
    )
