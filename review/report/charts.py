"""Small pictures as inline SVG, drawn by hand so that a page needs no script and no network.

Colours come from the page's style sheet by class, so that a picture follows its light or dark
theme. Shares are in [0, 1]. Every mark carries its figures as a title, shown on hovering.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil

Point = tuple[float, float]


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


def svg(width: int, height: int, body: Sequence[str], name: str) -> str:
    """A picture; `name` is read aloud by screen readers."""
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(name)}">'
        f"{''.join(body)}</svg>"
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(x: float, y: float, said: str, anchor: str = "middle", kind: str = "") -> str:
    """A word at a place; anchor: start, middle or end."""
    css = f' class="{kind}"' if kind else ""
    return f'<text{css} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'


def dot(x: float, y: float, kind: str, note: str, r: float = 4.5) -> str:
    """A mark with a title."""
    return (
        f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{r}">'
        f"<title>{escape(note)}</title></circle>"
    )


def bar(x: float, y: float, width: float, height: float, kind: str, note: str) -> str:
    """A rectangle with a title."""
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" '
        f'height="{height:.1f}" rx="2"><title>{escape(note)}</title></rect>'
    )


def path(points: Sequence[Point], kind: str) -> str:
    """A broken line through points in pixels."""
    return f'<polyline class="{kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def area(low: Sequence[Point], high: Sequence[Point], kind: str) -> str:
    """The band between two lines."""
    around = [*low, *reversed(high)]
    return f'<polygon class="{kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in around)}"/>'


def ticks(low: float, high: float) -> list[float]:
    """Round places on an axis: steps of 5, 10 or 20 percent, whichever gives up to seven."""
    step = next(s for s in (0.05, 0.1, 0.2, 1.0) if (high - low) / s <= 6 + 1e-9)
    first = ceil(low / step - 1e-9)
    return [n * step for n in range(first, int(high / step + 1e-9) + 1)]


def axes(box: Box, x_name: str, y_name: str) -> list[str]:
    """Grid, figures in percent and names of both axes."""
    drawn = []
    for y in ticks(*box.y):
        _, up = box.at(box.x[0], y)
        drawn.append(line(box.left, up, box.width - box.right, up, "grid"))
        drawn.append(text(box.left - 8, up + 4, f"{y:.0%}", "end"))
    for x in ticks(*box.x):
        across, _ = box.at(x, box.y[0])
        drawn.append(text(across, box.height - box.bottom + 18, f"{x:.0%}"))
    middle = (box.top + box.height - box.bottom) / 2
    drawn.append(text((box.left + box.width - box.right) / 2, box.height - 6, x_name, kind="name"))
    drawn.append(
        f'<text class="name" transform="translate(13 {middle:.0f}) rotate(-90)" '
        f'text-anchor="middle">{escape(y_name)}</text>'
    )
    return drawn


def curve(
    points: Sequence[tuple[float, Span]], box: Box, x_name: str, y_name: str, *,
    joined: bool = True, diagonal: bool = False, levels: Sequence[float] = (),
) -> str:  # fmt: skip
    """Values over x: a line with a band, or separate dots with whiskers."""
    body = axes(box, x_name, y_name)
    if diagonal:
        low, high = max(box.x[0], box.y[0]), min(box.x[1], box.y[1])
        body.append(line(*box.at(low, low), *box.at(high, high), "ideal"))
    for level in levels:
        if box.y[0] <= level <= box.y[1]:
            body.append(line(*box.at(box.x[0], level), *box.at(box.x[1], level), "ideal"))
            x, y = box.at(box.x[0], level)
            body.append(text(x + 4, y - 4, f"{level:.0%}", "start", "small"))
    banded = [(x, s) for x, s in points if s.low is not None and s.high is not None]
    if joined:
        lows = [box.at(x, max(s.low or 0.0, box.y[0])) for x, s in banded]
        highs = [box.at(x, min(s.high or 0.0, box.y[1])) for x, s in banded]
        body += [area(lows, highs, "band")] if banded else []
        body.append(path([box.at(x, s.value) for x, s in points], "curve"))
    else:
        for x, s in banded:
            body.append(
                line(
                    *box.at(x, max(s.low or 0.0, box.y[0])),
                    *box.at(x, min(s.high or 0.0, box.y[1])),
                    "whisker",
                )
            )
    body += [dot(*box.at(x, s.value), "mark", s.note, 3 if joined else 4.5) for x, s in points]
    return svg(box.width, box.height, body, f"{y_name} over {x_name}")


def spans(
    rows: Sequence[tuple[str, Span | None, str]], *, limit: float | None = None,
    scale: Point = (0.0, 1.0), name: str, form: str = "{:.0%}",
) -> str:  # fmt: skip
    """Bars with whiskers, one a row; the third of a row is its class. limit: a marked line."""
    left, right, step, width = 150, 64, 30, 560
    height = step * len(rows) + 30
    unit = (width - left - right) / (scale[1] - scale[0])
    body: list[str] = []
    for part in range(5):
        value = scale[0] + (scale[1] - scale[0]) * part / 4
        x = left + (value - scale[0]) * unit
        body.append(line(x, 4, x, height - 24, "grid"))
        body.append(text(x, height - 8, form.format(value)))
    if limit is not None:
        x = left + (limit - scale[0]) * unit
        body.append(line(x, 0, x, height - 24, "limit"))
    for place, (label, span, kind) in enumerate(rows):
        y = 8 + place * step
        body.append(text(left - 10, y + 14, _short(label), "end"))
        if span is None:
            body.append(text(left + 8, y + 14, "not measured", "start", "small"))
            continue
        body.append(bar(left, y + 2, (span.value - scale[0]) * unit, 16, kind, span.note))
        if span.low is not None and span.high is not None:
            low, high = (left + (v - scale[0]) * unit for v in (span.low, span.high))
            body.append(line(max(low, left), y + 10, high, y + 10, "whisker"))
            end = max(high, left + (span.value - scale[0]) * unit)
        else:
            end = left + (span.value - scale[0]) * unit
        body.append(text(end + 6, y + 14, form.format(span.value), "start", "value"))
    return svg(width, height, body, name)


def heat(names: Sequence[str], values: Sequence[Sequence[float | None]], name: str) -> str:
    """A square of shares; the stronger the colour, the more two agree."""
    cell, left, top = 46, 150, 104
    size = cell * len(names)
    body: list[str] = []
    for i, label in enumerate(names):
        body.append(text(left - 8, top + i * cell + cell / 2 + 4, _short(label), "end"))
        x = left + i * cell + cell / 2
        body.append(
            f'<text transform="translate({x:.0f} {top - 8}) rotate(-40)" '
            f'text-anchor="start">{escape(_short(label))}</text>'
        )
        for j, value in enumerate(values[i]):
            place = (left + j * cell, top + i * cell)
            if value is None:
                body.append(bar(*place, cell - 2, cell - 2, "cell-none", "no pair in common"))
                continue
            note = f"{label} and {names[j]}: {value:.1%}"
            opacity = 0.06 + 0.84 * max(0.0, (value - 0.3) / 0.7)
            body.append(
                f'<g style="--heat:{opacity:.2f}">'
                + bar(*place, cell - 2, cell - 2, "cell", note)
                + "</g>"
            )
            strong = "on-mark" if opacity > 0.55 else "cell-text"
            body.append(
                text(place[0] + cell / 2 - 1, place[1] + cell / 2 + 4, f"{value:.0%}", kind=strong)
            )
    return svg(left + size + 70, top + size + 6, body, name)


def _short(label: str, longest: int = 20) -> str:
    return label if len(label) <= longest else label[: longest - 1] + "…"
