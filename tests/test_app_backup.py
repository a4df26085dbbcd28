"""A backup holds every row and folder, and a project made from it is the same one elsewhere."""

import json
import os
import shutil
import sqlite3
import tarfile
from pathlib import Path

import pytest
from cycle_world import TOML
from released_world import cells, fill
from sqlalchemy import select, update

from app.config import Config, load
from app.pipeline.backup import MANIFEST, back_up, restore
from db import schema
from db.alone import alone
from db.errors import BadInput, Conflict
from db.models import Checkpoint, Dataset
from db.session import Database


def project(folder: Path, url: str) -> Config:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiebreak.toml").write_text(f'[database]\nurl = "{url}"\n{TOML}', encoding="utf-8")
    return load(folder / "tiebreak.toml")


@pytest.fixture
def full(empty: Database, tmp_path: Path) -> Config:
    """A project with the release's rows and a folder for each dataset and checkpoint but one."""
    fill(empty)
    home = tmp_path / "home"
    with empty.begin() as session:
        for kind, table in (("datasets", Dataset), ("checkpoints", Checkpoint)):
            for row in session.scalars(select(table).order_by(table.id)):
                place = home / kind / row.name
                place.mkdir(parents=True)
                (place / "content.txt").write_text(row.name, encoding="utf-8")
                session.execute(update(table).where(table.id == row.id).values(path=str(place)))
    return project(home, empty.engine.url.render_as_string(hide_password=False))


def other(config: Config, tmp_path: Path, request: pytest.FixtureRequest) -> Config:
    """An empty project of the same kind elsewhere."""
    if config.database_url.startswith("sqlite"):
        return project(tmp_path / "elsewhere", "sqlite:///tiebreak.db")
    from conftest import fresh_postgres

    made = fresh_postgres(request.getfixturevalue("postgres_url"))
    url = made.__enter__()
    request.addfinalizer(lambda: made.__exit__(None, None, None))
    return project(tmp_path / "elsewhere", url)


def test_a_project_made_again_is_the_same(
    full: Config, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    file = tmp_path / "kept.tar"
    done = back_up(full, file)
    assert done.missing == ()
    assert os.stat(file).st_mode & 0o077 == 0
    new = other(full, tmp_path, request)
    restored = restore(new, file)
    assert restored.rows == done.rows
    moved = [(t, v.replace(str(full.folder), str(new.folder))) for t, v in cells(full.database)]
    assert sorted(cells(new.database)) == sorted(moved)
    with new.database.read() as session:
        for table in (Dataset, Checkpoint):
            for row in session.scalars(select(table)):
                assert (Path(row.path) / "content.txt").read_text(encoding="utf-8") == row.name
                assert Path(row.path).is_relative_to(new.folder)
    schema.require_as_migrated(new.database)
    goes_on(new.database)
    full.database.dispose()
    new.database.dispose()


def goes_on(database: Database) -> None:
    """New rows get keys of their own."""
    from db.annotators import ensure

    with database.begin() as session:
        known = {person.id for person in session.scalars(select(_annotator()))}
        assert ensure(session, "somebody new").id not in known


def _annotator() -> type:
    from db.models import Annotator

    return Annotator


def test_a_restore_never_overwrites(full: Config, tmp_path: Path) -> None:
    file = tmp_path / "kept.tar"
    back_up(full, file)
    before = cells(full.database)
    with pytest.raises(Conflict, match="holds data already"):
        restore(full, file)
    with pytest.raises(Conflict, match="is there already"):
        back_up(full, file)
    assert cells(full.database) == before
    full.database.dispose()


def test_two_restores_never_fill_one_database(
    full: Config, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    file = tmp_path / "kept.tar"
    back_up(full, file)
    new = other(full, tmp_path, request)
    database = Database(new.database_url)
    with alone(database, "restore"), pytest.raises(Conflict, match="a restore is running"):
        restore(new, file)
    assert restore(new, file).rows
    full.database.dispose()
    database.dispose()


@pytest.mark.parametrize("empty", ["sqlite"], indirect=True)
def test_a_damaged_backup_is_refused_and_changes_nothing(full: Config, tmp_path: Path) -> None:
    file = tmp_path / "kept.tar"
    back_up(full, file)
    whole = file.read_bytes()
    inside = whole.index(b"SQLite format 3")
    for number, damaged in enumerate(
        (
            whole[: len(whole) // 2],
            whole[:inside] + b"X" + whole[inside + 1 :],
            b"no tar at all",
            b"",
        )
    ):
        bad = tmp_path / f"bad-{number}.tar"
        bad.write_bytes(damaged)
        new = project(tmp_path / f"new-{number}", "sqlite:///tiebreak.db")
        with pytest.raises(BadInput, match="is no whole backup"):
            restore(new, bad)
        assert [path.name for path in new.folder.iterdir() if path.suffix != ".db"] == [
            "tiebreak.toml"
        ]
    full.database.dispose()


@pytest.mark.parametrize("empty", ["sqlite"], indirect=True)
def test_a_path_that_leaves_the_backup_is_refused(full: Config, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tar"
    outside = tmp_path / "outside.txt"
    outside.write_text("mine", encoding="utf-8")
    with tarfile.open(bad, "w") as archive:
        archive.add(outside, "../outside.txt")
        told = tmp_path / MANIFEST
        told.write_text(json.dumps({"format": "tiebreak backup 1", "files": {}}), encoding="utf-8")
        archive.add(told, MANIFEST)
    with pytest.raises(BadInput, match="is no whole backup"):
        restore(project(tmp_path / "new", "sqlite:///tiebreak.db"), bad)
    assert outside.read_text(encoding="utf-8") == "mine"
    full.database.dispose()


@pytest.mark.parametrize("empty", ["sqlite"], indirect=True)
def test_rows_that_lie_in_the_log_alone_are_backed_up(full: Config, tmp_path: Path) -> None:
    """After a kill the newest rows of SQLite lie in its write-ahead log, not in the file itself."""
    path = Path(str(full.database.engine.url.database))
    with full.database.begin() as session:
        session.execute(update(Dataset).values(content_hash="f" * 64))
    copied = tmp_path / "killed"
    shutil.copytree(full.folder, copied)
    for end in ("", "-wal", "-shm"):
        if (left := path.with_name(path.name + end)).exists():
            shutil.copy(left, copied / f"tiebreak.db{end}")
    killed = project(copied, "sqlite:///tiebreak.db")
    back_up(killed, tmp_path / "kept.tar")
    new = project(tmp_path / "new", "sqlite:///tiebreak.db")
    restore(new, tmp_path / "kept.tar")
    with sqlite3.connect(new.folder / "tiebreak.db") as connection:
        hashes = connection.execute("SELECT DISTINCT content_hash FROM datasets").fetchall()
    assert hashes == [("f" * 64,)]
    for config in (full, killed, new):
        config.database.dispose()


@pytest.mark.parametrize("empty", ["sqlite"], indirect=True)
def test_a_folder_that_is_gone_is_named(full: Config, tmp_path: Path) -> None:
    with full.database.read() as session:
        gone = session.scalars(select(Dataset).order_by(Dataset.id)).first()
    assert gone is not None
    shutil.rmtree(gone.path)
    done = back_up(full, tmp_path / "kept.tar")
    assert done.missing == (f"dataset {gone.name}: no folder {gone.path}",)
    assert f"not in it: dataset {gone.name}" in done.summary
    full.database.dispose()


@pytest.mark.parametrize("empty", ["sqlite"], indirect=True)
def test_init_before_a_restore_does_no_harm(full: Config, tmp_path: Path) -> None:
    back_up(full, tmp_path / "kept.tar")
    new = project(tmp_path / "new", "sqlite:///tiebreak.db")
    schema.upgrade(Database(new.database_url))
    assert restore(new, tmp_path / "kept.tar").rows > 100
    full.database.dispose()
