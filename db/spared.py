"""Pairs that a judge asked first is sure of, so that judges who cost are not asked about them.

The gate decides it (`trainer.gate.panels.seat`) and the decision that let the judge in holds it, so
every verb that counts, estimates or asks reads the same rule here. Canary pairs are asked as ever,
and so are pairs that a probe has changed.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from db.checkpoints import active, seat
from db.models import Judge, JudgeVersion, Vote
from db.vocabulary import CANARY_SAMPLE, CheckpointKind
from db.voters import voters


@dataclass(frozen=True)
class First:
    """The judge asked first. Where the mean p_a of its votes is at least `threshold` away from one
    half, the judges `spares` are not asked.
    """

    name: str
    version_id: int | None
    threshold: float
    spares: frozenset[str]


def first(session: Session) -> First | None:
    """Who is asked first, if anybody."""
    told = seat(session, CheckpointKind.JUDGE)
    judge = active(session, CheckpointKind.JUDGE)
    if judge is None or told.get("threshold") is None:
        return None
    newest = (
        select(func.max(JudgeVersion.id))
        .join(Judge, Judge.id == JudgeVersion.judge_id)
        .where(Judge.name == judge.name)
    )
    return First(
        judge.name,
        session.scalar(newest),
        float(told["threshold"]),
        frozenset(told.get("spares", ())),
    )


def heard(session: Session) -> bool:
    """Whether the votes of the judge asked first count."""
    rule = first(session)
    return rule is not None and rule.version_id in set(session.scalars(voters()))


def spared(session: Session, version_id: int, samples: Iterable[int]) -> Select[Any] | None:
    """Ids of the pairs that this judge version is not asked about; None where there is no such.

    The one asked first spares nobody anything while its own votes do not count.
    """
    rule = first(session)
    if rule is None or rule.version_id is None or min(samples, default=1) >= CANARY_SAMPLE:
        return None
    mine = (
        select(Judge.name)
        .join(JudgeVersion, JudgeVersion.judge_id == Judge.id)
        .where(JudgeVersion.id == version_id)
    )
    if session.scalar(mine) not in rule.spares:
        return None
    return (
        select(Vote.pair_id)
        .where(Vote.judge_version_id == rule.version_id, Vote.sample < CANARY_SAMPLE)
        .where(Vote.judge_version_id.in_(voters()))
        .group_by(Vote.pair_id)
        .having(func.abs(func.avg(Vote.p_a) - 0.5) >= rule.threshold)
    )


def spared_among(
    session: Session, version_id: int, samples: Iterable[int], pair_ids: Collection[int]
) -> frozenset[int]:
    """The same of these pairs."""
    query = spared(session, version_id, samples)
    if query is None:
        return frozenset()
    low, high = min(pair_ids), max(pair_ids)
    return frozenset(session.scalars(query.where(Vote.pair_id.between(low, high))))
