"""Whether the database's schema is the one the code needs, and bringing it there."""

from importlib.util import find_spec

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

from db.errors import Conflict, SchemaOutdated
from db.session import Database

_TURN = 7_246_001  # names the lock migrations queue at, on PostgreSQL


def upgrade(database: Database) -> str:
    """Bring the schema to head, making it where there is none. Returns the head's revision.

    All or nothing, and two at once take turns. Raises Conflict where a migration would leave
    rows that point at nothing.
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
                _require_known(MigrationContext.configure(connection).get_current_revision())
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
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
        return MigrationContext.configure(session.connection()).get_current_revision()


def require_head(database: Database) -> None:
    """Raise SchemaOutdated where the database is not at head."""
    found, wanted = current(database), head()
    if found is None:
        raise SchemaOutdated("the database has no tables yet; run `tiebreak init`")
    if found != wanted:
        _require_known(found)
        raise SchemaOutdated(
            f"the database is at schema {found!r}, this version needs {wanted!r}; "
            "run `tiebreak db upgrade`"
        )


def _require_known(revision: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision is not None and revision not in known:
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
