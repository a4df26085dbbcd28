"""Forgetting a prompt: its texts go from every table, its hashes stay and keep them from returning.

Pairs, votes, answers and labels stay as numbers without texts; nothing is asked, fitted, exported
or measured on them any more. Leaves out files (`app.erasing` names those that hold the texts).
"""

import sqlite3
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from db.erased_people import GONE
from db.errors import Unavailable
from db.events import record
from db.models import (
    Adjudication,
    Base,
    Candidate,
    Checkpoint,
    ContentFlag,
    Dataset,
    DatasetItem,
    Flag,
    Gold,
    Lease,
    Pair,
    Preference,
    Prompt,
    Ranking,
    Rationale,
    Review,
    StepLabels,
    Task,
    Vote,
)
from db.session import Database
from db.types import now
from db.upsert import chunks
from db.vocabulary import LeaseStatus, TaskStatus

ERASED = "this prompt was erased, and what was erased is not taken again; leave the row out"
"""Why a row about an erased prompt is refused at import."""

_WAITS = (TaskStatus.OPEN, TaskStatus.DISPUTED)


@dataclass(frozen=True)
class Held:
    """A file or folder that still holds an erased text: a dataset, or a checkpoint that learnt."""

    kind: str
    name: str
    path: str


def unerased() -> ColumnElement[bool]:
    """The condition that a prompt, joined by the query, still has its texts."""
    return Prompt.erased_at.is_(None)


def pair_unerased() -> ColumnElement[bool]:
    """The same of a pair, where the query does not join its prompt."""
    return ~exists().where(Prompt.id == Pair.prompt_id, Prompt.erased_at.is_not(None))


def erased_among(session: Session, hashes: Collection[str]) -> set[str]:
    """Which of these content hashes of prompts are of erased ones."""
    found: set[str] = set()
    for chunk in chunks(set(hashes)):
        query = select(Prompt.content_hash).where(Prompt.content_hash.in_(chunk))
        found.update(session.scalars(query.where(Prompt.erased_at.is_not(None))))
    return found


def erased_pairs(session: Session, pair_ids: Collection[int]) -> set[int]:
    """Which of these pairs have lost their texts."""
    found: set[int] = set()
    for chunk in chunks(set(pair_ids)):
        query = select(Pair.id).join(Prompt, Prompt.id == Pair.prompt_id)
        found.update(
            session.scalars(query.where(Pair.id.in_(chunk), Prompt.erased_at.is_not(None)))
        )
    return found


def erase_prompts(
    session: Session, prompt_ids: Collection[int], actor: str, reason: str
) -> Counter[str]:
    """Remove every text of these prompts and of what was said about them; count what was removed.

    Each prompt leaves an event that names its hash, never a text. Safe to repeat.
    """
    counts: Counter[str] = Counter()
    for prompt_id in sorted(set(prompt_ids)):
        prompt = session.get_one(Prompt, prompt_id)
        if prompt.erased_at is not None:
            continue
        pairs = list(session.scalars(select(Pair.id).where(Pair.prompt_id == prompt_id)))
        gone = _erase_one(session, prompt_id, pairs)
        prompt.messages = [{"role": "user", "content": GONE}]
        prompt.tools, prompt.expected, prompt.erased_at = None, None, now()
        counts += gone + Counter(prompts=1, pairs=len(pairs))
        told = {"reason": reason, "hash": prompt.content_hash, "pairs": pairs}
        record(session, actor, "prompt.erased", f"prompt:{prompt_id}", told)
    return counts


def _erase_one(session: Session, prompt_id: int, pairs: list[int]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for kind, table, rows, values in _texts(prompt_id, pairs):
        done = session.execute(
            update(table).where(rows).values(values).execution_options(synchronize_session=False)
        )
        counts[kind] += done.rowcount  # type: ignore[attr-defined]
    asked = (Task.pair_id.in_(pairs)) | (Task.prompt_id == prompt_id)
    held = select(Task.id).where(asked)
    session.execute(
        update(Lease)
        .where(Lease.task_id.in_(held), Lease.status == LeaseStatus.ACTIVE)
        .values(status=LeaseStatus.RELEASED, ended_at=now())
    )
    closed = update(Task).where(asked, Task.status.in_(_WAITS))
    done = session.execute(closed.values(status=TaskStatus.CLOSED, settled_at=now()))
    counts["tasks withdrawn"] += done.rowcount  # type: ignore[attr-defined]
    done = session.execute(delete(Gold).where(Gold.pair_id.in_(pairs)))
    counts["gold"] += done.rowcount  # type: ignore[attr-defined]
    done = session.execute(delete(StepLabels).where(StepLabels.prompt_id == prompt_id))
    counts["solutions"] += done.rowcount  # type: ignore[attr-defined]
    return +counts


Texts = tuple[str, type[Base], ColumnElement[bool], dict[str, Any]]


def _texts(prompt_id: int, pairs: list[int]) -> list[Texts]:
    """Where texts of a prompt, or about it, lie: kind, table, which rows, what comes instead."""
    reviews = select(Review.id).where(Review.pair_id.in_(pairs))
    tasks = select(Task.id).where((Task.pair_id.in_(pairs)) | (Task.prompt_id == prompt_id))
    here = (ContentFlag.pair_id.in_(pairs)) | (ContentFlag.prompt_id == prompt_id)
    of_candidates = {"text": GONE, "messages": None, "critique": None}
    return [
        ("responses", Candidate, Candidate.prompt_id == prompt_id, of_candidates),
        (
            "columns kept",
            Pair,
            (Pair.prompt_id == prompt_id) & Pair.kept.is_not(None),
            {"kept": None},
        ),
        ("votes", Vote, Vote.pair_id.in_(pairs), {"rationale": None, "raw": None}),
        ("reviews", Review, Review.pair_id.in_(pairs), {"rationale": None, "note": None}),
        ("rationales", Rationale, Rationale.review_id.in_(reviews), {"text": None}),
        ("rulings", Adjudication, Adjudication.pair_id.in_(pairs), {"reason": GONE}),
        ("orders", Ranking, Ranking.prompt_id == prompt_id, {"rationale": None}),
        ("warnings", ContentFlag, here, {"note": None, "detail": None}),
        ("findings", Flag, Flag.pair_id.in_(pairs), {"detail": {}}),
        ("claims", Lease, Lease.task_id.in_(tasks), {"draft": None, "skip_reason": None}),
    ]


def prompts_older_than(session: Session, moment: Any) -> list[int]:
    """Prompts imported before a moment that still have their texts."""
    query = select(Prompt.id).where(Prompt.created_at < moment, unerased())
    return list(session.scalars(query.order_by(Prompt.id)))


def named(session: Session, key: str) -> int | None:
    """The prompt of that content hash (or its first 8 letters), or None."""
    if len(key) < 8:
        return None
    query = select(Prompt.id).where(Prompt.content_hash.startswith(key, autoescape=True)).limit(2)
    found = session.scalars(query).all()
    return found[0] if len(found) == 1 else None


def unerased_among(session: Session, prompt_ids: Collection[int]) -> list[int]:
    """Which of these prompts still have their texts."""
    query = select(Prompt.id).where(Prompt.id.in_(set(prompt_ids)), unerased())
    return list(session.scalars(query.order_by(Prompt.id)))


def still_held(session: Session, prompt_ids: Collection[int]) -> list[Held]:
    """Datasets that hold a pair of these prompts, and checkpoints that learnt from those."""
    datasets: dict[int, Dataset] = {}
    for chunk in chunks(set(prompt_ids)):
        query = (
            select(Dataset)
            .join(DatasetItem, DatasetItem.dataset_id == Dataset.id)
            .join(Preference, Preference.id == DatasetItem.preference_id)
            .join(Pair, Pair.id == Preference.pair_id)
            .where(Pair.prompt_id.in_(chunk))
            .distinct()
        )
        datasets.update({dataset.id: dataset for dataset in session.scalars(query)})
    learnt = select(Checkpoint).where(Checkpoint.dataset_id.in_(datasets))
    found = [Held("dataset", d.name, d.path) for _, d in sorted(datasets.items())]
    found += [Held("checkpoint", c.name, c.path) for c in session.scalars(learnt)]
    return found


def old_answers(session: Session, before: Any) -> int:
    """How many raw answers of models are older than a moment."""
    old = select(func.count()).where(Vote.created_at < before, Vote.raw.is_not(None))
    return session.scalar(old) or 0


def strip_answers(session: Session, before: Any) -> int:
    """Remove the raw answers of models that are older than a moment; how many there were."""
    old = update(Vote).where(Vote.created_at < before, Vote.raw.is_not(None))
    return int(session.execute(old.values(raw=None)).rowcount)  # type: ignore[attr-defined]


def purge(database: Database) -> bool:
    """Make the server forget what was overwritten: free pages of SQLite, dead rows of PostgreSQL.

    False where somebody else is at work in it. Old backups, replicas and PostgreSQL's own archive
    of its log are not reached.
    """
    try:
        _rewrite(database)
    except (DBAPIError, sqlite3.Error, Unavailable):
        return False
    return True


def _rewrite(database: Database) -> None:
    with database.connection() as connection:
        apart = connection.execution_options(isolation_level="AUTOCOMMIT")
        if database.is_sqlite:
            raw: Any = connection.connection.dbapi_connection
            for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM"):
                raw.cursor().execute(statement).fetchall()
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return
        for table in Base.metadata.sorted_tables:
            apart.execute(text(f"VACUUM (FULL) {table.name}"))
