"""Opens files for an import: which preset reads them, and every row as rows of ours.

What is recognised, renamed, left out or not read is named. A column that no import may lose
(`db.imports.columns.looks_like`) and that nothing reads refuses the file, or, where it turns up
behind the first rows, its row.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from db.errors import BadInput
from db.files import Rows, open_rows
from db.files.line import Line
from db.files.packed import bare_name
from db.imports.choosing import choose, readable
from db.imports.columns import Names, is_empty, listed, looks_like, whole_id
from db.imports.exported import parts_of
from db.imports.fields import BadRow, Row, one_reason
from db.imports.mapping import MISSING, at
from db.imports.options import ImportOptions, Kind
from db.imports.presets import PRESETS, named
from db.imports.presets.inner import stands
from db.imports.presets.own import NAME
from db.imports.presets.preset import Columns, Preset, Read
from db.imports.presets.verdicts import coded, counted

_LOOKED_AT, _LETTERS = 50, 4_000_000  # rows and letters by which the shape of a file is told
_IDS = ("pair_id", "id", "prompt_id", "question_id", "uid")
_TABLES = (".csv", ".tsv", ".tab")  # whose cells are texts, also those that were numbers

Unit = tuple[Line, list[Row] | BadRow]
"""What one row of a file became: rows of ours, or why there is none."""


@dataclass(frozen=True)
class _Shaped(Line):
    """A row as its preset is given it; `source` is the row as it stands in the file."""

    source: Line | None = None


@dataclass
class _Shape:
    """Makes of a row of a file the row that a preset is given."""

    options: ImportOptions
    names: Names

    def of(self, line: Line) -> Row:
        """Without ignored columns, under the names that are known. Raises BadRow."""
        if line.problem:
            raise BadRow(None, line.problem)
        row = line.row
        if self.options.ignore:
            row = {name: row[name] for name in row if name not in self.options.ignore}
        if self.options.columns is not None:
            row = self.options.columns.of(row)
        row = self.names.of(row)
        if bare_name(line.file).endswith(_TABLES):
            row = row | {name: whole_id(row[name]) for name in _IDS if name in row}
        return row


@dataclass
class Reading:
    """One file, or several whose rows need each other, and how it is read.

    `notes`, `unread` (columns that nothing read) and `left` (columns that the preset knowingly
    leaves, with the reason) are whole once `units` is used up; `rows` counts as they come.
    """

    path: Path
    preset: Preset
    unread: dict[str, None] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    _shape: _Shape = field(kw_only=True)
    _lines: Iterator[Line] = field(kw_only=True)
    _opened: list[Rows] = field(kw_only=True)
    _known: set[str] = field(default_factory=set)
    _counted: frozenset[str] = frozenset()
    _kept: set[str] = field(default_factory=set)

    @property
    def notes(self) -> list[str]:
        """What the readers of the files say of them, and what was to be kept and is not there."""
        lacking = [name for name in self._shape.options.keep if name not in self._kept]
        return [note for one in self._opened for note in one.notes] + [
            f"{self.path.name}: no row has {name!r}, which --keep names" for name in lacking
        ]

    @property
    def read_as(self) -> dict[str, str]:
        """Columns that were read under another name than they have."""
        return self._shape.names.read_as

    def units(self) -> Iterator[Unit]:
        """Every row of the file once: in order, or as a preset that needs them all gives them."""
        if self.preset.whole is None:
            yield from map(self._unit, self._lines)
        else:
            yield from self._whole(self.preset.whole)

    def look(self, first: Sequence[Row]) -> None:
        """Raise BadInput where first rows have columns that must not be lost and nothing reads."""
        lost: dict[str, str] = {}
        for row in first:
            lost |= self._unread(row)
        self._counted = counted(first)
        if self.preset.name == NAME and (column := coded(first)):
            raise BadInput(self._uncounted(column))
        if lost:
            raise BadInput(f"it has columns that {self._lost(lost)}")

    def _unit(self, line: Line) -> Unit:
        self.rows += 1
        try:
            with one_reason():
                return line, self._with_kept(line, self.preset.rows(self._checked(line)))
        except BadRow as error:
            return line, error

    def _whole(self, whole: Callable[[Iterable[Line]], Iterator[Read]]) -> Iterator[Unit]:
        bad: list[Unit] = []

        def shaped() -> Iterator[Line]:
            for line in self._lines:
                self.rows += 1
                try:
                    with one_reason():
                        row = self._checked(line)
                    yield _Shaped(line.file, line.number, row, None, line.size, line)
                except BadRow as error:
                    bad.append((line, error))

        for line, found in whole(shaped()):
            source = (isinstance(line, _Shaped) and line.source) or line
            yield source, found if isinstance(found, BadRow) else self._with_kept(source, [found])
        yield from bad

    def _checked(self, line: Line) -> Row:
        row = self._shape.of(line)
        if lost := self._unread(row):
            raise BadRow(list(lost), f"it has columns that {self._lost(lost)}")
        if self.preset.name == NAME and (column := coded([row], self._counted)):
            raise BadRow(row[column], self._uncounted(column))
        return row

    def _with_kept(self, line: Line, rows: list[Row]) -> list[Row]:
        kept = {}
        for name in self._shape.options.keep:
            if (value := at(line.row, tuple(name.split(".")))) is not MISSING:
                kept[name] = value
        self._kept |= kept.keys()
        return [{**row, "meta": (row.get("meta") or {}) | kept} for row in rows] if kept else rows

    def _unread(self, row: Row) -> dict[str, str]:
        """Notes what is not read; returns what of it must not be lost, with what it looks like."""
        odd = [name for name in row if name not in self._known]
        if odd:
            reads = self.preset.reads(frozenset(row), row)
            self._known |= reads
            odd = [name for name in odd if name not in reads]
        inside = dict.fromkeys(self.preset.inside(row))
        odd += inside
        for column, why in self.preset.dropped.items():
            if column not in self.left and stands(row, column):
                self.left[column] = why
        options = self._shape.options
        odd = [
            name
            for name in odd
            if name not in options.ignore
            and (name not in options.keep or name not in row)
            and not is_empty(row.get(name, name))
        ]
        self.unread |= dict.fromkeys(odd)
        own = self.preset.name == NAME  # whose lists hold answers and nothing else
        keys = {name: name.rpartition(".")[2] for name in inside if not own}
        return {name: what for name in odd if (what := looks_like(keys.get(name, name)))}

    def _uncounted(self, column: str) -> str:
        mapped = self._shape.options.columns
        paths = {each.name: ".".join(each.path) for each in (mapped.fields if mapped else ())}
        return (
            f"{column} holds 0 or 1, and no 2 in the first rows, so that nobody can tell what 1 "
            f"means; say it, as in --map 'choice={paths.get(column, column)}:1>a,0>b'"
        )

    def _lost(self, lost: Mapping[str, str]) -> str:
        told = listed([f"{name} (looks like {what})" for name, what in lost.items()])
        return (
            f"{self.preset.name} does not read and that may not be lost: {told}; tell what each is "
            "with --map, keep it with its pair with --keep COLUMN, or say --ignore COLUMN"
        )


def open_readings(
    kind: Kind, files: Sequence[str | Path], options: ImportOptions
) -> Iterator[Reading]:
    """Each of these files, opened when it is asked for; those whose rows need each other together.

    Raises BadInput or UnknownName for a file that cannot be used.
    """
    files = [part for file in files for part in parts_of(kind, Path(file))]
    groups: list[Sequence[str | Path]] = [[file] for file in files]
    if len(files) > 1 and _together(kind, files, options):
        groups = [files]
    for group in groups:
        opened = [open_rows(file, options.limits, options.split, options.ignore) for file in group]
        yield _reading(kind, [Path(file) for file in group], opened, options)


def _reading(kind: Kind, paths: list[Path], opened: list[Rows], options: ImportOptions) -> Reading:
    lines = chain.from_iterable(one.lines for one in opened)
    first = _first(lines)
    shape = _Shape(options, Names(readable(kind, options.preset)))
    try:
        if options.columns is not None:
            whole = replace(options, columns=None)
            options.columns.require(_first_rows(first, _Shape(whole, Names(()))))
        rows = _first_rows(first, shape)
        preset = choose(kind, _columns(rows), rows, options.preset)
        reading = Reading(
            paths[0], preset, _shape=shape, _lines=_again(first, lines), _opened=opened
        )
        reading.look(rows)
    except BadInput as error:
        raise type(error)(f"{paths[0].name!r}: {error}") from None
    return reading


def _together(kind: Kind, files: Sequence[str | Path], options: ImportOptions) -> bool:
    """Whether one preset whose rows need each other reads all of these files."""
    if options.preset is not None:
        return options.preset != NAME and named(options.preset).whole is not None
    shape = _Shape(options, Names(readable(kind, options.preset)))
    found = [p for p in PRESETS if p.kind == kind and p.whole is not None]
    for file in files:
        opened = open_rows(file, options.limits, options.split, options.ignore)
        rows = _first_rows(_first(opened.lines), shape)
        columns = _columns(rows)
        found = [p for p in found if 2 * sum(p.fits(columns, row) for row in rows) > len(rows)]
    return bool(found)


def _first(lines: Iterator[Line]) -> deque[Line]:
    """The first lines: many short ones, or a few long ones."""
    found: deque[Line] = deque()
    size = 0
    for line in lines:
        found.append(line)
        size += line.size
        if len(found) >= _LOOKED_AT or size >= _LETTERS:
            break
    return found


def _again(first: deque[Line], lines: Iterator[Line]) -> Iterator[Line]:
    """The first lines, each held no longer than it is wanted, and those behind them."""
    while first:
        yield first.popleft()
    yield from lines


def _first_rows(lines: Iterable[Line], shape: _Shape) -> list[Row]:
    found = []
    for line in lines:
        with suppress(BadRow), one_reason():
            found.append(shape.of(line))
    return found


def _columns(rows: Iterable[Row]) -> Columns:
    return frozenset(name for row in rows for name, value in row.items() if value is not None)
