"""Folders: what is read of them, and which split, which nobody is left to guess."""

import json
import re
from pathlib import Path, PurePath
from typing import Any

import import_worlds as worlds
import pytest

from db.errors import BadInput
from db.files import open_rows, read_rows
from db.files.folders import split_of

ROWS = [{"prompt": "Q?", "n": 1}, {"prompt": "R?", "n": 2}]


def filled(folder: Path, *names: str) -> Path:
    """A folder of small files, each with one row that tells its name."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        worlds.write(folder / name, [{"file": name}])
    return folder


def read(folder: Path, split: str | None = None) -> list[str]:
    return [line.row["file"] for line in open_rows(folder, split=split).lines]


def test_a_folder_of_files_is_read_whole_but_for_what_is_no_row(tmp_path: Path) -> None:
    filled(tmp_path, "b.parquet", "in/a.jsonl", "a.jsonl.rejects.jsonl", ".hidden/c.jsonl")
    (tmp_path / "README.md").write_text("about")
    filled(tmp_path, "in/d.json")
    rows = open_rows(tmp_path)
    assert [line.row["file"] for line in rows.lines] == ["b.parquet", "in/a.jsonl"]
    assert rows.notes == [f"{tmp_path.name}: not read: in/d.json"]
    assert read(filled(tmp_path / "json", "a.json", "dataset_info.json")) == ["a.json"]
    (tmp_path / "none").mkdir()
    with pytest.raises(BadInput, match="holds no rows; give a"):
        open_rows(tmp_path / "none")


LAYOUTS: dict[str, dict[str, list[str]]] = {
    "a hub's": {
        "train": ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
        "test": ["data/test-00000-of-00001-a09b74b3ef9c3b56.parquet"],
    },
    "splits of own names": {
        "train_prefs": ["data/train_prefs-00000-of-00001.parquet"],
        "train_sft": ["data/train_sft-00000-of-00001.parquet"],
    },
    "configurations": {
        "en/train": ["en/train-00000-of-00001.parquet"],
        "de/train": ["de/train-00000-of-00001.parquet"],
    },
    "converted": {
        "train": ["default/train/0000.parquet", "default/train/0001.parquet"],
        "validation": ["default/validation/0000.parquet"],
    },
    "by hand": {
        "train": ["train.jsonl", "train_2.jsonl.gz"],
        "my-dev": ["my-dev.csv"],
        "rest": ["rest.jsonl"],
    },
    "folders": {"train": ["train/a.jsonl", "train/b.jsonl"], "test": ["test/a.jsonl"]},
    "JSON": {"train": ["train.json"], "test": ["test.json"]},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_several_splits_are_refused_by_name_until_one_is_asked_for(
    tmp_path: Path, layout: str
) -> None:
    splits = LAYOUTS[layout]
    filled(tmp_path, *(name for names in splits.values() for name in names))
    told = ".*".join(map(re.escape, sorted(map(repr, splits))))
    with pytest.raises(BadInput, match=f"has {len(splits)} splits: {told}; name one with --split"):
        open_rows(tmp_path)
    for split, names in splits.items():
        rows = open_rows(tmp_path, split=split)
        assert [line.row["file"] for line in rows.lines] == names
        assert f"{tmp_path.name}: split {split}" in rows.notes
    assert sorted(read(tmp_path, "all")) == sorted(n for names in splits.values() for n in names)
    with pytest.raises(BadInput, match="has no split 'other', but"):
        open_rows(tmp_path, split="other")


def test_one_split_is_read_and_named(tmp_path: Path) -> None:
    filled(tmp_path, "data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet")
    rows = open_rows(tmp_path)
    assert len(list(rows.lines)) == 2
    assert rows.notes == [f"{tmp_path.name}: split train"]


@pytest.mark.parametrize(
    "name",
    ["latest.jsonl", "contest/a.csv", "part-00000-of-00009.parquet", "trainer.json", "0.csv"],
)
def test_words_that_merely_hold_the_name_of_a_split_are_none(name: str) -> None:
    assert split_of(PurePath(name)) is None


def test_what_datasets_saved_is_read_without_its_caches_and_asks_for_the_split(
    tmp_path: Path,
) -> None:
    datasets = pytest.importorskip("datasets")
    one = datasets.Dataset.from_list(ROWS)
    one.save_to_disk(str(tmp_path / "one"), num_shards=2)
    made: Any = datasets.DatasetDict({"train": one, "held_out": one.select([0])})
    made.save_to_disk(str(tmp_path / "both"))
    for stale in ("one/cache-1.arrow", "one/data-00007-of-00008.arrow"):
        (tmp_path / stale).write_bytes(b"not of this data set")
    assert list(read_rows(tmp_path / "one")) == ROWS
    assert open_rows(tmp_path / "one").notes == []
    with pytest.raises(BadInput, match="has 2 splits: 'held_out', 'train'"):
        open_rows(tmp_path / "both")
    assert [x.row for x in open_rows(tmp_path / "both", split="held_out").lines] == ROWS[:1]
    assert [x.row for x in open_rows(tmp_path / "both", split="train").lines] == ROWS
    assert list(read_rows(tmp_path / "both" / "train")) == ROWS
    (tmp_path / "one" / "state.json").write_text("{")
    (tmp_path / "one" / "data-00007-of-00008.arrow").unlink()
    assert list(read_rows(tmp_path / "one")) == ROWS


def test_what_is_said_of_a_file_in_a_folder_names_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("file;x\n1;2\n")
    (tmp_path / "b.json").write_text(json.dumps({"data": [{"file": "b"}]}))
    rows = open_rows(tmp_path)
    assert [line.row["file"] for line in rows.lines] == ["1"]
    assert rows.notes == [f"{tmp_path.name}: not read: b.json", "a.csv: separator ;"]
