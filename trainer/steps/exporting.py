"""Settled labels become a dataset: the step behind `tiebreak export`.

Leaves out which labels are chosen and what is written (`trainer.export`).
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from db import certificates
from db import datasets as stored
from db.audits import waiting_batches
from db.datasets import TIES
from db.errors import BadInput, Conflict
from db.events import record
from db.exports.changes import export_changes
from db.exports.held import held
from db.exports.labels import labels
from db.exports.pairs import export_pairs
from db.exports.votes import casters, export_votes
from db.gold import gold_set
from db.models import Dataset
from db.prompts import StoredPrompts
from db.session import Database, Session
from db.upsert import take_turn
from trainer.export.dataset import FORMAT, Export, write_dataset
from trainer.export.filling import Content
from trainer.export.layouts import LAYOUTS
from trainer.export.leakage import keep_apart
from trainer.export.left_out import nothing, told
from trainer.export.selection import SPLITS, ExportOptions, select

_TURN = 7_246_006  # names the turn in which datasets are named, on PostgreSQL


@dataclass(frozen=True)
class ExportDone:
    """What an export wrote. `left_out` counts pairs by the reason they are not in it; `notes` are
    sentences about it.
    """

    dataset: str
    layout: str
    path: str
    content_hash: str
    rows: dict[str, int]
    left_out: dict[str, int]
    notes: list[str]
    changes: dict[str, int] | None
    new: bool

    @property
    def summary(self) -> str:
        """For people: what was written, then what was left out and why."""
        done = "exported" if self.new else "already exported"
        splits = ", ".join(f"{split} {self.rows[split]}" for split in SPLITS)
        labels = sum(self.rows[split] for split in SPLITS)
        ties = f" and {self.rows[TIES]} ties" if TIES in self.rows else ""
        what = "preferences" if self.layout == "trl" else f"rows for {self.layout}"
        lines = [
            f"{done} {labels} {what} ({splits}){ties} as {self.dataset!r} to {self.path}",
            *self.notes,
        ]
        if self.changes is not None:
            since = ", ".join(f"{n:,} {word}" for word, n in self.changes.items())
            lines.append(f"of labels: {since}")
        if self.left_out:
            lines.append(f"left out: {told(self.left_out)}")
        return "\n".join(lines)


def export(
    database: Database,
    folder: Path,
    options: ExportOptions,
    name: str | None = None,
    new_since: str | None = None,
) -> ExportDone:
    """Write the settled labels as an immutable dataset and name it in the database.

    `name` is the folder's own name where none is given. The same labels and options again change
    nothing; other content under a known name or in a used folder is a Conflict. `new_since` names a
    dataset of the same options to continue: what it holds, together with those it continues itself,
    is not written again, and what became of it is.
    """
    name = name or folder.absolute().name
    with database.read() as session:
        before = _continued(session, new_since, options) if new_since else None
        content = _content(session, options, before)
        if content.selection.is_empty:
            raise BadInput(
                f"nothing changed since {new_since!r}"
                if content.selection.unchanged
                else nothing(content.selection.left_out)
            )
        promises = [
            {"name": certificates.title(made), "payload": made.payload}
            for made in certificates.in_force(session)
        ]
        written = write_dataset(folder, name, content, options, promises, before)
    new = _record_export(database, name, written)
    return ExportDone(
        dataset=name,
        layout=options.to,
        path=str(written.path),
        content_hash=written.content_hash,
        rows=written.manifest["rows"],
        left_out=dict(written.selection.left_out),
        notes=list(written.selection.notes),
        changes=written.manifest.get("changes"),
        new=new,
    )


def _continued(session: Session, name: str, options: ExportOptions) -> Dataset:
    """The dataset to continue. Raises BadInput where it was written with other options."""
    if LAYOUTS[options.to].by_prompt:
        raise BadInput(f"rows for {options.to} are of whole prompts; export them whole each time")
    before = stored.dataset(session, name)
    if before.manifest["format_version"] < FORMAT:
        raise BadInput(
            f"dataset {name!r} was written by an older version, which drew splits another way; "
            "export it whole, and continue that one"
        )
    written, asked = before.manifest["filters"], options.as_filters()
    for option, value in written.items():
        if option in ("limit", "balance") and (value or asked[option]):
            raise BadInput(
                f"{option} draws among all labels, so what is new cannot be told from what was not "
                "drawn; continue a dataset without it, and leave it out"
            )
        if asked.get(option, value) != value:
            raise BadInput(
                f"dataset {name!r} was written with {option} {value!r}, not {asked[option]!r}; "
                "continue it with the same options"
            )
    return before


def _content(session: Session, options: ExportOptions, before: Dataset | None) -> Content:
    """What stands where, as it is at this moment, and how the rest is read."""
    gold = gold_set(session)
    apart = keep_apart(StoredPrompts(session), gold)
    selection = select(
        labels(session, options.since),
        gold.pair_ids,
        apart.leaking,
        options,
        waiting_batches(session),
        apart.groups.of,
        held(session, before, SPLITS, apart.groups.of) if before else None,
    )
    large = tuple(each.told for each in apart.groups.large)
    return Content(
        replace(selection, notes=(*selection.notes, *large)),
        pairs=partial(
            export_pairs, session, ranking_ids=selection.ranking_ids, group_of=apart.groups.of
        ),
        votes=partial(export_votes, session, cast_by=casters(session)),
        changes=partial(export_changes, session),
        gold=gold,
        groups=apart.groups,
    )


def _record_export(database: Database, name: str, written: Export) -> bool:
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
            written.selection.items(),
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
