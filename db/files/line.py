"""One row of a file as it was read."""

from dataclasses import dataclass, replace
from typing import Any

from db.files.limits import FileLimits

_NUMBER = 8  # letters that anything but a text counts for


@dataclass(frozen=True)
class Line:
    """One row as read; `size` is about how many letters it took. `problem` is set, and `row` empty,
    where it could not be read at all.
    """

    file: str
    number: int
    row: dict[str, Any]
    problem: str | None = None
    size: int = 0

    def refused(self, problem: str) -> "Line":
        """The same line without its row."""
        return replace(self, row={}, problem=problem, size=0)

    def within(self, limits: FileLimits) -> "Line":
        """The same, refused where its row is longer or deeper than one may be."""
        if self.size > limits.longest_row:
            return self.refused(too_long(limits))
        if self.row and _deeper(self.row, limits.deepest_row):
            return self.refused(
                f"holds lists and objects more than {limits.deepest_row} deep; write it flatter, "
                "or raise deepest_row in [files]"
            )
        return self


def too_long(limits: FileLimits) -> str:
    """Why a row is refused that is longer than one may be."""
    return (
        f"has more than {limits.longest_row:,} letters; shorten it, or raise longest_row in [files]"
    )


def unreadable(error: BaseException) -> str:
    """What a reader says is wrong, as the part of a sentence."""
    said = (str(error).strip().splitlines() or [""])[0].rstrip(".")
    told = repr(said)[1:-1] if not said.isprintable() else said
    return told[:200] if " " in told else f"{type(error).__name__} {told}".strip()


def size_of(row: Any) -> int:
    """About how many letters a value holds, its names included."""
    size, waiting = 0, [row]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str | bytes):
            size += len(value)
        elif isinstance(value, dict):
            waiting.extend(value)
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)
            size += _NUMBER * len(value)
        else:
            size += _NUMBER
    return size


def _deeper(row: Any, most: int) -> bool:
    level = [row]
    for _ in range(most):
        inner = [v for o in level for v in (o.values() if isinstance(o, dict) else o)]
        level = [v for v in inner if isinstance(v, dict | list | tuple)]
        if not level:
            return False
    return True
