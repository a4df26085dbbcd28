"""Finished exports as the database knows them: by name, with which label stands in which split.

Leaves out what an export reads (`db.exports`) and how it is written (`trainer.export`).
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.errors import UnknownName
from db.events import history
from db.models import Dataset, DatasetItem
from db.upsert import chunks, insert_all

LEFT_OUT = "dataset.group_left_out"
"""The event of a cross-validation that has measured one group."""


def find_dataset(session: Session, name: str) -> Dataset | None:
    """The dataset of that name, if there is one."""
    return session.scalar(select(Dataset).where(Dataset.name == name))


def dataset(session: Session, name: str | None = None) -> Dataset:
    """The dataset of that name, or the newest; UnknownName where there is none."""
    if name is None:
        newest = session.scalar(select(Dataset).order_by(Dataset.id.desc()).limit(1))
        if newest is None:
            raise UnknownName("there is no dataset yet; make one with `tiebreak export DIR`")
        return newest
    found = find_dataset(session, name)
    if found is None:
        known = ", ".join(session.scalars(select(Dataset.name).order_by(Dataset.name))) or "none"
        raise UnknownName(f"dataset {name!r} is not known; there is {known}")
    return found


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
