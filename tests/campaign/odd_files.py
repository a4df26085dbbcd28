"""Fifty odd files for the inbox: each is refused or rejected in a sentence, and none stops another.

`python tests/campaign/odd_files.py` prints what became of each; exit 1 where one broke the promise.
"""

import bz2
import gzip
import io
import json
import lzma
import os
import random
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from app.harmless import one_line
from app.pipeline.inbox import take_in
from db.files import FileLimits
from db.imports import ImportOptions
from db.schema import upgrade
from db.session import Database

Make = Callable[[int], bytes]
"""From how many letters the large ones hold to what stands in the file."""

GOOD: dict[str, Any] = {"prompt": "Q?", "response_a": "first", "response_b": "second"}
_LINE = json.dumps(GOOD) + "\n"


def _row(**changed: Any) -> str:
    return json.dumps({**GOOD, **changed}) + "\n"


def _gz(large: int, piece: bytes, first: bytes = b"", last: bytes = b"") -> bytes:
    held = io.BytesIO()
    with gzip.GzipFile(fileobj=held, mode="wb", mtime=0) as stream:
        stream.write(first)
        for _ in range(large // (len(piece) * 10_000) + 1):
            stream.write(piece * 10_000)
        stream.write(last)
    return held.getvalue()


def _parquet(column: Any, **more: Any) -> bytes:
    held = io.BytesIO()
    texts = {name: [value] * len(column) for name, value in GOOD.items()}
    table = pa.table({**texts, "odd": column})
    pyarrow.parquet.write_table(table, held, **more)
    return held.getvalue()


def _nothing_but_rows(count: int) -> bytes:
    held = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"odd": pa.nulls(count, pa.int64())}), held)
    return held.getvalue()


def _arrow(column: Any, **more: Any) -> bytes:
    held = io.BytesIO()
    table = pa.table(
        {name: [value] * len(column) for name, value in GOOD.items()} | {"odd": column}
    )
    with pyarrow.ipc.new_file(held, table.schema, **more) as writer:
        writer.write_table(table)
    return held.getvalue()


def _bytes_as_text(values: list[bytes]) -> Any:
    """A column of texts that are no UTF-8, as a careless writer makes one."""
    plain = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(plain), plain.buffers())


def _nested(depth: int) -> Any:
    column = pa.array([[1]])
    for _ in range(depth):
        column = pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), column)
    return column


def _held(pack: Callable[[bytes], bytes]) -> Make:
    return lambda _: pack(_LINE.encode())


def _zip(content: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("pairs.jsonl", content)
    return held.getvalue()


def _text(*lines: str, encoding: str = "utf-8") -> Make:
    return lambda _: "".join(lines).encode(encoding, "surrogatepass")


def _noise(seed: int) -> Make:
    return lambda _: random.Random(seed).randbytes(5_000)


def _damaged(whole: bytes, seed: int) -> Make:
    """The same with some bytes changed."""

    def made(_: int) -> bytes:
        drawn, found = random.Random(seed), bytearray(whole)
        for _ in range(8):
            found[drawn.randrange(4, len(found))] = drawn.randrange(256)
        return bytes(found)

    return made


_HEADER = "prompt,response_a,response_b\n"
_COMMON = pa.array(["x"] * 50)
ODD: dict[str, Make] = {
    # CSV
    "quote-in-header.csv": _text('"prompt"x,response_a,response_b\n1,2,3\n'),
    "unclosed-header.csv": _text('"prompt,response_a,response_b\n1,2,3\n'),
    "unclosed-row.csv": _text(_HEADER, "1,2,3\n", '"1,2,3\n', "4,5,6\n"),
    "quote-in-row.csv": _text(_HEADER, '"1"x,2,3\n', "4,5,6\n"),
    "crooked.csv": _text(_HEADER, "1,2\n", "1,2,3,4\n", "\n", "1,2,3\n"),
    "column-twice.csv": _text("prompt,prompt,response_a\n1,2,3\n"),
    "semicolons.csv": _text("prompt;response_a;response_b\n1;2;3\n"),
    "nul.csv": _text(_HEADER, "1\x00,2,3\n"),
    "empty.csv": _text(),
    "long-header.csv": lambda n: b"a" * n + b",b\n1,2\n",
    "long-row-of-many-lines.csv": lambda n: (
        _HEADER.encode() + b'"' + (b"a" * 99 + b"\n") * (n // 100) + b'",2,3\n'
    ),
    "deep-expected.csv": _text(
        "prompt,response_a,response_b,expected\n", f'q,a,b,"{"[" * 900}{"]" * 900}"\n'
    ),
    # JSON lines
    "list-first.jsonl": _text("[1,2]\n", _LINE),
    "one-list.jsonl": _text("[\n", _LINE, "]\n"),
    "number-first.jsonl": _text("7\n", "null\n", '"x"\n', _LINE),
    "deep.jsonl": _text("[" * 100_000 + "\n", _LINE),
    "deep-but-read.jsonl": _text(_row(meta=json.loads('{"a":' * 300 + "1" + "}" * 300)), _LINE),
    "many-digits.jsonl": _text('{"prompt": ' + "9" * 5_000 + "}\n", _LINE),
    "infinite.jsonl": _text('{"prompt": "q", "meta": {"x": 1e999}}\n', '{"prompt": NaN}\n'),
    "half-a-sign.jsonl": _text(_row(prompt="\ud800"), _LINE),
    "no-utf8.jsonl": lambda _: b'{"prompt": "\xff\xfe"}\n' + _LINE.encode(),
    "utf-16.jsonl": _text(_LINE, encoding="utf-16"),
    "utf-16-unmarked.jsonl": _text(_LINE, encoding="utf-16-be"),
    "utf-32.jsonl": _text(_LINE, encoding="utf-32"),
    "utf-32-unmarked.jsonl": _text(_LINE, encoding="utf-32-le"),
    "utf-16.csv": _text(_HEADER, "1,2,3\n", encoding="utf-16-le"),
    "blank.jsonl": _text("\n\n  \n"),
    "noise.jsonl": _noise(1),
    "escapes.jsonl": _text(
        _row(prompt="\x1b]0;owned\x07 m[/b] [link=x]\u202e"), '{"a": "\x1b[2J"\n'
    ),
    # Packed
    "bomb-of-one-line.jsonl.gz": lambda n: _gz(n, b"a", b'{"prompt":"'),
    "bomb-of-lines.jsonl.gz": lambda n: _gz(n, b"x\n"),
    "bomb-of-blank-lines.jsonl.gz": lambda n: _gz(n, b"\n"),
    "bomb-of-one-cell.csv.gz": lambda n: _gz(n, b"a", _HEADER.encode() + b'"'),
    "cut.jsonl.gz": lambda _: gzip.compress(_LINE.encode() * 500)[:-20],
    "damaged.jsonl.gz": _damaged(gzip.compress(_noise(2)(0).hex().encode()), 3),
    "gzip-in-gzip.jsonl.gz": _held(lambda data: gzip.compress(gzip.compress(data))),
    "zip.jsonl": _held(_zip),
    "bzip2.jsonl": _held(bz2.compress),
    "xz.csv": _held(lzma.compress),
    "parquet-inside.jsonl": lambda _: _parquet(_COMMON),
    # Columns
    "no-utf8.parquet": lambda _: _parquet(_bytes_as_text([b"good", b"\xff\xfe"])),
    "far-date.parquet": lambda _: _parquet(pa.array([0, 2**30], pa.date32())),
    "far-time.parquet": lambda _: _parquet(pa.array([0, 2**62], pa.timestamp("us"))),
    "far-duration.parquet": lambda _: _parquet(pa.array([2**62], pa.duration("ms"))),
    "no-such-zone.parquet": lambda _: _parquet(pa.array([0], pa.timestamp("us", "Mars/Olympus"))),
    "deep.parquet": lambda _: _parquet(_nested(80)),
    "damaged.parquet": _damaged(_parquet(_COMMON), 4),
    "cut.parquet": lambda _: _parquet(_COMMON)[:-100],
    "bomb-of-one-value.parquet": lambda n: _parquet(
        pa.DictionaryArray.from_arrays(pa.array([0] * 300, pa.int32()), ["a" * (n // 3)]),
        compression="zstd",
    ),
    "bomb-of-rows.parquet": lambda n: _nothing_but_rows(n // 100),
    "no-utf8.arrow": lambda _: _arrow(_bytes_as_text([b"\xff"])),
    "damaged.arrow": _damaged(_arrow(_COMMON), 5),
    "empty.arrow": _text(),
}


@dataclass(frozen=True)
class Outcome:
    """What became of one file: `refused` with its reason, or how many of its rows were rejected."""

    name: str
    refused: str | None

    @property
    def line(self) -> str:
        """One line for people."""
        said = self.refused if self.refused is not None else "taken in, bad rows aside"
        return f"{self.name:34} {said[:150]}"


def fill(inbox: Path, large: int) -> list[str]:
    """Write all of them, two links, a pipe and a folder into the inbox; returns the names.

    They come before `pairs-zz-good.jsonl`, which must be taken whatever they are.
    """
    inbox.mkdir(parents=True)
    for name, make in ODD.items():
        (inbox / f"pairs-{name}").write_bytes(make(large))
    secret = inbox.parent / "secret.jsonl"
    secret.write_text("root:x:0:0\n")
    (inbox / "pairs-link.jsonl").symlink_to(secret)
    (inbox / "pairs-link-to-nowhere.jsonl").symlink_to(inbox / "nowhere")
    os.mkfifo(inbox / "pairs-pipe.jsonl")
    (inbox / "pairs-folder.jsonl").mkdir()
    (inbox / os.fsdecode(b"pairs-\xff\x1b[31m.jsonl")).write_text("[1]\n")
    (inbox / ("pairs-" + "n" * 240 + ".jsonl")).write_text("[1]\n")
    names = sorted(path.name for path in inbox.iterdir())
    (inbox / "pairs-zz-good.jsonl").write_text(_row(prompt="the good one"))
    return names


def outcomes(folder: Path, large: int, limits: FileLimits) -> Iterator[Outcome]:
    """Take an inbox of odd files in, and tell of each. Raises RuntimeError where the promise broke:
    a file is left in the inbox, or the good one was not taken.
    """
    inbox = folder / "inbox"
    names = fill(inbox, large)
    database = Database(f"sqlite:///{folder / 'odd.db'}")
    upgrade(database)
    taken = take_in(database, inbox, None, lambda _: None, lambda _: ImportOptions(limits=limits))
    left = sorted(p.name for p in inbox.iterdir() if p.name not in ("done", "refused"))
    if left or "pairs-zz-good.jsonl" not in taken.files:
        raise RuntimeError(f"left in the inbox: {left}; taken: {taken.files}")
    database.dispose()
    for name in names:
        told = os.fsencode(name).decode("utf-8", "backslashreplace")
        yield Outcome(told, taken.refused.get(told))


def main() -> int:
    """Print the table. Sizes are those that a small machine must survive: bombs of 200 MB."""
    import resource

    with tempfile.TemporaryDirectory() as folder:
        for outcome in outcomes(Path(folder), 200_000_000, FileLimits()):
            print(one_line(outcome.line))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"\nall told, none stopped another; memory at most {most:,} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
