"""The content of a database as files, and back: SQLite by its own backup, PostgreSQL by COPY.

Both are of one moment while others go on writing. Leaves out datasets and checkpoints
(`app.pipeline.backup`).
"""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, Table, func, select, text, update

from db.errors import BadInput, Conflict
from db.models import Base, Checkpoint, Dataset
from db.schema import current, upgrade
from db.session import Database
from db.upsert import table_of

SQLITE = "database.sqlite"
_SUFFIX = ".copy"
_BLOCK = 1 << 20
_REVISION = "alembic_version"


@dataclass(frozen=True)
class Folder:
    """Where a dataset or a checkpoint lies; `kind` is the table that names it."""

    kind: str
    name: str
    path: Path


def kind_of(database: Database) -> str:
    """`sqlite` or `postgresql`."""
    return "sqlite" if database.is_sqlite else "postgresql"


def dump(database: Database, folder: Path) -> dict[str, int]:
    """Write the whole content into an empty folder; rows by table."""
    return (
        _dump_sqlite(database, folder) if database.is_sqlite else _dump_postgres(database, folder)
    )


def require_empty(database: Database) -> None:
    """Raise Conflict where a table has a row already: a restore never overwrites."""
    full = {name: n for name, n in count_rows(database).items() if n and name != _REVISION}
    if full:
        name, count = max(full.items(), key=lambda one: one[1])
        raise Conflict(
            f"the database holds data already ({count:,} {name}), and a restore never overwrites; "
            "name an empty database, or move that one away"
        )


def load(
    database: Database,
    folder: Path,
    revision: str,
    rows: dict[str, int],
    moved: Sequence[Folder],
) -> None:
    """Fill an empty database with what `dump` wrote, all or nothing.

    moved: where the folders lie now. Brings its schema to head afterwards. Raises BadInput where
    the rows are not those dumped.
    """
    if database.is_sqlite:
        copied = Database(f"sqlite:///{folder / SQLITE}")
        try:
            with copied.connection() as connection, connection.begin():
                _require_rows(connection, rows)
                _move(connection, moved)
        finally:
            copied.dispose()
        _load_sqlite(database, folder / SQLITE)
    else:
        _load_postgres(database, folder, revision, rows, moved)
    upgrade(database)


def _require_rows(connection: Connection, rows: dict[str, int]) -> None:
    found = _counted(connection, rows)
    for table, count in rows.items():
        if found.get(table) != count:
            raise BadInput(
                f"table {table!r} comes with {found.get(table)} rows where its manifest says "
                f"{count}; take another backup"
            )


def count_rows(database: Database, tables: Any = None) -> dict[str, int]:
    """Rows of each of these tables, of all without."""
    with database.connection() as connection, connection.begin():
        return _counted(connection, tables)


def _counted(connection: Connection, tables: Any = None) -> dict[str, int]:
    known = _tables(connection)
    names = sorted(known) if tables is None else sorted(set(tables) & set(known))
    count = select(func.count())
    return {name: connection.scalar(count.select_from(known[name])) or 0 for name in names}


def _tables(connection: Connection) -> dict[str, Table]:
    """The project's own tables as the database has them, by name."""
    found = MetaData()
    found.reflect(connection)
    return dict(found.tables)


def _dump_sqlite(database: Database, folder: Path) -> dict[str, int]:
    target = folder / SQLITE
    with database.connection() as connection:
        source: Any = connection.connection.dbapi_connection
        with closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
    copied = Database(f"sqlite:///{target}")
    try:
        rows = count_rows(copied)
    finally:
        copied.dispose()
    with closing(sqlite3.connect(target)) as copy:  # one file, nothing beside it
        copy.execute("PRAGMA journal_mode=DELETE")
    return rows


def _load_sqlite(database: Database, source: Path) -> None:
    """Copied page by page through SQLite itself, so that a kill leaves an empty database."""
    with database.connection() as connection:
        target: Any = connection.connection.dbapi_connection
        with closing(sqlite3.connect(source)) as made:
            made.backup(target)


def _dump_postgres(database: Database, folder: Path) -> dict[str, int]:
    with database.connection() as connection, connection.begin():
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        for table in _tables(connection).values():
            columns = ", ".join(_quoted(connection, column.name) for column in table.columns)
            query = f"COPY {_quoted(connection, table.name)} ({columns}) TO STDOUT"
            with (folder / f"{table.name}{_SUFFIX}").open("wb") as stream:
                stream.write(f"{columns}\n".encode())
                with _cursor(connection) as cursor, cursor.copy(query) as copy:
                    for block in copy:
                        stream.write(block)
        return _counted(connection)


def _load_postgres(
    database: Database,
    folder: Path,
    revision: str,
    rows: dict[str, int],
    moved: Sequence[Folder],
) -> None:
    """One transaction, so that a kill leaves the tables empty."""
    found = current(database)
    if found is None:
        upgrade(database, revision)
    elif found != revision:
        raise Conflict(
            f"the database has empty tables of schema {found!r} and the backup is of {revision!r}; "
            "name a database without tables"
        )
    with database.connection() as connection, connection.begin():
        tables = _tables(connection)
        circle = _postponed(connection)
        for name in sorted(tables):
            source = folder / f"{name}{_SUFFIX}"
            if name == _REVISION or not source.is_file():
                continue
            with source.open("rb") as stream:
                columns = stream.readline().decode().rstrip("\n")
                query = f"COPY {_quoted(connection, name)} ({columns}) FROM STDIN"
                with _cursor(connection) as cursor, cursor.copy(query) as copy:
                    while block := stream.read(_BLOCK):
                        copy.write(block)
            _wind_on(connection, tables[name])
        _require_rows(connection, rows)
        _move(connection, moved)
        for statement in circle:
            connection.execute(text(statement))


def _postponed(connection: Connection) -> list[str]:
    """Take the foreign keys away, and say how to put them back: rows arrive in any order."""
    rows = connection.execute(
        text(
            "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) "
            "FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema::regnamespace"
        )
    ).all()
    for table, name, _ in rows:
        connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    return [f"ALTER TABLE {table} ADD CONSTRAINT {name} {told}" for table, name, told in rows]


def _wind_on(connection: Connection, table: Table) -> None:
    """The next key of a table comes after those it was given."""
    for column in table.primary_key.columns:
        place = {"table": _quoted(connection, table.name), "column": column.name}
        counter = connection.scalar(text("SELECT pg_get_serial_sequence(:table, :column)"), place)
        if counter is not None:
            newest = connection.scalar(select(func.max(column)))
            if newest is not None:
                connection.execute(select(func.setval(text(f"'{counter}'"), newest)))


def folders(database: Database) -> list[Folder]:
    """Every dataset and checkpoint; to be read after `dump`: none of them is ever changed."""
    found: list[Folder] = []
    with database.read() as session:
        for table in (table_of(Dataset), table_of(Checkpoint)):
            rows = select(table.c.name, table.c.path).order_by(table.c.id)
            found += [Folder(table.name, name, Path(p)) for name, p in session.execute(rows)]
    return found


def _move(connection: Connection, moved: Iterable[Folder]) -> None:
    """The rows say where their folders lie now."""
    for one in moved:
        table = Base.metadata.tables[one.kind]
        query = update(table).where(table.c.name == one.name)
        connection.execute(query.values(path=str(one.path)))


def revision_of(database: Database) -> str:
    """The schema's revision. Raises BadInput for a database without tables."""
    found = current(database)
    if found is None:
        raise BadInput("the database has no tables yet, so there is nothing to back up")
    return found


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)


def _cursor(connection: Connection) -> Any:
    """The driver's own cursor, which alone speaks COPY."""
    raw: Any = connection.connection.dbapi_connection
    return raw.cursor()
