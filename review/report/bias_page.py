"""Judge bias on the report's page: bars to both sides of zero, and a sentence for every one."""

from collections.abc import Sequence
from html import escape

from review.report import charts
from review.report.bias import KINDS, Bias, points

_LEFT, _RIGHT, _STEP, _WIDTH = 220, 90, 24, 640
_NAMES = {
    "position": "to what is shown first",
    "length": "to the longer response",
    "own family": "to its own family",
}


def bias_figure(leanings: Sequence[Bias]) -> str:
    """A picture a kind, each with its readings; empty where there are no judges."""
    return "".join(_kind(kind, [b for b in leanings if b.kind == kind]) for kind in KINDS)


def _kind(kind: str, leanings: Sequence[Bias]) -> str:
    if not leanings:
        return ""
    lines = "".join(f"<li>{escape(bias.reading)}.</li>" for bias in leanings)
    known = [b for b in leanings if b.excess.value is not None]
    picture = f"<figure>{_bars(kind, known)}</figure>" if known else ""
    return f"<h3>Leaning {_NAMES[kind]}</h3>{picture}<ul>{lines}</ul>"


def _bars(kind: str, leanings: Sequence[Bias]) -> str:
    """Bars from zero with whiskers, in percentage points; a clear one is marked."""
    ends = [abs(v) for b in leanings for v in (b.excess.value, b.excess.low, b.excess.high) if v]
    reach = max(0.1, *ends) * 1.05 if ends else 0.1
    unit = (_WIDTH - _LEFT - _RIGHT) / (2 * reach)
    zero = _LEFT + reach * unit
    height = _STEP * len(leanings) + 30
    body = []
    for part in (-1.0, -0.5, 0.0, 0.5, 1.0):
        x = zero + part * reach * unit
        body.append(charts.line(x, 4, x, height - 24, "grid" if part else "limit"))
        body.append(charts.text(x, height - 8, f"{100 * part * reach:+.0f}"))
    for place, bias in enumerate(leanings):
        value, y = bias.excess.value or 0.0, 6 + place * _STEP
        body.append(charts.text(_LEFT - 10, y + 13, bias.judge[:28], "end"))
        body.append(
            charts.bar(
                min(zero, zero + value * unit), y + 2, abs(value) * unit, 14,
                "warn" if bias.alarm else "mark" if bias.compared else "soft", bias.reading,
            )
        )  # fmt: skip
        if bias.excess.low is not None and bias.excess.high is not None:
            low, high = (
                zero + bias.excess.low * unit,
                zero + bias.excess.high * unit,
            )
            body.append(charts.line(low, y + 9, high, y + 9, "whisker"))
        body.append(charts.text(_WIDTH - 4, y + 13, points(bias.excess).split(" ")[0], "end"))
    return charts.svg(_WIDTH, height, body, f"leaning {_NAMES[kind]}, in percentage points")
