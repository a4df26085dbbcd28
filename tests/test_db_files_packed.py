"""Packed files: every packing gives the same rows, and what cannot be unpacked is one sentence."""

import bz2
import gzip
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest

from db.errors import BadInput
from db.files import FileLimits, open_rows, read_lines, read_rows

ROWS = [{"prompt": "Q?", "n": str(i)} for i in range(2_000)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
CSV = "".join(["prompt,n\n", *(f"Q?,{i}\n" for i in range(2_000))]).encode()


def zstd(data: bytes) -> bytes:
    return bytes(pyarrow.Codec("zstd").compress(data, asbytes=True))


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": zstd,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("ending", PACKINGS)
def test_every_packing_is_read_by_its_content_whatever_it_is_called(
    tmp_path: Path, ending: str
) -> None:
    for name, data in (("r.jsonl", LINES), ("r.json", LINES), ("r.csv", CSV)):
        for path in (tmp_path / f"{name}.{ending}", tmp_path / name):
            path.write_bytes(PACKINGS[ending](data))
            assert list(read_rows(path)) == ROWS
    path.write_bytes(PACKINGS[ending](CSV[:7_000]) + PACKINGS[ending](CSV[7_000:]))  # in two parts
    assert list(read_rows(path)) == ROWS


@pytest.mark.parametrize("ending", PACKINGS)
def test_a_cut_file_gives_one_sentence_after_its_good_rows(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"r.jsonl.{ending}"
    packed = PACKINGS[ending](LINES)
    path.write_bytes(packed[: len(packed) - 12])
    seen = []
    with pytest.raises(BadInput, match=r"cannot be read after row \d+"):
        seen.extend(read_rows(path))
    assert seen == ROWS[: len(seen)]


@pytest.mark.parametrize("ending", PACKINGS)
def test_the_limits_hold_for_every_packing(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"r.jsonl.{ending}"
    path.write_bytes(PACKINGS[ending](LINES))
    with pytest.raises(BadInput, match="more than 9,999 letters unpacked"):
        list(read_lines(path, FileLimits(largest_unpacked=9_999)))
    monkeypatch.setattr("db.files.limits._FREE", 10_000)
    path.write_bytes(PACKINGS[ending](b'{"a": "' + b"x" * 3_000_000))
    with pytest.raises(BadInput, match="raise largest_ratio"):
        list(read_lines(path))


def test_a_zip_of_one_file_is_read_and_others_are_told_apart(tmp_path: Path) -> None:
    beside = {"__MACOSX/._r.csv": b"x", ".DS_Store": b"x"}
    assert list(read_rows(zipped(tmp_path / "r.zip", **{"in/r.csv": CSV}, **beside))) == ROWS
    assert list(read_rows(zipped(tmp_path / "r.json.zip", **{"r.json": LINES}))) == ROWS
    assert list(read_rows(zipped(tmp_path / "odd.jsonl", **{"r.jsonl": LINES}))) == ROWS
    for members, why in (
        ({"a.csv": CSV, "b.csv": CSV}, r"archive of 2 files \(a.csv, b.csv\); unpack it and give"),
        ({}, "archive of 0 files"),
        ({"[Content_Types].xml": b"x", "xl/a.xml": b"x"}, "is an office document; save its table"),
        ({"r.parquet": b"PAR1"}, "is packed and packs its columns itself; unpack it once"),
        ({"r.csv": gzip.compress(CSV)}, "is packed twice; unpack it once"),
        ({"r.txt": CSV}, "format of .* is not known"),
    ):
        with pytest.raises(BadInput, match=why):
            list(read_rows(zipped(tmp_path / "r.zip", **members)))
    (tmp_path / "r.zip").write_bytes(b"no zip")
    with pytest.raises(BadInput, match="cannot be read after row 0"):
        list(read_rows(tmp_path / "r.zip"))


def test_what_is_no_text_is_named_however_it_is_called(tmp_path: Path) -> None:
    for data, why in (
        (b"PAR1 and so on", "is a Parquet file; call it .parquet"),
        (b"ARROW1\0\0 and so on", "is an Arrow file; call it .arrow"),
        (b"SQLite format 3\0", "is an SQLite database"),
        (b"%PDF-1.4", "is a PDF document"),
        (gzip.compress(zstd(CSV)), "is packed twice"),
    ):
        (tmp_path / "r.csv").write_bytes(data)
        with pytest.raises(BadInput, match=why):
            list(read_rows(tmp_path / "r.csv"))


def test_a_split_is_refused_where_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(CSV)
    with pytest.raises(BadInput, match="has no splits; leave --split away"):
        list(open_rows(tmp_path / "r.csv", split="train").lines)
