"""Inserting what is not there yet counts right, one row or many, on both databases."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from review_worlds import add_pairs
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from db import upsert
from db.judges import recorded_version
from db.models import Candidate, Judge, Vote
from db.session import Database
from db.upsert import chunks, insert_new
from db.vocabulary import Choice, Order


@pytest.mark.parametrize("n", [0, 1, 2, 3000])
def test_only_new_rows_are_inserted_and_counted(any_database: Database, n: int) -> None:
    rows = [{"name": f"j{i}", "family": "f"} for i in range(n)]
    with any_database.begin() as session:
        assert insert_new(session, Judge, rows, ["name"]) == n
        assert insert_new(session, Judge, rows, ["name"]) == 0
        more = [*rows[:2], {"name": "new", "family": "f"}]
        assert insert_new(session, Judge, more, ["name"]) == 1
        assert session.scalar(select(func.count()).select_from(Judge)) == n + 1


def test_many_rows_are_stored_as_few_are(
    any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every type of column that is imported, with and without what its model gives by default."""
    at = datetime(2026, 1, 2, 3, 4, 5, 678, timezone(timedelta(hours=2)))
    said = 'quote " tab \t line \n back \\ \\N é 漢'
    pairs = add_pairs(any_database, 2)
    with any_database.begin() as session:
        version = recorded_version(session, "j", None).id
    rows: list[dict[str, Any]] = [
        {"judge_version_id": version, "order": Order.AB, "sample": 1, "choice": Choice.ABSTAIN,
         "abstain_reason": said, "principles": {said: None}, "created_at": at,
         "cost_nanousd": 2**40},
        {"judge_version_id": version, "order": Order.NONE, "sample": 2, "choice": Choice.A,
         "abstain_reason": None, "principles": None, "created_at": at, "cost_nanousd": 0},
    ]  # fmt: skip
    found = []
    for pair_id, few in zip(pairs, (50, 1), strict=True):
        monkeypatch.setattr(upsert, "_FEW", few)
        mine = [{"pair_id": pair_id, **row} for row in rows]
        with any_database.begin() as session:
            unique = ["pair_id", "judge_version_id", "order", "sample"]
            assert insert_new(session, Vote, mine, unique) == 2
            assert insert_new(session, Vote, mine, unique) == 0
        with any_database.read() as session:
            held = session.scalars(select(Vote).where(Vote.pair_id == pair_id).order_by(Vote.id))
            columns = {c.name for c in Vote.__table__.columns} - {"id", "pair_id"}
            found.append([{c: getattr(vote, c) for c in columns} for vote in held])
    assert found[0] == found[1]
    assert found[1][0]["principles"] == {said: None}
    assert found[1][0]["created_at"] == at


def test_what_many_rows_break_is_said_as_for_few(
    any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upsert, "_FEW", 0)
    orphan = {"prompt_id": 7, "content_hash": "x", "text": "t", "model": None, "family": None}
    with pytest.raises(IntegrityError), any_database.begin() as session:
        insert_new(session, Candidate, [orphan], ["prompt_id", "content_hash"])
    with pytest.raises(DBAPIError), any_database.begin() as session:
        insert_new(session, Judge, [{"name": "nul \0" * 300, "family": object()}], ["name"])
    with any_database.begin() as session:  # nothing of it is left, and the connection works
        assert insert_new(session, Judge, [{"name": "j", "family": "f"}], ["name"]) == 1


def test_chunks_cut_a_stream_without_losing_its_end() -> None:
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []
