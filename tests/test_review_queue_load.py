"""Many annotators at once, with deaths and expiries, at a size for every day.

The full size is `python benchmarks/queue_load.py`.
"""

from pathlib import Path

import pytest


@pytest.fixture
def run(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "benchmarks"))
    import queue_load  # the worker processes import it by this name

    return queue_load.run


@pytest.mark.slow
def test_on_sqlite_nothing_is_held_by_two_lost_or_stored_twice(run, tmp_path):
    found = run(f"sqlite:///{tmp_path / 'load.db'}", workers=3, tasks=60)
    assert found.wrong == []
    assert found.answers_a_second > 0


@pytest.mark.slow
def test_on_postgresql_nothing_is_held_by_two_lost_or_stored_twice(run, empty_postgres_url):
    found = run(empty_postgres_url, workers=4, tasks=100)
    assert found.wrong == []
    assert found.answers_a_second > 0
