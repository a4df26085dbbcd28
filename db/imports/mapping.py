"""Columns of any file under our names, as a person writes it down. Pure.

    prompt=instruction,response_a=output_1,choice=label:1>a,2>b,0>tie,source='my data'

A column is named as it is in the file; `input.question` is a key inside a column, `options.0` an
item of a list; a text in quotes is said of every row. What follows the last colon are values of the
column and what they mean; another value is refused.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from db.errors import BadInput
from db.imports.columns import is_empty, listed
from db.imports.fields import BadRow, Row, shown

_NAME = re.compile(r"[A-Za-z_]\w*")
_HOW = "write --map FIELD=COLUMN,FIELD=COLUMN, as in prompt=instruction,choice=label:1>a,2>b"
MISSING = object()
"""What stands at a path that leads to nothing."""


@dataclass(frozen=True)
class Field:
    """One field of ours: a `constant`, or what stands in the file at `path`; `values` translate it
    where there are any.
    """

    name: str
    path: tuple[str, ...] = ()
    constant: str | None = None
    values: Mapping[str, str] | None = None

    def of(self, row: Row) -> Any:
        """Its value in a row, or None. Raises BadRow for a value without a meaning."""
        if self.constant is not None:
            return self.constant
        value = at(row, self.path)
        if value is MISSING or value is None:
            return None
        if self.values is None:
            return value
        said = _spelled(value)
        if said not in self.values:
            told = ", ".join(f"{word}>{meant}" for word, meant in self.values.items())
            raise BadRow(value, f"{'.'.join(self.path)} is {shown(value)}; --map knows {told}")
        return self.values[said]


@dataclass(frozen=True)
class ColumnMap:
    """What of a file's columns is which field of ours; all other columns keep their names."""

    fields: tuple[Field, ...]

    def of(self, row: Row) -> Row:
        """The row under our names, and what of it was not used; keys inside columns with dots.

        Raises BadRow.
        """
        rest: Row = dict(row)
        for column in {each.path[0] for each in self.fields if each.path}:
            used = [each.path[1:] for each in self.fields if each.path[:1] == (column,)]
            if column in rest:
                rest |= _rest(rest.pop(column), column, used)
        for each in self.fields:
            rest.pop(".".join(each.path), None)  # a name with dots in it
        found = {each.name: value for each in self.fields if (value := each.of(row)) is not None}
        if twice := sorted(found.keys() & rest.keys()):
            raise BadRow(row[twice[0]], _twice(twice[0]))
        return rest | found

    def require(self, rows: Iterable[Row]) -> None:
        """Raise BadInput for a path that leads to nothing in these rows, and for a column that has
        the name of a field which is read from another one.
        """
        rows = list(rows)
        there = dict.fromkeys(name for row in rows for name in row)
        used = {each.path[0] for each in self.fields if each.path}
        for each in self.fields:
            if each.name in there and each.name not in used:
                raise BadInput(_twice(each.name))
            if each.path and rows and all(at(row, each.path) is MISSING for row in rows):
                raise BadInput(
                    f"--map says {each.name}={'.'.join(each.path)}, and no row has that; the "
                    f"columns are {listed(there)}"
                )


def _twice(name: str) -> str:
    return (
        f"--map reads {name} from elsewhere, and there is a column {name!r}, too; say "
        f"--ignore {name}, or map it to another field"
    )


def _rest(value: Any, name: str, used: list[tuple[str, ...]]) -> Row:
    """What stands in a value beside the paths that were used, named with dots."""
    if () in used or not isinstance(value, dict | list):
        return {}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found: Row = {}
    for key, inner in items:
        below = [path[1:] for path in used if path[0] == str(key)]
        if below:
            found |= _rest(inner, f"{name}.{key}", below)
        elif not is_empty(inner):
            found[f"{name}.{key}"] = inner
    return found


def parse_map(said: Iterable[str] | Mapping[str, str], known: Iterable[str]) -> ColumnMap:
    """A mapping as it is written on the command line, or as a table of a configuration.

    Raises BadInput for what is no mapping, and for a field that is none of the `known` ones.
    """
    if isinstance(said, Mapping):
        pairs = list(said.items())
    else:
        pairs = [pair for text in said for pair in _pairs(text)]
    fields = tuple(_field(name.strip(), column.strip()) for name, column in pairs)
    names = [each.name for each in fields]
    known = set(known)
    for name in names:
        if name not in known:
            close = get_close_matches(name, sorted(known), 1)
            meant = f"; is {close[0]} meant?" if close else f"; {listed(sorted(known), 60)}"
            raise BadInput(f"--map names {name!r}, which is no field{meant}")
    if len(set(names)) < len(names):
        raise BadInput(f"--map names {max(names, key=names.count)!r} twice; take one out")
    return ColumnMap(fields)


def _pairs(text: str) -> list[tuple[str, str]]:
    """`a=b,c=d`; what has no `=` belongs to the piece before, as values do."""
    pieces: list[str] = []
    for piece in _split(text):
        name, sign, _ = piece.partition("=")
        if sign and _NAME.fullmatch(name.strip()):
            pieces.append(piece)
        elif pieces:
            pieces[-1] += f",{piece}"
        else:
            raise BadInput(f"--map {text!r} is no mapping; {_HOW}")
    return [(name, column) for name, _, column in (piece.partition("=") for piece in pieces)]


def _split(text: str) -> list[str]:
    """At commas, but those inside quotes."""
    return re.findall(r"""(?:[^,'"]|'[^']*'|"[^"]*"|['"])+""", text)


def _field(name: str, column: str) -> Field:
    if not column:
        raise BadInput(f"--map gives {name!r} no column; {_HOW}")
    if column[0] in "'\"" and column[-1] == column[0] and len(column) > 1:
        return Field(name, constant=column[1:-1])
    path, sign, said = column.rpartition(":")
    if not sign or ">" not in said:
        return Field(name, tuple(column.split(".")))
    values = {}
    for pair in said.split(","):
        word, sign, meant = pair.partition(">")
        if not sign or not meant.strip():
            raise BadInput(f"--map {name}={column}: {pair!r} is no VALUE>MEANING")
        if word.strip() in values:
            raise BadInput(f"--map {name}={column} tells twice what {word.strip()} means")
        values[word.strip()] = meant.strip()
    return Field(name, tuple(path.split(".")), values=values)


def _spelled(value: Any) -> str:
    """A value as people write it: 1.0 is 1, true is true."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def at(value: Any, path: tuple[str, ...]) -> Any:
    """What stands at a path, or MISSING; a name with dots in it goes before a path."""
    if isinstance(value, dict) and (whole := ".".join(path)) in value:
        return value[whole]
    for step in path:
        if isinstance(value, str) and value[:1] in "{[":
            try:
                value = json.loads(value)
            except ValueError:
                return MISSING
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.lstrip("-").isdigit():
            place = int(step)
            if not -len(value) <= place < len(value):
                return MISSING
            value = value[place]
        else:
            return MISSING
    return value
