"""Finished exports as the database knows them: by name, with which label stands in which split.

Leaves out what an export reads (`db.exports`) and how it is written (`trainer.export`).
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.errors import Conflict, UnknownName
from db.events import history
from db.models import Dataset, DatasetItem
from db.upsert import chunks, insert_all

TIES = "ties"
"""The split of a pair settled as equal, followed by the split of its prompt."""
WITHDRAWN = "withdrawn"
"""The split of a label that a dataset takes back from the one it continues."""
LEFT_OUT = "dataset.group_left_out"
"""The event of a cross-validation that has measured one group."""


def find_dataset(session: Session, name: str) -> Dataset | None:
    """The dataset of that name, if there is one."""
    return session.scalar(select(Dataset).where(Dataset.name == name))


def dataset(session: Session, name: str | None = None) -> Dataset:
    """The dataset of that name, or the newest whole one for trl; UnknownName where none is."""
    if name is None:
        for made in session.scalars(select(Dataset).order_by(Dataset.id.desc())):
            if made.manifest.get("layout", "trl") == "trl" and not made.manifest.get("continues"):
                return made
        raise UnknownName("there is no dataset yet; make one with `tiebreak export DIR`")
    found = find_dataset(session, name)
    if found is None:
        known = ", ".join(session.scalars(select(Dataset.name).order_by(Dataset.name))) or "none"
        raise UnknownName(f"dataset {name!r} is not known; there is {known}")
    return found


def chain(session: Session, dataset: Dataset) -> list[Dataset]:
    """A dataset and those it continues, the first one first. Raises Conflict where one is gone."""
    found = [dataset]
    while before := found[-1].manifest.get("continues"):
        earlier = find_dataset(session, before["name"])
        if earlier is None or earlier.content_hash != before["content_hash"]:
            raise Conflict(
                f"dataset {found[-1].name!r} continues {before['name']!r}, which is not there as "
                "it was; export without --new-since"
            )
        found.append(earlier)
    return found[::-1]


def record_dataset(
    session: Session,
    name: str,
    path: str,
    content_hash: str,
    manifest: dict[str, Any],
    items: Iterable[tuple[int, str]],
) -> Dataset:
    """Store a finished export; `items` are (preference id, split)."""
    made = Dataset(name=name, path=path, content_hash=content_hash, manifest=manifest)
    session.add(made)
    session.flush()
    for chunk in chunks(items, 5000):
        rows = [
            {"dataset_id": made.id, "preference_id": preference_id, "split": split}
            for preference_id, split in chunk
        ]
        insert_all(session, DatasetItem, rows)
    return made


def left_out_groups(session: Session, dataset: Dataset | None) -> list[dict[str, Any]]:
    """What cross-validations on a dataset have found: the newest of every group."""
    events = history(session, f"dataset:{dataset.name}") if dataset else []
    found = {(e.payload["by"], e.payload["group"]): e.payload for e in events if e.kind == LEFT_OUT}
    return [found[key] for key in sorted(found)]
