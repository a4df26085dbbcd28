"""An export folder that `datasets.load_dataset(DIR)` and TRL read unchanged, all or nothing.

    data/{train,validation,test}-*.parquet   prompt, chosen, rejected, meta
    ties/ votes/ pairs/                      what was settled as equal, every vote, every pair
    manifest.json                            filters, versions, seeds, counts, sha256 of every file
    README.md                                the dataset card

The same input gives the same bytes: fixed schemas, seeded order, no times of writing.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from db.datasets import ExportVote
from db.errors import BadInput, Conflict
from db.whole import own_folder, publish, sole_writer
from trainer.card import dataset_card
from trainer.export.selection import ExportOptions, Selection
from trainer.export.tables import pair_table, preference_table, tie_table, vote_table

_ROWS_A_FILE = 100_000  # some hundred megabytes of text at most
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Export:
    """A finished folder: where it is, its manifest, and the hash that names its content."""

    path: Path
    manifest: dict[str, Any]
    content_hash: str


def write_dataset(
    folder: Path,
    name: str,
    selection: Selection,
    votes: Sequence[ExportVote],
    options: ExportOptions,
    certificates: Sequence[dict[str, Any]] = (),
) -> Export:
    """Write the folder beside itself and rename it into place; a kill leaves nothing half.

    A folder that is there already with the same content is left as it is; Conflict if it differs,
    or while another process writes it.
    """
    folder = folder.absolute()
    with sole_writer(folder, f"dataset {name!r} in {str(folder)!r}"), own_folder(folder) as place:
        rows, files = _write_tables(place, selection, votes, options)
        manifest: dict[str, Any] = {
            "name": name,
            "format_version": 1,
            "filters": options.as_filters(),
            "rows": rows,
            "left_out": selection.left_out,
            "certificates": list(certificates),
            "versions": {package: version(package) for package in ("tiebreak", "pyarrow")},
            "files": files,
        }
        card = dataset_card(manifest).encode()
        (place / "README.md").write_bytes(card)
        files["README.md"] = hashlib.sha256(card).hexdigest()
        (place / MANIFEST).write_text(_json(manifest), encoding="utf-8")
        content_hash = hash_of(manifest)
        if folder.exists() and any(folder.iterdir()):
            _same_or_conflict(folder, content_hash)
        else:
            publish(place, folder)
    return Export(folder, manifest, content_hash)


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


def read_split(folder: Path, split: str) -> list[dict[str, Any]]:
    """The rows of one split (train, validation, test), as they were written."""
    files = sorted((folder / "data").glob(f"{split}-*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def hash_of(manifest: dict[str, Any]) -> str:
    """The content hash of a dataset: of its manifest, which hashes every file."""
    return hashlib.sha256(_json(manifest).encode()).hexdigest()


def _write_tables(
    folder: Path, selection: Selection, votes: Sequence[ExportVote], options: ExportOptions
) -> tuple[dict[str, int], dict[str, str]]:
    """Write every table; rows of each, and the sha256 of every file as it was written."""
    shown = {pair.id: pair.name for pair in selection.shown}
    split_of = {pair.id: split for split, pairs in selection.splits.items() for pair in pairs}
    split_of |= {pair.id: "ties" for pair in selection.ties}
    tables = {
        f"data/{split}": preference_table(pairs, options.format)
        for split, pairs in selection.splits.items()
    }
    tables["ties/ties"] = tie_table(selection.ties, options.format)
    tables["votes/votes"] = vote_table(votes, shown)
    tables["pairs/pairs"] = pair_table(selection.shown, split_of)
    files: dict[str, str] = {}
    for path, table in tables.items():
        files |= _write_parquet(folder, path, table)
    return {path.split("/")[1]: table.num_rows for path, table in tables.items()}, files


def _write_parquet(folder: Path, name: str, table: pa.Table) -> dict[str, str]:
    (folder / name).parent.mkdir(exist_ok=True)
    count = max(1, -(-table.num_rows // _ROWS_A_FILE))
    files = {}
    for i in range(count):
        part = table.slice(i * _ROWS_A_FILE, _ROWS_A_FILE)
        file = f"{name}-{i:05d}-of-{count:05d}.parquet"
        with (folder / file).open("wb") as stream:
            written = _Hashed(stream)
            pq.write_table(part, pa.PythonFile(written, mode="w"), compression="zstd")
        files[file] = written.digest.hexdigest()
    return files


class _Hashed:
    """A file that is hashed as it is written, so that the hash is of these bytes and no others."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write and hash."""
        self.digest.update(data)
        return self._stream.write(data)

    def flush(self) -> None:
        """As a file does."""
        self._stream.flush()


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
