"""What stands in a JSON file that is one object: a row, or lists of rows under keys."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from db.errors import BadInput
from db.files.json_values import JsonText
from db.files.splits import chosen, require_none
from db.files.text import TextFile, TooLong

LOOKED_AT = 50  # lines and items, by which it is told what a file is
_NESTED = 3  # keys that may lead to a list of rows
# Names that rows have and what holds rows has not.
_ROW_NAMES = {
    "prompt", "instruction", "question", "query", "input", "output", "answer", "chosen", "rejected",
    "response_a", "response_b", "responses", "completion", "completions", "messages",
    "conversation", "conversations", "pair_id", "prompt_id", "question_id", "message_tree_id",
    "turns", "steps", "winner", "label", "annotator", "model_a", "model_b",
}  # fmt: skip
VIEWED = frozenset(("row_idx", "row"))  # a row as the viewer of public data sets wraps it
_MESSAGES = (frozenset(("role", "content")), frozenset(("from", "value")))


def value_of(text: str | TooLong) -> Any:
    """What a text holds as JSON; None where it is none, too long or too deep."""
    if isinstance(text, str):
        with suppress(ValueError, RecursionError):
            return json.loads(text)
    return None


@dataclass
class Held:
    """What stands in a file that is one object: its names, and lists of objects by their place."""

    path: Path
    names: list[str] = field(default_factory=list)
    lists: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    within: dict[str, str] = field(default_factory=dict)  # the first name in each object in it
    is_row: bool = False

    @property
    def named_as_row(self) -> bool:
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

    def chosen(self, split: str | None, note: Callable[[str], None]) -> list[tuple[str, ...]]:
        """The places whose items are the rows; the empty one is the object itself. Raises BadInput
        where several may be meant, and for a table by columns.
        """
        if self.is_table:
            raise BadInput(
                f"{str(self.path)!r} is one table, its rows or columns by number, as pandas writes "
                "it unasked; write it with to_json(orient='records')"
            )
        lists = {k: v for k, v in self.lists.items() if len(k) == 1} or self.lists
        if lists.get(("rows",), {}).keys() >= VIEWED:
            lists = {k: v for k, v in lists.items() if k != ("features",)}
        if not lists or self.is_row:
            require_none(self.path, split)
            return [()]
        named = {".".join(place): place for place in lists}
        taken = (
            chosen(self.path, list(named), split, "lists")
            if split or len(named) > 1
            else list(named)
        )
        note(f"rows are the list under {', '.join(map(repr, taken))}")
        if beside := [n for n in self.names if n not in {named[t][0] for t in taken}]:
            note(f"not read beside it: {', '.join(beside[:20])}")
        return [named[t] for t in taken]


def held_in(text: TextFile) -> Held | None:
    """What stands in the object a file is; None where it is a list or several values."""
    found = Held(text.path)
    with text.lines() as lines:
        values = JsonText(lines, text.limits)
        if values.peek() != "{":
            return None
        with suppress(EOFError, TooLong):  # met again by who reads the rows, after the good ones
            _look(values, found, ())
            if values.peek() in tuple("{["):
                return None
    if found.named_as_row:  # what is no JSON may only look as if it had such names
        with text.lines() as lines, suppress(EOFError, TooLong):
            found.is_row = value_of(JsonText(lines, text.limits).value()) is not None
    return found


def _look(values: JsonText, found: Held, place: tuple[str, ...]) -> None:
    """Note the names at a place, and the lists of objects that are no messages."""
    for told in values.names():
        name = value_of(told)
        here = (*place, name if isinstance(name, str) else told)
        if not place:
            found.names.append(here[0])
        elif len(place) == 1:
            found.within.setdefault(place[0], here[1])
        kind = values.peek()
        if here in found.lists:
            raise BadInput(f"{str(found.path)!r} names {here[-1][:80]!r} twice; rename one")
        if kind == "[":
            _look_into(values, found, here)
        elif kind == "{" and len(here) < _NESTED:
            _look(values, found, here)
        elif kind not in ("}", "]", ","):
            values.skip()


def _look_into(values: JsonText, found: Held, place: tuple[str, ...]) -> None:
    """Note a list by its first item that is an object, for one before it may be broken."""
    for number, _ in enumerate(values.items()):
        if place in found.lists or number > LOOKED_AT:
            values.skip()
            continue
        with suppress(TooLong):
            item = value_of(values.value())
            if isinstance(item, dict) and not any(item.keys() >= m for m in _MESSAGES):
                found.lists[place] = item
