"""Human answers: adding, finding and retracting them. Insert-only; what was said stays said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from db.models import (
    Adjudication,
    ContentFlag,
    Gold,
    Ranking,
    RankingRetraction,
    Rationale,
    Retraction,
    Review,
    Task,
)
from db.types import now
from db.vocabulary import Choice, TaskKind


@dataclass(frozen=True)
class NewReview:
    """An answer to store, in stored order.

    b_first: True where Response 1 was B; None where not recorded. origin: hash of the imported
    row, so that it is taken once. kind: of the task it answers; None for an imported label.
    undated: its row gave no time, so that none orders it.
    """

    pair_id: int
    annotator_id: int
    choice: Choice
    strength: int | None = None
    both_bad: bool = False
    b_first: bool | None = None
    rationale: str | None = None
    reasons: tuple[str, ...] = ()
    principles: dict[str, str] | None = None
    note: str | None = None
    active_seconds: float | None = None
    score_a: float | None = None
    score_b: float | None = None
    undated: bool | None = None
    task_id: int | None = None
    lease_id: str | None = None
    kind: TaskKind | None = None
    post_reveal: bool = False
    origin: str | None = None
    created_at: datetime | None = None


def add_review(session: Session, new: NewReview) -> Review | None:
    """Store one answer; None where the same imported row (`origin`) is stored already."""
    if new.origin is not None:
        if session.scalar(select(Review.id).where(Review.origin == new.origin)) is not None:
            return None
    values: dict[str, Any] = {name: getattr(new, name) for name in NewReview.__dataclass_fields__}
    values["reasons"] = list(new.reasons) or None
    values["created_at"] = new.created_at or now()
    review = Review(**values)
    session.add(review)
    session.flush()
    return review


def not_retracted(review: type[Review] = Review) -> ColumnElement[bool]:
    """That an answer was not taken back."""
    return ~exists().where(Retraction.review_id == review.id)


def of_lease(session: Session, lease_id: str) -> Review | None:
    """The answer given under this lease, or None."""
    return session.scalar(select(Review).where(Review.lease_id == lease_id))


def of_task(session: Session, task_id: int) -> list[Review]:
    """The answers that count for a task: the newest standing one of each person, oldest first."""
    rows = session.scalars(
        select(Review)
        .where(Review.task_id == task_id, not_retracted())
        .order_by(Review.created_at, Review.id)
    )
    newest = {review.annotator_id: review for review in rows}
    return sorted(newest.values(), key=lambda review: (review.created_at, review.id))


def of_pair(session: Session, pair_id: int) -> Sequence[Review]:
    """Every standing answer to a pair, oldest first."""
    return session.scalars(
        select(Review)
        .where(Review.pair_id == pair_id, not_retracted())
        .order_by(Review.created_at, Review.id)
    ).all()


def retract(session: Session, review_id: int, reason: str) -> None:
    """Take an answer back; the answer stays stored and counts no more."""
    session.add(Retraction(review_id=review_id, reason=reason[:300], created_at=now()))
    session.flush()


def is_retracted(session: Session, review_id: int) -> bool:
    """Whether an answer was taken back."""
    found = session.scalar(select(Retraction.id).where(Retraction.review_id == review_id))
    return found is not None


def add_rationale(
    session: Session, review_id: int, text: str | None, reasons: Sequence[str] = ()
) -> None:
    """Store the reason given after the answer; the first one stays."""
    known = session.scalar(select(Rationale.id).where(Rationale.review_id == review_id))
    if known is None:
        session.add(
            Rationale(review_id=review_id, text=text, reasons=list(reasons), created_at=now())
        )
        session.flush()


def rationale(session: Session, review_id: int) -> Rationale | None:
    """The reason given after the answer, or None."""
    return session.scalar(select(Rationale).where(Rationale.review_id == review_id))


def add_ranking(session: Session, ranking: Ranking) -> int:
    """Store an order over candidates; its id."""
    session.add(ranking)
    session.flush()
    return ranking.id


def ranking_of_lease(session: Session, lease_id: str) -> Ranking | None:
    """The order given under this lease, or None."""
    return session.scalar(select(Ranking).where(Ranking.lease_id == lease_id))


def count_rankings(session: Session, task_id: int) -> int:
    """How many people have ranked a task's candidates and not taken it back."""
    query = (
        select(func.count(Ranking.annotator_id.distinct()))
        .select_from(Ranking)
        .where(
            Ranking.task_id == task_id,
            ~exists().where(RankingRetraction.ranking_id == Ranking.id),
        )
    )
    return session.scalar(query) or 0


def add_flag(
    session: Session, task: Task, annotator_id: int, kind: str, note: str | None
) -> ContentFlag:
    """Store a warning about the content of a task: of its pair, or of its candidates to rank."""
    flag = ContentFlag(
        pair_id=task.pair_id,
        prompt_id=task.prompt_id,
        detail=None if task.candidate_ids is None else {"candidate_ids": task.candidate_ids},
        annotator_id=annotator_id,
        kind=kind,
        note=note,
    )
    session.add(flag)
    session.flush()
    return flag


def adjudications(session: Session, pair_id: int) -> Sequence[Adjudication]:
    """Binding answers to a pair, the newest first."""
    return session.scalars(
        select(Adjudication)
        .where(Adjudication.pair_id == pair_id)
        .order_by(Adjudication.created_at.desc(), Adjudication.id.desc())
    ).all()


def gold_answers(
    session: Session, annotator_id: int, kind: TaskKind, *, limit: int
) -> list[tuple[Choice, Choice]]:
    """Latest (answer, gold) of one person on hidden gold or practice, before any reveal."""
    rows = session.execute(
        select(Review.choice, Gold.choice)
        .join(Gold, Gold.pair_id == Review.pair_id)
        .where(
            Review.annotator_id == annotator_id,
            Review.kind == kind,
            Review.post_reveal.is_(False),
            not_retracted(),
        )
        .order_by(Review.created_at.desc())
        .limit(limit)
    )
    return [(answer, gold) for answer, gold in rows]


def undrawn_gold(session: Session, annotator_id: int, *, above: int) -> int | None:
    """A gold pair this person was never asked: the first with gold id over `above`, or at all."""
    mine = aliased(Review)
    unseen = ~or_(
        exists().where(mine.pair_id == Gold.pair_id, mine.annotator_id == annotator_id),
        exists().where(Task.pair_id == Gold.pair_id, Task.for_annotator_id == annotator_id),
    )
    for low in (above, 0):
        pair_id = session.scalar(
            select(Gold.pair_id).where(Gold.id > low, unseen).order_by(Gold.id).limit(1)
        )
        if pair_id is not None:
            return pair_id
    return None


def newest_gold_id(session: Session) -> int:
    """The highest gold id; 0 where there is no gold."""
    return session.scalar(select(func.max(Gold.id))) or 0


def repeatable(session: Session, annotator_id: int, *, after: int, pivot: float) -> int | None:
    """A pair this person answered at least `after` answers ago and was never asked again.

    pivot in [0, 1] says how far back between the first such answer and the last to begin looking.
    """
    mine = (Review.annotator_id == annotator_id, Review.kind == TaskKind.ESCALATION)
    by_time = select(Review.created_at).where(*mine)
    last = session.scalar(by_time.order_by(Review.created_at.desc()).offset(after - 1).limit(1))
    first = session.scalar(by_time.order_by(Review.created_at).limit(1))
    if last is None or first is None:
        return None
    again = aliased(Review)
    repeated = exists().where(
        again.pair_id == Review.pair_id,
        again.annotator_id == annotator_id,
        again.kind == TaskKind.REPEAT,
    )
    return session.scalar(
        select(Review.pair_id)
        .where(
            *mine,
            Review.created_at >= first + (last - first) * pivot,
            Review.created_at <= last,
            ~repeated,
            not_retracted(),
        )
        .order_by(Review.created_at)
        .limit(1)
    )


def median_seconds(session: Session, latest: int = 1000) -> float | None:
    """Median active seconds of the latest timed answers; None where none was timed."""
    timed = (
        select(Review.active_seconds)
        .where(
            Review.active_seconds.is_not(None),
            or_(Review.kind.is_(None), Review.kind != TaskKind.PRACTICE),
        )
        .order_by(Review.id.desc())
        .limit(latest)
    )
    seconds = [value for value in session.scalars(timed) if value is not None]
    return median(seconds) if seconds else None
