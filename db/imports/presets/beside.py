"""What may stand beside the texts of any preference row: names, opinions, models and scores."""

from contextlib import suppress

from db.imports.fields import BadRow, Row
from db.imports.presets.cells import score_of

_ALIASES = {
    "pair_id": ("pair_id", "id"),
    "domain": ("domain", "category"),
    "source": ("source", "dataset"),
    "expected": ("expected",),
    "chosen_model": ("chosen_model", "model_chosen", "chosen-model"),
    "rejected_model": ("rejected_model", "model_rejected", "rejected-model"),
}
_NAMES = {alias: name for name, aliases in _ALIASES.items() for alias in aliases}
_SAID = ("strength", "rationale", "created_at")
_LABEL = ("annotator", "active_seconds", *_SAID)
_VOTE = ("judge", "family", "confidence", "cost_usd", *_SAID)
_SCORES = (
    *(("score_chosen", "score_rejected"), ("chosen_score", "rejected_score")),
    *(("rating_chosen", "rating_rejected"), ("chosen_rating", "rejected_rating")),
)
_META = ("prompt_id", "margin", *(name for both in _SCORES for name in both))
BESIDE = frozenset({*_NAMES, *_LABEL, *_VOTE, *_META})
"""The columns that `beside` reads."""


def beside(row: Row) -> Row:
    """What stands beside the texts of a preference row, as arguments of `preferred`.

    A row with a `judge` is that judge's vote, with the scores it has; else it is a label, and
    scores, whose giver is not known, stay in `meta`. There too stays the second of two columns that
    mean the same. Raises BadRow for a row by a judge and an annotator, and for one that gives the
    rejected response the higher score.
    """
    there = {key: row[key] for key in row.keys() & BESIDE if row[key] not in (None, "")}
    _require_agreeing(there)
    found: Row = {}
    meta = {key: there[key] for key in _META if key in there}
    for key, name in _NAMES.items():
        if key in there:
            place, as_what = (meta, key) if name in found else (found, name)
            place[as_what] = there[key]
    found["models"] = (found.pop("chosen_model", None), found.pop("rejected_model", None))
    if "judge" in there:
        found |= _vote(there, meta)
    else:
        found["label"] = {key: there[key] for key in _LABEL if key in there}
        meta |= {key: there[key] for key in _VOTE if key in there and key not in _SAID}
    return {**found, "meta": meta or None}


def _require_agreeing(there: Row) -> None:
    """Raise BadRow where two scores, whoever gave them, say that the rejected response is better.

    What is no number is no score, and says nothing.
    """
    for chosen, rejected in _SCORES:
        higher = False
        with suppress(BadRow):
            higher = score_of(there, chosen) < score_of(there, rejected)
        if higher:
            raise BadRow(
                [there[chosen], there[rejected]],
                f"rejected has a higher score than chosen ({rejected} is {there[rejected]}, "
                f"{chosen} is {there[chosen]}); say --ignore {chosen} if the score is no part of "
                f"the choice, and --keep {chosen} to keep it with the pair",
            )


def _vote(there: Row, meta: Row) -> Row:
    """The vote of a row by a judge; takes its scores out of `meta`."""
    if "annotator" in there:
        raise BadRow(there["annotator"], "annotator and judge both sign the row; leave one out")
    if "active_seconds" in there:
        meta["active_seconds"] = there["active_seconds"]
    vote: Row = {"vote": {key: there[key] for key in _VOTE if key in there}}
    scored = [both for both in _SCORES if both[0] in there and both[1] in there]
    if scored:
        chosen, rejected = scored[0]
        vote["scores"] = (score_of(there, chosen), score_of(there, rejected))
        del meta[chosen], meta[rejected]
    return vote
