"""A judge version is made once, also where many ask for it at the same moment."""

import threading

import pytest
from sqlalchemy import select

from db.errors import BadInput
from db.judges import judge_version, recorded_version
from db.models import JudgeVersion
from db.session import Database
from db.vocabulary import Provider


def test_many_at_once_get_the_same_version(any_database: Database) -> None:
    found: list[int] = []
    errors: list[BaseException] = []

    def ask() -> None:
        own = Database(any_database.url)
        try:
            with own.begin() as session:
                made = judge_version(
                    session,
                    name="j",
                    family="f",
                    version="v1",
                    provider=Provider.FAKE,
                    config={"model": "m"},
                )
                found.append(made.id)
        except BaseException as error:
            errors.append(error)
        finally:
            own.dispose()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(found) == 6
    assert len(set(found)) == 1


def test_a_judge_has_one_family_and_many_versions(any_database: Database) -> None:
    about = {"name": "j", "family": "f", "provider": Provider.FAKE, "config": {}}
    with any_database.begin() as session:
        first = judge_version(session, version="v1", **about)  # type: ignore[arg-type]
        again = judge_version(session, version="v1", **about)  # type: ignore[arg-type]
        judge_version(session, version="v2", generation=1, **about)  # type: ignore[arg-type]
        recorded_version(session, "j", None)
        assert first.id == again.id
        assert first.judge.name == "j"
        assert [(v.judge.name, v.generation) for v in session.scalars(select(JudgeVersion))] == [
            ("j", 0), ("j", 1), ("j", 0),
        ]  # fmt: skip
        with pytest.raises(BadInput, match="judge 'j' has family 'f', not 'g'; use the same"):
            judge_version(session, version="v3", **{**about, "family": "g"})  # type: ignore[arg-type]
