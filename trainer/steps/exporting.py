"""Settled labels become a dataset: the step behind `tiebreak export`.

Leaves out which labels are chosen and what is written (`trainer.export`).
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from db import certificates
from db import datasets as stored
from db.audits import waiting_batches
from db.errors import BadInput, Conflict
from db.events import record
from db.exports.labels import labels
from db.exports.pairs import export_pairs
from db.exports.votes import export_votes
from db.gold import gold_set
from db.prompts import StoredPrompts
from db.session import Database, Session
from db.upsert import take_turn
from trainer.export.dataset import Content, Export, write_dataset
from trainer.export.leakage import keep_apart
from trainer.export.left_out import nothing, told
from trainer.export.selection import ExportOptions, select

_TURN = 7_246_006  # names the turn in which datasets are named, on PostgreSQL


@dataclass(frozen=True)
class ExportDone:
    """What an export wrote. `left_out` counts pairs by the reason they are not in it; `notes` are
    sentences about it.
    """

    dataset: str
    path: str
    content_hash: str
    rows: dict[str, int]
    left_out: dict[str, int]
    notes: list[str]
    new: bool

    @property
    def summary(self) -> str:
        """For people: what was written, then what was left out and why."""
        labels = sum(self.rows[name] for name in ("train", "validation", "test"))
        done = "exported" if self.new else "already exported"
        lines = [
            f"{done} {labels} preferences (train {self.rows['train']}, validation "
            f"{self.rows['validation']}, test {self.rows['test']}) and {self.rows['ties']} ties "
            f"as {self.dataset!r} to {self.path}",
            *self.notes,
        ]
        if self.left_out:
            lines.append(f"left out: {told(self.left_out)}")
        return "\n".join(lines)


def export(
    database: Database, folder: Path, options: ExportOptions, name: str | None = None
) -> ExportDone:
    """Write the settled labels as an immutable dataset and name it in the database.

    `name` is the folder's own name where none is given. The same labels and options again change
    nothing; other content under a known name or in a used folder is a Conflict.
    """
    name = name or folder.absolute().name
    with database.read() as session:
        content = _content(session, options)
        if not content.selection.preferences:
            raise BadInput(nothing(content.selection.left_out))
        promises = [
            {"name": certificates.title(made), "payload": made.payload}
            for made in certificates.in_force(session)
        ]
        written = write_dataset(folder, name, content, options, promises)
    new = _record_export(database, name, written)
    return ExportDone(
        dataset=name,
        path=str(written.path),
        content_hash=written.content_hash,
        rows=written.manifest["rows"],
        left_out=dict(written.selection.left_out),
        notes=list(written.selection.notes),
        new=new,
    )


def _content(session: Session, options: ExportOptions) -> Content:
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
    )
    large = tuple(each.told for each in apart.groups.large)
    return Content(
        replace(selection, notes=(*selection.notes, *large)),
        pairs=partial(
            export_pairs, session, ranking_ids=selection.ranking_ids, group_of=apart.groups.of
        ),
        votes=partial(export_votes, session),
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
