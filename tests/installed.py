"""Chromium and PostgreSQL, which pip does not bring: where they are, and what to do without them.

`TEST_CHROMIUM` and `TEST_POSTGRESQL` name a program that is elsewhere; empty, they say that there
is none.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest


def skip_or_fail(reason: str) -> NoReturn:
    """Skip where something is not installed; fail where CI promises that it is."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {reason}")
    pytest.skip(reason)


@dataclass(frozen=True)
class Installed:
    """A program of the machine.

    names: what it is called on PATH; beside: a pattern of where else it lies, newest last;
    package: what brings it on Debian; variable: the setting that names it instead.
    """

    title: str
    names: tuple[str, ...]
    package: str
    variable: str
    beside: str = ""

    def path(self) -> Path | None:
        """The program, or None."""
        given = os.environ.get(self.variable)
        if given is not None:
            return Path(given) if Path(given).is_file() else None
        on_path = [found for name in self.names if (found := shutil.which(name))]
        beside = sorted(Path("/").glob(self.beside), reverse=True) if self.beside else []
        return next(map(Path, [*beside, *on_path]), None)

    def needed(self) -> Path:
        """The program; the test that asks skips where there is none, and in CI it fails."""
        found = self.path()
        if found is None:
            skip_or_fail(
                f"{self.title} is not installed (Debian: apt-get install {self.package}; "
                f"elsewhere: name {self.names[0]} in {self.variable})"
            )
        return found


CHROMIUM = Installed(
    "Chromium", ("chromium", "chromium-browser", "google-chrome"), "chromium", "TEST_CHROMIUM"
)
POSTGRESQL = Installed(
    "PostgreSQL", ("initdb",), "postgresql", "TEST_POSTGRESQL", "usr/lib/postgresql/*/bin/initdb"
)
