"""Connecting: what cannot be used is one sentence without a password; the rules hold on both."""

import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, StatementError

from db.errors import BadInput, Damaged, SchemaOutdated, Unavailable
from db.events import history, record
from db.models import Candidate, Event, Judge, Vote
from db.reachable import raced
from db.session import Database, redacted
from db.types import now


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@host/db", "postgresql://me:***@host/db"),
        ("postgresql://host/db?password=secret", "postgresql://host/db?password=..."),
        ("postgresql://host/db?sslpassword=secret", "postgresql://host/db?sslpassword=..."),
        ("postgresql://me:secret@host:port/db", "..."),
        ("me:secret@host", "..."),
        ("sqlite:///x.db", "sqlite:///x.db"),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    assert redacted(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://me:secret@host/db",
        "sqlite+other:///x.db",
        "postgresql+other://me:secret@host/db",
        "postgresql+psycopg2://me:secret@host/db",
        "postgresql://me:secret@host:port/db",
        "postgres://me:sec/ret@host:port/db",
    ],
)
def test_an_url_that_cannot_be_used_is_one_sentence(url: str) -> None:
    with pytest.raises(BadInput, match=r"write sqlite:///tiebreak.db or postgresql") as caught:
        Database(url)
    assert "secret" not in str(caught.value)
    assert "sec/ret" not in str(caught.value)


def test_the_short_names_of_postgresql_mean_the_driver_we_have() -> None:
    for url in ("postgres://me@host/db", "postgresql://me@host/db"):
        assert Database(url).url == "postgresql+psycopg://me@host/db"


def test_a_server_that_does_not_answer_is_unavailable_and_keeps_its_password() -> None:
    made = Database("postgresql://me:secret@127.0.0.1:1/db")
    with (
        pytest.raises(Unavailable, match=r"does not answer .*start it or check its url") as caught,
        made.read() as session,
    ):
        session.execute(text("SELECT 1"))
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_and_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a database, but long enough to be looked at " * 40)
    with pytest.raises(BadInput, match="cannot be made"):
        Database(f"sqlite:///{tmp_path}/file/x.db")
    with (
        pytest.raises(
            Damaged, match=r"is damaged, or no SQLite database .*restore a backup, or save"
        ),
        Database(f"sqlite:///{tmp_path}/file").read() as session,
    ):
        session.execute(text("SELECT 1"))
    made = Database(f"sqlite:///{tmp_path}/new/folder/x.db")
    with made.read() as session:
        assert session.scalar(text("SELECT 1")) == 1
    made.dispose()


def test_missing_tables_and_columns_say_how_to_make_them(
    any_database: Database, tmp_path: Path
) -> None:
    empty = Database(f"sqlite:///{tmp_path}/empty.db")
    with (
        pytest.raises(SchemaOutdated, match=r"lacks a table .*; `tiebreak doctor` says"),
        empty.read() as session,
    ):
        session.scalars(select(Judge)).all()
    empty.dispose()
    with any_database.begin() as session:
        session.execute(text("ALTER TABLE judges RENAME COLUMN family TO tribe"))
    with (
        pytest.raises(SchemaOutdated, match=r"lacks a column .*; `tiebreak doctor` says"),
        any_database.read() as session,
    ):
        session.scalars(select(Judge)).all()
    with any_database.begin() as session:
        session.execute(text("DROP TABLE flags"))
    with pytest.raises(SchemaOutdated, match="lacks a table"), any_database.read() as session:
        session.execute(text("SELECT * FROM flags"))


def test_foreign_keys_and_checks_are_enforced(any_database: Database) -> None:
    with pytest.raises(IntegrityError), any_database.begin() as session:
        session.add(Candidate(prompt_id=99, content_hash="0" * 64, text="an orphan"))
    with pytest.raises(IntegrityError), any_database.begin() as session:
        session.execute(
            text(
                "INSERT INTO runs (verb, options, status, host, started_at) "
                "VALUES ('judge', '{}', 'asleep', '', '2026-01-01')"
            )
        )


def test_a_row_that_another_process_stored_first_is_told_in_a_sentence(
    any_database: Database,
) -> None:
    def stored() -> None:
        with any_database.begin() as session:
            session.add(Judge(name="twice", family="f"))

    stored()
    with pytest.raises(IntegrityError) as caught:
        stored()
    told = raced(caught.value)
    assert told is not None
    assert "run the same command again" in str(told)
    assert raced(ValueError()) is None
    with pytest.raises(IntegrityError) as orphan, any_database.begin() as session:
        session.add(Candidate(prompt_id=99, content_hash="0" * 64, text="an orphan"))
    assert raced(orphan.value) is None


def test_an_error_does_not_show_the_texts_of_its_rows(any_database: Database) -> None:
    with pytest.raises(IntegrityError) as caught, any_database.begin() as session:
        session.add(Candidate(prompt_id=99, content_hash="0" * 64, text="private words"))
    assert "private words" not in str(caught.value)


def test_a_block_that_raises_stores_nothing(any_database: Database) -> None:
    def breaks() -> None:
        with any_database.begin() as session:
            session.add(Judge(name="j", family="f"))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        breaks()
    with any_database.read() as session:
        assert session.scalars(select(Judge)).all() == []


def test_a_reader_sees_the_state_before_a_writer_commits(any_database: Database) -> None:
    with any_database.begin() as writer:
        writer.add(Judge(name="j", family="f"))
        writer.flush()
        with any_database.read() as reader:
            assert reader.scalars(select(Judge)).all() == []


def test_writers_wait_for_each_other(any_database: Database) -> None:
    """Four threads count to 40 together in one row; SQLite has one writer at a time anyway."""
    with any_database.begin() as session:
        session.add(Event(actor="a", kind="k", subject="s", payload={"n": 0}))

    def count() -> None:
        for _ in range(10):
            with any_database.begin() as session:
                event = session.scalars(select(Event).with_for_update()).one()
                event.payload = {"n": event.payload["n"] + 1}

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with any_database.read() as session:
        assert session.scalars(select(Event)).one().payload == {"n": 40}


def test_times_come_back_aware_and_in_utc(any_database: Database) -> None:
    noon = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5)))
    with any_database.begin() as session:
        session.add(Judge(name="j", family="f", created_at=noon))
        session.add(Judge(name="k", family="f"))
    with any_database.read() as session:
        at, default = session.scalars(select(Judge.created_at).order_by(Judge.id))
        later = session.scalars(select(Judge.name).where(Judge.created_at > noon)).all()
    assert at == noon
    assert at.tzinfo is UTC
    assert (at.hour, at.microsecond) == (7, 123456)
    assert now() - default < timedelta(minutes=5)
    assert later == ["k"]


def test_a_time_without_a_zone_is_refused(any_database: Database) -> None:
    with pytest.raises(StatementError, match="naive time"), any_database.begin() as session:
        session.add(Judge(name="j", family="f", created_at=datetime(2026, 1, 1)))


def test_events_are_read_back_in_order(any_database: Database) -> None:
    with any_database.begin() as session:
        record(session, "ann", "claimed", "pair:1")
        record(session, "ann", "decided", "pair:1", {"choice": "a"})
        record(session, "ann", "decided", "pair:2")
    with any_database.read() as session:
        assert [(e.kind, e.payload) for e in history(session, "pair:1")] == [
            ("claimed", {}),
            ("decided", {"choice": "a"}),
        ]


def test_a_vote_needs_its_pair(any_database: Database) -> None:
    with pytest.raises(IntegrityError), any_database.begin() as session:
        session.add(Vote(pair_id=1, judge_version_id=1, order="ab", choice="a"))
