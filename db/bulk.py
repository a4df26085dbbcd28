"""Very many rows into one table at once, by the fastest way each driver has.

SQLite takes plain tuples; PostgreSQL a COPY into a table of the transaction's own, from which what
is new is inserted. Leaves out few rows, for which the ordinary statement is as good (`db.upsert`).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, Connection, Table, text
from sqlalchemy.exc import DBAPIError

_STAGED = "tiebreak_staged"  # in the connection's own temporary schema

Row = dict[str, Any]


def insert_many(
    connection: Connection, table: Table, rows: Sequence[Row], unique: Sequence[str]
) -> int:
    """Insert rows whose `unique` columns are not present yet, in their order; how many were new.

    Every row names the same columns; of the others those with a default of the model get it.
    """
    columns = [c for c in table.columns if c.name in rows[0] or c.default is not None]
    quoted = connection.dialect.identifier_preparer
    names = ", ".join(quoted.format_column(c) for c in columns)
    into = f"INSERT INTO {quoted.format_table(table)} ({names})"
    if_new = f"ON CONFLICT ({', '.join(map(quoted.quote, unique))}) DO NOTHING"
    values = _values(connection, columns, rows)
    counted = {"preserve_rowcount": True}
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * len(columns))
        done = connection.exec_driver_sql(
            f"{into} VALUES ({places}) {if_new}", list(values), execution_options=counted
        )
        return max(0, done.rowcount)
    made = f"CREATE TEMPORARY TABLE {_STAGED} AS SELECT {names} FROM {quoted.format_table(table)}"
    connection.execute(text(f"{made} WITH NO DATA"))
    driver: Any = connection.connection.driver_connection
    with (
        _as_sqlalchemy_says(connection),
        driver.cursor() as cursor,
        cursor.copy(f"COPY {_STAGED} ({names}) FROM STDIN") as copy,
    ):
        for row in values:
            copy.write_row(row)
    chosen = text(f"{into} SELECT {names} FROM {_STAGED} {if_new}")
    done = connection.execute(chosen.execution_options(**counted))
    connection.execute(text(f"DROP TABLE {_STAGED}"))
    return done.rowcount


def _values(
    connection: Connection, columns: Sequence[Column[Any]], rows: Sequence[Row]
) -> Iterator[tuple[Any, ...]]:
    """The rows as the driver takes them, in the order of the columns."""
    return zip(*(_column(connection, column, rows) for column in columns), strict=True)


def _column(connection: Connection, column: Column[Any], rows: Sequence[Row]) -> Iterable[Any]:
    """A column's values as SQLAlchemy binds them, or its default for each row."""
    if column.name in rows[0]:
        values = [row[column.name] for row in rows]
    else:
        default: Any = column.default.arg  # type: ignore[union-attr]
        values = [default(None) if callable(default) else default for _ in rows]
    bound = column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return values if bound is None else map(bound, values)


@contextmanager
def _as_sqlalchemy_says(connection: Connection) -> Iterator[None]:
    """An error of the driver in the class that SQLAlchemy would have raised."""
    driver: Any = connection.dialect.loaded_dbapi
    try:
        yield
    except driver.Error as error:
        raise DBAPIError.instance(
            "COPY", None, error, driver.Error, hide_parameters=True, dialect=connection.dialect
        ) from error
