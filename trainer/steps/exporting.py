"""Settled labels become a dataset: the step behind `tiebreak export`.

Leaves out which labels are chosen and what is written (`trainer.export`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db import certificates
from db import datasets as stored
from db.audits import waiting_batches
from db.datasets import ExportPair, ExportVote
from db.errors import BadInput, Conflict
from db.events import record
from db.gold import GoldSet, gold_set
from db.session import Database
from db.upsert import take_turn
from trainer.export.dataset import Export, write_dataset
from trainer.export.selection import LEFT_OUT, ExportOptions, Selection, select

_TURN = 7_246_006  # names the turn in which datasets are named, on PostgreSQL


@dataclass(frozen=True)
class ExportDone:
    """What an export wrote. `left_out` counts pairs by the reason they are not in it."""

    dataset: str
    path: str
    content_hash: str
    rows: dict[str, int]
    left_out: dict[str, int]
    new: bool

    @property
    def summary(self) -> str:
        """For people: what was written, then what was left out and why."""
        labels = sum(self.rows[name] for name in ("train", "validation", "test"))
        done = "exported" if self.new else "already exported"
        return (
            f"{done} {labels} preferences (train {self.rows['train']}, validation "
            f"{self.rows['validation']}, test {self.rows['test']}) and {self.rows['ties']} ties "
            f"as {self.dataset!r} to {self.path}" + _told(self.left_out, "\nleft out: ")
        )


@dataclass(frozen=True)
class _Read:
    """All an export needs, as it stood in one transaction."""

    pairs: list[ExportPair]
    votes: list[ExportVote]
    gold: GoldSet
    waiting: frozenset[int]
    certificates: list[dict[str, Any]]


def export(
    database: Database, folder: Path, options: ExportOptions, name: str | None = None
) -> ExportDone:
    """Write the settled labels as an immutable dataset and name it in the database.

    `name` is the folder's own name where none is given. The same labels and options again change
    nothing; other content under a known name or in a used folder is a Conflict.
    """
    name = name or folder.absolute().name
    with database.read() as session:
        read = _Read(
            stored.export_pairs(session),
            stored.export_votes(session),
            gold_set(session),
            waiting_batches(session),
            [
                {"name": certificates.title(made), "payload": made.payload}
                for made in certificates.in_force(session)
            ],
        )
    selection = select(read.pairs, read.gold, options, read.waiting)
    if not any(selection.splits.values()):
        raise BadInput(_nothing(selection))
    written = write_dataset(folder, name, selection, read.votes, options, read.certificates)
    new = _record_export(database, name, written, selection)
    return ExportDone(
        dataset=name,
        path=str(written.path),
        content_hash=written.content_hash,
        rows=written.manifest["rows"],
        left_out=selection.left_out,
        new=new,
    )


def _record_export(database: Database, name: str, written: Export, selection: Selection) -> bool:
    items = [(p.preference_id, split) for split, ps in selection.splits.items() for p in ps]
    items += [(p.preference_id, "ties") for p in selection.ties]
    with database.begin() as session:
        take_turn(session, _TURN)
        known = stored.find_dataset(session, name)
        if known is not None:
            if known.content_hash != written.content_hash:
                raise Conflict(
                    f"dataset {name!r} exists with other content, and datasets never change; "
                    "choose another name"
                )
            return False
        made = stored.record_dataset(
            session,
            name,
            str(written.path),
            written.content_hash,
            written.manifest,
            [(preference_id, split) for preference_id, split in items if preference_id],
        )
        record(
            session,
            "tiebreak",
            "dataset.exported",
            f"dataset:{made.name}",
            {
                "content_hash": made.content_hash,
                "rows": written.manifest["rows"],
            },
        )
    return True


def _nothing(selection: Selection) -> str:
    return (
        f"nothing to export: {_told(selection.left_out) or 'there are no pairs'}; "
        "settle labels with `tiebreak merge`, or loosen the filters"
    )


def _told(left_out: Mapping[str, int], first: str = "") -> str:
    """Each reason with its count, most first; nothing where nothing was left out."""
    ordered = sorted(left_out.items(), key=lambda item: -item[1])
    said = ", ".join(f"{n:,} {LEFT_OUT[reason]}" for reason, n in ordered)
    return first + said if said else ""
