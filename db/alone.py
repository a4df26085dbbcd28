"""Work that two processes never do at once on one database; the lock ends with its process.

PostgreSQL: a session's advisory lock. SQLite: a writing transaction on a file beside the
database, so that the database itself stays open to everybody else.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.errors import Conflict, Unavailable
from db.session import Database

# The names of the locks on PostgreSQL; the turns of single transactions have others.
KEYS = {"cycle": 7_246_003, "route": 7_246_009, "restore": 7_246_013}


@contextmanager
def alone(
    database: Database, what: str, busy: Callable[[], Conflict] | None = None
) -> Iterator[None]:
    """Hold the lock of this work. Raises `busy`, or a Conflict of its own, where it is held."""
    if not database.is_sqlite:
        with database.connection() as connection:
            key = {"key": KEYS[what]}
            taken = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key)
            connection.commit()
            if not taken:
                raise _told(what, busy)
            try:
                yield
            finally:
                try:
                    connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)
                except DBAPIError:
                    connection.invalidate()  # the server let go of the lock with the connection
        return
    place = database.engine.url.database
    if not place or place == ":memory:":
        yield
        return
    lock = None
    try:
        try:
            lock = sqlite3.connect(f"{place}-{what}.db", timeout=0, isolation_level=None)
            # Not EXCLUSIVE: of two that begin at once each then keeps the other out.
            lock.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise _told(what, busy) from None
            raise Unavailable(
                f"the {what}'s lock {place}-{what}.db cannot be taken ({error}); "
                "make its folder writable"
            ) from error
        yield
    finally:
        if lock is not None:
            lock.close()


def _told(what: str, busy: Callable[[], Conflict] | None) -> Conflict:
    if busy is not None:
        return busy()
    return Conflict(f"a {what} is running; two never run at once, so wait for its end")
