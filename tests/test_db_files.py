"""Reading rows: every format gives the same rows, and what is broken is said, line by line."""

import gzip
import json
from pathlib import Path

import import_worlds as worlds
import pyarrow
import pyarrow.ipc
import pytest

from db.errors import BadInput, UnknownName
from db.files import FileLimits, read_lines, read_rows

ROWS = [
    {"pair_id": "1", "prompt": 'says "hi", twice\nand\r\nagain', "response_a": "", "note": "x"},
    {"pair_id": "2", "prompt": "ünïcode 🙂", "response_a": "b", "note": "y"},
]


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz", "r.csv", "r.parquet", "R.JSONL"])
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    assert list(read_rows(worlds.write(tmp_path / name, ROWS))) == ROWS


def test_a_zipped_file_is_known_by_its_content_not_its_name(tmp_path: Path) -> None:
    text = (json.dumps(ROWS[0]) + "\n").encode()
    (tmp_path / "zipped.jsonl").write_bytes(gzip.compress(text))
    (tmp_path / "plain.jsonl.gz").write_bytes(text)
    assert list(read_rows(tmp_path / "zipped.jsonl")) == ROWS[:1]
    assert list(read_rows(tmp_path / "plain.jsonl.gz")) == ROWS[:1]


def test_a_byte_order_mark_and_blank_lines_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('\ufeff{"a": 1}\n\n  \n{"a": 2}', encoding="utf-8")
    assert [(line.number, line.row) for line in read_lines(path)] == [(1, {"a": 1}), (4, {"a": 2})]


def test_an_arrow_file_is_read_in_either_of_its_forms(tmp_path: Path) -> None:
    table = pyarrow.Table.from_pylist(ROWS)
    for name, new in (
        ("s.arrow", pyarrow.ipc.new_stream),
        ("f.arrow", pyarrow.ipc.new_file),
        ("f.feather", pyarrow.ipc.new_file),
    ):
        with new(str(tmp_path / name), table.schema) as writer:
            writer.write_table(table)
        assert list(read_rows(tmp_path / name)) == ROWS


def test_what_is_no_row_names_its_line_and_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    deep = "[" * 100_000
    path.write_text(f'{{"a": 1}}\n{{"a": \n[1]\n{deep}\n{{"a": 2}}\n')
    lines = list(read_lines(path))
    assert [line.row for line in lines] == [{"a": 1}, {}, {}, {}, {"a": 2}]
    assert [bool(line.problem) for line in lines] == [False, True, True, True, False]
    assert lines[1].number == 2
    assert "not JSON" in str(lines[1].problem)
    with pytest.raises(BadInput, match=r"r\.jsonl line 2: not JSON"):
        list(read_rows(path))


def test_csv_counts_physical_lines_and_refuses_crooked_rows(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text('a,b\n1,"two\nlines"\n3\n4,5,6\n"x"y,7\n8,9\n')
    lines = list(read_lines(path))
    assert [(line.number, bool(line.problem)) for line in lines] == [
        (2, False), (4, True), (5, True), (6, True), (7, False),
    ]  # fmt: skip
    assert lines[0].row == {"a": "1", "b": "two\nlines"}
    assert lines[1].problem == "has 1 values where the header has 2 names"
    assert lines[-1].row == {"a": "8", "b": "9"}


def test_csv_has_no_null_so_only_an_empty_answer_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("prompt,response_a,chosen,domain,responses\n,,,,\n")
    assert list(read_rows(path)) == [{"response_a": "", "chosen": ""}]


@pytest.mark.parametrize("keep", [0.5, 0.999])
def test_a_truncated_gzip_gives_what_it_holds_and_then_one_sentence(
    tmp_path: Path, keep: float
) -> None:
    path = tmp_path / "r.jsonl.gz"
    whole = gzip.compress("".join(json.dumps({"n": i}) + "\n" for i in range(20_000)).encode())
    path.write_bytes(whole[: int(len(whole) * keep)])
    seen: list[int] = []
    with pytest.raises(BadInput, match=r"cannot be read after row \d+ .*save it again"):
        seen.extend(row["n"] for row in read_rows(path))
    assert seen == list(range(len(seen)))


def test_damaged_files_of_every_kind_are_one_sentence(tmp_path: Path) -> None:
    for name in ("r.parquet", "r.arrow"):
        (tmp_path / name).write_bytes(b"PAR1 this is not it PAR1")
        with pytest.raises(BadInput, match=r"is not a readable (parquet|arrow) file"):
            list(read_lines(tmp_path / name))
    zipped = bytearray(gzip.compress(json.dumps({"n": "x" * 9_000}).encode() * 9))
    zipped[20:40] = b"\xff" * 20
    (tmp_path / "r.jsonl.gz").write_bytes(zipped)
    with pytest.raises(BadInput, match="cannot be read after row 0"):
        list(read_lines(tmp_path / "r.jsonl.gz"))


def test_files_that_are_not_what_is_asked_for_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"there is no file '.*nowhere.jsonl'; give a \.jsonl"):
        list(read_lines(tmp_path / "nowhere.jsonl"))
    (tmp_path / "r.xlsx").write_bytes(b"PK")
    with pytest.raises(BadInput, match=r"the format of '.*r.xlsx' is not known; give a \.jsonl"):
        list(read_lines(tmp_path / "r.xlsx"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadInput, match="holds no rows"):
        list(read_lines(tmp_path / "folder"))
    (tmp_path / "r.csv").write_text("a,b,a\n1,2,3\n")
    with pytest.raises(BadInput, match="names a column twice"):
        list(read_lines(tmp_path / "r.csv"))
    (tmp_path / "r.csv").write_text("prompt\nis one column; with text\n")
    assert list(read_rows(tmp_path / "r.csv")) == [{"prompt": "is one column; with text"}]


def test_bytes_that_are_not_utf8_do_not_stop_the_file(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b'{"a": "caf\xe9"}\n{"a": "caf\xc3\xa9"}\n')
    lines = list(read_lines(path))
    assert [line.row.get("a") for line in lines] == [None, "café"]
    assert "holds the byte 0xe9, which is no UTF-8; save the file as UTF-8" in str(lines[0].problem)


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz", "r.csv", "r.parquet"])
def test_a_row_that_is_too_long_costs_itself_alone(tmp_path: Path, name: str) -> None:
    rows = [{"n": "1", "t": "x"}, {"n": "2", "t": "x" * 5_000}, {"n": "3", "t": "x"}]
    path = worlds.write(tmp_path / name, rows)
    lines = list(read_lines(path, FileLimits(longest_row=500)))
    assert [line.row.get("n") for line in lines] == ["1", None, "3"]
    assert "has more than 500 letters; shorten it, or raise longest_row" in str(lines[1].problem)


@pytest.mark.parametrize("name", ["r.jsonl", "r.parquet"])
def test_a_row_that_is_too_deep_costs_itself_alone(tmp_path: Path, name: str) -> None:
    rows = [{"n": 1, "t": [[[["x"]]]]}, {"n": 2, "t": [[[[]]]]}, {"n": 3, "t": []}]
    path = worlds.write(tmp_path / name, rows)
    lines = list(read_lines(path, FileLimits(deepest_row=4)))  # the row, and three lists
    assert [line.row.get("n") for line in lines] == [None, None, 3]
    assert "more than 4 deep" in str(lines[0].problem)


def test_a_first_line_that_is_a_whole_list_is_one_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    for first in ("[1,2]", "[" * 3_000, "[INST] no", '[{"a": 1}]'):
        path.write_text(f'{first}\n{{"a": 1}}\n')
        assert [line.row for line in read_lines(path)] == [{}, {"a": 1}]


def test_a_csv_row_of_many_lines_is_held_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text('n,t\n1,a\n2,"' + "x\n" * 900 + '"\n3,a\n')
    lines = list(read_lines(path, FileLimits(longest_row=500)))
    assert "has more than 500 letters" in str(lines[1].problem)
    assert [line.row.get("n") for line in lines] == ["1", None, "3"]
    assert [line.number for line in lines] == [2, 3, 904]


def test_a_file_is_read_that_unpacks_to_as_much_as_it_may(tmp_path: Path) -> None:
    rows = [{"t": "x" * 90}] * 10  # lines of 100 letters
    path = worlds.write(tmp_path / "r.jsonl.gz", rows)
    assert len(list(read_lines(path, FileLimits(largest_unpacked=1_000)))) == 10
    with pytest.raises(BadInput, match=r"more than 999 letters unpacked; split it, or raise"):
        list(read_lines(path, FileLimits(largest_unpacked=999)))


def test_what_packs_too_well_is_refused_however_short_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.files.limits._FREE", 10_000)
    path = tmp_path / "r.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n" * 100_000))
    with pytest.raises(BadInput, match=r"bytes and unpacks to more than .* raise largest_ratio"):
        list(read_lines(path))
    assert list(read_lines(path, FileLimits(largest_ratio=1e6))) == []
