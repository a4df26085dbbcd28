"""Reads rows from the file formats people have: JSONL, gzip JSONL, Parquet, CSV, and folders
saved by `datasets` (`save_to_disk`) or holding such files. Knows nothing of what a row means.
"""

import csv
import gzip
import json
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from db.errors import BadInput, UnknownName

_KNOWN = "a .jsonl, .jsonl.gz, .parquet or .csv file, or a folder saved by `datasets`"
_JSON_LINES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
_CSV = (".csv", ".csv.gz")
_TEXTS = ("prompt", "chosen", "rejected", "response_a", "response_b")
_LISTS = ("responses", "expected", "ranking")


@dataclass(frozen=True)
class Line:
    """One row as read; `size` is about how many bytes it took. `problem` is set, and `row` empty,
    where it could not be read at all.
    """

    file: str
    number: int
    row: dict[str, Any]
    problem: str | None = None
    size: int = 0


def read_lines(path: str | Path) -> Iterator[Line]:
    """Stream the rows of a file or folder; numbers count from 1, in a text file they are lines.

    Raises UnknownName where there is no such file, and BadInput where its format is not known or
    it cannot be read to its end.
    """
    path = Path(path)
    if not path.exists():
        raise UnknownName(f"there is no file {str(path)!r}; give {_KNOWN}")
    read = 0
    for part in _parts(path) if path.is_dir() else [path]:
        try:
            for line in _reader(part):
                yield line
                read = line.number
        except (OSError, EOFError, zlib.error) as error:
            raise BadInput(
                f"{str(part)!r} cannot be read after row {read} ({error}); "
                "save it again and run this again: nothing is taken twice"
            ) from error


def read_rows(path: str | Path) -> Iterator[dict[str, Any]]:
    """Stream the readable rows only, raising BadInput at the first that is not."""
    for line in read_lines(path):
        if line.problem:
            raise BadInput(f"{line.file} line {line.number}: {line.problem}")
        yield line.row


def _reader(path: Path) -> Iterator[Line]:
    name = path.name.lower()
    if name.endswith((*_JSON_LINES, ".json", ".json.gz")):
        return _json_lines(path)
    if name.endswith(_CSV):
        return _csv(path)
    if name.endswith((".parquet", ".arrow")):
        return _columns(path)
    raise BadInput(f"the format of {str(path)!r} is not known; give {_KNOWN}")


def _parts(folder: Path) -> list[Path]:
    """What `datasets` saved, else every file of rows, without the rejects of earlier imports."""
    for suffixes in ((".arrow",), (".parquet", *_JSON_LINES, *_CSV)):
        found = sorted(p for p in folder.rglob("*") if p.name.lower().endswith(suffixes))
        found = [p for p in found if not p.name.startswith("cache-")]
        found = [p for p in found if not p.name.endswith(".rejects.jsonl")]
        if found:
            return found
    raise BadInput(f"folder {str(folder)!r} holds no rows; give {_KNOWN}")


def _open_text(path: Path) -> IO[str]:
    with path.open("rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    # What is not UTF-8 becomes a lone surrogate, so that it costs its own row and no other.
    how: dict[str, Any] = {"encoding": "utf-8-sig", "errors": "surrogateescape", "newline": ""}
    text: IO[str] = (gzip.open if zipped else open)(path, "rt", **how)
    return text


def _require_utf8(path: Path, stream: IO[str]) -> None:
    """Raise BadInput for a file that begins as UTF-16 does, of which no row could be read."""
    beginning = stream.read(2).encode("utf-8", "surrogateescape")
    if beginning in (b"\xff\xfe", b"\xfe\xff"):
        raise BadInput(f"{str(path)!r} is UTF-16; save it as UTF-8")
    stream.seek(0)


def _json_lines(path: Path) -> Iterator[Line]:
    with _open_text(path) as stream:
        _require_utf8(path, stream)
        for number, text in enumerate(stream, 1):
            if number == 1 and text.lstrip().startswith("["):
                raise BadInput(f"{str(path)!r} is one JSON list; write one object a line")
            if text.strip():
                yield _parsed(path, number, text)


def _parsed(path: Path, number: int, text: str) -> Line:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Line(str(path), number, {}, f"not JSON ({error}): {text.strip()[:80]!r}")
    if not isinstance(row, dict):
        return Line(str(path), number, {}, f"not a JSON object: {text.strip()[:80]!r}")
    return Line(str(path), number, row, size=len(text))


def _csv(path: Path) -> Iterator[Line]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with _open_text(path) as stream:
        _require_utf8(path, stream)
        reader = csv.reader(stream, strict=True)
        header = next(reader, [])
        if len(header) == 1 and (found := [mark for mark in ";\t|" if mark in header[0]]):
            raise BadInput(
                f"{str(path)!r} separates its columns by {found[0]!r}; save it with commas"
            )
        if len(set(header)) < len(header):
            raise BadInput(f"{str(path)!r} names a column twice in {header!r}; rename one")
        while True:
            number = reader.line_num + 1
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Line(str(path), number, {}, f"not CSV ({error})")
                continue
            if values:
                yield _csv_line(path, number, header, values)


def _csv_line(path: Path, number: int, header: list[str], values: list[str]) -> Line:
    if len(values) != len(header):
        problem = f"has {len(values)} values where the header has {len(header)} names"
        return Line(str(path), number, {}, problem)
    row = {k: _csv_value(k, v) for k, v in zip(header, values, strict=True)}
    return Line(str(path), number, row, size=sum(map(len, values)))


def _csv_value(name: str, value: str) -> Any:
    # CSV has no null: an empty response is a response, an empty anything else is missing.
    if value == "":
        return value if name in _TEXTS and name != "prompt" else None
    if value[0] not in "[{" or name not in (*_TEXTS, *_LISTS):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    # A text may look like JSON; a conversation is a list of objects with a role.
    talk = isinstance(found, list) and all(isinstance(m, dict) and "role" in m for m in found)
    return found if name in _LISTS or (talk and found) else value


def _columns(path: Path) -> Iterator[Line]:
    import pyarrow
    import pyarrow.ipc
    import pyarrow.parquet

    try:
        if path.suffix.lower() == ".parquet":
            with pyarrow.parquet.ParquetFile(path) as file:
                yield from _batches(path, file.iter_batches(batch_size=200))
            return
        with pyarrow.memory_map(str(path)) as source:
            seekable = source.read(6) == b"ARROW1"
            source.seek(0)
            if seekable:
                whole = pyarrow.ipc.open_file(source)
                batches = map(whole.get_batch, range(whole.num_record_batches))
                yield from _batches(path, batches)
            else:
                yield from _batches(path, pyarrow.ipc.open_stream(source))
    except pyarrow.ArrowException as error:
        raise BadInput(
            f"{str(path)!r} is not a readable {path.suffix[1:]} file ({error}); save it again"
        ) from error


def _batches(path: Path, batches: Any) -> Iterator[Line]:
    number = 0
    for batch in batches:
        size = batch.nbytes // max(1, len(batch))
        for start in range(0, len(batch), 200):
            for row in batch.slice(start, 200).to_pylist():
                number += 1
                yield Line(str(path), number, row, size=size)
