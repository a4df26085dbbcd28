"""A backup in one file, and a project made again from it: database, datasets, checkpoints.

A tar with `database/`, `datasets/`, `checkpoints/` and, last, `manifest.json`, which hashes every
file. The configuration and keys are not in it. Leaves out how a database is copied (`db.dump`).
"""

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from app.config import Config
from db import dump
from db.alone import alone
from db.dump import Folder
from db.errors import BadInput, Conflict
from db.progress import Progress, quiet
from db.session import Database, redacted
from db.types import now

FORMAT = "tiebreak backup 1"
MANIFEST = "manifest.json"
_DATABASE = "database"


@dataclass(frozen=True)
class BackedUp:
    """What a backup holds. missing: datasets and checkpoints whose folder is gone."""

    path: str
    rows: int
    bytes: int
    datasets: int
    checkpoints: int
    missing: tuple[str, ...]

    @property
    def summary(self) -> str:
        """For people."""
        line = (
            f"backup: {self.rows:,} rows, {self.datasets} datasets and {self.checkpoints} "
            f"checkpoints in {self.path} ({self.bytes / 1e6:,.1f} MB); the configuration and keys "
            "are not in it"
        )
        return "\n".join([line, *(f"not in it: {one}" for one in self.missing)])


@dataclass(frozen=True)
class Restored:
    """What a restore brought back, and where to."""

    database: str
    rows: int
    schema_before: str
    folders: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def summary(self) -> str:
        """For people."""
        line = (
            f"restored {self.rows:,} rows into {self.database} and {len(self.folders)} folders of "
            "datasets and checkpoints; look at it with `tiebreak doctor`"
        )
        return "\n".join([line, *(f"was not in the backup: {one}" for one in self.missing)])


def back_up(config: Config, target: Path, progress: Progress = quiet) -> BackedUp:
    """Write everything into one new file, readable by its owner alone; whole or not at all.

    The database is of one moment, while others go on working. Raises Conflict where the file is
    there already.
    """
    database, target = config.database, target.absolute()
    if target.exists():
        raise Conflict(f"{str(target)!r} is there already; a backup never overwrites, name another")
    if not target.parent.is_dir():
        raise BadInput(f"{str(target.parent)!r} is no folder; make it, or name another file")
    with _aside(target) as place:
        (place / _DATABASE).mkdir()
        progress("copying the database", 0, 0)
        revision = dump.revision_of(database)
        rows = dump.dump(database, place / _DATABASE)
        folders, missing = _folders(dump.folders(database))
        part = place / "backup.tar"
        about = {
            "format": FORMAT,
            "made_at": now().isoformat(),
            "database": dump.kind_of(database),
            "revision": revision,
            "rows": rows,
            "project": str(config.folder.absolute()),
            "folders": {f"{one.kind}/{one.name}": str(one.path) for one in folders},
            "missing": missing,
        }
        _write(part, place / _DATABASE, folders, about, progress)
        size = part.stat().st_size
        try:
            os.link(part, target)  # a rename that never overwrites
        except FileExistsError:
            raise Conflict(f"{str(target)!r} is there already; name another file") from None
    counts = Counter(one.kind for one in folders)
    return BackedUp(
        str(target), sum(rows.values()), size, counts["datasets"], counts["checkpoints"],
        tuple(missing),
    )  # fmt: skip


def restore(config: Config, source: Path, progress: Progress = quiet) -> Restored:
    """Make a project again from a backup: into an empty database, and folders that are not there.

    Everything is unpacked and checked first. Killed half-way, the database is empty still and the
    same command goes on. Raises BadInput where the file is no whole backup, Conflict where
    something stands in the way.
    """
    database = Database(config.database_url)
    try:
        if not source.is_file():
            raise BadInput(f"{str(source)!r} is no file; name one that `tiebreak backup` wrote")
        with _aside(config.folder.absolute() / "restore") as place, alone(database, "restore"):
            dump.require_empty(database)
            progress("checking the backup", 0, 0)
            manifest = _unpacked(source, place)
            if manifest["database"] != dump.kind_of(database):
                raise BadInput(
                    f"the backup is of a {manifest['database']} database and [database] url names "
                    f"{dump.kind_of(database)}; name an empty {manifest['database']} database"
                )
            moved = _places(manifest, config.folder.absolute())
            for one in moved:
                _put(place / one.kind / one.name, one.path)
            progress("filling the database", 0, 0)
            dump.load(database, place / _DATABASE, manifest["revision"], manifest["rows"], moved)
    finally:
        database.dispose()
    return Restored(
        redacted(config.database_url), sum(manifest["rows"].values()), manifest["revision"],
        tuple(str(one.path) for one in moved), tuple(manifest["missing"]),
    )  # fmt: skip


def _folders(listed: Sequence[Folder]) -> tuple[list[Folder], list[str]]:
    """Those whose folder is there, and a sentence on each that is not."""
    missing = [
        f"{one.kind.removesuffix('s')} {one.name}: no folder {one.path}"
        for one in listed
        if not one.path.is_dir()
    ]
    return [one for one in listed if one.path.is_dir()], missing


def _write(
    part: Path,
    content: Path,
    folders: Sequence[Folder],
    about: dict[str, Any],
    progress: Progress,
) -> None:
    roots = [(_DATABASE, content), *((f"{one.kind}/{one.name}", one.path) for one in folders)]
    files: dict[str, str] = {}
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
            for number, (inside, root) in enumerate(roots):
                for path in sorted(p for p in root.rglob("*") if p.is_file()):
                    name = f"{inside}/{path.relative_to(root).as_posix()}"
                    files[name] = _sha256(path)
                    archive.add(path, name, recursive=False)
                progress("writing the backup", number + 1, len(roots))
            told = json.dumps({**about, "files": files}, ensure_ascii=False, indent=1).encode()
            entry = tarfile.TarInfo(MANIFEST)
            entry.size = len(told)
            archive.addfile(entry, io.BytesIO(told))
        stream.flush()
        os.fsync(stream.fileno())


def _unpacked(source: Path, place: Path) -> dict[str, Any]:
    """Unpack into a folder and check every file against the manifest."""
    unusable = f"{str(source)!r} is no whole backup"
    try:
        with tarfile.open(source, "r:") as archive:
            archive.extractall(place, filter="data")
        manifest: dict[str, Any] = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        raise BadInput(f"{unusable} ({error}); take another one") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BadInput(f"{unusable}: its format is not {FORMAT!r}; take another one")
    found = {
        path.relative_to(place).as_posix()
        for path in place.rglob("*")
        if path.is_file() and path != place / MANIFEST
    }
    for name, digest in manifest["files"].items():
        if name not in found or _sha256(place / name) != digest:
            raise BadInput(f"{unusable}: {name!r} is not the file that was backed up; take another")
    if extra := sorted(found - manifest["files"].keys()):
        raise BadInput(f"{unusable}: it holds {extra[0]!r}, which its manifest does not name")
    return manifest


def _places(manifest: dict[str, Any], folder: Path) -> list[Folder]:
    """Where each dataset and checkpoint goes: as it lay in its project, else under its kind."""
    project = Path(manifest["project"])
    goals = []
    for inside, was in manifest["folders"].items():
        kind, name = inside.split("/", 1)
        old = Path(was)
        within = old.is_relative_to(project)
        goals.append(Folder(kind, name, folder / (old.relative_to(project) if within else inside)))
    return goals


def _put(found: Path, goal: Path) -> None:
    """Move a folder into place; one that is there with the same files may stay."""
    if goal.exists():
        if _content(goal) != _content(found):
            raise Conflict(f"{str(goal)!r} is there already and differs; move it away")
        return
    goal.parent.mkdir(parents=True, exist_ok=True)
    found.replace(goal)


def _content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): _sha256(path)
        for path in folder.rglob("*")
        if path.is_file()
    }


@contextmanager
def _aside(goal: Path) -> Iterator[Path]:
    """A private folder beside the goal, gone afterwards."""
    goal.parent.mkdir(parents=True, exist_ok=True)
    place = Path(mkdtemp(prefix=f".{goal.name}.", suffix=".partial", dir=goal.parent))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
