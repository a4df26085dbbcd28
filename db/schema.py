"""Whether the database's schema is the one the code needs, and bringing it there."""

from importlib.util import find_spec

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select, text

from db.errors import Conflict, SchemaOutdated
from db.models import Base
from db.session import Database
from db.structure import Structure, found_in, outlined

_TURN = 7_246_001  # names the lock migrations queue at, on PostgreSQL
_TOLD = 3  # differences named in full; the rest is counted


def upgrade(database: Database, revision: str = "head") -> str:
    """Bring the schema to head, making it where there is none. Returns the head's revision.

    revision: stop at this one, for rows that were written under it.

    All or nothing, and two at once take turns. Raises SchemaOutdated where the tables are not
    those of their revision, and Conflict where a migration would leave rows that point at nothing.
    """
    config = _config()
    with database.connection() as connection:
        # SQLite changes a table by copying it, which foreign keys would refuse half-way; the
        # switch works outside a transaction only.
        _switch_foreign_keys(connection, "OFF")
        try:
            with connection.begin():
                if not database.is_sqlite:
                    connection.execute(select(func.pg_advisory_xact_lock(_TURN)))
                _require_as_migrated(connection, _revision(connection))
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
                _require_whole(connection)
        finally:
            _switch_foreign_keys(connection, "ON")
    return head()


def head() -> str:
    """The newest revision the code knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    return revision or "none"


def current(database: Database) -> str | None:
    """The revision the database is at; None for an empty one."""
    with database.read() as session:
        return _revision(session.connection())


def require_head(database: Database) -> None:
    """Raise SchemaOutdated where the database is not at head, or its tables are not head's.

    Cheap enough for every start: one statement, compared with the models. What it cannot see is
    in `db/structure.py`; `require_as_migrated` sees it.
    """
    with database.read() as session:
        connection = session.connection()
        revision = _require_at_head(connection)
        wanted = outlined(Base.metadata, connection.dialect)
        _require_same(revision, found_in(connection).outline(), wanted)


def require_as_migrated(database: Database) -> None:
    """Raise SchemaOutdated where the database is at head and any definition is not head's.

    The migrations are run anew in a place that is dropped afterwards, so that the server words
    both sides.
    """
    with database.read() as session:
        connection = session.connection()
        _require_as_migrated(connection, _require_at_head(connection))


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _require_at_head(connection: Connection) -> str:
    found, wanted = _revision(connection), head()
    if found is None:
        raise SchemaOutdated(
            "the database has no tables yet; run `tiebreak init`, or restore a backup where it had "
            "some"
        )
    if found != wanted:
        _require_known(found)
        raise SchemaOutdated(
            f"the database is at schema {found!r}, this version needs {wanted!r}; "
            "run `tiebreak db upgrade`"
        )
    return found


def _require_as_migrated(connection: Connection, revision: str | None) -> None:
    found = found_in(connection)
    if revision is not None:
        _require_known(revision)
        _require_same(revision, found, _made_anew(connection, revision))
    elif ours := sorted(found.tables & Base.metadata.tables.keys()):
        raise SchemaOutdated(
            f"the database has a table {ours[0]!r} and does not say of which schema; "
            "restore a whole backup, or name an empty database"
        )


def _made_anew(connection: Connection, revision: str) -> Structure:
    """What the migrations up to a revision make on the same server; nothing of it stays."""
    config = _config()
    if connection.dialect.name == "sqlite":
        with Database("sqlite://").connection() as memory, memory.begin():
            config.attributes["connection"] = memory
            command.upgrade(config, revision)
            return found_in(memory)
    aside = connection.begin_nested()
    try:
        connection.execute(text("SET LOCAL search_path TO pg_temp"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        return found_in(connection)
    finally:
        aside.rollback()


def _require_same(revision: str, found: Structure, wanted: Structure) -> None:
    told = found.differences(wanted)
    if told:
        more = f", and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
        raise SchemaOutdated(
            f"the database says it is at schema {revision!r}, but {', '.join(told[:_TOLD])}{more}; "
            "an unreleased build made it or it was changed by hand, which no command mends; keep a "
            "copy, then restore a backup, go on with the build that made it, or name a new "
            "database and import the files again"
        )


def _require_known(revision: str) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision not in known:
        raise SchemaOutdated(
            f"the database is at schema {revision!r}, which this version does not know; "
            "install the version of tiebreak that made it, or name another database"
        )


def _switch_foreign_keys(connection: Connection, state: str) -> None:
    raw = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite" and raw is not None:
        raw.cursor().execute(f"PRAGMA foreign_keys={state}")


def _require_whole(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise Conflict(
                f"a row of table {broken[0]!r} would point at no row of {broken[2]!r}; "
                "nothing was changed; restore a backup or report it"
            )


def _config() -> Config:
    spec = find_spec("migrations")
    if spec is None or not spec.submodule_search_locations:
        raise SchemaOutdated("the migrations are not installed; install tiebreak again")
    config = Config()
    config.set_main_option("script_location", spec.submodule_search_locations[0])
    return config
