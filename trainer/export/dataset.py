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
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from db.errors import BadInput, Conflict
from db.exports.pairs import ExportPair
from db.exports.votes import ExportVote
from db.gold import GoldSet
from db.whole import own_folder, publish, sole_writer
from judges.alike.groups import REST, Groups
from judges.alike.misspelling import SLIPS
from trainer.card import dataset_card
from trainer.export.check import SHOWN, LeakCheck
from trainer.export.layout import Unfit
from trainer.export.layouts import LAYOUTS
from trainer.export.left_out import nothing
from trainer.export.selection import NOWHERE, PLACES, ExportOptions, Selection, split_of
from trainer.export.tables import PAIRS, VOTES, pair_row, vote_row
from trainer.export.writing import Parquet, Writer

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Content:
    """What is to be written: which pairs stand where, and how their texts and votes are read.

    pairs, votes: read those of some pairs, given by id in order of content. groups: of all prompts.
    """

    selection: Selection
    pairs: Callable[[Iterable[int]], Iterator[ExportPair]]
    votes: Callable[[Iterable[int]], Iterator[ExportVote]]
    gold: GoldSet
    groups: Groups


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
) -> Export:
    """Write the folder beside itself and rename it into place; a kill leaves nothing half.

    A folder that is there already with the same content is left as it is; Conflict if it differs,
    or while another process writes it, or where a leak is found in what was written. BadInput where
    no preference is left to write.
    """
    folder = folder.absolute()
    with sole_writer(folder, f"dataset {name!r} in {str(folder)!r}"), own_folder(folder) as place:
        written = _write_tables(place, content, options)
        selection = written.selection
        manifest: dict[str, Any] = {
            "name": name,
            "format_version": 1,
            "filters": options.as_filters(),
            "rows": written.rows,
            "left_out": dict(selection.left_out),
            "leaks": written.leaks,
            "certificates": list(certificates),
            "versions": {package: version(package) for package in ("tiebreak", "pyarrow")},
            "files": written.files,
        }
        card = dataset_card(manifest).encode()
        (place / "README.md").write_bytes(card)
        written.files["README.md"] = hashlib.sha256(card).hexdigest()
        (place / MANIFEST).write_text(_json(manifest), encoding="utf-8")
        content_hash = hash_of(manifest)
        if folder.exists() and any(folder.iterdir()):
            _same_or_conflict(folder, content_hash)
        else:
            publish(place, folder)
    return Export(folder, manifest, content_hash, selection)


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


@dataclass(frozen=True)
class _Written:
    rows: dict[str, int]
    files: dict[str, str]
    selection: Selection
    leaks: dict[str, Any]


def _write_tables(folder: Path, content: Content, options: ExportOptions) -> _Written:
    """Write every table in one pass over the pairs; rows of each, and the sha256 of every file."""
    layout, selection = LAYOUTS[options.to], content.selection
    tables = {place: layout.table(folder, place, options) for place in layout.places}
    beside: dict[str, Writer] = {}
    if layout.whole:
        beside = {"votes": Parquet(folder, "votes/votes", VOTES)}
        beside["pairs"] = Parquet(folder, "pairs/pairs", PAIRS)
    unfit: Counter[str] = Counter()
    check = LeakCheck(content.gold)
    places = selection.places.copy()
    read = np.arange(len(places)) if layout.whole else np.flatnonzero(places != NOWHERE)
    for i, pair in zip(read, content.pairs(selection.pair_ids[read]), strict=True):
        if not pair.is_plain:
            unfit["with tools or messages that are more than a text"] += 1
            places[i] = NOWHERE
            continue
        letters = pair.size
        place = None if places[i] == NOWHERE else PLACES[places[i]]
        if place is not None:
            try:
                for row in layout.rows(pair, options):
                    tables[place].add(row, letters)
            except Unfit as reason:
                unfit[str(reason)] += 1
                places[i] = NOWHERE
        split = split_of(pair.group, options) if place == "ties" else place
        if layout.whole or place is not None:
            check.add(split or SHOWN, pair.prompt_hash, pair.messages)
        if layout.whole:
            beside["pairs"].add(pair_row(pair, place), letters)
    if layout.whole:
        for vote in content.votes(selection.pair_ids):
            beside["votes"].add(vote_row(vote), len(vote.rationale or ""))
    tables |= beside
    files = {name: digest for table in tables.values() for name, digest in table.close().items()}
    left_out = {**selection.left_out, **unfit}
    selection = replace(selection, places=places, left_out=left_out)
    if not selection.preferences:
        raise BadInput(nothing(left_out))
    check.require_none()
    rows = {name: table.rows for name, table in tables.items()}
    return _Written(rows, files, selection, _leaks(content.groups, check))


def _leaks(groups: Groups, check: LeakCheck) -> dict[str, Any]:
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
        "prompts_checked": check.prompts,
        "leaks_found": 0,
    }


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
