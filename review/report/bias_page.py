"""Judge bias on the report's page: bars to both sides of zero, and a sentence for every one."""

from collections.abc import Sequence
from dataclasses import dataclass

from review.report.bias import KINDS, Bias, points
from review.report.shapes import Bar, Line, Mark, Picture, Text

_LEFT, _RIGHT, _STEP, _WIDTH = 220, 90, 24, 640
_NAMES = {
    "position": "to what is shown first",
    "length": "to the longer response",
    "own family": "to its own family",
}


@dataclass(frozen=True)
class Leaning:
    """All judges' biases of one kind; no picture where none is known."""

    name: str
    picture: Picture | None
    readings: tuple[str, ...]


def leanings(biases: Sequence[Bias]) -> tuple[Leaning, ...]:
    """The biases by kind, with a picture each; empty where there are no judges."""
    by_kind = {kind: [bias for bias in biases if bias.kind == kind] for kind in KINDS}
    return tuple(_leaning(_NAMES[kind], found) for kind, found in by_kind.items() if found)


def _leaning(name: str, biases: Sequence[Bias]) -> Leaning:
    known = [bias for bias in biases if bias.excess.value is not None]
    picture = _bars(name, known) if known else None
    return Leaning(name, picture, tuple(bias.reading for bias in biases))


def _bars(name: str, biases: Sequence[Bias]) -> Picture:
    """Bars from zero with whiskers, in percentage points; a clear one is marked."""
    ends = [abs(v) for b in biases for v in (b.excess.value, b.excess.low, b.excess.high) if v]
    reach = max(0.1, *ends) * 1.05 if ends else 0.1
    unit = (_WIDTH - _LEFT - _RIGHT) / (2 * reach)
    zero = _LEFT + reach * unit
    height = _STEP * len(biases) + 30
    marks: list[Mark] = []
    for part in (-1.0, -0.5, 0.0, 0.5, 1.0):
        x = zero + part * reach * unit
        marks.append(Line(x, 4, x, height - 24, "grid" if part else "limit"))
        marks.append(Text(x, height - 8, f"{100 * part * reach:+.0f}"))
    for place, bias in enumerate(biases):
        value, y = bias.excess.value or 0.0, 6 + place * _STEP
        kind = "warn" if bias.alarm else "mark" if bias.compared else "soft"
        start = min(zero, zero + value * unit)
        marks.append(Text(_LEFT - 10, y + 13, bias.judge[:28], "end"))
        marks.append(Bar(start, y + 2, abs(value) * unit, 14, kind, bias.reading))
        if bias.excess.low is not None and bias.excess.high is not None:
            low, high = zero + bias.excess.low * unit, zero + bias.excess.high * unit
            marks.append(Line(low, y + 9, high, y + 9, "whisker"))
        marks.append(Text(_WIDTH - 4, y + 13, points(bias.excess).split(" ")[0], "end"))
    return Picture(_WIDTH, height, marks, f"leaning {name}, in percentage points")
