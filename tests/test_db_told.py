"""What several files tell about the same text or pair: nothing is lost, in any order of rows."""

from itertools import permutations
from pathlib import Path
from typing import Any

import import_worlds as worlds
import pytest
from hypothesis import given
from hypothesis import strategies as st
from import_worlds import take
from sqlalchemy import select

from db.imports import importer
from db.models import Candidate, Pair
from db.session import Database
from db.told import kept, kept_author


def authors(database: Database) -> dict[str, tuple[str | None, str | None]]:
    with database.read() as session:
        rows = session.execute(select(Candidate.text, Candidate.model, Candidate.family))
        return {text: (model, family) for text, model, family in rows}


def about(database: Database) -> list[tuple[str | None, str | None]]:
    with database.read() as session:
        return [(p.domain, p.source) for p in session.scalars(select(Pair).order_by(Pair.id))]


SETS = [
    {"prompt": "Name a prime.", "responses": [{"text": "7", "model": "m1"}, "9"]},
    {"prompt": "Name a prime.", "responses": ["7", {"text": "11", "model": "m3"}]},
]


@pytest.mark.parametrize("at_once", [1, 500], ids=["portions", "one portion"])
@pytest.mark.parametrize("rows", [SETS, SETS[::-1]], ids=["first", "last"])
def test_a_model_that_one_row_tells_is_not_lost_to_one_that_does_not(
    any_database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[dict[str, Any]],
    at_once: int,
) -> None:
    monkeypatch.setattr(importer, "_ROWS", at_once)
    done = take(any_database, "candidates", tmp_path / "c.jsonl", rows)
    assert authors(any_database) == {"7": ("m1", None), "9": (None, None), "11": ("m3", None)}
    assert not [name for name in done.counts if name.startswith("told")]


TOLD = [
    worlds.pair("one"),
    worlds.pair("two", model_a="m2", family_a="f2", domain="d", source="s1"),
    worlds.pair("three", a="second", b="first", model_b="m1", source="s0"),
]


@pytest.mark.parametrize("at_once", [1, 500], ids=["portions", "one portion"])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_in_any_order_the_same_is_kept_and_what_differs_is_said(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    order: tuple[int, ...],
    at_once: int,
) -> None:
    """Of two models of one text the first by name is kept, and no family of the other with it."""
    monkeypatch.setattr(importer, "_ROWS", at_once)
    take(database, "pairs", tmp_path / "p.jsonl", [TOLD[i] for i in order])
    assert authors(database) == {"first": ("m1", None), "second": (None, None)}
    assert about(database) == [("d", "s0")]
    done = take(database, "pairs", tmp_path / "p.jsonl")
    # Row two tells m2 of family f2 and source s1.
    assert {name: n for name, n in done.counts.items() if name.startswith("told")} == {
        "told another model than is kept": 1,
        "told another family than is kept": 1,
        "told another source than is kept": 1,
    }
    assert "1 told another model than is kept" in done.summary


def test_another_expected_outcome_is_said_and_the_first_stays(
    any_database: Database, tmp_path: Path
) -> None:
    rows = [
        worlds.pair(name, a=name, expected={"kind": "exact", "value": value})
        for name, value in (("one", "5"), ("two", "4"), ("three", "5"))
    ]
    done = take(any_database, "pairs", tmp_path / "p.jsonl", rows)
    assert done.counts["told another expected than is kept"] == 1
    with any_database.read() as session:
        (pair, *_) = session.scalars(select(Pair))
        assert pair.prompt.expected == {"kind": "exact", "value": "5"}


WORDS = st.none() | st.sampled_from(["a", "b", "c"])


@given(st.lists(WORDS | st.dictionaries(st.sampled_from("xy"), WORDS), max_size=5))
def test_what_is_kept_does_not_depend_on_the_order_told(values: list[Any]) -> None:
    """Also where it is joined one by one, as over several files."""
    one_by_one = None
    for value in reversed(values):
        one_by_one = kept((one_by_one, value))
    assert kept(values) == one_by_one
    assert (kept(values) is None) == all(value is None for value in values)


@given(st.lists(st.tuples(WORDS, WORDS), max_size=4))
def test_a_family_stays_with_its_model(told: list[tuple[str | None, str | None]]) -> None:
    model, family = kept_author(told)
    assert model == min((m for m, _ in told if m is not None), default=None)
    assert family is None or (model, family) in told or (None, family) in told
    assert kept_author(told[::-1]) == (model, family)
