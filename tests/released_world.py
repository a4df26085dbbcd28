"""A database of the newest release, every table filled, brought to head; for tests of what follows.

Made by the rows that `tests/release_world.py` wrote, in a database of either kind.
"""

from test_migrations_released import RELEASES, load

from db import schema
from db.session import Database


def fill(empty: Database) -> Database:
    """Load the newest release's rows into a database without tables."""
    with empty.connection() as connection:
        load(connection, RELEASES[-1])
    schema.upgrade(empty)
    return empty


def cells(database: Database) -> list[tuple[str, str]]:
    """Every value of every row as text, with its table."""
    from sqlalchemy import MetaData, select

    found = MetaData()
    with database.connection() as connection:
        found.reflect(connection)
        return [
            (name, str(value))
            for name, table in found.tables.items()
            for row in connection.execute(select(table))
            for value in row
            if value is not None
        ]
