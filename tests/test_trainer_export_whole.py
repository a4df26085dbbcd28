"""Rows of every shape go in, are settled, go out and come back: nothing changes in silence."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from import_worlds import take
from sqlalchemy import select
from test_db_imports_whole import Maker, plain, stored

from db.models import Pair, PairName
from db.session import Database
from review.merge import merge
from review.settings import ReviewSettings
from trainer import steps
from trainer.export.dataset import read_manifest
from trainer.export.selection import ExportOptions
from trainer.steps.exporting import ExportDone

Row = dict[str, Any]
PAIR = ("prompt", "tools", "response_a", "response_b", "model_a", "model_b", "domain", "source")
LABEL = ("choice", "strength", "both_bad", "rationale")
VOTE = ("judge", "family", "order", "sample", "score_a", "score_b", *LABEL)
SIZES = pytest.mark.parametrize("rows", [300, pytest.param(10_000, marks=pytest.mark.slow)])


@pytest.fixture
def world(any_database: Database, tmp_path: Path, rows: int) -> dict[str, Row]:
    """Rows by id as they are stored, imported and settled; each tenth has a second id, q instead
    of p, under which A and B are exchanged.
    """
    maker = Maker(11)
    given = [maker.row(number) for number in range(rows)]
    twins = [exchanged(row) for row in given[::10]]
    done = take(any_database, "pairs", tmp_path / "rows.jsonl", [*given, *twins])
    assert (done.counts["new"], done.rejected, done.files[0].not_read) == (rows, 0, [])
    merge(any_database, ReviewSettings())
    return {row["pair_id"]: plain(row) for row in given}


@pytest.fixture
def another(sqlite_tables: Path, tmp_path: Path) -> Iterator[Database]:
    """A second database, with nothing in it."""
    shutil.copy(sqlite_tables, tmp_path / "another.db")
    made = Database(f"sqlite:///{tmp_path}/another.db")
    yield made
    made.dispose()


def exchanged(row: Row) -> Row:
    other = {"_a": "_b", "_b": "_a"}
    both = {name: row[name] for name in row if name[-2:] in other}
    about = {name: row[name] for name in ("prompt", "tools") if name in row}
    turned = {name[:-2] + other[name[-2:]]: value for name, value in both.items()}
    return {"pair_id": f"q{row['pair_id'][1:]}", **about, **turned}


def of(row: Mapping[str, Any], names: tuple[str, ...]) -> Row:
    """Some of a row; an equal that nobody called bad is a plain one."""
    found = {name: row.get(name) for name in names}
    return found | ({"both_bad": bool(row.get("both_bad"))} if "both_bad" in names else {})


def settled(row: Row) -> Row | None:
    """What all who answered said, with the strength of most; None where they differ or are none."""
    labels = row["labels"]
    if len({label["choice"] for label in labels}) != 1:
        return None
    strengths = [label["strength"] for label in labels if "strength" in label]
    strong = 2 * strengths.count(2) > len(strengths)
    return {
        "choice": labels[0]["choice"],
        "strength": (2 if strong else 1) if strengths else None,
        "both_bad": 2 * sum("both_bad" in label for label in labels) > len(labels),
        "rationale": "\n".join(sorted(label["rationale"] for label in labels)),
    }


def sides(database: Database) -> dict[str, tuple[str, str]]:
    """The hashes of A and B as each id has them."""
    with database.read() as session:
        query = select(PairName, Pair).join(Pair, Pair.id == PairName.pair_id)
        found = {}
        for name, pair in session.execute(query):
            both = (pair.candidate_a.content_hash, pair.candidate_b.content_hash)
            found[name.external_id] = both[::-1] if name.mirrored else both
        return found


def require_all(world: dict[str, Row], found: dict[str, Row], done: ExportDone) -> None:
    """Every settled row is there with its label, and all others are counted."""
    labels = {name: label for name, row in world.items() if (label := settled(row))}
    assert found.keys() == labels.keys()
    for name, label in labels.items():
        assert of(found[name], (*PAIR, "meta")) == of(world[name], (*PAIR, "meta"))
        assert of(found[name], LABEL) == label
    assert done.left_out == {"unsettled": len(world) - len(labels)}
    assert read_manifest(Path(done.path))["left_out"] == done.left_out


def of_trl(row: Row) -> Row:
    """A row of a split or of the ties, with A and B as they went in."""
    meta = row["meta"]
    texts = [row[n] for n in ("chosen", "rejected", "response_a", "response_b") if n in row]
    models = [meta["model_chosen"], meta["model_rejected"]]
    turn = -1 if meta["choice"] == "b" else 1
    sided = dict(zip(("response_a", "response_b"), texts[::turn], strict=True))
    sided |= dict(zip(("model_a", "model_b"), models[::turn], strict=True))
    about = {"domain": meta["domain"], "source": meta["data_source"]}
    kept = json.loads(meta["kept"]) if meta["kept"] else None
    label = {**of(meta, LABEL), "rationale": "\n".join(meta["rationales"])}
    return {"prompt": row["prompt"], "tools": row["tools"], **sided, **about, **label, "meta": kept}


def of_jsonl(row: Row) -> Row:
    (label,) = row["labels"]
    meta = {name: value for name, value in row["meta"].items() if name != "tiebreak"}
    return plain({**row, **of(label, LABEL), "meta": meta or None})


@SIZES
def test_what_goes_out_for_trl_is_what_went_in_and_comes_back(
    any_database: Database, world: dict[str, Row], tmp_path: Path, another: Database
) -> None:
    import datasets

    folder = tmp_path / "first"
    done = steps.export(any_database, folder, ExportOptions())
    read = [datasets.load_dataset(str(folder), name, cache_dir=str(tmp_path / "cache"))
            for name in ("default", "ties")]  # fmt: skip
    rows = [row for tables in read for split in tables.values() for row in split]
    require_all(world, {row["meta"]["pair_id"]: of_trl(row) for row in rows}, done)
    pairs, votes = take(another, "pairs", folder), take(another, "votes", folder)
    assert (pairs.rejected, pairs.counts["new"], votes.rejected) == (0, len(world), 0)
    assert sides(another) == sides(any_database)
    again = stored(another)
    for name, row in world.items():
        assert of(again[name], (*PAIR, "meta")) == of(row, (*PAIR, "meta"))
        cast = sorted((of(vote, VOTE) for vote in row["votes"]), key=lambda vote: vote["judge"])
        assert [of(vote, VOTE) for vote in again[name]["votes"]] == cast
        label = settled(row)
        assert [of(said, ("annotator", *LABEL)) for said in again[name]["labels"]] == (
            [{"annotator": "export first (review)", **label}] if label else []
        )


@SIZES
def test_what_goes_out_as_jsonl_is_what_went_in_and_comes_back(
    any_database: Database, world: dict[str, Row], tmp_path: Path, another: Database
) -> None:
    folder = tmp_path / "first"
    done = steps.export(any_database, folder, ExportOptions(to="jsonl"))
    texts = [file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.jsonl"))]
    rows = [json.loads(line) for text in texts for line in text.split("\n") if line]
    found = {row["pair_id"]: row for row in rows}
    require_all(world, {name: of_jsonl(row) for name, row in found.items()}, done)
    took = take(another, "pairs", folder)
    assert (took.rejected, took.counts["new"]) == (0, len(found))
    again, before = stored(another), sides(any_database)
    assert sides(another) == {name: before[name] for name in found}
    for name, row in found.items():
        whole = {**world[name], "meta": row["meta"]}
        assert of(again[name], (*PAIR, "meta")) == of(whole, (*PAIR, "meta"))
        (said,) = again[name]["labels"]
        assert of(said, ("annotator", *LABEL)) == {
            "annotator": "export first",
            **(settled(world[name]) or {}),
        }
