"""What a picture consists of: marks at their pixels, each with the class that gives its colour.

Plain data; `templates/svg.html.j2` draws it. A `note` is shown on hovering.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float
    kind: str
    shape: ClassVar[str] = "line"


@dataclass(frozen=True)
class Text:
    """A word at a place. anchor: start, middle or end. turn: degrees, clockwise."""

    x: float
    y: float
    said: str
    anchor: str = "middle"
    kind: str = ""
    turn: int = 0
    shape: ClassVar[str] = "text"


@dataclass(frozen=True)
class Dot:
    """A mark with a note."""

    x: float
    y: float
    kind: str
    note: str
    r: float = 4.5
    shape: ClassVar[str] = "dot"


@dataclass(frozen=True)
class Bar:
    """A rectangle with a note, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    note: str
    shape: ClassVar[str] = "bar"


@dataclass(frozen=True)
class Path:
    """A broken line through points."""

    points: Sequence[Point]
    kind: str
    shape: ClassVar[str] = "path"


@dataclass(frozen=True)
class Area:
    """The surface inside points."""

    points: Sequence[Point]
    kind: str
    shape: ClassVar[str] = "area"


Mark = Line | Text | Dot | Bar | Path | Area


@dataclass(frozen=True)
class Picture:
    """Marks on a ground of so many pixels; `name` is read aloud by screen readers."""

    width: int
    height: int
    marks: Sequence[Mark]
    name: str


@dataclass(frozen=True)
class Cell:
    """One field of a square. strength: of its colour in [0, 1], None where there is no value."""

    said: str
    strength: float | None
    note: str


@dataclass(frozen=True)
class Heat:
    """A square with the same names on both sides, drawn as a table; `name` is read aloud."""

    names: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    name: str
