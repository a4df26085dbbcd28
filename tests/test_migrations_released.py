"""Released migrations stay as they are, and a released version's data lives on after them."""

import hashlib
import json
import re
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from release_world import FOLDER, dump, walk
from sqlalchemy import Connection, inspect, text
from typer.testing import CliRunner

from app.cli import app
from db import schema
from db.errors import SchemaOutdated
from db.session import Database
from db.structure import found_in

ROOT = Path(__file__).resolve().parents[1]
MIGRATIONS = ROOT / "migrations"
RELEASES = sorted(FOLDER.glob("*.sql"), key=lambda file: [*map(int, file.stem.split("."))])

TOML = """
[panel]
label_model = "majority"
[[judge]]
name = "detail"
provider = "baseline"
model = "detail"
"""
NEXT = '''"""a migration that comes next"""

import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{before}"


def upgrade() -> None:
    with op.batch_alter_table("reviews") as table:
        table.add_column(sa.Column("mood", sa.String(20), nullable=True))
        table.alter_column("note", type_=sa.String(100), existing_type=sa.Text())
    op.execute("UPDATE reviews SET mood = 'calm'")
'''


def test_a_released_migration_is_never_edited() -> None:
    """Where this fails, put the file back and write a new migration (CONTRIBUTING.md)."""
    listed = dict(
        reversed(line.split()) for line in (MIGRATIONS / "released.txt").read_text().splitlines()
    )
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (MIGRATIONS / "versions").glob("*.py")
    }
    assert found == listed


def test_the_migrations_are_one_line() -> None:
    script = ScriptDirectory.from_config(schema._config())
    assert len(script.get_heads()) == len(script.get_bases()) == 1


def test_there_is_a_database_of_a_release_and_its_revision_is_known() -> None:
    assert RELEASES
    known = {one.revision for one in ScriptDirectory.from_config(schema._config()).walk_revisions()}
    assert {revision_of(file) for file in RELEASES} <= known


def revision_of(file: Path) -> str:
    """The revision whose tables a file of rows is for: its first line says it."""
    with file.open(encoding="utf-8") as lines:
        return next(lines).removeprefix("-- revision ").strip()


def load(connection: Connection, file: Path) -> None:
    """Make the tables of a file's revision by the migrations, and store its rows in them."""
    script = schema._config()
    with connection.begin():
        script.attributes["connection"] = connection
        command.upgrade(script, revision_of(file))
    rows = file.read_text(encoding="utf-8")
    raw: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        raw.executescript(rows)
        return
    raw.execute("SET TIME ZONE 'UTC'")
    raw.execute(rows)
    for table in inspect(connection).get_table_names():
        for column in inspect(connection).get_columns(table):
            if "nextval" in str(column["default"]):
                raw.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', '{column['name']}'), "
                    f'max("{column["name"]}")) FROM {table}'
                )
    raw.execute("RESET TIME ZONE")
    connection.commit()


def counts(connection: Connection) -> dict[str, int]:
    """table -> how many rows."""
    tables = set(inspect(connection).get_table_names()) - {"alembic_version"}
    return {
        table: int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
        for table in sorted(tables)
    }


@pytest.mark.parametrize("file", RELEASES, ids=lambda file: file.stem)
def test_every_table_has_rows_and_every_word_is_used(empty: Database, file: Path) -> None:
    """Otherwise a migration could break what nobody looks at."""
    used: dict[str, set[str]] = defaultdict(set)
    with empty.connection() as connection:
        load(connection, file)
        assert [table for table, rows in counts(connection).items() if rows == 0] == []
        structure = found_in(connection).outline().parts
        for (kind, table, name), words in structure.items():
            column = name.removeprefix(f"ck_{table}_")
            if kind != "constraint" or len(words.split()) < 2:
                continue
            rows = connection.execute(text(f'SELECT DISTINCT "{column}" FROM {table}'))
            used[words] |= {word for (word,) in rows if word is not None}
    assert len(used) >= 10
    assert {words: " ".join(sorted(found)) for words, found in used.items()} == {
        words: words for words in used
    }


@pytest.mark.slow
def test_the_next_releases_database_can_be_made(tmp_path: Path) -> None:
    """The walk goes through today's verbs and leaves nothing empty."""
    database = walk(tmp_path)
    text = "".join(dump(database, {str(tmp_path): "elsewhere"}))
    with database.connection() as connection:
        assert [table for table, rows in counts(connection).items() if rows == 0] == []
    database.dispose()
    assert text.startswith(f"-- revision {schema.head()}\nINSERT INTO ")
    assert str(tmp_path) not in text


@pytest.mark.parametrize("file", RELEASES, ids=lambda file: file.stem)
def test_a_releases_data_is_all_there_after_the_upgrade_and_works(
    empty: Database, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with empty.connection() as connection:
        load(connection, file)
        before = counts(connection)
    assert schema.upgrade(empty) == schema.head()
    with empty.connection() as connection:
        after = counts(connection)
    assert {table: rows for table, rows in before.items() if after.get(table, rows) != rows} == {}
    schema.require_head(empty)
    schema.require_as_migrated(empty)
    script = schema._config()
    with empty.engine.begin() as connection:
        script.attributes["connection"] = connection
        command.check(script)

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIEBREAK_CONFIG", raising=False)
    monkeypatch.setenv("TIEBREAK_DATABASE_URL", empty.url)
    monkeypatch.setattr("app.config.Config.database", empty)  # one that is closed at the end
    (tmp_path / "tiebreak.toml").write_text(TOML, encoding="utf-8")
    assert told("status")["pairs"] == before["pairs"]
    assert told("show 1")["pair"]
    assert told("route --review-share 0.5 --dry-run")["pairs"] > 0
    assert told("merge")["preferences"] > 0
    assert sum(told("export again")["rows"].values()) > 0
    assert told("certificate list")
    assert told("history")
    doctor = CliRunner().invoke(app, ["doctor", "--json"])
    assert {one["name"]: one["ok"] for one in json.loads(doctor.stdout)["checks"]}["database"]


def told(words: str) -> Any:
    """What a verb says with --json."""
    result = CliRunner().invoke(app, [*words.split(), "--json"])
    if result.exception is not None:
        raise result.exception
    return json.loads(result.stdout)


@pytest.mark.parametrize(("over", "gone"), [(1, [4, 6]), (2, [4])], ids=["certified", "free"])
def test_standing_certificates_of_an_old_database_keep_their_pairs(
    empty: Database, over: int, gone: list[int]
) -> None:
    """Batch 4 was replaced while it waited for audits; 5 has a certificate on pair 1; 6, the
    newest, waits over pair `over`. Only where that is certified is 6 given up as well.
    """
    policy = json.dumps({"target_error": 0.1})
    with empty.connection() as connection:
        load(connection, FOLDER / "0.2.0.sql")
        with connection.begin():
            connection.execute(text("UPDATE certificates SET withdrawn_at = '2026-11-30'"))
            for batch, pair in ((4, 3), (5, 1), (6, over)):
                connection.execute(text(
                    "INSERT INTO batches (id, fit_id, policy, seed, frame_hash, created_at) VALUES "
                    f"({batch}, 2, '{policy}', 7, 'f', '2026-11-30')"
                ))  # fmt: skip
                connection.execute(text(
                    "INSERT INTO routes (batch_id, pair_id, route, reasons, priority, score, "
                    f"stratum) VALUES ({batch}, {pair}, 'audit', '[]', 0, 0.9, '')"
                ))  # fmt: skip
                connection.execute(text(
                    "INSERT INTO tasks (kind, status, pair_id, batch_id, priority, reasons, "
                    f"wanted_reviews, max_reviews, created_at) VALUES ('audit', 'open', {pair}, "
                    f"{batch}, 0, '[]', 1, 3, '2026-11-30')"
                ))  # fmt: skip
            connection.execute(text(
                "INSERT INTO certificates (batch_id, promise, payload, created_at) VALUES "
                "(5, 'g2', '{\"accepted\": 3}', '2026-11-30')"
            ))  # fmt: skip
    schema.upgrade(empty)
    with empty.connection() as connection:
        ended = text("SELECT id FROM batches WHERE given_up_at IS NOT NULL ORDER BY id")
        assert list(connection.execute(ended).scalars()) == gone
        closed = text(
            "SELECT batch_id FROM tasks WHERE batch_id > 3 AND status = 'closed' ORDER BY batch_id"
        )
        assert list(connection.execute(closed).scalars()) == gone


@pytest.fixture
def one_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The migrations with one more, as the next release will have it. Its revision."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = NEXT.format(before=schema.head())
    (folder / "versions" / "next.py").write_text(text, encoding="utf-8")

    def config() -> Config:
        made = Config()
        made.set_main_option("script_location", str(folder))
        return made

    monkeypatch.setattr(schema, "_config", config)
    return schema.head()


def test_the_next_migration_meets_a_releases_data(empty: Database, one_more: str) -> None:
    file = RELEASES[-1]
    with empty.connection() as connection:
        load(connection, file)
        before = counts(connection)
    with pytest.raises(SchemaOutdated, match=r"needs 'next'; run `tiebreak db upgrade`"):
        schema.require_head(empty)
    assert schema.upgrade(empty) == one_more == "next"
    schema.require_as_migrated(empty)
    with empty.connection() as connection:
        assert before.items() <= counts(connection).items()  # new tables are empty
        moods = connection.execute(text("SELECT DISTINCT mood FROM reviews")).scalars().all()
        assert moods == ["calm"]


def test_the_next_migration_never_touches_a_database_that_is_not_its_revision(
    empty: Database, one_more: str
) -> None:
    with empty.connection() as connection:
        load(connection, RELEASES[-1])
        with connection.begin():
            connection.execute(text("ALTER TABLE leases DROP COLUMN draft"))
        before = found_in(connection)
    said = rf"at schema '{re.escape(revision_of(RELEASES[-1]))}', but table 'leases' has no column"
    with pytest.raises(SchemaOutdated, match=said):
        schema.upgrade(empty)
    with empty.connection() as connection:
        assert found_in(connection) == before
