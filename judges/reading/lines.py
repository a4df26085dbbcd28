"""The lines of an answer: where each begins, and whether it is the model's own.

A line behind a quotation's mark is quoted for certain, since every line of a quotation carries it.
A fence is no such proof: what is quoted inside it can close it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_LINE = re.compile(r"[^\r\n]+")
_MARKED = re.compile(
    r"\s*+(?:>|[12PRC](?: [a-z]{1,9})?\|(?: |$))"
)  # the marks of `judges.prompts` and `judges.critique`
_FENCE = re.compile(r"\s*+(?:```|~~~)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not blank; `start` counts characters of the text."""

    start: int
    text: str
    marked: bool
    fenced: bool

    @property
    def end(self) -> int:
        """Where it ends, its line break left out."""
        return self.start + len(self.text)

    @property
    def is_fence(self) -> bool:
        """Whether it opens or closes a fence."""
        return not self.marked and _FENCE.match(self.text) is not None


def lines(text: str) -> list[Line]:
    """The lines of a text that are not blank. A fence's own line counts as fenced."""
    found: list[Line] = []
    inside = False
    for match in _LINE.finditer(text):
        if match[0].isspace():
            continue
        marked = _MARKED.match(match[0]) is not None
        edge = not marked and _FENCE.match(match[0]) is not None
        found.append(Line(match.start(), match[0], marked, inside or edge))
        inside ^= edge
    return found


def unwrapped(text: str) -> str:
    """A text without the one fence around the whole of it; what stays keeps its place."""
    if not _FENCE.match(text.lstrip()):
        return text
    rows = lines(text)
    edges = [row for row in rows if row.is_fence]
    whole = len(edges) == 2 and edges[-1] is rows[-1] and not edges[-1].text.strip("`~ \t")
    return blanked(text, edges) if whole else text


def blanked(text: str, gone: Sequence[Line]) -> str:
    """A text with spaces in place of some of its lines."""
    parts: list[str] = []
    at = 0
    for line in gone:
        parts += [text[at : line.start], " " * len(line.text)]
        at = line.end
    return "".join([*parts, text[at:]])
