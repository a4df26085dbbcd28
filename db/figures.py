"""Counts and series for the pages: progress, quality, judges, costs. Read only."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from db import rankings
from db.conversation import prompt_text
from db.models import (
    Annotator,
    Checkpoint,
    ContentFlag,
    Dataset,
    GateDecision,
    Judge,
    JudgeVersion,
    Pair,
    Preference,
    Ranking,
    Review,
    Task,
    Vote,
)
from db.reviews import not_retracted
from db.runs import NANO
from db.upsert import chunks
from db.vocabulary import Order, TaskStatus

Rows = list[dict[str, Any]]


def recent_seconds(session: Session, annotator_id: int, *, limit: int) -> list[float]:
    """Seconds of work of this person's latest answers."""
    return list(
        session.scalars(
            select(Review.active_seconds)
            .where(Review.annotator_id == annotator_id, Review.active_seconds.is_not(None))
            .order_by(Review.created_at.desc())
            .limit(limit)
        )
    )


def answers_since(session: Session, annotator_id: int, since: datetime | None) -> int:
    """How many answers and orders of this person stand, since a moment or ever."""
    found = 0
    for table, counts in ((Review, not_retracted()), (Ranking, rankings.not_retracted())):
        query = (
            select(func.count())
            .select_from(table)
            .where(table.annotator_id == annotator_id, counts)
        )
        if since is not None:
            query = query.where(table.created_at >= since)
        found += session.scalar(query) or 0
    return found


def prompts_of(session: Session, pair_ids: Collection[int]) -> dict[int, int]:
    """pair id -> id of its prompt."""
    found: dict[int, int] = {}
    for chunk in chunks(sorted(pair_ids)):
        rows = session.execute(select(Pair.id, Pair.prompt_id).where(Pair.id.in_(chunk)))
        found |= {pair: prompt for pair, prompt in rows}
    return found


def answers_by_day(session: Session) -> Rows:
    """How many answers to tasks each person gave on each day, in UTC."""
    day = func.date(Review.created_at)
    rows = session.execute(
        select(day, Annotator.name, func.count(), func.sum(Review.active_seconds))
        .join(Annotator, Annotator.id == Review.annotator_id)
        .where(Review.task_id.is_not(None), not_retracted())
        .group_by(day, Annotator.name)
        .order_by(day)
    )
    return [
        {"day": str(d), "person": who, "answers": n, "hours": (s or 0.0) / 3600}
        for d, who, n, s in rows
    ]


def tasks_by_state(session: Session) -> Rows:
    """How many tasks there are of each kind and status."""
    rows = session.execute(
        select(Task.kind, Task.status, func.count()).group_by(Task.kind, Task.status)
    )
    return [{"kind": str(k), "status": str(s), "tasks": n} for k, s, n in rows]


def content_flags(session: Session, limit: int = 100) -> Rows:
    """The newest warnings about contents."""
    rows = session.execute(
        select(
            ContentFlag.created_at,
            ContentFlag.pair_id,
            ContentFlag.prompt_id,
            ContentFlag.kind,
            ContentFlag.note,
            Annotator.name,
        )
        .join(Annotator, Annotator.id == ContentFlag.annotator_id)
        .order_by(ContentFlag.id.desc())
        .limit(limit)
    )
    return [
        {"when": when, "pair": pair, "prompt": prompt, "warning": kind, "note": note, "by": by}
        for when, pair, prompt, kind, note, by in rows
    ]


def spend(session: Session) -> list[tuple[str, str, Order, int, float]]:
    """(day in UTC, judge, order, votes, dollars) of all votes, in one look at them."""
    day = func.date(Vote.created_at).label("day")
    each = (
        select(
            Vote.judge_version_id,
            Vote.order,
            day,
            func.count().label("votes"),
            func.sum(Vote.cost_nanousd).label("nano"),
        )
        .group_by(Vote.judge_version_id, Vote.order, day)
        .subquery()
    )
    rows = session.execute(
        select(each.c.day, Judge.name, each.c.order, each.c.votes, each.c.nano)
        .join(JudgeVersion, JudgeVersion.id == each.c.judge_version_id)
        .join(Judge, Judge.id == JudgeVersion.judge_id)
        .order_by(each.c.day, Judge.name, each.c.order)
    )
    return [(str(d), name, order, n, int(nano or 0) / NANO) for d, name, order, n, nano in rows]


def generations(session: Session) -> Rows:
    """Every trained artefact with the newest word of the gate on it."""
    newest = (
        select(GateDecision.checkpoint_id, func.max(GateDecision.id).label("id"))
        .group_by(GateDecision.checkpoint_id)
        .subquery()
    )
    rows = session.execute(
        select(Checkpoint, GateDecision)
        .outerjoin(newest, newest.c.checkpoint_id == Checkpoint.id)
        .outerjoin(GateDecision, GateDecision.id == newest.c.id)
        .order_by(Checkpoint.id)
    )
    return [
        {
            "checkpoint": made.name,
            "kind": str(made.kind),
            "generation": made.generation,
            "in production": made.active_at is not None,
            "gate": gate.verdict if gate else "not asked yet",
            "because": "; ".join(gate.reasons) if gate else "",
            "made": made.created_at,
        }
        for made, gate in rows
    ]


def exports(session: Session) -> Rows:
    """Every dataset with its place and hash, newest first."""
    rows = session.scalars(select(Dataset).order_by(Dataset.id.desc()))
    return [
        {"name": d.name, "made": d.created_at, "folder": d.path, "hash": d.content_hash[:12]}
        for d in rows
    ]


def pair_page(
    session: Session,
    *,
    after: int = 0,
    limit: int = 50,
    domain: str | None = None,
    source: str | None = None,
    waiting: bool = False,
) -> Rows:
    """A page of pairs by id: domain, settled choice and source, and whether it waits for humans."""
    waits = (
        select(func.count())
        .where(
            Task.pair_id == Pair.id,
            Task.status.in_((TaskStatus.OPEN, TaskStatus.DISPUTED)),
            Task.for_annotator_id.is_(None),
        )
        .scalar_subquery()
    )
    wanted: list[ColumnElement[bool]] = [Pair.id > after]
    if domain:
        wanted.append(Pair.domain == domain)
    if source:
        wanted.append(Preference.source == source)
    if waiting:
        wanted.append(waits > 0)
    rows = session.execute(
        select(Pair, Preference, waits)
        .outerjoin(
            Preference,
            (Preference.pair_id == Pair.id) & Preference.superseded_at.is_(None),
        )
        .where(*wanted)
        .order_by(Pair.id)
        .limit(limit)
    )
    return [
        {
            "pair": pair.id,
            "prompt": _begin(prompt_text(pair.prompt.messages)),
            "domain": pair.domain,
            "label": str(label.choice) if label else "none yet",
            "from": str(label.source) if label else "",
            "p_a": label.p_a if label else None,
            "waits": bool(open_tasks),
        }
        for pair, label, open_tasks in rows
    ]


def _begin(text: str, letters: int = 160) -> str:
    return text if len(text) <= letters else f"{text[:letters]} ..."


def domains(session: Session) -> Sequence[str]:
    """Every domain a pair has."""
    rows = session.scalars(
        select(Pair.domain).where(Pair.domain.is_not(None)).distinct().order_by(Pair.domain)
    )
    return [domain for domain in rows if domain]


def accepted_labels(session: Session) -> int:
    """Labels that stand and cost no human answer."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Preference)
            .where(Preference.superseded_at.is_(None), Preference.source == "ensemble")
        )
        or 0
    )


def pairs_with_votes(session: Session) -> int:
    """How many pairs at least one judge has voted on."""
    return session.scalar(select(func.count(func.distinct(Vote.pair_id)))) or 0


def pairs_by_judge(session: Session) -> dict[str, int]:
    """How many pairs each judge has voted on, in whatever version; each pair counts once."""
    rows = session.execute(
        select(Judge.name, func.count(func.distinct(Vote.pair_id)))
        .join(JudgeVersion, JudgeVersion.judge_id == Judge.id)
        .join(Vote, Vote.judge_version_id == JudgeVersion.id)
        .group_by(Judge.name)
    )
    return {name: int(pairs) for name, pairs in rows}
