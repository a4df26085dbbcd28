"""Where a checkpoint comes from, row by row, and what learnt from a pair. Reads only.

Leaves out how it is put together for people (`trainer.lineage`).
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import (
    Adjudication,
    Annotator,
    Checkpoint,
    Dataset,
    DatasetItem,
    Evaluation,
    GateDecision,
    Judge,
    JudgeVersion,
    Preference,
    Ranking,
    Review,
    Vote,
)
from db.upsert import chunks


@dataclass(frozen=True, slots=True)
class Voice:
    """A judge version that had voted on a dataset's pairs when it was exported.

    weights: content hash of the checkpoint behind a judge trained here, else None.
    """

    judge: str
    version: str
    generation: int
    votes: int
    weights: str | None


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What the gate said, and over whom (None: what stood before any checkpoint)."""

    at: datetime
    verdict: str
    over: str | None
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class Part:
    """A pair's label in a dataset; `current` is False where a newer label has replaced it."""

    dataset_id: int
    split: str
    choice: str
    source: str
    current: bool


def label_sources(session: Session, dataset_id: int) -> dict[str, dict[str, int]]:
    """Labels of a dataset: split -> source -> count."""
    rows = session.execute(
        select(DatasetItem.split, Preference.source, func.count())
        .join(Preference, Preference.id == DatasetItem.preference_id)
        .where(DatasetItem.dataset_id == dataset_id)
        .group_by(DatasetItem.split, Preference.source)
        .order_by(DatasetItem.split, Preference.source)
    )
    found: dict[str, dict[str, int]] = {}
    for split, source, count in rows:
        of_place = found.setdefault(split.partition(" ")[0], {})
        of_place[source.value] = of_place.get(source.value, 0) + count
    return found


def people(session: Session, dataset_id: int) -> dict[str, dict[str, int]]:
    """Who stands behind a dataset's labels: annotator -> reviews, adjudications and rankings."""
    labels = session.execute(
        select(Preference.review_ids, Preference.adjudication_id, Preference.ranking_ids)
        .join(DatasetItem, DatasetItem.preference_id == Preference.id)
        .where(DatasetItem.dataset_id == dataset_id)
    ).all()
    rests: dict[str, tuple[type[Review | Adjudication | Ranking], set[int]]] = {
        "reviews": (Review, {i for ids, _, _ in labels for i in ids or ()}),
        "adjudications": (Adjudication, {i for _, i, _ in labels if i is not None}),
        "rankings": (Ranking, {i for _, _, ids in labels for i in ids or ()}),
    }
    found: dict[str, Counter[str]] = {}
    for word, (table, kept) in rests.items():
        for some in chunks(sorted(kept)):
            rows = session.execute(
                select(Annotator.name, func.count())
                .join(table, table.annotator_id == Annotator.id)
                .where(table.id.in_(some))
                .group_by(Annotator.name)
            )
            for name, count in rows:
                found.setdefault(name, Counter(dict.fromkeys(rests, 0)))[word] += count
    return {name: dict(found[name]) for name in sorted(found)}


def voices(session: Session, dataset: Dataset) -> list[Voice]:
    """Judges whose votes the dataset's labels could rest on: cast on its pairs, before it."""
    pairs = (
        select(Preference.pair_id)
        .join(DatasetItem, DatasetItem.preference_id == Preference.id)
        .where(DatasetItem.dataset_id == dataset.id)
    )
    rows = session.execute(
        select(Judge.name, JudgeVersion, func.count())
        .join(JudgeVersion, JudgeVersion.judge_id == Judge.id)
        .join(Vote, Vote.judge_version_id == JudgeVersion.id)
        .where(Vote.pair_id.in_(pairs), Vote.created_at <= dataset.created_at)
        .group_by(Judge.name, JudgeVersion.id)
        .order_by(Judge.name, JudgeVersion.id)
    )
    return [
        Voice(
            name,
            version.version,
            version.generation,
            count,
            (version.config.get("options") or {}).get("content_hash"),
        )
        for name, version, count in rows
    ]


def by_content(session: Session, content_hash: str) -> Checkpoint | None:
    """The checkpoint with these weights, if it is recorded."""
    query = select(Checkpoint).where(Checkpoint.content_hash == content_hash)
    return session.scalar(query.order_by(Checkpoint.id).limit(1))


def by_path(session: Session, path: str) -> Checkpoint | None:
    """The checkpoint in that folder, if one is recorded there."""
    return session.scalar(select(Checkpoint).where(Checkpoint.path == path))


def verdicts(session: Session, checkpoint_id: int) -> list[GateVerdict]:
    """What the gate said about a checkpoint, oldest first."""
    rows = session.execute(
        select(GateDecision, Checkpoint.name)
        .outerjoin(Checkpoint, Checkpoint.id == GateDecision.incumbent_id)
        .where(GateDecision.checkpoint_id == checkpoint_id)
        .order_by(GateDecision.id)
    )
    return [GateVerdict(d.created_at, d.verdict, over, d.reasons) for d, over in rows]


def evaluations(session: Session, checkpoint_id: int) -> list[Evaluation]:
    """Every measurement of a checkpoint, oldest first."""
    query = select(Evaluation).where(Evaluation.checkpoint_id == checkpoint_id)
    return list(session.scalars(query.order_by(Evaluation.id)))


def parts_of(session: Session, pair_id: int) -> list[Part]:
    """The pair's labels in datasets, in order of dataset."""
    rows = session.execute(
        select(DatasetItem.dataset_id, DatasetItem.split, Preference)
        .join(Preference, Preference.id == DatasetItem.preference_id)
        .where(Preference.pair_id == pair_id)
        .order_by(DatasetItem.dataset_id)
    )
    return [
        Part(number, split, label.choice.value, label.source.value, label.superseded_at is None)
        for number, split, label in rows
    ]


def trained_on(session: Session, dataset_id: int) -> list[Checkpoint]:
    """Checkpoints trained on a dataset, oldest first."""
    query = select(Checkpoint).where(Checkpoint.dataset_id == dataset_id)
    return list(session.scalars(query.order_by(Checkpoint.id)))
