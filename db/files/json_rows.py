"""Rows of JSON files: one object a line, one list, lists under a key, objects one after the other.

Which it is, is told by what stands there; by the name of the file only where a single line is one
object, which may be a row or hold rows.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from db.files.json_held import LOOKED_AT, VIEWED, held_in, value_of
from db.files.json_text import DECODER
from db.files.json_values import JsonText
from db.files.limits import FileLimits
from db.files.line import Line
from db.files.packed import plain_name
from db.files.splits import require_none
from db.files.text import BoundedLines, TextFile, TooLong

LINES = (".jsonl", ".ndjson", ".jsonlines")  # what files of JSON lines are called


def read_json(
    path: Path, limits: FileLimits, note: Callable[[str], None], split: str | None
) -> Iterator[Line]:
    """The rows of a JSON file; lines are numbered by line, items of a list by place.

    `split` names the list to read where an object holds several. Raises BadInput where it must
    and does not, or where the file is a table by columns or no text, and EOFError where it ends
    within a list.
    """
    text = TextFile.of(path, limits)
    if text.encoding.told:
        note(text.encoding.told)
    if _by_lines(text):
        require_none(path, split)
        yield from _lines(text)
        return
    held = held_in(text)
    if held is None:
        require_none(path, split)
    lists = held.chosen(split, note) if held else [()]
    number = 0
    for place in lists:
        for row in _items(text, place):
            number += 1
            yield _line(text, number, row)


def _lines(text: TextFile) -> Iterator[Line]:
    with text.lines() as lines:
        for row in _each(lines):
            if isinstance(row, TooLong) or row.strip():
                yield _line(text, lines.number, row)


def _each(lines: BoundedLines) -> Iterator[str | TooLong]:
    while True:
        lines.row_begins()
        try:
            yield next(lines)
        except TooLong as error:
            yield error
        except StopIteration:
            return


def _by_lines(text: TextFile) -> bool:
    """Whether every line is a value of its own: the first one is, and not the only one (or the
    file's name says lines), or it is broken and most of those after it are whole objects.
    """
    with text.lines() as lines:
        filled = (row for row in _each(lines) if isinstance(row, TooLong) or row.strip())
        first = next(filled, "")
        if isinstance(first, TooLong):
            return next(filled, None) is not None
        if first.lstrip("\ufeff \t")[:1] not in ("[", "{"):
            return True
        if (whole := value_of(first)) is not None:
            named_lines = isinstance(whole, dict) and plain_name(text.path).endswith(LINES)
            return named_lines or next(filled, None) is not None
        others = [isinstance(value_of(row), dict) for row in islice(filled, LOOKED_AT)]
    return 2 * sum(others) > len(others)


def _items(text: TextFile, place: tuple[str, ...]) -> Iterator[Any]:
    """The rows at a place; at the empty one every value of the file, or the items of its lists."""
    with text.lines() as lines:
        values = JsonText(lines, text.limits)
        if place:
            _go_to(values, place)
            yield from _each_item(values)
            _require_end(values, len(place))
            return
        while letter := values.peek():
            yield from _each_item(values) if letter == "[" else [_next(values)]


def _go_to(values: JsonText, place: tuple[str, ...]) -> None:
    for name in place:
        for told in values.names():
            if value_of(told) == name or told == name:
                break
            values.skip()


def _require_end(values: JsonText, depth: int) -> None:
    """Raise ValueError where more stands behind the list than the objects it is in may hold: then
    that was not its end.
    """
    for _ in range(depth):
        for _ in values.names():
            values.skip()
    if values.peek():
        raise ValueError("more stands behind the end of its object")


def _each_item(values: JsonText) -> Iterator[str | TooLong]:
    for _ in values.items():
        yield _next(values)


def _next(values: JsonText) -> str | TooLong:
    try:
        return values.value()
    except TooLong as error:
        return error


def _line(text: TextFile, number: int, row: str | TooLong) -> Line:
    """One value as a row, or why it is none."""
    empty = Line(str(text.path), number, {})
    if isinstance(row, TooLong):
        return empty.refused(str(row))
    if problem := text.unreadable(row):
        return empty.refused(problem)
    try:
        value = DECODER.decode(row.lstrip("\ufeff"))
    except (ValueError, RecursionError) as error:
        return empty.refused(f"not JSON ({error}): {row.strip()[:80]!r}")
    if not isinstance(value, dict):
        return empty.refused(f"not a JSON object: {row.strip()[:80]!r}")
    if value.keys() >= VIEWED and isinstance(value["row"], dict):
        if cut := value.get("truncated_cells"):
            return empty.refused(
                f"the viewer cut its cells {', '.join(map(str, cut))}; download the file itself"
            )
        value = value["row"]
    return Line(str(text.path), number, value, size=len(row))
