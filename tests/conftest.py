"""Fixtures every test may use: databases of both kinds, and the optional folder of real data."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest
from db.models import Base
from db.session import Database
from sqlalchemy import create_engine, text

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def skip_or_fail(reason: str) -> None:
    """Skip where something is not installed; fail where CI promises that it is."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {reason}")
    pytest.skip(reason)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database with all tables."""
    made = Database(f"sqlite:///{tmp_path / 'tiebreak.db'}")
    Base.metadata.create_all(made.engine)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a real PostgreSQL server, started once for the whole run."""
    reason = postgres_server.missing()
    if reason:
        skip_or_fail(reason)
    with postgres_server.server() as url:
        yield url


@pytest.fixture
def empty_postgres_url(postgres_url: str) -> Iterator[str]:
    """A fresh, empty PostgreSQL database."""
    name = f"t{uuid.uuid4().hex}"
    admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield postgres_url.rsplit("/", 1)[0] + f"/{name}"
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def postgres_database(empty_postgres_url: str) -> Iterator[Database]:
    """An empty PostgreSQL database with all tables."""
    made = Database(empty_postgres_url)
    Base.metadata.create_all(made.engine)
    yield made
    made.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database(request: pytest.FixtureRequest) -> Database:
    """Both kinds of database, one after the other."""
    name = "database" if request.param == "sqlite" else "postgres_database"
    made: Database = request.getfixturevalue(name)
    return made


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The optional folder of recorded votes and labels beside the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no recorded data at {SHARED_DATA}")
    return SHARED_DATA
