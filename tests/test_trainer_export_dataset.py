"""Exports: what is kept, what never is, the same bytes for the same input, and no half folder."""

import hashlib
import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select as sql_select
from sqlalchemy import update
from trainer_worlds import add_pair, learnable, settle

from db.errors import BadInput, Conflict
from db.models import Dataset, DatasetItem, Gold, Preference, Prompt
from db.probabilities import Probabilities
from db.session import Database
from db.types import now
from db.vocabulary import Choice, Source
from trainer import steps
from trainer.export.dataset import read_manifest, read_split
from trainer.export.selection import ExportOptions, split_of

LONG = "Explain in plain words how a suspension bridge carries the weight of the cars upon it"


def world(database: Database, n: int = 40) -> None:
    with database.begin() as session:
        for i in range(n):
            pair = add_pair(
                session, f"Question {i // 2}: why?", f"because {i}", f"no {i}", domain="ab"[i % 2]
            )
            if i % 10 == 9:
                settle(session, pair, "tie")
            else:
                source = Source.ENSEMBLE if i % 2 else Source.REVIEW
                settle(session, pair, "ab"[i % 2], source=source)


def test_rows_name_the_chosen_response_and_its_probability(
    any_database: Database, tmp_path: Path
) -> None:
    with any_database.begin() as session:
        pair = add_pair(session, "Q", "first", "second", name="mine", domain="law")
        settle(session, pair, "b", p=Probabilities(0.1, 0.2, 0.7))
    done = steps.export(any_database, tmp_path / "out", ExportOptions(validation=0, test=0))
    (row,) = read_split(tmp_path / "out", "train")
    assert row["prompt"] == [{"role": "user", "content": "Q"}]
    assert row["chosen"] == [{"role": "assistant", "content": "second"}]
    assert row["rejected"] == [{"role": "assistant", "content": "first"}]
    assert row["meta"]["soft_target"] == pytest.approx(0.7 + 0.2 / 2)
    assert row["meta"]["confidence"] == 0.7
    assert (row["meta"]["pair_id"], row["meta"]["choice"]) == ("mine", "b")
    assert done.rows == {"train": 1, "validation": 0, "test": 0, "ties": 0, "votes": 0, "pairs": 1}


def test_the_same_labels_give_the_same_bytes(database: Database, tmp_path: Path) -> None:
    world(database)
    hashes = []
    for name in ("one", "two"):
        steps.export(database, tmp_path / name / "set", ExportOptions(seed=3), name="set")
        files = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file())
        hashes.append(
            [
                (p.relative_to(tmp_path / name), hashlib.sha256(p.read_bytes()).hexdigest())
                for p in files
            ]
        )
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) == 8  # three splits, ties, votes, pairs, manifest, card


def test_splits_are_by_prompt_and_follow_the_seed(database: Database, tmp_path: Path) -> None:
    world(database, 200)
    steps.export(database, tmp_path / "out", ExportOptions(validation=0.3, test=0.3))
    prompts = {
        split: {row["meta"]["prompt_hash"] for row in read_split(tmp_path / "out", split)}
        for split in ("train", "validation", "test")
    }
    assert all(prompts.values())
    assert not prompts["train"] & (prompts["validation"] | prompts["test"])
    assert not prompts["validation"] & prompts["test"]
    options = ExportOptions(validation=0.25, test=0.25)
    drawn = [split_of(f"{i:x}", options) for i in range(4000)]
    # 4000 draws at 1/4: standard deviation sqrt(4000 * 3/16) = 27; five of them are 137.
    assert abs(drawn.count("test") - 1000) < 137
    assert abs(drawn.count("validation") - 1000) < 137


def test_gold_drawn_with_the_same_seed_empties_no_split(database: Database, tmp_path: Path) -> None:
    from db.gold import draw_gold
    from db.models import Annotator, Pair, Review

    with database.begin() as session:
        session.add(Annotator(id=1, name="x"))
        for i in range(200):
            pair = add_pair(session, f"Question {i}?", "x", "y")
            settle(session, pair, "a")
        session.flush()
        for pair in session.scalars(sql_select(Pair)):
            session.add(Review(pair_id=pair.id, annotator_id=1, choice=Choice.A))
        session.flush()
        draw_gold(session, 0.3, 7, str)
    rows = steps.export(database, tmp_path / "out", ExportOptions(seed=7)).rows
    assert min(rows["validation"], rows["test"]) >= 5  # 14 of 140 expected in each


def test_filters_keep_what_they_say(database: Database, tmp_path: Path) -> None:
    world(database)
    kept = steps.export(
        database,
        tmp_path / "one",
        ExportOptions(sources=("review",), domains=("a",), limit=5, validation=0, test=0),
    )
    rows = read_split(tmp_path / "one", "train")
    assert len(rows) == 5
    assert {row["meta"]["source"] for row in rows} == {"review"}
    assert {row["meta"]["domain"] for row in rows} == {"a"}
    # 20 odd pairs: 16 of the ensemble, 4 reviewed ties of domain b; 20 even ones, 5 of them kept.
    assert kept.left_out == {"source": 16, "domain": 4, "limit_or_balance": 15}
    later = ExportOptions(since=now() + timedelta(days=1))
    with pytest.raises(BadInput, match="nothing to export"):
        steps.export(database, tmp_path / "two", later)
    with pytest.raises(BadInput, match="nothing to export"):
        steps.export(database, tmp_path / "three", ExportOptions(min_confidence=0.95))


def test_balance_cuts_every_group_to_the_smallest(database: Database, tmp_path: Path) -> None:
    with database.begin() as session:
        for i in range(12):
            pair = add_pair(session, f"Q{i}", "x", "y", domain="law" if i < 3 else "code")
            settle(session, pair, "a")
    steps.export(database, tmp_path / "out", ExportOptions(balance="domain", validation=0, test=0))
    domains = [row["meta"]["domain"] for row in read_split(tmp_path / "out", "train")]
    assert sorted(domains) == ["code"] * 3 + ["law"] * 3


def test_gold_is_in_no_table(database: Database, tmp_path: Path) -> None:
    with database.begin() as session:
        gold = add_pair(session, LONG, "good", "bad", name="gold")
        session.add(Gold(pair_id=gold.id, choice=Choice.A, how={}))
        settle(session, gold, "a")
        same_prompt = add_pair(session, LONG, "other", "bad", name="same-prompt")
        settle(session, same_prompt, "a")
        near = add_pair(session, LONG.upper() + "!", "third", "bad", name="near")
        settle(session, near, "a")
        free = add_pair(session, "Something else", "fourth", "bad", name="free")
        settle(session, free, "a")
    done = steps.export(database, tmp_path / "out", ExportOptions(validation=0, test=0))
    assert [r["meta"]["pair_id"] for r in read_split(tmp_path / "out", "train")] == ["free"]
    assert done.left_out == {"gold": 2, "near_gold": 1}
    everything = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert b"same-prompt" not in everything
    assert done.rows["pairs"] == 1


@pytest.mark.parametrize("kind", ["gold", "repeat", "practice"])
def test_answers_nobody_may_learn_from_stay_out(
    database: Database, tmp_path: Path, kind: str
) -> None:
    with database.begin() as session:
        settle(session, add_pair(session, "Q", "x", "y"), "a", task_kind=kind)
        settle(session, add_pair(session, "R", "x", "y"), "a")
    done = steps.export(database, tmp_path / "out", ExportOptions(validation=0, test=0))
    assert done.left_out == {f"task_{kind}": 1}


def test_audits_wait_for_the_certificate_of_their_batch() -> None:
    from trainer.export.selection import select

    rows = [audit(1, batch=1), audit(2, batch=2), audit(3, batch=3)]
    chosen = select(rows, (), {}, ExportOptions(validation=0, test=0), waiting={2, 3})
    assert list(chosen.items()) == [(1, "train")]
    assert chosen.left_out == {"audit_waits": 2}


def test_the_verb_says_what_is_left_out_and_why(database: Database, tmp_path: Path) -> None:
    with database.begin() as session:
        settle(session, add_pair(session, "Q", "x", "y"), "a", task_kind="practice")
        settle(session, add_pair(session, "R", "x", "y"), "a")
        add_pair(session, "S", "x", "y")
        add_pair(session, "T", "x", "y")
    done = steps.export(database, tmp_path / "out", ExportOptions(validation=0, test=0))
    assert done.summary.splitlines()[1] == ("left out: 2 without a settled label, 1 practice")


def test_what_was_erased_is_left_out_and_said(database: Database, tmp_path: Path) -> None:
    world(database)
    with database.begin() as session:
        session.execute(update(Prompt).where(Prompt.id == 1).values(erased_at=now()))
    done = steps.export(database, tmp_path / "out", ExportOptions())
    assert done.left_out == {"erased": 2}  # two pairs of each prompt
    assert done.summary.endswith("left out: 2 of erased prompts")


def audit(number: int, batch: int):
    from db.exports.labels import Label

    return Label(
        number, f"h{number}", number, f"q{number}", False, None, preference_id=number, choice="a",
        source="review", task_kind="audit", batch_id=batch, confidence=1.0,
    )  # fmt: skip


def test_a_dataset_is_named_once_and_never_changes(database: Database, tmp_path: Path) -> None:
    world(database)
    options = ExportOptions()
    first = steps.export(database, tmp_path / "out", options)
    again = steps.export(database, tmp_path / "out", options)
    assert (first.new, again.new) == (True, False)
    with database.begin() as session:
        (made,) = session.scalars(sql_select(Dataset))
        assert made.content_hash == first.content_hash
        items = session.scalars(sql_select(DatasetItem)).all()
        assert (
            len(items)
            == first.rows["train"]
            + first.rows["validation"]
            + first.rows["test"]
            + first.rows["ties"]
        )
        label = session.scalars(sql_select(Preference)).first()
        label.superseded_at = now()
    with pytest.raises(Conflict, match="never change"):
        steps.export(database, tmp_path / "out", options)
    with pytest.raises(Conflict, match="exists with other content"):
        steps.export(database, tmp_path / "elsewhere", options, name="out")


def test_a_kill_leaves_nothing_half(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world(database)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("trainer.export.dataset.dataset_card", killed)
        with pytest.raises(KeyboardInterrupt):
            steps.export(database, tmp_path / "out", ExportOptions())
    assert not (tmp_path / "out").exists()
    with monkeypatch.context() as patch:  # killed between the folder and the row that names it
        patch.setattr("trainer.steps.exporting._record_export", killed)
        with pytest.raises(KeyboardInterrupt):
            steps.export(database, tmp_path / "out", ExportOptions())
    assert steps.export(database, tmp_path / "out", ExportOptions()).new
    assert not list(tmp_path.glob(".out*"))


def test_a_changed_file_is_noticed(database: Database, tmp_path: Path) -> None:
    world(database)
    steps.export(database, tmp_path / "out", ExportOptions())
    assert read_manifest(tmp_path / "out")["name"] == "out"
    shutil.copy(
        tmp_path / "out" / "README.md",
        tmp_path / "out" / "data" / next(p.name for p in (tmp_path / "out" / "data").iterdir()),
    )
    with pytest.raises(BadInput, match="not the file its manifest names"):
        read_manifest(tmp_path / "out")


def test_wrong_options_are_one_sentence() -> None:
    with pytest.raises(BadInput, match="source 'reviews' is not known; choose from ensemble"):
        ExportOptions(sources=("reviews",))
    with pytest.raises(BadInput, match="leave nothing to train on"):
        ExportOptions(validation=0.5, test=0.5)


def test_datasets_loads_the_folder(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnable(database, 60)
    steps.export(database, tmp_path / "out", ExportOptions())
    import datasets

    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert sum(len(split) for split in loaded.values()) == 60
    assert loaded["train"][0]["chosen"][0]["role"] == "assistant"
    assert loaded["train"][0]["meta"]["domain"] in ("law", "care", "code")
    pairs = datasets.load_dataset(str(tmp_path / "out"), "pairs", cache_dir=str(tmp_path / "cache"))
    assert len(pairs["train"]) == 60
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["rows"]["pairs"] == 60
