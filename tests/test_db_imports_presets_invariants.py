"""No preset loses a column in silence, and none stops at a row it does not understand."""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.files import read_lines
from db.files.line import Line
from db.imports.fields import BadRow, Row, one_reason
from db.imports.presets import PRESETS
from db.imports.presets.preset import Preset

each = pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)

LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "from", "value", "text", "score", "model"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


def lines_of(preset: Preset, at: int = 0, **more: Any) -> list[Line]:
    """The rows of a preset's example, one of them with other values."""
    rows = [dict(row) for row in (preset.example, *preset.beside)]
    rows[at] |= more
    return [Line("rows.jsonl", number, row) for number, row in enumerate(rows, 1)]


def read(preset: Preset, lines: list[Line]) -> list[Row | str]:
    """Rows, and why others were refused."""
    if preset.whole is not None:
        found = [row for _, row in preset.whole(lines)]
        return [str(row) if isinstance(row, BadRow) else row for row in found]
    try:
        with one_reason():
            return [row for line in lines for row in preset.rows(line.row)]
    except BadRow as error:
        return [str(error)]


@each
@pytest.mark.parametrize("value", ["another", 1.5, ["another"]])
def test_a_column_that_is_read_makes_a_difference_or_a_refusal(
    preset: Preset, value: object
) -> None:
    as_it_is = read(preset, lines_of(preset))
    rows = range(1 + len(preset.beside))
    silent = {
        column
        for column in preset.columns
        if all(read(preset, lines_of(preset, at, **{column: value})) == as_it_is for at in rows)
    }
    assert silent <= set(preset.dropped)


@each
def test_the_rows_of_an_example_are_the_same_from_parquet(preset: Preset, tmp_path: Path) -> None:
    """A Parquet file has the columns of its first row, so each shape of rows is a file."""
    lines = lines_of(preset)
    taken = []
    for columns, alike in groupby([line.row for line in lines], key=list):
        file = tmp_path / f"{len(taken)}-{len(columns)}.parquet"
        try:
            pq.write_table(pa.Table.from_pylist(list(alike)), file)
        except pa.ArrowInvalid:
            pytest.skip("the format mixes types in one column, which Parquet does not hold")
        taken += read_lines(file)
    assert read(preset, taken) == read(preset, lines)


@each
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_row_stops_a_preset(preset: Preset, data: st.DataObject) -> None:
    columns = data.draw(st.lists(st.sampled_from(sorted(preset.columns)), min_size=1, max_size=4))
    read(preset, lines_of(preset, **{column: data.draw(VALUES) for column in columns}))


def places(value: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where every value inside a row stands, and where every object could have one key more."""
    if isinstance(value, dict):
        yield (*at, "one more")
    items: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
    elif len(at) > 1:
        yield at
    for key, inner in items:
        yield from places(inner, (*at, key))


def changed(row: Row, at: tuple[str | int, ...], value: object) -> Row:
    """A copy of a row with another value at a place."""
    copy = deepcopy(row)
    inner: Any = copy
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    return copy


@each
@pytest.mark.parametrize("value", ["another", 7.25])
def test_a_value_inside_a_column_makes_a_difference_or_is_named(
    preset: Preset, value: object
) -> None:
    rows: list[Row] = [preset.example, *preset.beside]
    as_it_is = read(preset, lines_of(preset))
    silent = set()
    for number, row in enumerate(rows):
        for at in places(row):
            other = [*rows[:number], changed(row, at, value), *rows[number + 1 :]]
            lines = [Line("rows.jsonl", n, each) for n, each in enumerate(other, 1)]
            name = ".".join(str(key) for key in at if isinstance(key, str))
            known = any(name == left or name.startswith(f"{left}.") for left in preset.dropped)
            known = known or set(preset.inside(other[number])) > set(preset.inside(row))
            if len(at) > 1 and not known and read(preset, lines) == as_it_is:
                silent.add(name)
    assert silent == set()
