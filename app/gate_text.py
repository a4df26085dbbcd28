"""A decision of the gate for someone who never met it: what was asked, found, and proven.

Made of the figures the gate decided by. Leaves out its table (`app.pipeline.gate`).
"""

from collections.abc import Mapping
from typing import Any

from trainer.gate.registry import PromoteDone

Figures = Mapping[str, Any]

_KINDS = {"reward": "reward model", "judge": "judge"}
_WHO = {
    "longer wins": "'longer wins', which prefers the longer response",
    "tf-idf Bradley–Terry": "'tf-idf Bradley–Terry', which weighs words",
    "panel consensus": "the panel as it is",
}


def in_words(done: PromoteDone) -> list[str]:
    """Short sentences; the gate's own reasons where nothing could be compared."""
    gain = done.figures.get("accuracy_difference") or {}
    if gain.get("low") is None:
        return [done.summary]
    met = "is in production now" if done.promoted else "is not let into production"
    head = f"The {_KINDS.get(done.kind, done.kind)} {done.checkpoint!r} {met}."
    said = _of_money(done, gain) if "panels" in done.figures else _of_accuracy(done, gain)
    return [head, *said, *_broken(done.figures), *_beaten(done)]


def _of_money(done: PromoteDone, gain: Figures) -> list[str]:
    """What was asked of a judge: cheaper labels of the same quality."""
    told = done.figures["panels"]
    if "table" not in told:
        return [f"{told['line'][0].upper()}{told['line'][1:]}."]
    right = done.figures["accuracy"]
    return [
        f"A panel with it has to make labels cheaper at the same quality ({told['target']:.0%} "
        f"agreement with gold; an answer costs ${told['answer_usd']:.2f} here), by more than luck "
        "explains over all weeks together.",
        f"The cheapest, {told['line']}.",
        *_doubt(done),
        f"Alone it is right on {right[done.checkpoint]['value']:.1%} of {gain['n']} decided gold "
        f"pairs, {_who(done.incumbent)} on {right[done.incumbent]['value']:.1%}: told, not asked.",
        *(f"{note[0].upper()}{note[1:]}." for note in told["notes"]),
    ]


def _of_accuracy(done: PromoteDone, gain: Figures) -> list[str]:
    right = done.figures["accuracy"]
    return [
        f"It has to be right more often than {_who(done.incumbent)}, by more than luck explains "
        "over all weeks together.",
        f"It is right on {right[done.checkpoint]['value']:.1%} of {gain['n']} decided gold pairs, "
        f"the other on {right[done.incumbent]['value']:.1%}: {_points(gain)}.",
        *_doubt(done),
    ]


def _who(name: str) -> str:
    return _WHO.get(name, repr(name))


def _points(found: Figures) -> str:
    value, low, high = (100 * found[name] for name in ("value", "low", "high"))
    return f"{value:+.1f} points, and luck leaves anything from {low:+.1f} to {high:+.1f} open"


def _doubt(done: PromoteDone) -> list[str]:
    """Whether luck explains it, or which of the three refusals it is."""
    refused = done.figures.get("refusal")
    if refused:
        return [f"So it is {refused['why']}."]
    return ["So luck does not explain it."] if done.figures["evidence"]["proven"] else []


def _broken(figures: Figures) -> list[str]:
    """The other rules, where they spoke."""
    said = []
    turned, blur = figures["reversal_difference"], figures["ece_difference"]
    if turned["low"] is not None and turned["low"] > 0:
        said.append("It contradicts itself more often when the two responses change places.")
    if blur["low"] is not None and blur["low"] > 0:
        said.append(
            "It is less honest about how sure it is: its calibration error is "
            f"{100 * blur['value']:.0f} points higher."
        )
    said += [
        f"{name} could not read {count} gold pairs whole: they are longer than it takes."
        for name, count in figures.get("too_long", {}).items()
        if count
    ]
    said += [f"It is worse on {name}." for name in figures["worse_slices"]]
    return said


def _beaten(done: PromoteDone) -> list[str]:
    """Whom else it beats by more than luck: a model that has learnt nothing beats nobody."""
    names = [
        f"{_who(name)} ({100 * found['value']:+.1f} points, at least {100 * found['low']:+.1f})"
        for name, found in done.figures.get("beside", {}).items()
        if name != done.incumbent and found["low"] is not None and found["low"] > 0
    ]
    return [f"It has learnt something: it beats {' and '.join(names)}."] if names else []
