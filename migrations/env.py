"""Runs migrations on the connection it is given, or on TIEBREAK_DATABASE_URL from the shell."""

import os
import re
from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON, Column, Connection, NullPool, create_engine

from db.models import Base


def render(kind: str, thing: object, context: AutogenContext) -> str | Literal[False]:
    """Write our own column types as the plain ones they stand for."""
    if kind == "type" and type(thing).__name__ == "UtcDateTime":
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(thing, JSON):
        context.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def compared(thing: object, name: str | None, kind: str, *_: object) -> bool:
    """Whether autogenerate looks at it. SQLite cannot say what an index on an expression is over,
    so there such an index is left to be written, and compared, by hand.
    """
    if kind != "index" or context.get_context().dialect.name != "sqlite":
        return True
    indexes = [index for table in Base.metadata.tables.values() for index in table.indexes]
    return not any(
        index.name == name and any(not isinstance(part, Column) for part in index.expressions)
        for index in indexes
    )


def run(connection: Connection) -> None:
    """Migrate in one transaction; SQLite alters tables by copying them."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        render_item=render,
        include_object=compared,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    url = os.environ.get("TIEBREAK_DATABASE_URL", "sqlite:///tiebreak.db")
    url = re.sub("^postgres(ql)?://", "postgresql+psycopg://", url)
    with create_engine(url, poolclass=NullPool).begin() as opened:
        run(opened)
