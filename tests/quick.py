"""Which tests `make quick` runs: those whose file reaches nothing that is slow to start.

The rule is read from the imports, the ones inside functions counted: a test file is quick if
neither it, nor a file of `tests/` or `benchmarks/` that it imports, nor a module of the project
that these reach, imports a library of `HEAVY`. Nothing is listed by hand, so nothing goes stale.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("app", "judges", "review", "trainer", "db", "migrations")
TRAINING = {"torch", "transformers", "trl", "peft", "accelerate", "datasets"}
PROCESSES = {"subprocess", "multiprocessing", "playwright"}
CLIENTS = {"anthropic", "openai"}
HEAVY = TRAINING | PROCESSES | CLIENTS


@cache
def is_quick(path: Path) -> bool:
    """Whether the tests of this file are quick."""
    return not reached(path) & HEAVY


def reached(path: Path) -> set[str]:
    """The libraries that a file of tests reaches, by the name of their outermost package."""
    found: set[str] = set()
    files, seen = [path], {path}
    while files:
        for name in imported(files.pop()):
            first = name.split(".")[0]
            ours = list(_files(name))
            files += [file for file in ours if file.is_file() and file not in seen]
            seen.update(ours)
            found |= upstream(name) if first in PACKAGES else {first}
    return found


def _files(name: str) -> Iterator[Path]:
    """Where a name may lie in `tests/` or `benchmarks/`, in a folder of theirs too."""
    parts = name.split(".")
    for folder in ("tests", "benchmarks"):
        for depth in range(1, len(parts) + 1):
            yield (ROOT / folder).joinpath(*parts[:depth]).with_suffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Every name that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def upstream(name: str) -> set[str]:
    """The libraries that a module of the project reaches; none for a name that is no module."""
    graph = project()
    modules = graph.find_upstream_modules(name) if name in graph.modules else set()
    return {module.split(".")[0] for module in modules}


@cache
def project() -> grimp.ImportGraph:
    """Who imports whom in the project."""
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)
