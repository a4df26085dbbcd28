"""A real PostgreSQL for the tests: a cluster of its own in a temporary folder, gone afterwards."""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from installed import POSTGRESQL


@contextmanager
def server() -> Iterator[str]:
    """Start a server on loopback and give its URL; honours TEST_DATABASE_URL.

    Whoever asks skips where none is installed.
    """
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    binaries = POSTGRESQL.needed().parent
    folder = Path(tempfile.mkdtemp(prefix="tiebreak-pg-"))
    as_user: list[str] = []
    if getpass.getuser() == "root":  # initdb refuses root
        shutil.chown(folder, "postgres", "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    port = _free_port()
    control = [*as_user, str(binaries / "pg_ctl"), "-D", str(folder / "data")]
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    quiet = {"check": True, "cwd": folder, "stdout": subprocess.DEVNULL}
    initdb = [*as_user, str(binaries / "initdb"), "-D", str(folder / "data"), "-A", "trust"]
    subprocess.run([*initdb, "-U", "postgres", "--no-sync", "-E", "UTF8"], **quiet)
    log = str(folder / "log")
    subprocess.run([*control, "-w", "-l", log, "-o", options, "start"], **quiet)
    try:
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet)
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
