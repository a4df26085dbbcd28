"""What is said of a database that cannot be used: one sentence, without its password.

Damage has many faces: SQLite names it, or hands out what no column holds, over which some reader
stumbles. Whatever ends a transaction of a file that fails SQLite's own check is called damage.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from traceback import walk_tb

from sqlalchemy import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
)

from db.errors import Conflict, Damaged, SchemaOutdated, TiebreakError, Unavailable

_DAMAGE = re.compile("malformed|not a database|unsupported file format|encrypted|decode to UTF-8")
_RACED = (
    "another process changed the same at the same moment, and what was begun here is undone; run "
    "the same command again"
)
_WRITABLE = "see whether you may write the file and its folder, and the disk has room"
_WHO = "see whether its url names the right user, and gives the password"
_MISSING = {  # in the words of SQLite, and the codes of PostgreSQL
    "no such table": "table",
    "42P01": "table",
    "no such column": "column",
    "42703": "column",
}
_WAYS_OUT = {
    "is locked": "another process works on it; run this again when that has ended",
    "is full": "make room on its disk",
    "readonly": _WRITABLE,
    "unable to open": _WRITABLE,
    "disk I/O": "look after its disk, and keep a copy of the file elsewhere",
    "42501": "grant its role that, or name another role",
    "25006": "it takes no changes: name the server that does",
    "3F000": "create the schema, or name another in its url",
    "FATAL:  database": "create it, or name another in its url",
    "FATAL:  role": _WHO,
    "authentication failed": _WHO,
    "no password supplied": _WHO,
    "53100": "make room on the disk of its server",
    "too many": "let its server take more connections, or end some",
}


@contextmanager
def reachable(url: str) -> Iterator[None]:
    """Within, an error of the database itself is raised in one sentence with the way out.

    Damaged, SchemaOutdated where a table or column is missing, else Unavailable. What is neither
    the server's nor the file's fault is raised as it came.
    """
    try:
        yield
    except TiebreakError:
        raise
    except DBAPIError as error:
        found = _explained(url, error)
        if found is None:
            raise
        raise found from error
    except Exception as error:
        wrong = damage(url) or _strange_value(error)
        if wrong is None:
            raise
        raise _damaged(url, wrong) from error


def raced(error: BaseException) -> Conflict | None:
    """The sentence for a row that another process stored first; None for any other error."""
    if not isinstance(error, IntegrityError):
        return None
    unique = getattr(error.orig, "sqlstate", None) == "23505"
    return Conflict(_RACED) if unique or "UNIQUE constraint" in str(error.orig) else None


def damage(url: str, *, thorough: bool = False) -> str | None:
    """What SQLite finds wrong with its file, or None; `thorough` looks into the indexes, too.

    None for PostgreSQL, whose server looks after its files.
    """
    file = _file_of(url)
    if file is None or not file.is_file():
        return None
    check = "integrity_check" if thorough else "quick_check"
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            (found,) = connection.execute(f"PRAGMA {check}(1)").fetchone()
    except UnicodeDecodeError as error:
        return str(error)
    except sqlite3.DatabaseError as error:
        return str(error) if _DAMAGE.search(str(error)) else None
    return None if found == "ok" else " ".join(str(found).split())[:200]


def require_whole(url: str) -> None:
    """Raise Damaged where SQLite finds anything wrong with its file."""
    if (found := damage(url, thorough=True)) is not None:
        raise _damaged(url, found)


def redacted(url: str) -> str:
    """The url without its password, for people; three points for one that cannot be read."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return "..."
    secret = {key: "..." for key in parsed.query if "password" in key.lower()}
    shown = parsed.update_query_dict(secret).render_as_string(hide_password=True)
    return re.sub(r"(//[^/@\s]*:)(?!\*\*\*@)[^/@\s]*@", r"\1***@", shown)


def _explained(url: str, error: DBAPIError) -> TiebreakError | None:
    reason = (str(error.orig).strip().splitlines() or [type(error.orig).__name__])[0]
    signs = f"{getattr(error.orig, 'sqlstate', None)} {reason}"
    where = f"database {redacted(url)!r}"
    if _DAMAGE.search(reason) and _file_of(url) is not None:
        return _damaged(url, reason)
    if re.match("40P01|40001", signs):
        return Conflict(f"{where}: {_RACED}")
    if re.match("XX00[12]", signs):
        return _damaged(url, reason)
    for sign, what in _MISSING.items():
        if sign in signs:
            return SchemaOutdated(
                f"{where} lacks a {what} ({reason}); `tiebreak doctor` says what else"
            )
    for sign, way_out in _WAYS_OUT.items():
        if sign in signs:
            return Unavailable(f"{where} cannot be used ({reason}); {way_out}")
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        way_out = _WRITABLE if _file_of(url) else "start it or check its url"
        return Unavailable(f"{where} does not answer ({reason}); {way_out}")
    strange = isinstance(error, DatabaseError) and not isinstance(error, IntegrityError)
    if strange and (found := damage(url)) is not None:
        return _damaged(url, found)
    return None


def _strange_value(error: Exception) -> str | None:
    """What was read that its column cannot hold: the error came up beneath SQLAlchemy."""
    if not isinstance(error, ValueError | LookupError | TypeError | ArithmeticError):
        return None
    modules = [frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__)]
    innermost = next((name for name in reversed(modules) if not name.startswith("json")), "")
    if not innermost.startswith("sqlalchemy."):
        return None
    return f"a value that its column cannot hold: {' '.join(str(error).split())[:120]}"


def _damaged(url: str, reason: str) -> Damaged:
    if _file_of(url) is None:
        return Damaged(f"database {redacted(url)!r} is damaged ({reason}); restore a backup")
    saved = f"sqlite3 {str(_file_of(url))!r} .recover | sqlite3 saved.db"
    return Damaged(
        f"database {redacted(url)!r} is damaged, or no SQLite database ({reason}); restore a "
        f"backup, or save what can be read by `{saved}` and name that"
    )


def _file_of(url: str) -> Path | None:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return None
    if not parsed.drivername.startswith("sqlite") or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database))
