"""Whether the database's schema is the one the code needs, and bringing it there."""

from importlib.util import find_spec

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from db.errors import SchemaOutdated
from db.session import Database


def upgrade(database: Database) -> str:
    """Bring the schema to head, making it where there is none. Returns the head's revision."""
    config = _config()
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return head()


def head() -> str:
    """The newest revision the code knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    return revision or "none"


def current(database: Database) -> str | None:
    """The revision the database is at; None for an empty one."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def require_head(database: Database) -> None:
    """Raise SchemaOutdated where the database is not at head."""
    found, wanted = current(database), head()
    if found is None:
        raise SchemaOutdated("the database has no tables yet; run `tiebreak init`")
    if found != wanted:
        raise SchemaOutdated(
            f"the database is at schema {found!r}, this version needs {wanted!r}; "
            "run `tiebreak db upgrade`"
        )


def _config() -> Config:
    spec = find_spec("migrations")
    if spec is None or not spec.submodule_search_locations:
        raise SchemaOutdated("the migrations are not installed; install tiebreak again")
    config = Config()
    config.set_main_option("script_location", spec.submodule_search_locations[0])
    return config
