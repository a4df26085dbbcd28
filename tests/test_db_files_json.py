"""JSON files in the shapes people publish: which rows come out, and what is said of them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.errors import BadInput
from db.files import FileLimits, Rows, open_rows, read_lines, read_rows

ROWS = [{"prompt": "a [list] {", "chosen": 'says "x"\\', "n": 1}, {"prompt": "ü\n🙂", "n": None}]
ONE, TWO = (json.dumps(row) for row in ROWS)


def opened(path: Path, text: str, split: str | None = None, encoding: str = "utf-8") -> Rows:
    path.write_bytes(text.encode(encoding))
    return open_rows(path, split=split)


def read(path: Path, text: str, split: str | None = None) -> list[dict[str, Any]]:
    lines = list(opened(path, text, split).lines)
    assert [line.problem for line in lines if line.problem] == []
    return [line.row for line in lines]


@pytest.mark.parametrize("name", ["r.json", "r.jsonl"])
@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "\ufeff" + json.dumps(ROWS, indent=1),
        f"[\n{ONE},\n{TWO}\n]\n",
        f"[\n  {ONE}\n, {TWO}]",
        f"[{ONE} {TWO},]",  # a comma too few and one too many lose nothing
        f"{ONE}\n{TWO}\n",
        f"\n{ONE}\r\n\r\n{TWO}",
        f"{ONE}{TWO}",
        "\n".join(json.dumps(row, indent=4) for row in ROWS),
        f"[{ONE}\n]\n\n[\n{TWO}\n]\n",
        json.dumps({"data": ROWS}, indent=1),
        json.dumps({"version": 1, "meta": {"of": [{"x": 1}]}, "rows": ROWS}, indent=2),
        json.dumps({"out": {"version": 3, "results": ROWS}}, indent=1),
    ],
)
def test_every_shape_gives_the_same_rows(tmp_path: Path, name: str, text: str) -> None:
    assert read(tmp_path / name, text) == ROWS


def test_one_object_is_one_row_also_where_it_holds_lists(tmp_path: Path) -> None:
    for row in (
        ROWS[0],
        {"prompt": "Q?", "responses": [{"id": "r1", "text": "4"}]},
        {"prompt": [{"role": "user", "content": "Q?"}], "chosen": [{"role": "a", "content": "4"}]},
        {"conversations": [{"from": "human", "value": "Q?"}]},
        {"id": 1, "data": {"text": "Q?"}, "annotations": [{"result": []}]},
        {"n": [1, 2]},
        {},
    ):
        for text in (json.dumps(row), json.dumps(row, indent=2)):
            assert read(tmp_path / "r.json", text) == [row]
    held = {"id": "a1", "choices": [{"index": 0, "turns": ["4"]}]}  # alone it may be either
    assert read(tmp_path / "r.jsonl", json.dumps(held)) == [held]
    assert read(tmp_path / "r.json", json.dumps(held)) == held["choices"]


@pytest.mark.parametrize("orient", ["columns", "index"])
def test_a_table_as_pandas_writes_it_unasked_is_refused_with_the_way_out(
    tmp_path: Path, orient: Any
) -> None:
    pd.DataFrame(ROWS).to_json(tmp_path / "r.json", orient=orient)
    with pytest.raises(BadInput, match=r"is one table, .* with to_json\(orient='records'\)"):
        list(open_rows(tmp_path / "r.json").lines)
    pd.DataFrame(ROWS).to_json(tmp_path / "r.json", orient="records")
    assert next(read_rows(tmp_path / "r.json")) == ROWS[0]


def test_what_json_would_lose_in_silence_is_refused_or_null(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"a": 1}\n{"a": {"b": 1, "b": 2}}\n\ufeff{"a": [NaN, 1e999]}\n', "utf-8")
    lines = list(read_lines(path))
    assert [line.row for line in lines] == [{"a": 1}, {}, {"a": [None, float("inf")]}]
    assert "an object names 'b' twice" in str(lines[1].problem)


def test_the_key_that_holds_the_rows_is_named_and_what_stands_beside_it(tmp_path: Path) -> None:
    rows = opened(tmp_path / "r.json", json.dumps({"version": 1, "data": ROWS, "by": "me"}))
    assert [line.row for line in rows.lines] == ROWS
    assert rows.notes == [
        "r.json: rows are the list under 'data'",
        "r.json: not read beside it: version, by",
    ]


def test_several_lists_are_refused_by_name_until_one_is_asked_for(tmp_path: Path) -> None:
    text, path = json.dumps({"train": ROWS, "test": ROWS[:1], "n": []}), tmp_path / "r.json"
    with pytest.raises(BadInput, match=r"has 2 lists: 'train', 'test'; name one with --split, or"):
        read(path, text)
    assert read(path, text, "test") == ROWS[:1]
    assert read(path, text, "all") == [*ROWS, ROWS[0]]
    with pytest.raises(BadInput, match=r"has no list 'dev', but 'train', 'test'; name one"):
        read(path, text, "dev")


def test_a_part_that_is_not_there_is_refused_also_where_there_are_none(tmp_path: Path) -> None:
    for text in (ONE, json.dumps(ROWS), f"{ONE}\n{TWO}", json.dumps(ROWS[0], indent=1)):
        assert read(tmp_path / "r.json", text, "all")
        with pytest.raises(BadInput, match="has no splits; leave --split away"):
            read(tmp_path / "r.json", text, "train")
    with pytest.raises(BadInput, match="has no list 'train', but 'data'"):
        read(tmp_path / "r.json", json.dumps({"data": ROWS}), "train")
    with pytest.raises(BadInput, match="names 'data' twice; rename one"):
        read(tmp_path / "r.json", f'{{"data": [{ONE}], "data": [{TWO}]}}')


def test_rows_of_a_dataset_viewer_are_unwrapped_and_cut_ones_refused(tmp_path: Path) -> None:
    held = {
        "features": [{"feature_idx": 0, "name": "prompt", "type": {"dtype": "string"}}],
        "rows": [
            {"row_idx": 0, "row": ROWS[0], "truncated_cells": []},
            {"row_idx": 1, "row": ROWS[1], "truncated_cells": ["prompt"]},
        ],
        "num_rows_total": 2,
    }
    lines = list(opened(tmp_path / "r.json", json.dumps(held)).lines)
    assert [line.row for line in lines] == [ROWS[0], {}]
    assert "cut its cells prompt; download the file" in str(lines[1].problem)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_broken_too_long_or_odd_item_costs_itself_alone(
    tmp_path: Path, indent: int | None
) -> None:
    good = json.dumps(ROWS[0], indent=indent)
    for bad in ('{"a": [1}', '{"a" 1}', "7", "nil", '"x"', "[1]", '{"a": "%s"}' % ("x" * 200_000)):
        path = tmp_path / "r.json"
        path.write_text(f"[{good}, {bad}, {good}]")
        lines = list(read_lines(path, FileLimits(longest_row=1_000)))
        assert [line.row for line in lines] == [ROWS[0], {}, ROWS[0]], bad
        assert [line.number for line in lines] == [1, 2, 3]
        assert lines[1].problem


ITEMS = [{"n": n, "m": [{"role": "user"}]} for n in range(5)]


@pytest.mark.parametrize(
    "damage", [('"user"', '"user'), ('"role": ', '"role": ]'), ("}]}", "}]"), ("[{", "{")]
)
@pytest.mark.parametrize("indent", [None, 1, 2])
@pytest.mark.parametrize("under", [False, True])
def test_what_breaks_the_brackets_of_one_item_costs_no_other_that_begins_a_line(
    tmp_path: Path, damage: tuple[str, str], indent: int | None, under: bool
) -> None:
    items = [json.dumps(item, indent=indent) for item in ITEMS]
    items = [item.replace("\n", "\n ") for item in items]
    items[2] = json.dumps(ITEMS[2]).replace(*damage)
    text = "[\n " + ",\n ".join(items) + "\n]\n"
    path = tmp_path / "r.json"
    path.write_text(f'{{"version": 1, "data": {text}}}' if under else text)
    lines = list(read_lines(path))
    assert [line.row for line in lines] == [*ITEMS[:2], {}, *ITEMS[3:]]


def test_no_row_behind_an_odd_bracket_is_lost_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    for text in ('{"data": [{"n": 1}}, {"n": 2}]}', '{"data": [{"n": 1}, }, {"n": 2}, ]}'):
        assert read(path, text) == [{"n": 1}, {"n": 2}]
    with pytest.raises(BadInput, match="it ends before its list or object does"):
        read(path, '{"data": [{"n": 1}, {"n": 2}}')
    with pytest.raises(BadInput, match=r"after row 1 \(more stands behind"):
        read(path, '{"data": [{"n": 1}, ] "n": 2}, {"n": 3}]}')


@given(
    st.sampled_from([None, 2]),
    st.booleans(),
    st.integers(0, 4),
    st.integers(0, 30),
    st.sampled_from(["", *'{}[]",:\\x']),
)
def test_one_damaged_letter_loses_no_other_row_in_silence(
    tmp_path_factory: pytest.TempPathFactory,
    indent: int | None,
    under: bool,
    item: int,
    place: int,
    letter: str,
) -> None:
    texts = [json.dumps(each, indent=indent) for each in ITEMS]
    texts[item] = texts[item][:place] + letter + texts[item][place + 1 :]
    text = "[\n" + ",\n".join(texts) + "\n]"
    path = tmp_path_factory.mktemp("json") / "r.json"
    path.write_text(f'{{"version": 1, "data": {text}}}' if under else text)
    found: list[Any] = []
    said = False
    try:
        for line in read_lines(path):
            found.append(line.row)
            said = said or bool(line.problem)
    except BadInput:
        said = True
    assert said or [row for row in ITEMS if row["n"] != item and row not in found] == []


def test_brackets_without_end_take_no_longer_than_their_letters(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text('[{"a": 1},' + "[" * 300_000 + "]" * 300_000 + ',{"a": 2}]')
    assert [line.row for line in read_lines(path)] == [{"a": 1}, {}, {"a": 2}]
    path.write_text('[{"a": 1},' + "[" * 300_000)
    with pytest.raises(BadInput, match="lists stand in lists without end"):
        list(read_lines(path, FileLimits(longest_row=100_000)))


def test_a_list_that_is_cut_gives_what_it_holds_and_then_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    whole = json.dumps([{"n": i, "t": "x" * 90} for i in range(2_000)])
    for keep in (0.3, 0.7, 0.999):
        path.write_text(whole[: int(len(whole) * keep)])
        seen: list[int] = []
        with pytest.raises(BadInput, match=r"cannot be read after row \d+ \(it ends .*save it"):
            seen.extend(row["n"] for row in read_rows(path))
        assert seen == list(range(len(seen)))
        assert len(seen) > 2_000 * keep - 2


def test_lines_stay_lines_where_one_of_them_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    for first in ("[1,2]", "[" * 3_000, "[INST] no", '[{"a": 1}]', '{"a": ', '["abc', "{", "x"):
        path.write_text(f'{first}\n{{"a": 1}}\n{{"a": 2}}\n')
        assert [line.row for line in read_lines(path)] == [{}, {"a": 1}, {"a": 2}], first


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_of_unicode_are_read_and_named(tmp_path: Path, encoding: str) -> None:
    for text in (json.dumps(ROWS, ensure_ascii=False), f"{ONE}\n{TWO}\n"):
        rows = opened(tmp_path / "r.json", text, encoding=encoding)
        assert [line.row for line in rows.lines] == ROWS
        assert rows.notes == [f"r.json: read as {encoding[:6].upper()}"]


def test_a_long_list_is_held_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "r.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"data": [{"t": "x" * 90}] * 1_000}).encode()))
    assert len(list(read_lines(path, FileLimits(longest_row=1_000)))) == 1_000
    with pytest.raises(BadInput, match="letters unpacked; split it"):
        list(read_lines(path, FileLimits(largest_unpacked=50_000)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.lists(st.fixed_dictionaries({"prompt": JSON, "chosen": JSON}), max_size=5), st.data())
def test_any_rows_survive_in_any_layout(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], data: st.DataObject
) -> None:
    indent = data.draw(st.sampled_from([None, 0, 2]))
    ascii_only = data.draw(st.booleans())

    def dumped(value: Any) -> str:
        return json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    path = tmp_path_factory.mktemp("json") / "r.json"
    layouts = [dumped(rows), " ".join(map(dumped, rows)), f"[{dumped(rows)[1:]}\n"]
    path.write_text(data.draw(st.sampled_from(layouts)), encoding="utf-8", newline="")
    assert list(read_rows(path)) == rows
