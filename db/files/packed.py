"""The bytes of a file, plain or packed; how they are packed is told by what a file begins with.

gzip, bzip2 and xz are unpacked by the standard library, zstd by pyarrow, which is there anyway
(Python has zstd from 3.14 on); of a zip archive, the one file in it.
"""

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from db.errors import BadInput

_ENDINGS = (".gz", ".bz2", ".xz", ".zst", ".zstd", ".zip")
_BESIDE = ("__MACOSX/", ".DS_Store")  # what macOS puts into an archive beside what was meant


def _zstd(path: Path) -> Any:
    import pyarrow

    return pyarrow.CompressedInputStream(str(path), "zstd")


def _zip(path: Path) -> IO[bytes]:
    with zipfile.ZipFile(path) as archive:
        return archive.open(_member(path, archive))


_PACKED: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"\x28\xb5\x2f\xfd": _zstd,
    b"PK\x03\x04": _zip,
}
_OTHERS = {  # how files begin that are no text, whatever they are called
    b"PAR1": "a Parquet file; call it .parquet",
    b"ARROW1": "an Arrow file; call it .arrow",
    b"SQLite format 3": "an SQLite database; write its rows as JSON lines",
    b"%PDF": "a PDF document; write its rows as JSON lines",
    **dict.fromkeys(_PACKED, "packed twice; unpack it once"),
}


def plain_name(path: Path) -> str:
    """The name in small letters, of what is packed where it is packed: `a.jsonl` of `A.JSONL.gz`.

    Raises BadInput for a zip archive that does not hold one file.
    """
    name = path.name
    if name.lower().endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            name = _member(path, archive)
    return bare_name(name)


def bare_name(name: str) -> str:
    """A name in small letters without the ending that says how the file is packed."""
    name = name.lower()
    return next((name[: -len(end)] for end in _ENDINGS if name.endswith(end)), name)


@contextmanager
def unpacked(path: Path) -> Iterator[tuple[IO[bytes], bool]]:
    """The bytes of a text file from their beginning, and whether they were packed.

    Raises BadInput for what is no text by how it begins, and for a zip of several files.
    """
    with path.open("rb") as plain:
        beginning = plain.read(16)
    mark = next((mark for mark in _PACKED if beginning.startswith(mark)), None)
    unpack = _PACKED[mark] if mark else _plain
    with unpack(path) as stream:
        _require_text(path, stream.read(16))
    with unpack(path) as stream:
        yield stream, mark is not None


def _plain(path: Path) -> IO[bytes]:
    return path.open("rb")


def _member(path: Path, archive: zipfile.ZipFile) -> str:
    names = [info.filename for info in archive.infolist() if not info.is_dir()]
    names = [n for n in names if not n.startswith(_BESIDE[0]) and not n.endswith(_BESIDE[1])]
    if "[Content_Types].xml" in names:
        raise BadInput(f"{str(path)!r} is an office document; save its table as CSV in UTF-8")
    if len(names) != 1:
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        raise BadInput(
            f"{str(path)!r} is an archive of {len(names)} files ({shown}); unpack it and give the "
            "file or the folder"
        )
    if archive.getinfo(names[0]).flag_bits & 1:
        raise BadInput(f"{str(path)!r} asks for a password; unpack it yourself")
    return names[0]


def _require_text(path: Path, beginning: bytes) -> None:
    for mark, what in _OTHERS.items():
        if beginning.startswith(mark):
            raise BadInput(f"{str(path)!r} is {what}")
