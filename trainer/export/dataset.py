"""An export folder, all or nothing, written in one pass with flat memory.

    data/{train,validation,test}-*.parquet   prompt, chosen, rejected, meta
    ties/ votes/ pairs/                      what was settled as equal, every vote, every pair
    manifest.json                            filters, versions, seeds, counts, sha256 of every file
    README.md                                the dataset card

So for TRL, which reads it unchanged by `datasets.load_dataset(DIR)`; `layouts` has the others.
The same input gives the same bytes: fixed schemas, rows in order of content, no times of writing.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from db.errors import BadInput, Conflict
from db.models import Dataset
from db.whole import own_folder, publish, sole_writer
from judges.alike.groups import Groups
from judges.alike.marks import REST
from judges.alike.misspelling import SLIPS
from trainer.card import dataset_card
from trainer.export.filling import Content, NotPlain, fill, write_text
from trainer.export.layout import Writing
from trainer.export.selection import NOWHERE, ExportOptions, Selection
from trainer.export.writing import OBJECTS, JsonLines, Row

MANIFEST = "manifest.json"
FORMAT = 2
"""Of a manifest: splits by groups of prompts, and one of many layouts."""
CHANGES = "changes"
"""Of an increment, `changes.jsonl`: labels of the dataset it continues that it replaces or takes
back.
"""


@dataclass(frozen=True)
class Export:
    """A finished folder: where it is, its manifest, the hash that names its content, and what was
    chosen for it.
    """

    path: Path
    manifest: dict[str, Any]
    content_hash: str
    selection: Selection


def write_dataset(
    folder: Path,
    name: str,
    content: Content,
    options: ExportOptions,
    certificates: Sequence[dict[str, Any]] = (),
    before: Dataset | None = None,
) -> Export:
    """Write the folder beside itself and rename it into place; a kill leaves nothing half.

    A folder that is there already with the same content is left as it is; Conflict if it differs,
    or while another process writes it, or where a leak is found in what was written. BadInput
    where nothing is left to write. before: the dataset
    that this one continues.
    """
    folder = folder.absolute()
    with sole_writer(folder, f"dataset {name!r} in {str(folder)!r}"), own_folder(folder) as place:
        writing = Writing(name, options)
        try:
            filled = fill(place, content, writing)
        except NotPlain:
            for begun in place.iterdir():
                shutil.rmtree(begun) if begun.is_dir() else begun.unlink()
            filled = fill(place, content, replace(writing, plain=False))
        selection, files = filled.selection, filled.files
        manifest: dict[str, Any] = {
            "name": name,
            "format_version": FORMAT,
            "layout": options.to,
            "filters": options.as_filters(),
            "rows": filled.rows,
            **(_continuing(place, before, content, selection, files) if before else {}),
            "left_out": dict(selection.left_out),
            "leaks": _leaks(content.groups, filled.checked),
            "certificates": list(certificates),
            "versions": {package: version(package) for package in ("tiebreak", "pyarrow")},
            "files": files,
        }
        files["README.md"] = write_text(place, "README.md", dataset_card(manifest))
        (place / MANIFEST).write_text(_json(manifest), encoding="utf-8")
        content_hash = hash_of(manifest)
        if folder.exists() and any(folder.iterdir()):
            _same_or_conflict(folder, content_hash)
        else:
            publish(place, folder)
    return Export(folder, manifest, content_hash, selection)


def _leaks(groups: Groups, checked: int) -> dict[str, Any]:
    """How prompts were kept apart, for the manifest: the rule's figures, the groups, the check."""
    sizes = groups.sizes()
    return {
        "rest_in_common": REST,
        "words_a_slip": SLIPS,
        "prompts": groups.prompts,
        "prompts_in_groups": sizes.total(),
        "groups": len(sizes),
        "largest_group": max(sizes.values(), default=1),
        "large_groups": {each.name: each.prompts for each in groups.large},
        "prompts_checked": checked,
        "leaks_found": 0,
    }


def _continuing(
    place: Path, before: Dataset, content: Content, selection: Selection, files: dict[str, str]
) -> dict[str, Any]:
    """What the manifest says of an increment; its file of changes is written."""
    table, withdrawn = JsonLines(place, CHANGES), 0
    for change in content.changes(selection.changes):
        withdrawn += change.withdrawn is not None
        table.add(change._asdict(), 0)
    files |= table.close()
    replaced = len(selection.changes) - withdrawn
    standing = int((selection.splits != NOWHERE).sum())
    return {
        "continues": {"name": before.name, "content_hash": before.content_hash},
        "changes": {
            "new": standing - replaced,
            "replaced": replaced,
            "withdrawn": withdrawn,
            "unchanged and not repeated": selection.unchanged,
        },
    }


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of an export; BadInput where the folder is none or a file was changed."""
    path = folder / MANIFEST
    if not path.is_file():
        raise BadInput(f"{str(folder)!r} has no {MANIFEST}; give the folder of a `tiebreak export`")
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for file, digest in manifest["files"].items():
        if not (folder / file).is_file() or _sha256(folder / file) != digest:
            raise BadInput(
                f"{str(folder / file)!r} is not the file its manifest names; export the data again"
            )
    return manifest


def read_split(folder: Path, split: str) -> list[Row]:
    """The rows of one split (train, validation, test), as they were written."""
    return read_rows(sorted((folder / "data").glob(f"{split}-*.parquet")))


def read_ties(folder: Path) -> list[Row]:
    """The pairs settled as equal, as they were written."""
    return read_rows(sorted((folder / "ties").glob("*.parquet")))


def read_rows(files: Iterable[Path]) -> list[Row]:
    """The rows of Parquet files of an export."""
    found: list[Row] = []
    for file in files:
        table = pq.read_table(file)
        coded = [each.name for each in table.schema if each.type == OBJECTS]
        for row in table.to_pylist():
            told = {name: row[name] and [json.loads(one) for one in row[name]] for name in coded}
            found.append({**row, **told})
    return found


def hash_of(manifest: dict[str, Any]) -> str:
    """The content hash of a dataset: of its manifest, which hashes every file."""
    return hashlib.sha256(_json(manifest).encode()).hexdigest()


def _same_or_conflict(folder: Path, content_hash: str) -> None:
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise Conflict(f"{str(folder)!r} is not empty; export into a new folder")
    if hash_of(json.loads(manifest.read_text(encoding="utf-8"))) != content_hash:
        raise Conflict(
            f"{str(folder)!r} holds another dataset, and datasets never change; "
            "export into a new folder"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
