"""Fixtures every test may use: databases of both kinds, and the optional folder of real data."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import postgres_server
import pytest
import quick
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, text

from db.models import Base
from db.session import Database

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is no finding: properties are checked for truth, never for time.
settings.register_profile(
    "steady", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.load_profile("steady")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`-m quick` does not even import the files that are not."""
    unasked = config.option.markexpr == "quick" and collection_path.match("test_*.py")
    return True if unasked and not quick.is_quick(collection_path) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a PostgreSQL server, and what `make quick` runs; see `tests/quick.py`."""
    for item in items:
        parameters = item.name.partition("[")[2].rstrip("]").split("-")
        if "postgres_url" in getattr(item, "fixturenames", ()) or "postgresql" in parameters:
            item.add_marker("postgres")
        elif not item.get_closest_marker("slow") and quick.is_quick(item.path):
            item.add_marker("quick")


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables and nothing in them, to copy."""
    path = tmp_path_factory.mktemp("tables") / "empty.db"
    made = Database(f"sqlite:///{path}")
    Base.metadata.create_all(made.engine)
    made.dispose()
    return path


@pytest.fixture(scope="module")
def empty_world(sqlite_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty `tiebreak.db`, to fill once for all tests of a file."""
    folder = tmp_path_factory.mktemp("world")
    shutil.copy(sqlite_tables, folder / "tiebreak.db")
    return folder


@pytest.fixture
def database(tmp_path: Path, sqlite_tables: Path) -> Iterator[Database]:
    """An empty SQLite database with all tables."""
    path = tmp_path / "tiebreak.db"
    shutil.copy(sqlite_tables, path)
    made = Database(f"sqlite:///{path}")
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a real PostgreSQL server, started once for each worker of the run."""
    with postgres_server.server() as url:
        yield url


@contextmanager
def fresh_postgres(server: str, template: str = "template1") -> Iterator[str]:
    """The URL of a new database on the server, dropped afterwards."""
    name = f"t{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield server.rsplit("/", 1)[0] + f"/{name}"
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def empty_postgres_url(postgres_url: str) -> Iterator[str]:
    """A fresh, empty PostgreSQL database."""
    with fresh_postgres(postgres_url) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables, of either kind."""
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path}/empty.db")
    else:
        made = Database(request.getfixturevalue("empty_postgres_url"))
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def postgres_tables(postgres_url: str) -> Iterator[str]:
    """The name of a PostgreSQL database with all tables and nothing in them, to copy."""
    with fresh_postgres(postgres_url) as url:
        made = Database(url)
        Base.metadata.create_all(made.engine)
        made.dispose()
        yield url.rsplit("/", 1)[1]


@pytest.fixture
def postgres_database(postgres_url: str, postgres_tables: str) -> Iterator[Database]:
    """An empty PostgreSQL database with all tables."""
    with fresh_postgres(postgres_url, postgres_tables) as url:
        made = Database(url)
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
