"""Tables written row by row with flat memory; the same rows are the same bytes.

Leaves out what a row is (`trainer.export.layouts`).
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]

_ROWS_A_FILE = 100_000  # some hundred megabytes of text at most
_ROWS_A_GROUP, _BYTES_A_GROUP = 10_000, 16_000_000
_ROWS_AT_ONCE, _LETTERS_AT_ONCE = 500, 4_000_000  # of Python objects, before they become Arrow
OBJECTS = pa.list_(pa.json_())
"""A list of objects with whatever keys each has; `datasets` reads them key for key."""

_DIFFERENT = {
    *("content", "prompt", "chosen", "rejected", "response_a", "response_b", "rationale"),
    *("pair_id", "pair_hash", "prompt_hash", "group"),
}
"""Columns whose values hardly repeat, so that no dictionary of them is tried."""


class Writer(Protocol):
    """A table in the making."""

    def add(self, row: Row, letters: int) -> None:
        """Write one row; `letters` is about how much text it holds."""

    def close(self) -> dict[str, str]:
        """End the table: its files, relative to the export's folder, and the sha256 of each."""


class HashedFile:
    """A file that is hashed as it is written, so that the hash is of these bytes and no others."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write and hash."""
        self._digest.update(data)
        return self._stream.write(data)

    def flush(self) -> None:
        """As a file does."""
        self._stream.flush()

    def close(self) -> str:
        """Close the file; the sha256 of all that was written."""
        self._stream.close()
        return self._digest.hexdigest()


class Parquet:
    """`NAME-00000-of-00002.parquet` and so on: a hundred thousand rows a file, zstd.

    A row group ends after so many rows or bytes, whatever portions the rows came in.
    """

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        self._folder, self._name, self._schema = folder, name, schema
        self._stored = pa.schema([pa.field(each.name, _stored(each.type)) for each in schema])
        self._json = {i for i, each in enumerate(schema) if _stored(each.type) != each.type}
        self._coded = [path for path in _leaves(schema) if path.rsplit(".")[-1] not in _DIFFERENT]
        self._waiting: list[Sequence[Any]] = []
        self._letters = 0
        self._group: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0  # of the group
        self._file: HashedFile | None = None
        self._table: pq.ParquetWriter | None = None
        self._in_file = 0
        self._digests: list[str] = []
        _made(folder / name)
        self._open()

    def add(self, row: Row, letters: int) -> None:
        """Write one row; a column that it lacks is null there."""
        self.put(tuple(map(row.get, self._schema.names)), letters)

    def put(self, values: Sequence[Any], letters: int) -> None:
        """Write one row that is given as its values, in the order of the schema."""
        if self._in_file == _ROWS_A_FILE:
            self._end_file()
            self._open()
        self._in_file += 1
        self._waiting.append(values)
        self._letters += letters
        if len(self._waiting) >= _ROWS_AT_ONCE or self._letters >= _LETTERS_AT_ONCE:
            self._pack()

    def close(self) -> dict[str, str]:
        """End the last file, and name all of them by how many there are."""
        self._end_file()
        files = {}
        for number, digest in enumerate(self._digests):
            name = f"{self._name}-{number:05d}-of-{len(self._digests):05d}.parquet"
            self._part(number).rename(self._folder / name)
            files[name] = digest
        return files

    def _part(self, number: int) -> Path:
        return self._folder / f"{self._name}-{number:05d}"

    def _open(self) -> None:
        self._file = HashedFile(self._part(len(self._digests)).open("wb"))
        self._table = pq.ParquetWriter(
            pa.PythonFile(self._file, mode="w"),
            self._schema,
            compression="zstd",
            use_dictionary=self._coded,
        )
        self._in_file = 0

    def _pack(self) -> None:
        """What waits becomes Arrow, and a row group where there is enough of it."""
        if self._waiting:
            columns = [
                pa.array(map(_coded, values) if i in self._json else values, self._stored[i].type)
                for i, values in enumerate(zip(*self._waiting, strict=True))
            ]
            batch = pa.RecordBatch.from_arrays(columns, schema=self._stored)
            self._group.append(batch)
            self._rows += batch.num_rows
            self._bytes += batch.nbytes
        self._waiting, self._letters = [], 0
        if self._rows >= _ROWS_A_GROUP or self._bytes >= _BYTES_A_GROUP:
            self._end_group()

    def _end_group(self) -> None:
        if self._group and self._table:
            table = pa.Table.from_batches(self._group).cast(self._schema)
            self._table.write_table(table, row_group_size=2**31 - 1)
        self._group = []
        self._rows = self._bytes = 0

    def _end_file(self) -> None:
        self._pack()
        self._end_group()
        if self._table and self._file:
            self._table.close()
            self._digests.append(self._file.close())
        self._table = self._file = None


class JsonLines:
    """`NAME.jsonl`: one JSON object a line."""

    def __init__(self, folder: Path, name: str) -> None:
        self._name = f"{name}.jsonl"
        self._file = HashedFile(_made(folder / self._name).open("wb"))

    def add(self, row: Row, letters: int) -> None:
        """Write one row."""
        self._file.write(f"{json_text(row)}\n".encode())

    def close(self) -> dict[str, str]:
        """End the file."""
        return {self._name: self._file.close()}


class JsonList:
    """`NAME.json`: one JSON list, an object a line."""

    def __init__(self, folder: Path, name: str) -> None:
        self._name = f"{name}.json"
        self._file = HashedFile(_made(folder / self._name).open("wb"))
        self._before = "[\n"

    def add(self, row: Row, letters: int) -> None:
        """Write one row."""
        self._file.write(f"{self._before}{json_text(row)}".encode())
        self._before = ",\n"

    def close(self) -> dict[str, str]:
        """End the list."""
        self._file.write(b"[]\n" if self._before == "[\n" else b"\n]\n")
        return {self._name: self._file.close()}


class Csv:
    """`NAME.csv`: UTF-8, commas, a header; what is no text is JSON, and nothing is empty."""

    def __init__(self, folder: Path, name: str, columns: Sequence[str]) -> None:
        self._name = f"{name}.csv"
        self._file = HashedFile(_made(folder / self._name).open("wb"))
        self._columns = columns
        self._write(columns)

    def add(self, row: Row, letters: int) -> None:
        """Write one row."""
        values = (row.get(name) for name in self._columns)
        self._write(
            [v if isinstance(v, str) else "" if v is None else json_text(v) for v in values]
        )

    def close(self) -> dict[str, str]:
        """End the file."""
        return {self._name: self._file.close()}

    def _write(self, cells: Sequence[str]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(cells)
        self._file.write(line.getvalue().encode())


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def json_text(value: Any) -> str:
    """A value as JSON, its letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _stored(kind: pa.DataType) -> pa.DataType:
    """The type that a list of JSON values is stored as; other types are themselves."""
    return pa.list_(pa.string()) if kind == OBJECTS else kind


def _coded(value: Sequence[Any] | None) -> list[str] | None:
    return None if value is None else [json_text(each) for each in value]


def _leaves(fields: Iterable[pa.Field], above: str = "") -> Iterator[str]:
    """The columns of a schema as Parquet calls them."""
    for field in fields:
        path, kind = f"{above}{field.name}", field.type
        if pa.types.is_list(kind):
            path, kind = f"{path}.list.element", kind.value_type
        if pa.types.is_struct(kind):
            yield from _leaves(kind.fields, f"{path}.")
        else:
            yield path
