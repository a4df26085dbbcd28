"""Reads rows from the file formats people have: JSONL, gzip JSONL, Parquet, CSV, and folders
saved by `datasets` (`save_to_disk`) or holding such files. Knows nothing of what a row means.

Whatever a reader meets, its caller meets one sentence about the file, or about one row of it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from db.errors import BadInput, TiebreakError, UnknownName
from db.files.columns import read_columns
from db.files.limits import FileLimits
from db.files.line import Line, unreadable
from db.files.text import read_csv, read_json_lines

_KNOWN = "a .jsonl, .jsonl.gz, .parquet or .csv file, or a folder saved by `datasets`"
_JSON_LINES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
_CSV = (".csv", ".csv.gz")
_COLUMNS = (".parquet", ".arrow")


def read_lines(path: str | Path, limits: FileLimits | None = None) -> Iterator[Line]:
    """Stream the rows of a file or folder; numbers count from 1, in a text file they are lines.

    A row over the limits is a line with a problem. Raises UnknownName where there is no such file,
    and BadInput where its format is not known, it cannot be read to its end or it unpacks to more
    than the limits allow.
    """
    path, limits = Path(path), limits or FileLimits()
    if not path.exists():
        raise UnknownName(f"there is no file {str(path)!r}; give {_KNOWN}")
    read = 0
    for part in _parts(path) if path.is_dir() else [path]:
        try:
            for line in _reader(part, limits):
                yield line.within(limits)
                read = line.number
        except TiebreakError:
            raise
        except Exception as error:  # readers raise what they like
            raise BadInput(
                f"{str(part)!r} cannot be read after row {read} ({unreadable(error)}); "
                "save it again and run this again: nothing is taken twice"
            ) from error


def read_rows(path: str | Path, limits: FileLimits | None = None) -> Iterator[dict[str, Any]]:
    """Stream the readable rows only, raising BadInput at the first that is not."""
    for line in read_lines(path, limits):
        if line.problem:
            raise BadInput(f"{line.file} line {line.number}: {line.problem}")
        yield line.row


def _reader(path: Path, limits: FileLimits) -> Iterator[Line]:
    name = path.name.lower()
    if not path.is_file():  # a pipe would be waited for without end
        raise BadInput(f"{str(path)!r} is no regular file; give {_KNOWN}")
    if name.endswith((*_JSON_LINES, ".json", ".json.gz")):
        return read_json_lines(path, limits)
    if name.endswith(_CSV):
        return read_csv(path, limits)
    if name.endswith(_COLUMNS):
        return read_columns(path, limits)
    raise BadInput(f"the format of {str(path)!r} is not known; give {_KNOWN}")


def _parts(folder: Path) -> list[Path]:
    """What `datasets` saved, else every file of rows, without the rejects of earlier imports."""
    for suffixes in ((".arrow",), (".parquet", *_JSON_LINES, *_CSV)):
        found = sorted(p for p in folder.rglob("*") if p.name.lower().endswith(suffixes))
        found = [p for p in found if not p.name.startswith("cache-") and not p.is_dir()]
        found = [p for p in found if not p.name.endswith(".rejects.jsonl")]
        if found:
            return found
    raise BadInput(f"folder {str(folder)!r} holds no rows; give {_KNOWN}")
