"""An export of our own comes back: ids with their mirrors, conversations, sources, opinions."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from import_worlds import take, vote
from test_trainer_export_layouts import RUN, TOOLS, TURNS, ask, world
from trainer_worlds import settle

from db.errors import BadInput
from db.imports.choosing import choose
from db.imports.fields import BadRow
from db.imports.presets import fitting, named
from db.models import Pair
from db.pairs import NewCandidate, NewPair, add_pairs
from db.probabilities import Probabilities
from db.session import Database
from db.vocabulary import Source
from review.merge import merge
from review.settings import ReviewSettings
from trainer import steps
from trainer.export.dataset import read_rows
from trainer.export.selection import ExportOptions

Row = dict[str, Any]
PRESET = named("tiebreak-export")


def exported(database: Database, folder: Path) -> list[Row]:
    """The rows of `pairs/`, as an import reads them."""
    steps.export(database, folder / "first", ExportOptions(validation=0, test=0))
    return read_rows(sorted((folder / "first" / "pairs").glob("*.parquet")))


def understood(rows: list[Row]) -> dict[str, Row]:
    return {row["pair_id"]: row for each in rows for row in PRESET.rows(each)}


def test_a_folder_of_ours_is_told_by_its_columns(database: Database, tmp_path: Path) -> None:
    world(database, tools=False)
    rows = exported(database, tmp_path)
    assert fitting(frozenset(rows[0]), rows) is PRESET
    assert frozenset(rows[0]) <= PRESET.columns


def test_every_id_comes_back_with_its_a_and_b(database: Database, tmp_path: Path) -> None:
    with database.begin() as session:
        x, y = NewCandidate("x", "mx", "fx"), NewCandidate("y", "my")
        pairs = [NewPair(ask("Q"), x, y, "n"), NewPair(ask("Q"), y, x, "m")]
        add_pairs(session, pairs)
        add_pairs(session, [NewPair(ask("No id"), x, y)])
        settle(session, session.get_one(Pair, 1), "a")
    rows = understood(exported(database, tmp_path))
    assert (rows["n"]["response_a"], rows["n"]["response_b"]) == ("x", "y")
    assert (rows["m"]["response_a"], rows["m"]["response_b"]) == ("y", "x")
    assert (rows["n"]["model_a"], rows["n"]["family_a"], rows["m"]["model_a"]) == ("mx", "fx", "my")
    assert "labels" not in rows["n"]  # one opinion, under the first name: m has B as the better one
    assert rows["m"]["labels"] == [
        {"annotator": "export first (review)", "choice": "b", "strength": None, "both_bad": False,
         "rationale": None}
    ]  # fmt: skip
    assert len(rows) == 3  # one without an id is called by its hash


def test_conversations_tools_and_what_was_kept_come_back(
    database: Database, tmp_path: Path
) -> None:
    world(database)
    rows = understood(exported(database, tmp_path))
    assert (rows["call"]["prompt"], rows["call"]["tools"]) == (TURNS, TOOLS)
    assert (rows["run"]["response_a"], rows["run"]["response_b"]) == (RUN, "It shines.")
    assert rows["run"]["meta"] == {"score": 3}
    assert rows["run"]["expected"] == {"kind": "exact", "value": "rain"}
    assert (rows["p0"]["domain"], rows["p0"]["source"]) == ("law", "mine")
    assert "tools" not in rows["p0"]


def test_what_the_panel_settled_is_a_vote_and_nobody_s_label(
    database: Database, tmp_path: Path
) -> None:
    with database.begin() as session:
        (stored,) = add_pairs(
            session, [NewPair(ask("Q"), NewCandidate("x"), NewCandidate("y"), "n")]
        )
        pair = session.get_one(Pair, stored.pair_id)
        settle(session, pair, "b", p=Probabilities(0.1, 0.2, 0.7), source=Source.ENSEMBLE)
    row = understood(exported(database, tmp_path))["n"]
    assert "labels" not in row
    (vote,) = row["votes"]
    assert (vote["judge"], vote["choice"], vote["confidence"]) == ("export first", "b", 0.7)


def test_a_row_that_was_changed_is_refused_with_a_sentence() -> None:
    with pytest.raises(BadRow, match="kept holds no JSON; give it as it was written"):
        PRESET.rows({**PRESET.example, "kept": "{"})
    with pytest.raises(BadRow, match="pair_id 'q' is none of names"):
        PRESET.rows({**PRESET.example, "pair_id": "q"})
    kept = json.dumps({"score": 1})
    assert PRESET.rows({**PRESET.example, "kept": kept})[0]["meta"] == {"score": 1}


def test_a_folder_comes_back_as_the_same_folder(
    database: Database, tmp_path: Path, sqlite_tables: Path
) -> None:
    """Exported, imported into an empty database and exported again: the same pairs and votes."""
    world(database)
    take(database, "votes", tmp_path / "v.jsonl", [
        vote("p0", "a", "j1", order="ab", sample=1, confidence=0.5, rationale="better"),
        vote("p0", "b", "j1", order="ba", sample=1),
        vote("run", "a", "j2", order="ab", sample=1, family="f"),
    ])  # fmt: skip
    exported(database, tmp_path)
    shutil.copy(sqlite_tables, tmp_path / "again.db")
    again = Database(f"sqlite:///{tmp_path}/again.db")
    pairs = take(again, "pairs", tmp_path / "first")
    votes = take(again, "votes", tmp_path / "first")
    assert (pairs.rejected, votes.rejected) == (0, 0)
    assert pairs.files[0].preset == "tiebreak-export"
    merge(again, ReviewSettings())
    steps.export(again, tmp_path / "second", ExportOptions(validation=0, test=0))
    first, second = tmp_path / "first", tmp_path / "second"
    same = {"dataset", "p_a", "p_tie", "p_b", "rationales", "strength"}
    before, after = (
        [
            {k: v for k, v in row.items() if k not in same}
            for row in read_rows((folder / "pairs").iterdir())
        ]
        for folder in (first, second)
    )
    assert after == before
    told = ("pair_id", "judge", "family", "order", "sample", "choice", "confidence", "rationale")
    cast = [
        [{name: row[name] for name in told} for row in read_rows((f / "votes").iterdir())]
        for f in (first, second)
    ]
    assert cast[0] == cast[1]
    again.dispose()


@pytest.mark.parametrize("to", ["jsonl", "csv", "openai", "llama-factory"])
def test_other_layouts_are_read_as_what_they_are(
    database: Database, tmp_path: Path, sqlite_tables: Path, to: Any
) -> None:
    world(database)
    done = steps.export(database, tmp_path / "set", ExportOptions(to=to, validation=0.3, test=0))
    shutil.copy(sqlite_tables, tmp_path / "again.db")
    again = Database(f"sqlite:///{tmp_path}/again.db")
    took = take(again, "pairs", tmp_path / "set")
    assert (took.rejected, took.rows) == (0, sum(done.rows.values()))
    again.dispose()


def test_a_folder_is_no_file_of_another_kind(database: Database, tmp_path: Path) -> None:
    world(database)
    exported(database, tmp_path)
    with pytest.raises(BadInput, match="is an export; read it with `tiebreak import pairs`"):
        take(database, "gold", tmp_path / "first")


def test_a_folder_that_begins_with_unsettled_pairs_is_known(
    database: Database, tmp_path: Path
) -> None:
    """Settled labels alone have a `split`: nothing that tells the folder may rest on it."""
    world(database, tools=False)
    rows = exported(database, tmp_path)
    unsettled = [{**row, "split": None, "choice": None} for row in rows]
    for several in (unsettled, [*unsettled, *rows]):
        columns = frozenset(name for row in several for name in row if row[name] is not None)
        assert choose("pairs", columns, several) is PRESET
