"""Insert what is not there yet, on both databases, and find what was there before."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Table, func, select
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from db.bulk import insert_many
from db.models import Base

T = TypeVar("T")

_FEW = 50  # rows up to which one statement each costs less than what comes before a bulk; by hand


def table_of(model: type[Base]) -> Table:
    """The table behind a model, for statements that many rows go through at once."""
    return Base.metadata.tables[model.__tablename__]


def chunks(items: Iterable[T], size: int = 1000) -> Iterator[list[T]]:
    """Cut a stream into lists of at most `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def insert_new(
    session: Session, table: type[Base], rows: Sequence[dict[str, Any]], unique: Sequence[str]
) -> int:
    """Insert rows whose `unique` columns are not present yet; return how many were new.

    Every row must name the same columns.
    """
    if not rows:
        return 0
    if len(rows) > _FEW:
        return insert_many(session.connection(), table_of(table), rows, unique)
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgres_insert
    statement = insert(table_of(table)).on_conflict_do_nothing(index_elements=list(unique))
    # One row alone comes back with its key, and is then counted only on demand.
    counted = statement.execution_options(preserve_rowcount=True)
    return max(0, session.connection().execute(counted, list(rows)).rowcount)


def insert_all(session: Session, table: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that must all be new; a duplicate raises IntegrityError."""
    if rows:
        session.connection().execute(plain_insert(table_of(table)), list(rows))


def take_turn(session: Session, key: int) -> None:
    """Wait for other transactions that named this key, as all writers wait on SQLite anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(key)))
