"""What a report reads beside opinions: frozen answers, standing labels, and people's work."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from db.models import Adjudication, Gold, Preference, Review
from db.opinions import BLIND, human_answers
from db.vocabulary import Choice, Source, TaskKind


@dataclass(frozen=True, slots=True)
class GoldLabel:
    """A frozen answer; `drawn` where it was taken from the project's own human answers."""

    choice: Choice
    drawn: bool


@dataclass(frozen=True, slots=True)
class Delivered:
    """A standing label."""

    choice: Choice
    source: Source
    fit_id: int | None


LEAST_TIMED = 20
"""Timed answers from which their mean is the time of one; by hand."""


@dataclass(frozen=True)
class HumanWork:
    """Answers people gave (practice apart), how many were timed, and their active seconds."""

    answers: int
    timed: int
    seconds: float
    adjudications: int

    @property
    def usual_seconds(self) -> float | None:
        """Mean time of an answer; None below LEAST_TIMED timed ones."""
        return self.seconds / self.timed if self.timed >= LEAST_TIMED else None


def gold(session: Session) -> dict[int, GoldLabel]:
    """Frozen answers by pair."""
    rows = session.execute(select(Gold.pair_id, Gold.choice, Gold.how))
    return {pair: GoldLabel(choice, "drawn" in how) for pair, choice, how in rows}


def reference(session: Session, pair_ids: Collection[int] | None = None) -> dict[int, Choice]:
    """What agreement is measured by, in report and pages alike: gold, else what humans said."""
    frozen = {pair: label.choice for pair, label in gold(session).items()}
    wanted = None if pair_ids is None else set(pair_ids)
    kept = {p: choice for p, choice in frozen.items() if wanted is None or p in wanted}
    return human_answers(session, BLIND, pair_ids) | kept


def delivered(session: Session) -> dict[int, Delivered]:
    """Standing labels by pair."""
    rows = session.execute(
        select(Preference.pair_id, Preference.choice, Preference.source, Preference.fit_id).where(
            Preference.superseded_at.is_(None)
        )
    )
    return {pair: Delivered(choice, source, fit) for pair, choice, source, fit in rows}


def human_work(session: Session) -> HumanWork:
    """How much people answered, and how long it took where it was timed."""
    kept = or_(Review.kind.is_(None), Review.kind != TaskKind.PRACTICE)
    answers, timed, seconds = session.execute(
        select(
            func.count(),
            func.count(Review.active_seconds),
            func.coalesce(func.sum(Review.active_seconds), 0.0),
        ).where(kept, Review.post_reveal.is_(False))
    ).one()
    binding = session.scalar(select(func.count()).select_from(Adjudication)) or 0
    return HumanWork(answers, timed, float(seconds or 0.0), binding)
