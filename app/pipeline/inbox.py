"""The inbox: files that arrived since the last cycle, taken in by their names and moved to done/.

A file's kind is the word its name begins with. Names that begin with a dot or end in .part or .tmp
are being written and are left alone: write elsewhere and rename into the inbox. A file that cannot
be read goes to refused/ with its reason beside it, and never stops the others; so does a link,
which is not followed, for what it points to may be nothing that anybody sent.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.output import plain
from db.asking import PairText
from db.errors import BadInput
from db.progress import Progress, quiet
from db.session import Database

if TYPE_CHECKING:
    from db.imports.options import ImportOptions

ReadBy = Callable[[str], "ImportOptions"]
"""How files of a kind are read."""
KINDS = ("pairs", "candidates", "gold", "rankings", "votes", "labels")  # in order of taking
_UNFINISHED = (".part", ".tmp", ".crdownload")
_DONE, _REFUSED = _OURS = ("done", "refused")
_LONGEST_NAME = 220  # bytes; file systems take 255, and names get numbers and endings


@dataclass(frozen=True)
class Arrived:
    """One file that waits in the inbox; kind is None where its name does not say what it is.

    `refusal` is why it is not even opened.
    """

    path: Path
    kind: str | None
    bytes: int
    refusal: str | None = None

    @property
    def name(self) -> str:
        """Its name for people and the database; bytes that are no text are told by number."""
        return os.fsencode(self.path.name).decode("utf-8", "backslashreplace")


@dataclass
class Taken:
    """What was taken in: counts by kind, files moved, files refused with the reason, and what is
    to say of how files were read.
    """

    files: list[str] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    rejected: int = 0
    reject_files: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

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
        name, about = path.name.lower(), path.lstat()
        kind = next((kind for kind in KINDS if name.startswith(kind)), None)
        if name.startswith(".") or name.endswith(_UNFINISHED) or name in _OURS:
            continue
        if kind is not None or stat.S_ISREG(about.st_mode):
            found.append(Arrived(path, kind, about.st_size, _refusal(about.st_mode)))
    return sorted(found, key=lambda f: (KINDS.index(f.kind) if f.kind else len(KINDS), f.path.name))


def _refusal(mode: int) -> str | None:
    if stat.S_ISLNK(mode):
        return "it is a link, which is not followed; put the file itself there"
    if stat.S_ISDIR(mode):
        return "it is a folder; put its files there one by one"
    return None if stat.S_ISREG(mode) else "it is no regular file"


def waiting(database: Database, files: Iterable[Arrived], read_by: ReadBy) -> Iterator[PairText]:
    """The pairs these files would add. Nothing is imported, moved or written."""
    from db.imports.options import Kind
    from db.imports.waiting import waiting_pairs

    taken = [(Kind(f.kind), f.path, read_by(f.kind)) for f in files if f.kind and not f.refusal]
    yield from waiting_pairs(database, taken)


def take_in(
    database: Database,
    inbox: Path,
    so_far: dict[str, Any] | None,
    note: Callable[[dict[str, Any]], None],
    read_by: ReadBy,
    progress: Progress = quiet,
) -> Taken:
    """Import every file and move it away. `note` keeps what was done after each file.

    Killed between an import and its move, the file is imported again, which adds nothing.
    """
    from db.imports import Kind, import_files
    from judges.alike.groups import group_of

    taken = Taken(**so_far) if so_far else Taken()
    for file in arrived(inbox):
        if file.kind is None:
            taken.unknown.append(file.name)
            continue
        goal = _free(_own(inbox, _DONE) / file.path.name)
        options = replace(
            read_by(file.kind),
            rejects=_free(goal.with_name(goal.name + ".rejects.jsonl")),
            grouping=group_of,
        )
        try:
            if file.refusal:
                raise BadInput(file.refusal)
            found = import_files(database, Kind(file.kind), [file.path], options, progress)
            if why := _useless(found):
                raise BadInput(why)
        except BadInput as error:
            _set_aside(file, _own(inbox, _REFUSED), str(error))
            taken.refused[file.name] = str(error)
        else:
            os.replace(file.path, goal)
            taken.files.append(os.fsencode(goal.name).decode("utf-8", "backslashreplace"))
            counts = taken.counts.setdefault(file.kind, {})
            for what, n in found.counts.items():
                counts[what] = counts.get(what, 0) + n
            taken.rejected += found.rejected
            taken.reject_files += found.reject_files
            taken.read += [line for read in found.files for line in read.lines]
        note(plain(taken))
    return taken


def _set_aside(file: Arrived, refused: Path, why: str) -> None:
    """Move it out of the way, with its reason in a text beside it."""
    goal = _free(refused / file.path.name)
    with contextlib.suppress(FileNotFoundError):  # somebody took it back meanwhile
        os.replace(file.path, goal)
        _free(goal.with_name(goal.name + ".reason.txt")).write_text(
            f"{why}\n", encoding="utf-8", errors="backslashreplace"
        )


def _own(inbox: Path, name: str) -> Path:
    """One of the inbox's own folders. Raises BadInput where somebody put a link in its place."""
    folder = inbox / name
    if folder.is_symlink():
        raise BadInput(f"{str(folder)!r} is a link; put a folder in its place")
    folder.mkdir(exist_ok=True)
    return folder


def _useless(found: Any) -> str | None:
    """Why a file was of no use at all: every row of it was rejected. None where some were taken."""
    if not found.useless:
        return None
    return f"no row of it could be used (the first: {found.first_reason})"


def _free(path: Path) -> Path:
    """This place, or the first numbered one beside it that is not taken."""
    name = os.fsdecode(os.fsencode(path.name)[-_LONGEST_NAME:])
    number, place = 1, path.with_name(name)
    while os.path.lexists(place):
        number += 1
        place = path.with_name(f"{number}-{name}")
    return place
