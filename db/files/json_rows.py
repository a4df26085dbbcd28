"""Rows of JSON files: one object a line, one list, lists under a key, objects one after the other.

Which it is, is told by what stands there; by the name of the file only where a single line is one
object, which may be a row or hold rows.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from db.errors import BadInput
from db.files.json_text import DECODER
from db.files.json_values import JsonText
from db.files.limits import FileLimits
from db.files.line import Line
from db.files.packed import plain_name
from db.files.splits import chosen
from db.files.text import BoundedLines, TextFile, TooLong

LINES = (".jsonl", ".ndjson", ".jsonlines")  # what files of JSON lines are called
_LOOKED_AT = 50  # lines after the first, by which lines are told from one long value
_NESTED = 3  # keys that may lead to a list of rows
# Names that rows have and what holds rows has not.
_ROW_NAMES = {
    "prompt", "instruction", "question", "query", "input", "output", "answer", "chosen", "rejected",
    "response_a", "response_b", "responses", "completion", "completions", "messages",
    "conversation", "conversations", "pair_id", "prompt_id", "question_id", "message_tree_id",
    "turns", "steps", "winner", "label", "annotator", "model_a", "model_b",
}  # fmt: skip
_VIEWED = frozenset(("row_idx", "row"))  # a row as the viewer of public data sets wraps it
_MESSAGES = (frozenset(("role", "content")), frozenset(("from", "value")))


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
        yield from _lines(text)
        return
    held = _held(text)
    if held and held.is_table:
        raise BadInput(
            f"{str(path)!r} is one table, its rows or columns by number, as pandas writes it "
            "unasked; write it with to_json(orient='records')"
        )
    lists = held.chosen(path, split, note) if held else [()]
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
        if (whole := _value(first)) is not None:
            named_lines = isinstance(whole, dict) and plain_name(text.path).endswith(LINES)
            return named_lines or next(filled, None) is not None
        others = [isinstance(_value(row), dict) for row in islice(filled, _LOOKED_AT)]
    return 2 * sum(others) > len(others)


def _value(text: str | TooLong) -> Any:
    """What a text holds as JSON; None where it is none, too long or too deep."""
    if isinstance(text, str):
        with suppress(ValueError, RecursionError):
            return json.loads(text)
    return None


@dataclass
class _Held:
    """What stands in a file that is one object: its names, and lists of objects by their place."""

    names: list[str] = field(default_factory=list)
    lists: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    within: dict[str, str] = field(default_factory=dict)  # the first name in each object in it

    @property
    def is_row(self) -> bool:
        """Whether its names are those of a row; one with `data` in it is a task of Label Studio."""
        if len(self.names) > 1 and not _ROW_NAMES.isdisjoint(self.names):
            return True
        return "data" in self.within and "annotations" in self.names

    @property
    def is_table(self) -> bool:
        """Whether this is a whole table, by columns or by rows, as pandas writes it unasked."""
        by_row = self.names[:1] == ["0"]
        inner = self.within.values()
        return len(inner) == len(self.names) > 0 and (by_row or set(inner) == {"0"})

    def chosen(
        self, path: Path, split: str | None, note: Callable[[str], None]
    ) -> list[tuple[str, ...]]:
        """The places whose items are the rows; the empty one is the object itself."""
        lists = {k: v for k, v in self.lists.items() if len(k) == 1} or self.lists
        if lists.get(("rows",), {}).keys() >= _VIEWED:
            lists = {k: v for k, v in lists.items() if k != ("features",)}
        if not lists or self.is_row:
            return [()]
        named = {".".join(place): place for place in lists}
        taken = (
            chosen(path, list(named), split, "lists") if split or len(named) > 1 else list(named)
        )
        note(f"rows are the list under {', '.join(map(repr, taken))}")
        if beside := [n for n in self.names if n not in {named[t][0] for t in taken}]:
            note(f"not read beside it: {', '.join(beside[:20])}")
        return [named[t] for t in taken]


def _held(text: TextFile) -> _Held | None:
    """What stands in the object a file is; None where it is a list or several values."""
    found = _Held()
    with text.lines() as lines:
        values = JsonText(lines, text.limits)
        if values.peek() != "{":
            return None
        with suppress(EOFError, TooLong):  # met again by who reads the rows, after the good ones
            _look(values, found, ())
            return None if values.peek() else found
    return found


def _look(values: JsonText, found: _Held, place: tuple[str, ...]) -> None:
    """Note the names at a place, and the lists of objects that are no messages."""
    for told in values.names():
        name = _value(told)
        here = (*place, name if isinstance(name, str) else told)
        if not place:
            found.names.append(here[0])
        elif len(place) == 1:
            found.within.setdefault(place[0], here[1])
        kind = values.peek()
        if kind == "[":
            _look_into(values, found, here)
        elif kind == "{" and len(here) < _NESTED:
            _look(values, found, here)
        elif kind not in ("}", "]", ","):
            values.skip()


def _look_into(values: JsonText, found: _Held, place: tuple[str, ...]) -> None:
    first = True
    for _ in values.items():
        if not first:
            values.skip()
            continue
        first = False
        with suppress(TooLong):
            item = _value(values.value())
            if isinstance(item, dict) and not any(item.keys() >= m for m in _MESSAGES):
                found.lists[place] = item


def _items(text: TextFile, place: tuple[str, ...]) -> Iterator[Any]:
    """The rows at a place; at the empty one every value of the file, or the items of its lists."""
    with text.lines() as lines:
        values = JsonText(lines, text.limits)
        if place:
            _go_to(values, place)
            yield from _each_item(values)
            return
        while letter := values.peek():
            yield from _each_item(values) if letter == "[" else [_next(values)]


def _go_to(values: JsonText, place: tuple[str, ...]) -> None:
    for name in place:
        for told in values.names():
            if _value(told) == name or told == name:
                break
            values.skip()


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
    if value.keys() >= _VIEWED and isinstance(value["row"], dict):
        if cut := value.get("truncated_cells"):
            return empty.refused(
                f"the viewer cut its cells {', '.join(map(str, cut))}; download the file itself"
            )
        value = value["row"]
    return Line(str(text.path), number, value, size=len(row))
