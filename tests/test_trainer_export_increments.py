"""`export --new-since`: what changed, what was taken back, and no prompt in another split."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select as sql_select
from sqlalchemy import update
from trainer_worlds import add_pair, settle

from db.datasets import dataset
from db.errors import BadInput, UnknownName
from db.exports.held import Held, Lookup, key_of
from db.exports.labels import Label
from db.models import Base, DatasetItem, Gold, Pair, Preference
from db.session import Database
from db.types import now
from db.vocabulary import Choice
from trainer import steps
from trainer.export.dataset import read_manifest, read_split, read_ties
from trainer.export.selection import SPLITS, ExportOptions, select
from trainer.steps.exporting import ExportDone

OPTIONS = ExportOptions(validation=0.3, test=0.2, seed=5)
Told = dict[str, tuple[str, str, bool]]


def add(database: Database, name: str, choice: str | None, prompt: str | None = None) -> None:
    with database.begin() as session:
        pair = add_pair(session, prompt or f"About {name}?", f"yes {name}", f"no {name}", name=name)
        if choice:
            settle(session, pair, choice)


def relabel(database: Database, name: str, choice: str | None) -> None:
    """The label of a pair replaced by another, or taken away."""
    with database.begin() as session:
        pair = session.scalar(
            sql_select(Pair).where(Pair.content_hash.startswith(hash_of(session, name)))
        )
        assert pair is not None
        session.execute(
            update(Preference)
            .where(Preference.pair_id == pair.id, Preference.superseded_at.is_(None))
            .values(superseded_at=now())
        )
        if choice:
            settle(session, pair, choice)


def hash_of(session: Any, name: str) -> str:
    from db.pairs import get_pair

    return get_pair(session, name).content_hash


def written(database: Database, folder: Path, name: str, since: str | None = None) -> ExportDone:
    return steps.export(database, folder / name, OPTIONS, name, since)


def labels(folder: Path) -> Told:
    """Pair hash -> choice, split and whether both are bad, of one folder."""
    rows = [row for split in SPLITS for row in read_split(folder, split)] + read_ties(folder)
    return {
        m["pair_hash"]: (m["choice"], m["split"], m["both_bad"])
        for m in (row["meta"] for row in rows)
    }


def changes(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "changes.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def applied(folders: list[Path]) -> Told:
    """A dataset with its increments applied one after another, as the documentation says."""
    standing: Told = {}
    for folder in folders:
        if (folder / "changes.jsonl").exists():
            for change in changes(folder):
                del standing[change["pair_hash"]]
        new = labels(folder)
        assert not standing.keys() & new.keys()
        standing |= new
    return standing


def test_an_increment_has_what_is_new_replaced_and_withdrawn(
    any_database: Database, tmp_path: Path
) -> None:
    for name in ("stays", "turns", "goes", "ties"):
        add(any_database, name, "a")
    written(any_database, tmp_path, "first")
    relabel(any_database, "turns", "b")
    relabel(any_database, "goes", None)
    relabel(any_database, "ties", "tie")
    add(any_database, "comes", "b")
    add(any_database, "waits", None)
    done = written(any_database, tmp_path, "second", "first")
    assert done.changes == {
        "new": 1, "replaced": 2, "withdrawn": 1, "unchanged and not repeated": 1
    }  # fmt: skip
    assert "of labels: 1 new, 2 replaced, 1 withdrawn, 1 unchanged and not" in done.summary
    folder = tmp_path / "second"
    assert sorted(choice for choice, *_ in labels(folder).values()) == ["b", "b", "tie"]
    told = {change["pair_id"]: (change["was"], change["withdrawn"]) for change in changes(folder)}
    assert told == {"turns": ("a", None), "goes": ("a", "unsettled"), "ties": ("a", None)}
    manifest = read_manifest(folder)
    first = read_manifest(tmp_path / "first")
    with any_database.read() as session:
        known = dataset(session, "first").content_hash
        assert dataset(session).name == "first"  # training takes a whole one unless told
    assert manifest["continues"] == {"name": "first", "content_hash": known}
    assert "continues" not in first
    assert done.rows["pairs"] == 3  # only what changed is shown
    with pytest.raises(BadInput, match="nothing changed since 'second'"):
        written(any_database, tmp_path, "third", "second")


def test_what_became_gold_is_withdrawn(database: Database, tmp_path: Path) -> None:
    add(database, "one", "a")
    add(database, "two", "a")
    written(database, tmp_path, "first")
    with database.begin() as session:
        from db.pairs import get_pair

        session.add(Gold(pair_id=get_pair(session, "one").id, choice=Choice.A, how={}))
    done = written(database, tmp_path, "second", "first")
    assert done.rows["train"] + done.rows["validation"] + done.rows["test"] == 0
    (change,) = changes(tmp_path / "second")
    assert (change["pair_id"], change["withdrawn"]) == ("one", "gold")
    with database.read() as session:
        split = session.scalars(
            sql_select(DatasetItem.split).where(
                DatasetItem.dataset_id == dataset(session, "second").id
            )
        ).all()
    assert split == ["withdrawn"]


def test_a_prompt_keeps_the_split_of_the_dataset_that_is_continued(
    database: Database, tmp_path: Path
) -> None:
    """The first dataset has all in train; shares that would draw otherwise move nothing."""
    for i in range(12):
        add(database, f"old {i}", "a", prompt=f"Question {i}?")
    first = ExportOptions(validation=0, test=0, seed=5)
    steps.export(database, tmp_path / "first", first, "first")
    with database.begin() as session:  # as if its splits had been drawn by another rule
        made = dataset(session, "first")
        made.manifest = {**made.manifest, "filters": OPTIONS.as_filters()}
    for i in range(12):
        add(database, f"new {i}", "b" if i % 2 else "tie", prompt=f"Question {i}?")
    written(database, tmp_path, "second", "first")
    assert {split for _, split, _ in labels(tmp_path / "second").values()} == {"train"}
    add(database, "third", "a", prompt="Question 1?")  # by way of a chain, and of a tie
    written(database, tmp_path, "third", "second")
    assert {split for _, split, _ in labels(tmp_path / "third").values()} == {"train"}


def test_a_new_prompt_joins_the_split_of_its_group_or_none() -> None:
    """Two known prompts stand in train and test. A third is like the first; a fourth like both."""
    known = {"a" * 64: 0, "b" * 64: 2}
    groups = {"a" * 64: "a" * 64, "c" * 64: "a" * 64}
    both = dict.fromkeys([*known, "d" * 64], "a" * 64)

    def splits(group_of: dict[str, str]) -> tuple[list[tuple[int, str]], dict[str, int]]:
        def of(prompt: str) -> str:
            return group_of.get(prompt, prompt)

        before = Held(
            Lookup.of([]),
            Lookup.of((key_of(prompt), split) for prompt, split in known.items()),
            Lookup.together((key_of(of(prompt)), 1 << split) for prompt, split in known.items()),
        )
        rows = [
            Label(i, f"h{i}", i, letter * 64, False, None, i, "a", source="review", confidence=1.0)
            for i, letter in enumerate("abcd", start=1)
        ]
        found = select(rows, (), {}, ExportOptions(validation=0, test=0), (), of, before)
        return list(found.items()), dict(found.left_out)

    assert splits(groups) == ([(1, "train"), (2, "test"), (3, "train"), (4, "train")], {})
    found, left_out = splits(both)
    assert found == [(1, "train"), (2, "test"), (3, "train")]
    assert left_out == {"between_splits": 1}


def test_other_options_than_those_it_was_written_with_are_refused(
    database: Database, tmp_path: Path
) -> None:
    add(database, "one", "a")
    written(database, tmp_path, "first")
    with pytest.raises(BadInput, match="'first' was written with seed 5, not 6; continue it with"):
        steps.export(database, tmp_path / "x", ExportOptions(0.0, seed=6), "x", "first")
    with pytest.raises(BadInput, match="limit draws among all labels"):
        steps.export(database, tmp_path / "x", ExportOptions(limit=1, seed=5), "x", "first")
    with pytest.raises(BadInput, match="rows for kto are of whole prompts"):
        steps.export(database, tmp_path / "x", ExportOptions(to="kto", seed=5), "x", "first")
    with pytest.raises(UnknownName, match="'nobody' is not known"):
        written(database, tmp_path, "x", "nobody")


def test_a_label_that_a_layout_cannot_hold_any_more_is_withdrawn(
    database: Database, tmp_path: Path
) -> None:
    options = ExportOptions(to="openai", validation=0, test=0)
    add(database, "one", "a")
    add(database, "two", "a")
    steps.export(database, tmp_path / "first", options, "first")
    relabel(database, "one", "tie")
    done = steps.export(database, tmp_path / "second", options, "second", "first")
    assert done.changes is not None
    assert (done.changes["replaced"], done.changes["withdrawn"]) == (0, 1)
    (change,) = changes(tmp_path / "second")
    assert change["withdrawn"] == "ties, which openai has no place for"
    relabel(database, "one", "b")
    again = steps.export(database, tmp_path / "third", options, "third", "second")
    assert again.changes is not None
    assert again.changes["new"] == 1


DAY = st.lists(
    st.tuples(st.integers(0, 7), st.sampled_from(["a", "b", "tie", None])), min_size=1, max_size=6
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(days=st.lists(DAY, min_size=1, max_size=4))
def test_a_chain_of_increments_is_a_whole_export(
    tmp_path_factory: pytest.TempPathFactory, days: list[list[tuple[int, str | None]]]
) -> None:
    """Eight pairs on four prompts, labelled, relabelled and unlabelled day by day."""
    folder = tmp_path_factory.mktemp("chain")
    database = Database(f"sqlite:///{folder}/tiebreak.db")
    Base.metadata.create_all(database.engine)
    for i in range(8):
        add(database, f"p{i}", "a" if i < 2 else None, prompt=f"Question {i // 2}?")
    written(database, folder, "day0")
    chain = ["day0"]
    for number, day in enumerate(days, start=1):
        for i, choice in day:
            relabel(database, f"p{i}", choice)
        with suppress(BadInput):  # nothing changed
            written(database, folder, f"day{number}", chain[-1])
            chain.append(f"day{number}")
    try:
        written(database, folder, "whole")
        whole = labels(folder / "whole")
    except BadInput:  # everything but ties was taken away
        database.dispose()
        return
    assert applied([folder / name for name in chain]) == whole
    database.dispose()
