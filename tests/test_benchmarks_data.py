"""The benchmark of very many pairs runs whole at a small size, each step beside its peer."""

import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from db.models import Base, Candidate, Pair, PairName, Prompt
from db.session import Database

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from data import Place, lines, made_up, perform


def contents(database: Database) -> list[list[object]]:
    """What an import stores, but for ids and times."""
    columns = [
        (Prompt.content_hash, Prompt.messages),
        (Candidate.content_hash, Candidate.text, Candidate.model),
        (Pair.content_hash, Pair.domain, Pair.source),
        (PairName.external_id, PairName.mirrored),
    ]
    with database.read() as session:
        return [
            [tuple(row) for row in session.execute(select(*each).order_by(each[0]))]
            for each in columns
        ]


def test_the_peer_stores_what_the_import_stores(any_database: Database, tmp_path: Path) -> None:
    place = Place(any_database.url, tmp_path, 30)
    perform(place, "write file")
    found = []
    for doing in ("import peer", "import"):
        perform(place, doing)
        found.append(contents(any_database))
        with any_database.begin() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(table.delete())
            assert session.scalar(select(func.count()).select_from(Pair)) == 0
    assert found[0] == found[1]
    assert len(found[0][1]) == 60


def test_rows_have_two_kilobytes() -> None:
    sizes = [sum(len(str(value)) for value in row.values()) for row in made_up(20)]
    assert 1_800 < sum(sizes) / len(sizes) < 2_300


@pytest.mark.slow
def test_every_step_is_measured(tmp_path: Path) -> None:
    place = Place(f"sqlite:///{tmp_path}/tiebreak.db", tmp_path, 40)
    found = list(lines(place, ("import", "route", "merge", "export", "gold")))
    assert [one["what"] for one in found] == [
        f"{what} sqlite" for what in ("import", "route", "merge", "export", "gold")
    ]
    for one in found:
        assert one["rows"] == 40
        assert one["cpu_s"] > 0
        assert one["peak_mb"] > 10
        assert (one["peer"] is not None) == (one["what"] in ("import sqlite", "export sqlite"))
