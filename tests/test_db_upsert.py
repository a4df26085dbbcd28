"""Inserting what is not there yet counts right, one row or many, on both databases."""

import pytest
from sqlalchemy import func, select

from db.models import Judge
from db.session import Database
from db.upsert import chunks, insert_new


@pytest.mark.parametrize("n", [0, 1, 2, 3000])
def test_only_new_rows_are_inserted_and_counted(any_database: Database, n: int) -> None:
    rows = [{"name": f"j{i}", "family": "f"} for i in range(n)]
    with any_database.begin() as session:
        assert insert_new(session, Judge, rows, ["name"]) == n
        assert insert_new(session, Judge, rows, ["name"]) == 0
        more = [*rows[:2], {"name": "new", "family": "f"}]
        assert insert_new(session, Judge, more, ["name"]) == 1
        assert session.scalar(select(func.count()).select_from(Judge)) == n + 1


def test_chunks_cut_a_stream_without_losing_its_end() -> None:
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []
