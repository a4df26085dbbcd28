"""One database: engine, transactions and whether its schema is at head.

SQLite connections enforce foreign keys, write ahead, and wait for a lock; a writing transaction
takes the lock when it begins, so two writers queue instead of failing half-way.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, create_engine, event, make_url
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from db.errors import BadInput, MissingExtra
from db.extras import EXTRA_OF
from db.reachable import reachable, redacted

__all__ = ["Database", "Session", "redacted"]  # Session, for whoever is handed one

# By hand; why to wait at all: docs/design/sqlite-and-postgresql.md
_BUSY_MS = 30_000
_SNAPSHOT = "REPEATABLE READ"  # as SQLite's transactions are
_WAY_OUT = "write sqlite:///tiebreak.db or postgresql+psycopg://user@host/name"


class Database:
    """A place where everything is stored. Cheap to make; connects when first used.

    `url` is an SQLAlchemy URL; `postgresql://` and `postgres://` mean psycopg 3.
    """

    def __init__(self, url: str) -> None:
        self.url = _normalised(url)
        self.engine = _engine(self.url)
        self._reading = self.engine.execution_options(
            tiebreak_begin="BEGIN", **({} if self.is_sqlite else {"isolation_level": _SNAPSHOT})
        )

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the single-machine database."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A writing transaction: commits at the end, rolls back on any exception."""
        made = Session(self.engine, expire_on_commit=False)
        with reachable(self.url), made as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A reading transaction: it sees one moment, never waits for a writer and never commits."""
        with reachable(self.url), Session(self._reading, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A bare connection outside any transaction, for whoever changes the schema."""
        with reachable(self.url), self.engine.connect() as connection:
            yield connection

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _normalised(url: str) -> str:
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise BadInput(f"the database url cannot be read; {_WAY_OUT}") from None
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise BadInput(f"database {parsed.drivername!r} is not supported; {_WAY_OUT}")
    # A failed statement must not put the texts of its rows into a log.
    if parsed.drivername == "postgresql+psycopg":
        return _postgres(parsed)
    if parsed.database and parsed.database != ":memory:":
        _make_folder(Path(parsed.database).absolute().parent)
    timeout = {"timeout": _BUSY_MS / 1000}
    engine = create_engine(parsed, connect_args=timeout, hide_parameters=True)
    event.listen(engine, "do_connect", _make_private)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgres(url: URL) -> Engine:
    try:
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    except ImportError as error:  # the driver, or the library it is made of
        raise MissingExtra("psycopg", EXTRA_OF["psycopg"]) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"the database's folder {str(folder)!r} cannot be made ({error.strerror}); "
            "name another place"
        ) from error


def _make_private(_dialect: object, _record: object, arguments: list[Any], _: object) -> None:
    """A new file is for its owner, and for the group where the umask shares it: for nobody else.

    What SQLite makes beside it takes its mode.
    """
    file = str(arguments[0])
    if file != ":memory:" and not file.startswith("file:"):
        with suppress(OSError):  # it is there, or SQLite will say why it cannot be
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o660))


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver must not open transactions of its own: _begin_sqlite does.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    _use_wal(cursor)
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _use_wal(cursor: Any) -> None:
    """Of two that switch a new file at once SQLite refuses one without waiting: it asks again."""
    deadline = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    connection.exec_driver_sql(options.get("tiebreak_begin", "BEGIN IMMEDIATE"))
