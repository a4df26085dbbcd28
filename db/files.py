"""Reads rows from the file formats people have: JSONL, gzip JSONL, Parquet, CSV, and folders
saved by `datasets` (`save_to_disk`) or holding Parquet. Knows nothing of what a row means.
"""

import csv
import gzip
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from db.errors import BadInput, UnknownName

_KNOWN = "a .jsonl, .jsonl.gz, .parquet or .csv file, or a folder saved by `datasets`"


@dataclass(frozen=True)
class Line:
    """One row as read. `problem` is set, and `row` empty, where it could not be read at all."""

    file: str
    number: int
    row: dict[str, Any]
    problem: str | None = None


def read_lines(path: str | Path) -> Iterator[Line]:
    """Stream the rows of a file or folder; numbers count from 1.

    Raises UnknownName where there is no such file and BadInput where its format is not known.
    """
    path = Path(path)
    if not path.exists():
        raise UnknownName(f"there is no file {str(path)!r}; give {_KNOWN}")
    if path.is_dir():
        for part in _parts(path):
            yield from read_lines(part)
        return
    name = path.name.lower()
    if name.endswith((".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz", ".json.gz", ".json")):
        yield from _json_lines(path)
    elif name.endswith(".parquet"):
        yield from _parquet(path)
    elif name.endswith((".csv", ".csv.gz")):
        yield from _csv(path)
    elif name.endswith(".arrow"):
        yield from _arrow(path)
    else:
        raise BadInput(f"the format of {str(path)!r} is not known; give {_KNOWN}")


def read_rows(path: str | Path) -> Iterator[dict[str, Any]]:
    """Stream the readable rows only, raising BadInput at the first that is not."""
    for line in read_lines(path):
        if line.problem:
            raise BadInput(f"{line.file} line {line.number}: {line.problem}")
        yield line.row


def _parts(folder: Path) -> list[Path]:
    for pattern in ("**/*.arrow", "**/*.parquet", "**/*.jsonl", "**/*.jsonl.gz"):
        found = sorted(p for p in folder.glob(pattern) if not p.name.startswith("cache-"))
        if found:
            return found
    raise BadInput(f"folder {str(folder)!r} holds no rows; give {_KNOWN}")


def _open_text(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open("rt", encoding="utf-8-sig", newline="")


def _json_lines(path: Path) -> Iterator[Line]:
    with _open_text(path) as stream:
        lines = enumerate(stream, 1)
        while True:
            try:
                number, text = next(lines)
            except StopIteration:
                return
            except (OSError, EOFError, UnicodeDecodeError) as error:
                raise BadInput(f"{str(path)!r} cannot be read ({error}); save it again") from error
            if text.strip():
                yield _parsed(path, number, text)


def _parsed(path: Path, number: int, text: str) -> Line:
    try:
        row = json.loads(text)
    except ValueError as error:
        return Line(str(path), number, {}, f"not JSON ({error}): {text.strip()[:80]!r}")
    if not isinstance(row, dict):
        return Line(str(path), number, {}, f"not a JSON object: {text.strip()[:80]!r}")
    return Line(str(path), number, row)


def _csv(path: Path) -> Iterator[Line]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with _open_text(path) as stream:
        for number, row in enumerate(csv.DictReader(stream, restkey="_more"), 2):
            if "_more" in row or None in row.values():
                yield Line(str(path), number, {}, "has not as many values as the header has names")
            else:
                yield Line(str(path), number, {k: _csv_value(k, v) for k, v in row.items()})


def _csv_value(name: str, value: str) -> Any:
    # CSV has no null: an empty response is a response, an empty anything else is missing.
    if value == "" and not name.startswith("response"):
        return None
    if value[:2] in ("[{", '["') and name in _JSON_COLUMNS:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


_JSON_COLUMNS = ("prompt", "chosen", "rejected", "messages", "responses", "expected", "ranking")


def _parquet(path: Path) -> Iterator[Line]:
    import pyarrow.lib
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            yield from _batches(path, file.iter_batches(batch_size=1000))
    except (pyarrow.lib.ArrowInvalid, OSError) as error:
        raise BadInput(f"{str(path)!r} is not a readable Parquet file ({error})") from error


def _arrow(path: Path) -> Iterator[Line]:
    import pyarrow.ipc

    with pyarrow.memory_map(str(path)) as source:
        yield from _batches(path, pyarrow.ipc.open_stream(source))


def _batches(path: Path, batches: Any) -> Iterator[Line]:
    number = 0
    for batch in batches:
        for row in batch.to_pylist():
            number += 1
            yield Line(str(path), number, row)
