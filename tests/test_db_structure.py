"""Tables that are not those of their revision are refused, by every start and by `doctor`."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from alembic import command
from sqlalchemy import text
from streamlit import config
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from app.cli import app
from db import schema
from db.errors import SchemaOutdated, Unavailable
from db.models import Base
from db.session import Database
from db.structure import found_in, outlined

ROOT = Path(__file__).resolve().parents[1]


def at_its_revision(database: Database) -> Database:
    script = schema._config()
    with database.engine.begin() as connection:
        script.attributes["connection"] = connection
        command.stamp(script, "head")
    return database


@pytest.fixture
def at_head(any_database: Database) -> Database:
    """All tables, and the revision that makes them."""
    return at_its_revision(any_database)


def run(database: Database, *statements: str) -> None:
    with database.begin() as session:
        for statement in statements:
            session.execute(text(statement))


def reword(database: Database, table: str, old: str, new: str) -> None:
    """Make an SQLite table anew with other words in its definition; it has no rows yet."""
    with database.begin() as session:
        made = session.scalars(
            text("SELECT sql FROM sqlite_master WHERE tbl_name = :t AND sql > '' ORDER BY rowid"),
            {"t": table},
        ).all()
        assert sum(old in one for one in made) == 1, made
        session.execute(text(f"DROP TABLE {table}"))
        for one in made:
            session.execute(text(one.replace(old, new).replace(":", "\\:")))


def told(database: Database, meet: Any = schema.require_head) -> str:
    with pytest.raises(SchemaOutdated) as refused:
        meet(database)
    return str(refused.value)


# what a start says; how PostgreSQL comes to it; how SQLite does: SQL, or a table and its words
HARM: dict[str, tuple[str, str, str | tuple[str, str, str]]] = {
    "a column lost": (
        "table 'reviews' has no column 'note'",
        "ALTER TABLE reviews DROP COLUMN note",
        "ALTER TABLE reviews DROP COLUMN note",
    ),
    "a column that is not ours": (
        "table 'runs' has column 'mood', which does not belong there",
        "ALTER TABLE runs ADD COLUMN mood TEXT",
        "ALTER TABLE runs ADD COLUMN mood TEXT",
    ),
    "a table lost": (
        "there is no table 'step_labels'",
        "DROP TABLE step_labels",
        "DROP TABLE step_labels",
    ),
    "a column of another type": (
        "column 'error' of table 'runs' is VARCHAR(10), not TEXT",
        "ALTER TABLE runs ALTER error TYPE VARCHAR(10)",
        ("runs", "error TEXT", "error VARCHAR(10)"),
    ),
    "a column that may be empty": (
        "column 'verb' of table 'runs' is VARCHAR(40), not VARCHAR(40) NOT NULL",
        "ALTER TABLE runs ALTER verb DROP NOT NULL",
        ("runs", "verb VARCHAR(40) NOT NULL", "verb VARCHAR(40)"),
    ),
    "a unique constraint lost": (
        "table 'vote_claims' has no constraint "
        "'uq_vote_claims_pair_id_judge_version_id_order_sample'",
        "ALTER TABLE vote_claims DROP CONSTRAINT "
        "uq_vote_claims_pair_id_judge_version_id_order_sample",
        (
            "vote_claims",
            "CONSTRAINT uq_vote_claims_pair_id_judge_version_id_order_sample "
            'UNIQUE (pair_id, judge_version_id, "order", sample), ',
            "",
        ),
    ),
    "a foreign key lost": (
        "table 'step_labels' has no constraint 'fk_step_labels_prompt_id_prompts'",
        "ALTER TABLE step_labels DROP CONSTRAINT fk_step_labels_prompt_id_prompts",
        (
            "step_labels",
            "CONSTRAINT fk_step_labels_prompt_id_prompts FOREIGN KEY(prompt_id) "
            "REFERENCES prompts (id), ",
            "",
        ),
    ),
    "a check lost": (
        "table 'votes' has no constraint 'ck_votes_sample'",
        "ALTER TABLE votes DROP CONSTRAINT ck_votes_sample",
        ("votes", "CONSTRAINT ck_votes_sample CHECK (sample >= 1)", "CHECK (sample >= 1)"),
    ),
    "a word that is not allowed yet": (
        "constraint 'ck_runs_status' of table 'runs' is done failed running, "
        "not done failed running stopped",
        "ALTER TABLE runs DROP CONSTRAINT ck_runs_status, ADD CONSTRAINT ck_runs_status "
        "CHECK (status IN ('running', 'done', 'failed'))",
        ("runs", "'stopped', ", ""),
    ),
    "a unique index lost": (
        "table 'leases' has no index 'uq_leases_task_active'",
        "DROP INDEX uq_leases_task_active",
        "DROP INDEX uq_leases_task_active",
    ),
    "a unique index that is none": (
        "index 'uq_leases_task_active' of table 'leases' is plain, not UNIQUE",
        "DROP INDEX uq_leases_task_active; "
        "CREATE INDEX uq_leases_task_active ON leases (task_id) WHERE status = 'active'",
        ("leases", "UNIQUE INDEX uq_leases_task_active", "INDEX uq_leases_task_active"),
    ),
    "a unique index that is not ours": (
        "table 'runs' has index 'one_a_verb', which does not belong there",
        "CREATE UNIQUE INDEX one_a_verb ON runs (verb)",
        "CREATE UNIQUE INDEX one_a_verb ON runs (verb)",
    ),
}


def do(database: Database, on_postgres: str, on_sqlite: str | tuple[str, str, str]) -> None:
    if not database.is_sqlite:
        run(database, on_postgres)
    elif isinstance(on_sqlite, str):
        run(database, on_sqlite)
    else:
        reword(database, *on_sqlite)


@pytest.mark.parametrize("harm", HARM)
def test_tables_that_are_not_their_revisions_are_refused(at_head: Database, harm: str) -> None:
    clause, on_postgres, on_sqlite = HARM[harm]
    schema.require_head(at_head)
    do(at_head, on_postgres, on_sqlite)
    clause = clause if at_head.is_sqlite else clause.replace("VARCHAR", "CHARACTER VARYING")
    said = told(at_head)
    assert said.startswith(
        f"the database says it is at schema '{schema.head()}', but {clause}; an unreleased build "
        "made it or it was changed by hand"
    )
    for meet in (schema.require_as_migrated, schema.upgrade):
        assert told(at_head, meet).startswith("the database says it is at schema")


@pytest.mark.parametrize(
    ("clause", "on_postgres", "on_sqlite"),
    [
        (
            "constraint 'ck_reviews_strength' of table 'reviews' is CHECK",
            "ALTER TABLE reviews DROP CONSTRAINT ck_reviews_strength, ADD CONSTRAINT "
            "ck_reviews_strength CHECK (strength IS NULL OR strength IN (1, 2, 3))",
            ("reviews", "strength IN (1, 2)", "strength IN (1, 2, 3)"),
        ),
        (
            "index 'uq_leases_task_active' of table 'leases' is UNIQUE",
            "DROP INDEX uq_leases_task_active; "
            "CREATE UNIQUE INDEX uq_leases_task_active ON leases (task_id)",
            ("leases", "ON leases (task_id) WHERE status = 'active'", "ON leases (task_id)"),
        ),
    ],
)
def test_doctor_sees_what_a_start_cannot(
    at_head: Database, clause: str, on_postgres: str, on_sqlite: tuple[str, str, str]
) -> None:
    schema.require_as_migrated(at_head)
    do(at_head, on_postgres, on_sqlite)
    schema.require_head(at_head)
    assert clause in told(at_head, schema.require_as_migrated)


def test_what_is_somebody_elses_or_only_helps_a_search_is_let_be(at_head: Database) -> None:
    run(
        at_head,
        "CREATE TABLE theirs (id INTEGER PRIMARY KEY, note TEXT CHECK (note <> 'no, (or ''so'')'))",
        "CREATE UNIQUE INDEX theirs_note ON theirs (note)",
        "CREATE INDEX sooner ON runs (verb)",
    )
    schema.require_head(at_head)
    schema.require_as_migrated(at_head)
    schema.upgrade(at_head)


def test_a_schema_of_the_role_before_the_public_one_hides_nothing(
    postgres_database: Database,
) -> None:
    at_head = at_its_revision(postgres_database)
    run(at_head, f'CREATE SCHEMA "{at_head.engine.url.username}"')
    schema.require_head(at_head)
    schema.require_as_migrated(at_head)


def with_options(database: Database, options: str) -> Database:
    url = database.engine.url.update_query_dict({"options": options})
    return Database(url.render_as_string(hide_password=False))


def test_a_schema_whose_name_needs_quotes_is_compared_as_any(postgres_database: Database) -> None:
    run(postgres_database, 'CREATE SCHEMA "Ours, and ""theirs"""')
    quoted = with_options(postgres_database, r'-csearch_path="Ours,\ and\ ""theirs"""')
    try:
        schema.upgrade(quoted)
        schema.require_head(quoted)
        schema.require_as_migrated(quoted)
    finally:
        quoted.dispose()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            "-cdefault_transaction_read_only=on",
            r"cannot be used \(.*\); it takes no changes: name the server that does",
        ),
        (
            "-csearch_path=nowhere",
            r"cannot be used \(.*\); create the schema, or name another in its url",
        ),
    ],
)
def test_a_server_that_makes_no_tables_there_is_one_sentence(
    postgres_database: Database, options: str, said: str
) -> None:
    at_head = at_its_revision(postgres_database)
    barred = with_options(at_head, options)
    try:
        with pytest.raises(Unavailable, match=said):
            schema.upgrade(barred)
    finally:
        barred.dispose()


def test_many_differences_are_named_up_to_three_and_counted(at_head: Database) -> None:
    run(at_head, "DROP TABLE step_labels", "DROP TABLE flags", "DROP TABLE gold")
    run(at_head, "DROP TABLE retractions", "DROP TABLE rationales")
    assert (
        "but there is no table 'flags', there is no table 'gold', there is no table 'rationales', "
        "and 2 more; an unreleased build"
    ) in told(at_head)


def test_the_comparison_by_new_tables_leaves_nothing_behind(at_head: Database) -> None:
    with at_head.engine.connect() as connection:
        before = found_in(connection)
    schema.require_as_migrated(at_head)
    with at_head.engine.connect() as connection:
        assert found_in(connection) == before
        assert connection.execute(text("SELECT count(*) FROM runs")).scalar() == 0
        if not at_head.is_sqlite:
            mine = "SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()"
            assert connection.execute(text(mine)).scalar() == 0
            assert connection.execute(text("SHOW search_path")).scalar() == '"$user", public'


def test_a_role_that_may_make_no_new_tables_is_told_so(postgres_database: Database) -> None:
    at_head = at_its_revision(postgres_database)
    name = at_head.engine.url.database
    run(
        at_head,
        f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC",
        f"CREATE ROLE reader_{name} LOGIN",
        f"GRANT SELECT ON alembic_version TO reader_{name}",
    )
    url = at_head.engine.url.set(username=f"reader_{name}")
    reader = Database(url.render_as_string(hide_password=False))
    try:
        schema.require_head(reader)  # a start needs no more than to look
        with pytest.raises(Unavailable, match=r"cannot be used .*temporary.*; grant its role that"):
            schema.require_as_migrated(reader)
    finally:
        reader.dispose()
        run(at_head, f"DROP OWNED BY reader_{name}", f"DROP ROLE reader_{name}")


def test_tables_of_no_known_schema_are_not_written_over(any_database: Database) -> None:
    said = told(any_database, schema.upgrade)
    assert said.startswith("the database has a table 'adjudications' and does not say of which")
    with pytest.raises(SchemaOutdated, match="has no tables yet"):
        schema.require_head(any_database)


def test_the_models_outline_is_what_each_server_tells_of_their_tables(
    any_database: Database,
) -> None:
    with any_database.engine.connect() as connection:
        found = found_in(connection).outline()
        wanted = outlined(Base.metadata, connection.dialect)
    assert found.parts == wanted.parts
    assert {kind for kind, _, _ in wanted.parts} == {"column", "constraint", "index"}


def test_a_column_added_in_place_is_read_like_one_made_with_its_table(database: Database) -> None:
    """SQLite writes an added column behind the constraints."""
    run(database, "ALTER TABLE runs ADD COLUMN mood VARCHAR(20) DEFAULT 'so, so)' NOT NULL")
    with database.engine.connect() as connection:
        parts = found_in(connection).parts
    assert parts["column", "runs", "mood"] == "VARCHAR(20) NOT NULL DEFAULT 'so, so)'"
    assert ("constraint", "runs", "ck_runs_status") in parts


@pytest.fixture
def mismatched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose database an earlier, unreleased build might have made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    monkeypatch.setenv("TIEBREAK_CONFIG", str(tmp_path / "tiebreak.toml"))
    assert CliRunner().invoke(app, ["init"]).exit_code == 0
    made = Database(f"sqlite:///{tmp_path / 'tiebreak.db'}")
    run(made, "ALTER TABLE leases DROP COLUMN draft", "ALTER TABLE reviews DROP COLUMN note")
    made.dispose()
    return tmp_path


def dump(folder: Path) -> list[str]:
    """Everything in the project's database, as SQL."""
    with closing(sqlite3.connect(folder / "tiebreak.db")) as connection:
        return list(connection.iterdump())


@pytest.mark.parametrize(
    "verb",
    [
        *("init", "db upgrade", "status", "show 1", "judge", "merge", "export x", "report"),
        "route --review-share 0.5",
    ],
)
def test_every_verb_refuses_and_changes_nothing(mismatched: Path, verb: str) -> None:
    before = dump(mismatched)
    result = CliRunner().invoke(app, verb.split())
    assert isinstance(result.exception, SchemaOutdated), result.output
    assert "table 'leases' has no column 'draft', table 'reviews' has no column 'note'; " in str(
        result.exception
    )
    assert dump(mismatched) == before


def test_doctor_names_every_difference(mismatched: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 1
    (check,) = [one for one in json.loads(result.stdout)["checks"] if one["name"] == "database"]
    assert not check["ok"]
    assert (
        "table 'leases' has no column 'draft', table 'reviews' has no column 'note'; "
        in (check["found"])
    )


@pytest.mark.usefixtures("mismatched")
def test_the_review_app_says_it_on_its_first_screen() -> None:
    st.cache_resource.clear()
    before = config.get_option("server.address")
    config.set_option("server.address", "127.0.0.1")
    try:
        page = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=60)
        page.query_params["name"] = "Ada"
        page.run()
    finally:
        config.set_option("server.address", before)
        st.cache_resource.clear()
    assert not page.exception
    assert "table 'leases' has no column 'draft'" in " ".join(str(one.value) for one in page.text)
