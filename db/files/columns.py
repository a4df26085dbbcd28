"""Rows of column files: Parquet and Arrow. A value that a row cannot hold costs its own row."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.errors import BadInput
from db.files.features import Reader, converted, features_of, readers_of
from db.files.limits import FileLimits, Unpacked
from db.files.line import Line, size_of, unreadable

# By hand: rows turned into Python at once, and bytes that they may take together.
_ROWS, _BYTES = 200, 512_000_000


def read_columns(path: Path, limits: FileLimits, ignore: Collection[str] = ()) -> Iterator[Line]:
    """Rows of a .parquet or .arrow file, without columns to ignore. Raises BadInput where it is
    damaged or unpacks to more than a file may hold.
    """
    import pyarrow

    packed = Unpacked(path, limits)
    number = good = 0
    readers: dict[str, Reader] | None = None
    damaged: _Damaged | None = None
    try:
        for batch in (_parquet if path.suffix.lower() == ".parquet" else _arrow)(path, packed):
            if isinstance(batch, _Damaged):
                damaged = damaged or batch
                yield Line(str(path), number + 1, {}, batch.told(number))
                number += batch.rows
                continue
            batch = batch.drop_columns([n for n in batch.schema.names if n in ignore])
            if readers is None:
                features = features_of(batch.schema, path.with_name("dataset_info.json"))
                readers = readers_of(batch.schema, features)
            good += len(batch)
            for row in _rows(batch, readers):
                number += 1
                if isinstance(row, str):
                    yield Line(str(path), number, {}, row)
                    continue
                size = size_of(row)
                packed.add(size)
                yield Line(str(path), number, row, size=size)
        if damaged and not good:
            raise damaged.error
    except (pyarrow.ArrowException, OSError) as error:
        raise BadInput(
            f"{str(path)!r} is not a readable {path.suffix[1:].lower()} file after row {number} "
            f"({unreadable(error)}); save it again"
        ) from error


@dataclass(frozen=True)
class _Damaged:
    """Rows one after the other that cannot be read, and why; the others can."""

    rows: int
    error: Exception

    def told(self, before: int) -> str:
        """Why the place of these rows is empty."""
        which = f"rows {before + 1:,} to {before + self.rows:,}" if self.rows > 1 else "the row"
        return f"{which} cannot be read ({unreadable(self.error)}); save the file again"


def _parquet(path: Path, packed: Unpacked) -> Iterator[Any]:
    import pyarrow
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        _require_names(path, file.schema_arrow.names)
        about = file.metadata
        groups = [about.row_group(i) for i in range(about.num_row_groups)]
        packed.require(sum(group.total_byte_size for group in groups))
        chunks = [g.column(i).total_uncompressed_size for g in groups for i in range(g.num_columns)]
        together = _together(max(chunks, default=0))
        for place, group in enumerate(groups):
            left = group.num_rows
            try:
                for batch in file.iter_batches(batch_size=together, row_groups=[place]):
                    left -= len(batch)
                    yield batch
            except (pyarrow.ArrowException, OSError) as error:
                yield _Damaged(left, error)


def _arrow(path: Path, packed: Unpacked) -> Iterator[Any]:
    import pyarrow
    import pyarrow.ipc

    with pyarrow.memory_map(str(path)) as source:
        seekable = source.read(6) == b"ARROW1"
        source.seek(0)
        opened = (pyarrow.ipc.open_file if seekable else pyarrow.ipc.open_stream)(source)
        _require_names(path, opened.schema.names)
        for batch in _batches(opened) if seekable else opened:
            if not isinstance(batch, _Damaged):
                packed.require(packed.letters + batch.nbytes)
            yield batch


def _batches(file: Any) -> Iterator[Any]:
    import pyarrow

    for place in range(file.num_record_batches):
        try:
            yield file.get_batch(place)
        except (pyarrow.ArrowException, OSError) as error:
            yield _Damaged(1, error)


def _require_names(path: Path, names: list[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"{str(path)!r} names a column twice: {twice[:80]!r}; rename one")


def _rows(batch: Any, readers: dict[str, Reader]) -> Iterator[dict[str, Any] | str]:
    """The rows of a batch; for one that cannot be had, which of its columns and why."""
    step = _together(batch.nbytes)
    for start in range(0, len(batch), step):
        part = batch.slice(start, step)
        try:
            rows: list[dict[str, Any] | str] = part.to_pylist()
        except Exception:  # pyarrow raises what its libraries do
            rows = [_row(part.slice(i, 1)) for i in range(len(part))]
        yield from (row if isinstance(row, str) else converted(row, readers) for row in rows)


def _together(longest: int) -> int:
    """Rows to turn at once where one value may take so many bytes: many rows may repeat it."""
    return max(1, min(_ROWS, _BYTES // max(longest, 1)))


def _row(one: Any) -> dict[str, Any] | str:
    row = {}
    for name, column in zip(one.schema.names, one.columns, strict=True):
        try:
            row[name] = column[0].as_py()
        except Exception as error:  # the same
            return (
                f"column {name!r} of type {column.type} cannot be read ({unreadable(error)}); "
                "save it as texts"
            )
    return row
