"""What a verb shows: its result on stdout, for people or as JSON, and its progress on stderr.

The one place that prints. Whatever is printed may hold words of others: it goes out as text, never
as markup, and no sign of it commands the terminal.
"""

import dataclasses
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from enum import Enum
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from app.harmless import harmless, harmless_json, one_line
from db.errors import BadInput
from db.progress import Progress


def show(result: Any, as_json: bool) -> None:
    """Print a result: its summary line, or everything it holds as one JSON object."""
    if as_json:
        print(harmless_json(json.dumps(plain(result), ensure_ascii=False)))
    else:
        write(str(result.summary if hasattr(result, "summary") else result))


def write(text: str = "") -> None:
    """Print text on stdout, its lines as they are."""
    print(harmless(text), flush=True)


def table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    """Print a table on stdout, as wide as the terminal; every cell as it is, never as markup."""
    from rich.console import Console
    from rich.text import Text

    from app.tables import lines

    console = Console(markup=False, highlight=False, emoji=False)
    drawn = lines(columns, [[str(cell) for cell in row] for row in rows], console.width)
    console.print(Text(one_line(title), style="bold"))
    console.print(Text("\n".join(drawn)), soft_wrap=True)
    console.print()


def say(text: str) -> None:
    """Print a sentence on stdout, broken between words at the terminal's edge."""
    from rich.console import Console

    from app.tables import wrapped

    print("\n".join(wrapped(text, Console().width)))


@contextmanager
def progress() -> Iterator[Progress]:
    """A bar a label on stderr, made when first reported; nothing where stderr is no terminal.

    Sentences told on the way go to stderr at once, in a terminal and in a pipe.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    quiet = not console.is_terminal
    with Bars(*columns, TimeRemainingColumn(), console=console, disable=quiet) as bars:
        yield _Reports(bars)


class _Reports:
    """The `Progress` of a terminal; rich puts what is printed meanwhile above its bars."""

    def __init__(self, bars: Any) -> None:
        self._bars = bars
        self._tasks: dict[str, Any] = {}

    def __call__(self, label: str, done: int, total: int) -> None:
        if label not in self._tasks:
            self._tasks[label] = self._bars.add_task(one_line(label), total=total or None)
        self._bars.update(self._tasks[label], completed=done, total=total or None)

    def say(self, sentence: str) -> None:
        warn(sentence)


def require_writable(path: Path) -> None:
    """Raise BadInput where no file can be written there: asked before the work is done for it."""
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise BadInput(f"{str(path)!r} cannot be written; name a file in a folder you may write to")


def warn(line: str) -> None:
    """A sentence for people on stderr, beside the result."""
    print(one_line(line), file=sys.stderr, flush=True)


def take_any_letter() -> None:
    """Let the terminal's encoding lack letters: those it lacks go out by number."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def plain(value: Any) -> Any:
    """The same as JSON values: dataclasses, enums, paths and times become what JSON has."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        shown = [f for f in dataclasses.fields(value) if f.repr]
        named = {f.name: getattr(value, f.name) for f in shown}
        return {name: plain(inner) for name, inner in named.items()}
    if isinstance(value, dict | Counter):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "item") and not isinstance(value, str | bytes):
        return value.item()
    return value
