"""What a verb creates is for the user who runs it, unless that user shares it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from import_worlds import pair, vote, write
from typer.testing import CliRunner

from app.cli import app
from app.doctor import examine
from app.private import keep_private
from db.errors import BadInput
from db.schema import upgrade
from db.session import Database


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in folder.rglob("*")
    }


def walk(folder: Path) -> None:
    """Verbs that create a configuration, a database, rejected rows, a report and a folder."""
    settings = folder / "new" / "tiebreak.toml"
    rows = write(folder.with_suffix(".jsonl"), [pair("p1"), {"prompt": "?"}])
    votes = write(folder.with_name("votes.jsonl"), [vote("p1")])
    for words in (
        ["init"],
        ["import", "pairs", str(rows), "--rejects", str(folder / "new" / "rejects.jsonl")],
        ["import", "votes", str(votes)],
        ["report", "--html", str(folder / "new" / "report.html")],
    ):
        done = CliRunner().invoke(app, [*words, "--config", str(settings)])
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize(("umask", "others"), [(None, 0o077), ("027", 0o027), ("7", 0o007)])
def test_every_file_of_a_verb_has_the_rights_that_were_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: str | None, others: int
) -> None:
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    if umask is not None:
        monkeypatch.setenv("TIEBREAK_UMASK", umask)
    folder = tmp_path / "project"
    folder.mkdir()
    walk(folder)
    found = modes(folder)
    made = {"tiebreak.toml", "tiebreak.db", "rejects.jsonl", "report.html"}
    assert made <= {Path(name).name for name in found}
    assert {name: mode for name, mode in found.items() if mode & others} == {}
    if umask is not None:  # and are shared where they were
        assert found["new/tiebreak.db"] & 0o040


def test_a_database_is_no_strangers_whoever_makes_it(tmp_path: Path) -> None:
    os.umask(0)
    made = Database(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(made)
    with made.begin():
        assert {mode & 0o007 for mode in modes(tmp_path).values()} == {0}
    made.dispose()


def test_what_is_no_umask_is_one_sentence() -> None:
    for said in ("", "rw", "9", "77777", "-1", "0777", "0o1x"):
        with pytest.raises(BadInput, match=r"write an octal umask .* like 027"):
            keep_private({"TIEBREAK_UMASK": said})


def test_doctor_remarks_on_a_file_that_everybody_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    (tmp_path / "tiebreak.toml").write_text("")
    made = Database(f"sqlite:///{tmp_path / 'tiebreak.db'}")
    upgrade(made)
    made.dispose()

    def found() -> str:
        (check,) = [c for c in examine(tmp_path / "tiebreak.toml") if c.name == "database"]
        assert check.ok
        return check.found

    assert "chmod" not in found()
    (tmp_path / "tiebreak.db").chmod(0o644)
    assert "everybody on this machine may read it; `chmod o=" in found()
