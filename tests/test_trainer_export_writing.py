"""Rows written a portion at a time are the bytes that pyarrow writes of them all at once."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from trainer.export.writing import OBJECTS, Parquet

SCHEMA = pa.schema(
    [
        ("pair_id", pa.string()),
        ("tools", OBJECTS),
        ("said", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ("meta", pa.struct([("p_a", pa.float64()), ("flags", pa.list_(pa.string()))])),
        ("both_bad", pa.bool_()),
        ("strength", pa.int8()),
    ]
)
TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=9)
SAID = st.lists(st.fixed_dictionaries({"role": TEXT, "content": TEXT}), max_size=2)
META = st.fixed_dictionaries({}, optional={"p_a": st.floats(0, 1), "flags": st.lists(TEXT)})
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "pair_id": TEXT,
    "tools": st.none() | st.lists(st.dictionaries(TEXT, st.integers() | TEXT, max_size=2)),
    "said": st.none() | SAID,
    "meta": st.none() | META,
    "both_bad": st.none() | st.booleans(),
    "strength": st.none() | st.integers(-1, 3),
}
ROWS = st.lists(st.fixed_dictionaries({}, optional=VALUES), max_size=40)


def at_once(path: Path, rows: list[dict[str, Any]]) -> bytes:
    """The table of these rows, made of dicts and written by pyarrow itself."""
    stored = pa.schema([pa.field(f.name, _texts(f.type)) for f in SCHEMA])
    told = [row | {"tools": _json(row.get("tools"))} for row in rows]
    table = pa.Table.from_pylist(told, schema=stored).cast(SCHEMA)
    coded = ["tools.list.element", "said.list.element.role", "meta.p_a", "meta.flags.list.element",
             "both_bad", "strength"]  # fmt: skip
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", use_dictionary=coded) as writer:
        if rows:
            writer.write_table(table)
    return path.read_bytes()


def _texts(kind: pa.DataType) -> pa.DataType:
    return pa.list_(pa.string()) if kind == OBJECTS else kind


def _json(tools: list[Any] | None) -> list[str] | None:
    if tools is None:
        return None
    return [json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in tools]


@given(rows=ROWS)
def test_portions_are_the_bytes_of_one_table(
    tmp_path_factory: Any, rows: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("written")
    by_row, by_value = (Parquet(folder, name, SCHEMA) for name in ("row", "value"))
    for row in rows:
        by_row.add(row, letters=1_500_000)  # four million are a portion: three rows
        by_value.put([row.get(name) for name in SCHEMA.names], letters=1)
    wanted = at_once(folder / "one.parquet", rows)
    (row_file,), (value_file,) = by_row.close(), by_value.close()
    assert (folder / row_file).read_bytes() == (folder / value_file).read_bytes() == wanted


def test_a_group_of_rows_ends_after_ten_thousand(tmp_path: Path) -> None:
    table = Parquet(tmp_path, "votes", pa.schema([("sample", pa.int32())]))
    for n in range(25_000):
        table.put((n,), letters=0)
    (name,) = table.close()
    read = pq.ParquetFile(tmp_path / name)
    sizes = [read.metadata.row_group(i).num_rows for i in range(read.num_row_groups)]
    assert sizes == [10_000, 10_000, 5_000]
    assert read.read()["sample"].to_pylist() == list(range(25_000))
