"""The inbox: files that arrived since the last cycle, taken in by their names and moved to done/.

A file's kind is the word its name begins with. Names that begin with a dot or end in .part or .tmp
are being written and are left alone: write elsewhere and rename into the inbox. A file that cannot
be read goes to refused/, and never stops the others.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.output import plain
from db.asking import PairText
from db.errors import BadInput
from db.progress import Progress, quiet
from db.session import Database

KINDS = ("pairs", "candidates", "gold", "rankings", "votes", "labels")  # in order of taking
_UNFINISHED = (".part", ".tmp", ".crdownload")


@dataclass(frozen=True)
class Arrived:
    """One file that waits in the inbox; kind is None where its name does not say what it is."""

    path: Path
    kind: str | None
    bytes: int


@dataclass
class Taken:
    """What was taken in: counts by kind, files moved, files refused with the reason."""

    files: list[str] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    rejected: int = 0
    reject_files: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """One line for people."""
        if not self.files and not self.refused:
            return "nothing arrived"
        told = [
            f"{kind}: " + ", ".join(f"{n:,} {what}" for what, n in counts.items() if n)
            for kind, counts in self.counts.items()
            if any(counts.values())
        ]
        parts = [f"{len(self.files)} files taken in", *told]
        if self.rejected:
            parts.append(f"{self.rejected:,} rows rejected")
        if self.refused:
            parts.append(f"{len(self.refused)} files refused")
        return "; ".join(parts)


def arrived(inbox: Path) -> list[Arrived]:
    """What waits, in the order it will be taken: kinds that others refer to come first."""
    if not inbox.is_dir():
        return []
    found = []
    for path in sorted(inbox.iterdir()):
        name = path.name.lower()
        if name.startswith(".") or name.endswith(_UNFINISHED) or not path.is_file():
            continue
        kind = next((kind for kind in KINDS if name.startswith(kind)), None)
        found.append(Arrived(path, kind, path.stat().st_size))
    return sorted(found, key=lambda f: (KINDS.index(f.kind) if f.kind else len(KINDS), f.path.name))


def waiting(database: Database, files: Iterable[Arrived]) -> Iterator[PairText]:
    """The pairs these files would add. Nothing is imported, moved or written."""
    from db.imports.importer import Kind
    from db.imports.waiting import waiting_pairs

    yield from waiting_pairs(database, [(Kind(f.kind), f.path) for f in files if f.kind])


def take_in(
    database: Database,
    inbox: Path,
    so_far: dict[str, Any] | None,
    note: Callable[[dict[str, Any]], None],
    progress: Progress = quiet,
) -> Taken:
    """Import every file and move it away. `note` keeps what was done after each file.

    Killed between an import and its move, the file is imported again, which adds nothing.
    """
    from db.imports import ImportOptions, Kind, import_files

    taken = Taken(**so_far) if so_far else Taken()
    for file in arrived(inbox):
        if file.kind is None:
            taken.unknown.append(file.path.name)
            continue
        done = inbox / "done"
        done.mkdir(exist_ok=True)
        goal = _free(done / file.path.name)
        rejects = goal.with_name(goal.name + ".rejects.jsonl")
        try:
            found = import_files(
                database, Kind(file.kind), [file.path], ImportOptions(rejects=rejects), progress
            )
            why = _useless(found)
        except BadInput as error:
            why, found = str(error), None
        if why is not None or found is None:
            refused = inbox / "refused"
            refused.mkdir(exist_ok=True)
            os.replace(file.path, _free(refused / file.path.name))
            taken.refused[file.path.name] = why or ""
        else:
            os.replace(file.path, goal)
            taken.files.append(goal.name)
            counts = taken.counts.setdefault(file.kind, {})
            for what, n in found.counts.items():
                counts[what] = counts.get(what, 0) + n
            taken.rejected += found.rejected
            taken.reject_files += found.reject_files
        note(plain(taken))
    return taken


def _useless(found: Any) -> str | None:
    """Why a file was of no use at all: every row of it was rejected. None where some were taken."""
    if not found.rejected or found.rejected < found.rows:
        return None
    return f"no row of it could be used (the first: {found.first_reason})"


def _free(path: Path) -> Path:
    """This place, or the first numbered one beside it that is not taken."""
    number, place = 1, path
    while place.exists():
        number += 1
        place = path.with_name(f"{number}-{path.name}")
    return place
