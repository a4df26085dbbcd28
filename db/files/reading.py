"""Reads rows from the file formats people have: JSON and JSON lines, CSV and TSV, each also packed;
Parquet and Arrow; folders of such files, as `datasets` saves them or hubs keep them. Knows nothing
of what a row means.

Whatever a reader meets, its caller meets one sentence about the file, or about one row of it.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from db.errors import BadInput, TiebreakError, UnknownName
from db.files.columns import read_columns
from db.files.csv_rows import read_csv
from db.files.folders import parts
from db.files.json_rows import LINES, read_json
from db.files.limits import FileLimits
from db.files.line import Line, unreadable
from db.files.packed import plain_name
from db.files.splits import require_none

_JSON = (*LINES, ".json")
_CSV = (".csv", ".tsv", ".tab")
_COLUMNS = (".parquet", ".arrow", ".feather")
_ENDINGS = (
    (".arrow",),
    (".parquet", ".feather", *LINES, *_CSV),
    (".json",),
)  # what a folder holds, first
_KNOWN = (
    "a .jsonl, .json, .csv, .tsv, .parquet or .arrow file (texts also as .gz, .zst, .bz2, .xz or "
    ".zip), or a folder saved by `datasets`"
)


@dataclass
class Rows:
    """The rows of a file or folder, to be read once. `notes` says what was recognised or passed
    over, each once, for whoever wants the rows to see: whole when the lines are read, and what
    concerns all of a file is there with its first line.
    """

    lines: Iterator[Line]
    notes: list[str] = field(default_factory=list)


def open_rows(
    path: str | Path,
    limits: FileLimits | None = None,
    split: str | None = None,
    ignore: Collection[str] = (),
) -> Rows:
    """The rows of a file or folder, streamed; `split` names the part to read of several, or `all`.
    Columns to `ignore` are not looked into, so that what cannot be kept of them costs no row.

    A line's number counts from 1: lines of JSON lines and CSV, items of a list, rows of a column
    file. A row over the limits is a line with a problem. Raises UnknownName where there is no such
    file, and BadInput where its format is not known or it has parts and none is named; while the
    lines are read, BadInput where it cannot be read to its end or unpacks to more than the limits
    allow.
    """
    path, limits = Path(path), limits or FileLimits()
    if not path.exists():
        raise UnknownName(f"there is no file {str(path)!r}; give {_KNOWN}")
    notes: list[str] = []
    if not path.is_dir():
        return Rows(_read(path, path.name, notes, limits, split, ignore), notes)
    found = parts(path, _ENDINGS, split, lambda said: notes.append(f"{path.name}: {said}"))
    if not found:
        raise BadInput(f"folder {str(path)!r} holds no rows; give {_KNOWN}")
    names = [str(part.relative_to(path)) for part in found]
    each = zip(found, names, strict=True)
    return Rows(
        chain.from_iterable(_read(p, n, notes, limits, None, ignore) for p, n in each), notes
    )


def read_lines(path: str | Path, limits: FileLimits | None = None) -> Iterator[Line]:
    """The lines of `open_rows` alone, for files that have no parts."""
    yield from open_rows(path, limits).lines


def read_rows(path: str | Path, limits: FileLimits | None = None) -> Iterator[dict[str, Any]]:
    """Stream the readable rows only, raising BadInput at the first that is not."""
    for line in read_lines(path, limits):
        if line.problem:
            raise BadInput(f"{line.file} line {line.number}: {line.problem}")
        yield line.row


def _read(
    path: Path,
    name: str,
    notes: list[str],
    limits: FileLimits,
    split: str | None,
    ignore: Collection[str],
) -> Iterator[Line]:
    def note(said: str) -> None:
        if (told := f"{name}: {said}") not in notes:
            notes.append(told)

    read = 0
    try:
        for line in _reader(path, limits, note, split, ignore):
            yield line.within(limits)
            read = line.number
    except TiebreakError:
        raise
    except Exception as error:  # readers raise what they like
        raise BadInput(
            f"{str(path)!r} cannot be read after row {read} ({unreadable(error)}); "
            "save it again and run this again: nothing is taken twice"
        ) from error


def _reader(
    path: Path,
    limits: FileLimits,
    note: Callable[[str], None],
    split: str | None,
    ignore: Collection[str],
) -> Iterator[Line]:
    if not path.is_file():  # a pipe would be waited for without end
        raise BadInput(f"{str(path)!r} is no regular file; give {_KNOWN}")
    name = plain_name(path)
    if name.endswith(_JSON):
        return read_json(path, limits, note, split)
    require_none(path, split)
    if name.endswith(_CSV):
        return read_csv(path, limits, note, ignore)
    if path.name.lower().endswith(_COLUMNS):
        return read_columns(path, limits, ignore)
    if name.endswith(_COLUMNS):
        raise BadInput(f"{str(path)!r} is packed and packs its columns itself; unpack it once")
    raise BadInput(f"the format of {str(path)!r} is not known; give {_KNOWN}")
