"""Parquet and Arrow: values as JSON has them, whatever type the column has."""

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.ipc
import pyarrow.parquet
import pytest

from db.files import Line, open_rows, read_lines

TALK = [
    {"role": "user", "content": "2+2?"},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "args": {"a": 2}}]},
    {"role": "tool", "content": "4", "tool_call_id": "1"},
]


def saved(path: Path, table: pyarrow.Table, features: Any = None) -> Path:
    """A table as a file, with what `datasets` would write into its schema."""
    if features is not None:
        about = {"huggingface": json.dumps({"info": {"features": features}})}
        table = table.replace_schema_metadata(about)
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        with pyarrow.ipc.new_stream(str(path), table.schema) as writer:
            writer.write_table(table)
    return path


def value(tmp_path: Path, column: Any, feature: Any = None) -> Any:
    """The value of one cell, read back from either file; a sentence where it is refused."""
    found = []
    for name in ("r.parquet", "r.arrow"):
        table = pyarrow.table({"x": column})
        line = next(read_lines(saved(tmp_path / name, table, feature and {"x": feature})))
        found.append(line.problem or line.row["x"])
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize("name", ["r.parquet", "r.arrow"])
def test_names_that_one_message_lacks_are_no_keys_of_it(tmp_path: Path, name: str) -> None:
    table = pyarrow.table({"messages": [TALK, None, []], "note": [None, "x", None]})
    assert [line.row for line in read_lines(saved(tmp_path / name, table))] == [
        {
            "messages": [
                {"role": "user", "content": "2+2?"},
                {"role": "assistant", "tool_calls": [{"id": "1", "args": {"a": 2}}]},
                {"role": "tool", "content": "4", "tool_call_id": "1"},
            ],
            "note": None,
        },
        {"messages": None, "note": "x"},
        {"messages": [], "note": None},
    ]


def test_values_of_every_type_are_those_json_has(tmp_path: Path) -> None:
    moment = datetime.datetime(2026, 1, 31, 12, 0, 0, 500, tzinfo=datetime.UTC)
    for column, expected in (
        (pyarrow.array(["a"], pyarrow.large_string()), "a"),
        (pyarrow.array(["a"], pyarrow.string_view()), "a"),
        (pyarrow.array(["a", "b", "a"]).dictionary_encode(), "a"),
        (pyarrow.array([b"caf\xc3\xa9"]), "café"),
        (pyarrow.array([Decimal("10.00")]), 10),
        (pyarrow.array([Decimal("1.25")]), 1.25),
        (pyarrow.array([float("nan")]), None),
        (pyarrow.array([[1.5, float("nan")]]), [1.5, None]),
        (pyarrow.array([18.0]), 18.0),
        (pyarrow.array([moment]), "2026-01-31T12:00:00.000500+00:00"),
        (pyarrow.array([moment], pyarrow.timestamp("ns", "UTC")), moment.isoformat()),
        (pyarrow.array([moment.date()]), "2026-01-31"),
        (pyarrow.array([datetime.timedelta(seconds=90)]), 90.0),
        (pyarrow.array([[("k", 1)]], pyarrow.map_(pyarrow.string(), pyarrow.int64())), {"k": 1}),
        (pyarrow.array([[1, 2]], pyarrow.list_(pyarrow.int8(), 2)), [1, 2]),
        (pyarrow.array([{"a": None, "b": {"c": None}}]), {"b": {}}),
    ):
        assert value(tmp_path, column) == expected, column.type


def test_a_value_no_row_can_hold_costs_its_row_alone(tmp_path: Path) -> None:
    table = pyarrow.table({"n": [1, 2, 3], "x": [b"good", b"\xff\xfe", None]})
    lines = list(read_lines(saved(tmp_path / "r.parquet", table)))
    assert [line.row.get("n") for line in lines] == [1, None, 3]
    assert lines[1].problem == "column 'x' holds bytes that are no text; leave it out with --ignore"
    pairs = pyarrow.map_(pyarrow.string(), pyarrow.int64())
    assert "column 'x' names 'k' twice" in value(
        tmp_path, pyarrow.array([[("k", 1), ("k", 2)]], pairs)
    )


@pytest.mark.parametrize("name", ["r.parquet", "r.arrow"])
def test_a_damaged_part_of_a_column_file_costs_no_other_part(tmp_path: Path, name: str) -> None:
    table = pyarrow.table({"x": [f"{n:04}" * 50 for n in range(90)]})
    path = tmp_path / name
    if name == "r.parquet":
        pyarrow.parquet.write_table(
            table, path, row_group_size=30, compression="zstd", use_dictionary=False
        )
        about = pyarrow.parquet.ParquetFile(path).metadata.row_group(1).column(0)
        places = range(about.data_page_offset, about.data_page_offset + about.total_compressed_size)
    else:
        packed = pyarrow.ipc.IpcWriteOptions(compression="zstd")
        with pyarrow.ipc.new_file(str(path), table.schema, options=packed) as writer:
            writer.write_table(table, max_chunksize=30)
        second = path.read_bytes().index(b"\x28\xb5\x2f\xfd", len(path.read_bytes()) // 3)
        places = range(second, second + 40)
    data = bytearray(path.read_bytes())
    for place in places:
        data[place] = 0xFF
    path.write_bytes(data)
    lines = list(read_lines(path))
    assert [line.row["x"][:4] for line in lines if not line.problem] == [
        f"{n:04}" for n in (*range(30), *range(60, 90))
    ]
    (problem,) = (str(line.problem) for line in lines if line.problem)
    assert "cannot be read" in problem
    assert "save the file again" in problem


LABEL = {"names": ["chosen", "rejected"], "_type": "ClassLabel"}


def test_class_labels_are_read_by_their_names_also_within_lists(tmp_path: Path) -> None:
    assert value(tmp_path, pyarrow.array([1]), LABEL) == "rejected"
    assert value(tmp_path, pyarrow.array([-1]), LABEL) is None
    assert "holds the class 2, and there are 2" in value(tmp_path, pyarrow.array([2]), LABEL)
    for many in (
        {"feature": LABEL, "_type": "List"},
        {"feature": LABEL, "_type": "Sequence", "length": -1},
        [LABEL],
    ):
        assert value(tmp_path, pyarrow.array([[0, 1]]), many) == ["chosen", "rejected"]
    assert value(tmp_path, pyarrow.array([{"l": 0}]), {"l": LABEL}) == {"l": "chosen"}
    wrapped = {"feature": {"l": LABEL}, "_type": "Sequence"}  # kept as an object of lists
    assert value(tmp_path, pyarrow.array([{"l": [0]}]), wrapped) == {"l": ["chosen"]}


def test_json_columns_are_read_as_what_they_hold(tmp_path: Path) -> None:
    tools = [{"name": "add", "strict": None}]
    held = pyarrow.array([json.dumps(tools)])
    assert value(tmp_path, held, {"_type": "Json"}) == tools
    assert value(tmp_path, pyarrow.array([json.dumps(tools)], pyarrow.json_())) == tools
    assert "holds no JSON" in value(tmp_path, pyarrow.array(["{"]), {"_type": "Json"})
    assert value(tmp_path, held) == json.dumps(tools)  # a text is a text where nothing says so


def test_pictures_and_sound_are_refused_by_name_where_they_are(tmp_path: Path) -> None:
    picture = [{"bytes": b"\x89PNG", "path": None}, {"bytes": None, "path": None}, None]
    for kind in ("Image", "Audio", "Video", "Pdf", "SomethingNew"):
        table = pyarrow.table({"n": [1, 2, 3], "x": picture})
        file = saved(tmp_path / "r.parquet", table, {"x": {"_type": kind}})
        lines = list(read_lines(file))
        assert [line.row.get("n") for line in lines] == [None, 2, 3]
        assert f"column 'x' holds {kind} data, which cannot be kept yet" in str(lines[0].problem)
        assert [line.row for line in open_rows(file, ignore=["x"]).lines] == [
            {"n": n} for n in (1, 2, 3)
        ]


def test_features_beside_a_file_or_none_that_can_be_read(tmp_path: Path) -> None:
    file = saved(tmp_path / "r.arrow", pyarrow.table({"x": [1]}))
    for text, expected in (
        ("no json", 1),
        ("[]", 1),
        ('{"features": []}', 1),
        (json.dumps({"features": {"x": LABEL}}), "rejected"),
    ):
        (tmp_path / "dataset_info.json").write_text(text)
        assert [line.row for line in read_lines(file)] == [{"x": expected}]


def test_what_datasets_writes_comes_back(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            "label": datasets.ClassLabel(names=["a", "b"]),
            "tools": datasets.Json(),
            "talk": datasets.List({"role": datasets.Value("string"), "n": datasets.Value("int64")}),
        }
    )
    rows = [
        {"label": 1, "tools": [{"x": None}], "talk": [{"role": "user", "n": None}]},
        {"label": None, "tools": {"y": "1"}, "talk": []},
    ]
    made = datasets.Dataset.from_list(rows, features=features)
    made.save_to_disk(str(tmp_path / "saved"))
    made.to_parquet(str(tmp_path / "r.parquet"))
    expected = [
        {"label": "b", "tools": [{"x": None}], "talk": [{"role": "user"}]},
        {"label": None, "tools": {"y": "1"}, "talk": []},
    ]
    for path in (tmp_path / "saved", tmp_path / "r.parquet"):
        found: list[Line] = list(open_rows(path).lines)
        assert [line.row for line in found] == expected
