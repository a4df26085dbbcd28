"""A damaged database is one sentence that names backup and recovery, from every verb."""

import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select, text
from typer.testing import CliRunner

from app.cli import app
from db.errors import Damaged, TiebreakError, Unavailable
from db.models import Event
from db.reachable import damage
from db.session import Database

SAMPLE = Path(__file__).parents[1] / "app" / "sample"
Harm = Callable[[bytearray], bytes]


def run(folder: Path, *words: str) -> BaseException | None:
    return CliRunner().invoke(app, [*words, "--config", str(folder / "tiebreak.toml")]).exception


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has judged, routed, reviewed and merged; its database is one file."""
    folder = tmp_path_factory.mktemp("whole")
    template = (SAMPLE.parent / "template.toml").read_text(encoding="utf-8")
    (folder / "tiebreak.toml").write_text(template, encoding="utf-8")
    for words in (
        ["db", "upgrade"],
        ["import", "candidates", str(min(SAMPLE.glob("candidates_*.jsonl")))],
        ["judge"],
        ["route", "--review-share", "0.5"],
        ["replay", "labels", str(min(SAMPLE.glob("labels_*.jsonl")))],
        ["gold", "draw"],
        ["merge"],
    ):
        assert run(folder, *words) is None, words
    with (
        closing(sqlite3.connect(folder / "tiebreak.db")) as connection,
        closing(sqlite3.connect(folder / "whole.db")) as saved,
    ):
        connection.backup(saved)
    return folder


def cut(share: float) -> Harm:
    return lambda data: bytes(data[: int(len(data) * share)])


def noise(share: float, length: int) -> Harm:
    def made(data: bytearray) -> bytes:
        at = int(len(data) * share)
        data[at : at + length] = random.Random(at).randbytes(length)
        return bytes(data)

    return made


def zeros(share: float, length: int) -> Harm:
    def made(data: bytearray) -> bytes:
        at = int(len(data) * share)
        data[at : at + length] = bytes(length)
        return bytes(data)

    return made


HARMS: dict[str, Harm] = {
    "header": noise(0, 100),
    "letters of the header": lambda data: b"S" * 16 + bytes(data[16:]),
    "schema": noise(0.0002, 4_000),
    "cut in half": cut(0.5),
    "cut at its end": cut(0.98),
    "cut within the first page": cut(0.001),
    "middle": noise(0.5, 60_000),
    "early pages": noise(0.02, 200_000),
    "zeros in the middle": zeros(0.3, 100_000),
    "every page a little": lambda data: bytes(
        byte if n % 4096 != 8 else 255 for n, byte in enumerate(data)
    ),
}
VERBS = (
    ["status"], ["report"], ["show", "1"], ["merge"], ["route", "--review-share", "0.6"],
    ["export", "EXPORT"], ["estimate"], ["judge"], ["gold", "draw"], ["history"],
    ["certificate", "list"],
    ["import", "candidates", str(max(SAMPLE.glob("candidates_*.jsonl")))],
    ["db", "upgrade"], ["cycle", "--dry-run"],
)  # fmt: skip


@pytest.mark.parametrize("harm", HARMS)
def test_no_verb_meets_damage_with_a_traceback(whole: Path, tmp_path: Path, harm: str) -> None:
    harmed = HARMS[harm](bytearray((whole / "whole.db").read_bytes()))

    def project(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(whole / "tiebreak.toml", folder)
        (folder / "tiebreak.db").write_bytes(harmed)
        return folder

    told = []
    for n, verb in enumerate(VERBS):
        words = [str(tmp_path / "out") if word == "EXPORT" else word for word in verb]
        error = run(project(str(n)), *words)
        assert error is None or isinstance(error, TiebreakError | SystemExit), (verb, error)
        if isinstance(error, TiebreakError):
            told.append(str(error))
            assert "\n" not in str(error)
    assert told
    assert any(re.search(r"restore a backup, or save .*`sqlite3 .* \.recover", one) for one in told)
    doctor = CliRunner().invoke(app, ["doctor", "--config", str(project("d") / "tiebreak.toml")])
    assert doctor.exit_code == 1
    assert ".recover" in doctor.output


def test_a_value_that_no_column_holds_is_damage_too(database: Database) -> None:
    with database.begin() as session:
        session.add(Event(actor="a", kind="k", subject="s", payload={}))
        session.flush()
        session.execute(text("UPDATE events SET payload = '{' WHERE kind = 'k'"))
    with (
        pytest.raises(Damaged, match=r"a value that its column cannot hold: .*restore a backup"),
        database.read() as session,
    ):
        session.scalars(select(Event)).all()
    with pytest.raises(ZeroDivisionError), database.read():  # what is not its fault stays as it is
        _ = 1 / 0
    with pytest.raises(ValueError, match="invalid literal"), database.read():
        int("x")


def test_a_whole_file_and_one_that_is_not_there_are_not_damaged(
    database: Database, tmp_path: Path
) -> None:
    assert damage(database.url) is None
    assert damage(database.url, thorough=True) is None
    assert damage("sqlite://") is None
    assert damage(f"sqlite:///{tmp_path}/nowhere.db") is None
    assert damage("postgresql://host/name") is None


def test_a_file_of_no_bytes_has_no_tables_and_says_so(whole: Path, tmp_path: Path) -> None:
    shutil.copy(whole / "tiebreak.toml", tmp_path)
    (tmp_path / "tiebreak.db").touch()
    error = run(tmp_path, "status")
    assert "has no tables yet; run `tiebreak init`, or restore a backup" in str(error)


def unusable(database: Database, *statements: str) -> str:
    def execute() -> None:
        with database.begin() as session:
            for statement in statements:
                session.execute(text(statement))

    with pytest.raises(Unavailable) as caught:
        execute()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_database_that_is_locked_full_or_read_only_says_what_to_do(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.session._BUSY_MS", 50)
    add = "INSERT INTO events (at, actor, kind, subject, payload) VALUES ('', '', '', :text, '{}')"
    second = Database(database.url)
    with database.begin() as session:
        session.execute(text("SELECT 1"))
        assert "another process works on it; run this again" in unusable(second, "SELECT 1")
    full = "PRAGMA max_page_count = 1"
    assert "make room on its disk" in unusable(
        second, full, add.replace(":text", "hex(zeroblob(99999))")
    )
    second.dispose()
    barred = Database(f"sqlite:///file:{database.engine.url.database}?mode=ro&uri=true")
    assert "see whether you may write the file" in unusable(barred, add.replace(":text", "''"))
    barred.dispose()
    folder = Database(f"sqlite:///{tmp_path}")
    assert "see whether you may write the file" in unusable(folder, "SELECT 1")


def test_a_server_that_ends_our_connection_or_lacks_the_database_is_one_sentence(
    postgres_database: Database,
) -> None:
    said = unusable(postgres_database, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert "does not answer" in said
    url = postgres_database.engine.url
    lacking = Database(url.set(database="nowhere").render_as_string(hide_password=False))
    assert "create it, or name another in its url" in unusable(lacking, "SELECT 1")
    stranger = Database(url.set(username="nobody").render_as_string(hide_password=False))
    assert "names the right user, and gives the password" in unusable(stranger, "SELECT 1")
