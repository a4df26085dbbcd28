"""The folder a model is trained in and the moment it becomes a checkpoint: all or nothing.

Work happens in `.NAME.partial` beside the final folder, by one process at a time (`exclusive`). A
kill leaves that folder; the same command again goes on from its newest complete snapshot. The
finished checkpoint appears by one rename.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from db.errors import BadInput
from db.whole import publish, sole_writer, write_whole

METADATA = "metadata.json"
_COMPLETE = "complete"
_RECIPE = "recipe.json"
FIRST = "snapshots"


@dataclass(frozen=True)
class Workspace:
    """One training: its name, its final folder, and where it works until then.

    figures: what is known before the model is, for its metadata.
    """

    name: str
    final: Path
    partial: Path
    recipe: dict[str, Any]
    stage: str = FIRST
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def snapshots(self) -> Path:
        """Where the trainer saves its own state; each stage of a training has its own."""
        return self.partial / self.stage

    @property
    def beside(self) -> Path:
        """What lies here is published beside the weights, and counts in their hash."""
        return self.partial / "beside"

    @property
    def done(self) -> bool:
        """Whether this very training has finished before."""
        return (self.final / METADATA).is_file()

    def newest_snapshot(self) -> str | None:
        """The newest snapshot that was written to its end; half-written ones are deleted."""
        found = []
        for folder in self.snapshots.glob("checkpoint-*"):
            if (folder / _COMPLETE).is_file():
                found.append((int(folder.name.split("-")[1]), folder))
            else:
                shutil.rmtree(folder)
        return str(max(found)[1]) if found else None


def open_workspace(
    folder: Path, kind: str, recipe: dict[str, Any], name: str | None = None
) -> Workspace:
    """The work on a recipe. The default name is the kind and the recipe's hash. Writes nothing.

    BadInput where the name is taken by a checkpoint of another recipe.
    """
    digest = hashlib.sha256(_json({"kind": kind, **recipe}).encode()).hexdigest()
    name = name or f"{kind}-{digest[:10]}"
    final = folder.absolute() / name
    work = Workspace(name, final, final.with_name(f".{name}.partial"), {"kind": kind, **recipe})
    if work.done and read_metadata(final)["recipe"] != work.recipe:
        raise BadInput(
            f"checkpoint {name!r} exists in {str(folder)!r} and was trained otherwise; "
            "choose another name"
        )
    return work


@contextmanager
def exclusive(work: Workspace) -> Iterator[None]:
    """Hold the work for this process and make its folder; a kill lets go.

    Unfinished work of another recipe under the name is thrown away. Conflict where another process
    is at it.
    """
    with sole_writer(work.final, f"checkpoint {work.name!r}"):
        known = work.partial / _RECIPE
        if known.is_file() and json.loads(known.read_text(encoding="utf-8")) != work.recipe:
            shutil.rmtree(work.partial)
        if not work.done:
            write_whole(known, _json(work.recipe))
        yield


def mark_complete(snapshot: Path) -> None:
    """Note that a snapshot was written to its end."""
    (snapshot / _COMPLETE).touch()


def publish_model(
    work: Workspace,
    model: Any,
    tokenizer: Any,
    metadata: dict[str, Any],
    card: str,
    beside: Callable[[Path], None] = lambda _: None,
) -> Path:
    """Save a transformers model with its tokenizer, and what `beside` writes, as the finished
    checkpoint.
    """

    def save(folder: Path) -> None:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        beside(folder)

    return publish_files(work, save, metadata, card, ("torch", "transformers", "trl"))


def publish_files(
    work: Workspace,
    save: Callable[[Path], None],
    metadata: dict[str, Any],
    card: str,
    packages: Sequence[str] = (),
) -> Path:
    """Write what `save` writes, the metadata and the card, and rename it all into place at once."""
    ready = work.partial / "ready"
    shutil.rmtree(ready, ignore_errors=True)
    ready.mkdir(parents=True)
    save(ready)
    if work.beside.is_dir():
        shutil.copytree(work.beside, ready, dirs_exist_ok=True)
    (ready / "README.md").write_text(card, encoding="utf-8")
    metadata = {
        **metadata,
        **work.figures,
        "name": work.name,
        "recipe": work.recipe,
        "versions": {package: version(package) for package in ("tiebreak", *packages)},
        "content_hash": weights_hash(ready),
    }
    (ready / METADATA).write_text(_json(metadata), encoding="utf-8")
    publish(ready, work.final)
    shutil.rmtree(work.partial)
    return work.final


def read_metadata(folder: Path) -> dict[str, Any]:
    """What a checkpoint says of itself; BadInput where the folder is none."""
    path = folder / METADATA
    if not path.is_file():
        raise BadInput(
            f"{str(folder)!r} has no {METADATA}; give the folder of a checkpoint trained here"
        )
    metadata: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return metadata


def weights_hash(folder: Path) -> str:
    """sha256 over the names and bytes of all files but metadata and card, in order of name."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in (METADATA, "README.md"):
            digest.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
