"""Small pictures, computed here so that a page needs no script and no network.

Colours come from the page's style sheet by class, so that a picture follows its light or dark
theme. Shares are in [0, 1].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from judges.trust.intervals import Estimate
from review.report.shapes import (
    Area,
    Bar,
    Cell,
    Dot,
    Heat,
    Line,
    Mark,
    Path,
    Picture,
    Point,
    Text,
)  # fmt: skip


@dataclass(frozen=True)
class Span:
    """A value with its interval, None where unknown."""

    value: float
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Box:
    """Where the data stand in a picture: pixels of the frame, and the ranges of both axes."""

    width: int = 440
    height: int = 300
    left: int = 52
    right: int = 16
    top: int = 14
    bottom: int = 44
    x: Point = (0.0, 1.0)
    y: Point = (0.0, 1.0)

    def at(self, x: float, y: float) -> Point:
        """Pixels of a point."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return (
            self.left + across * (self.width - self.left - self.right),
            self.height - self.bottom - up * (self.height - self.top - self.bottom),
        )


def ticks(low: float, high: float) -> list[float]:
    """Round places on an axis: steps of 5, 10 or 20 percent, whichever gives up to seven."""
    step = next(s for s in (0.05, 0.1, 0.2, 1.0) if (high - low) / s <= 6 + 1e-9)
    first = ceil(low / step - 1e-9)
    return [n * step for n in range(first, int(high / step + 1e-9) + 1)]


def axes(box: Box, x_name: str, y_name: str) -> list[Mark]:
    """Grid, figures in percent and names of both axes."""
    drawn: list[Mark] = []
    for y in ticks(*box.y):
        _, up = box.at(box.x[0], y)
        drawn.append(Line(box.left, up, box.width - box.right, up, "grid"))
        drawn.append(Text(box.left - 8, up + 4, f"{y:.0%}", "end"))
    for x in ticks(*box.x):
        across, _ = box.at(x, box.y[0])
        drawn.append(Text(across, box.height - box.bottom + 18, f"{x:.0%}"))
    middle = (box.top + box.height - box.bottom) / 2
    drawn.append(Text((box.left + box.width - box.right) / 2, box.height - 6, x_name, kind="name"))
    drawn.append(Text(13, middle, y_name, kind="name", turn=-90))
    return drawn


def curve(
    points: Sequence[tuple[float, Span]], box: Box, x_name: str, y_name: str, *,
    joined: bool = True, diagonal: bool = False, levels: Sequence[float] = (),
) -> Picture:  # fmt: skip
    """Values over x: a line with a band, or separate dots with whiskers."""
    marks = axes(box, x_name, y_name)
    if diagonal:
        low, high = max(box.x[0], box.y[0]), min(box.x[1], box.y[1])
        marks.append(Line(*box.at(low, low), *box.at(high, high), "ideal"))
    for level in levels:
        if box.y[0] <= level <= box.y[1]:
            marks.append(Line(*box.at(box.x[0], level), *box.at(box.x[1], level), "ideal"))
            x, y = box.at(box.x[0], level)
            marks.append(Text(x + 4, y - 4, f"{level:.0%}", "start", "small"))
    banded = [(x, s) for x, s in points if s.low is not None and s.high is not None]
    lows = [box.at(x, max(s.low or 0.0, box.y[0])) for x, s in banded]
    highs = [box.at(x, min(s.high or 0.0, box.y[1])) for x, s in banded]
    if joined:
        marks += [Area([*lows, *reversed(highs)], "band")] if banded else []
        marks.append(Path([box.at(x, s.value) for x, s in points], "curve"))
    else:
        marks += [Line(*low, *high, "whisker") for low, high in zip(lows, highs, strict=True)]
    marks += [Dot(*box.at(x, s.value), "mark", s.note, 3 if joined else 4.5) for x, s in points]
    return Picture(box.width, box.height, marks, f"{y_name} over {x_name}")


def spans(
    rows: Sequence[tuple[str, Span | None, str]], *, limit: float | None = None,
    scale: Point = (0.0, 1.0), name: str, form: str = "{:.0%}",
) -> Picture:  # fmt: skip
    """Bars with whiskers, one a row; the third of a row is its class. limit: a marked line."""
    left, right, step, width = 150, 64, 30, 560
    height = step * len(rows) + 30
    unit = (width - left - right) / (scale[1] - scale[0])
    marks: list[Mark] = []
    for part in range(5):
        value = scale[0] + (scale[1] - scale[0]) * part / 4
        x = left + (value - scale[0]) * unit
        marks.append(Line(x, 4, x, height - 24, "grid"))
        marks.append(Text(x, height - 8, form.format(value)))
    if limit is not None:
        x = left + (limit - scale[0]) * unit
        marks.append(Line(x, 0, x, height - 24, "limit"))
    for place, (label, span, kind) in enumerate(rows):
        y = 8 + place * step
        marks.append(Text(left - 10, y + 14, _short(label), "end"))
        if span is None:
            marks.append(Text(left + 8, y + 14, "not measured", "start", "small"))
            continue
        long = max((span.value - scale[0]) * unit, 0)
        marks.append(Bar(left, y + 2, long, 16, kind, span.note))
        end = left + (span.value - scale[0]) * unit
        if span.low is not None and span.high is not None:
            low, high = (left + (v - scale[0]) * unit for v in (span.low, span.high))
            marks.append(Line(max(low, left), y + 10, high, y + 10, "whisker"))
            end = max(high, end)
        marks.append(Text(end + 6, y + 14, form.format(span.value), "start", "value"))
    return Picture(width, height, marks, name)


def strip(
    found: Estimate, *, scale: Point = (0.5, 1.0), width: int = 120, level: float | None = None
) -> Picture | None:
    """An estimate and its interval on one line; None where it is undefined. level: a tick."""
    if found.value is None:
        return None

    def x(value: float) -> float:
        share = (value - scale[0]) / (scale[1] - scale[0])
        return 4 + (width - 8) * min(max(share, 0.0), 1.0)

    marks: list[Mark] = [Line(4, 9, width - 4, 9, "grid")]
    if level is not None:
        marks.append(Line(x(level), 4, x(level), 14, "grid"))
    if found.low is not None and found.high is not None:
        marks.append(Line(x(found.low), 9, x(found.high), 9, "whisker"))
    marks.append(Dot(x(found.value), 9, "mark", str(found), 4))
    return Picture(width, 18, marks, str(found))


def heat(
    names: Sequence[str], values: Sequence[Sequence[float | None]], name: str, *,
    form: str = "{:.0%}", exact: str = "{:.1%}", least: float = 0.3,
) -> Heat:  # fmt: skip
    """A square of agreement; the stronger the colour, the more two agree.

    values: [names, names], up to 1, None where two share nothing. form: of a value in its field;
    exact: in the note. least: at it and below the colour is at its faintest.
    """

    def cell(one: str, other: str, value: float | None) -> Cell:
        if value is None:
            return Cell("", None, "" if one == other else "no pair in common")
        strength = 0.06 + 0.84 * max(0.0, (value - least) / (1 - least))
        return Cell(form.format(value), strength, f"{one} and {other}: {exact.format(value)}")

    cells = tuple(
        tuple(cell(one, other, value) for other, value in zip(names, row, strict=True))
        for one, row in zip(names, values, strict=True)
    )
    return Heat(tuple(names), cells, name)


def _short(label: str, longest: int = 20) -> str:
    return label if len(label) <= longest else label[: longest - 1] + "…"
