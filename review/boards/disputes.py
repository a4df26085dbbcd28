"""What an adjudicator sees of a disputed pair: every review, the panel, the annotators' records."""

from dataclasses import dataclass
from datetime import datetime

from db import annotators, content, panel, reviews, tasks
from db.panel import PanelVote
from db.session import Database
from db.vocabulary import Choice, TaskKind
from review.quality import Share, matches
from review.roles import Action, require
from review.settings import ReviewSettings
from review.view_model import Item


@dataclass(frozen=True)
class Opinion:
    """One person's answer with their record on control pairs."""

    person: str
    choice: Choice
    strength: int | None
    both_bad: bool
    rationale: str
    when: datetime
    seconds: float | None
    record: Share


@dataclass(frozen=True)
class Dispute:
    """A disputed pair; Response 1 is A, for everybody who adjudicates."""

    task_id: int
    pair_id: int
    item: Item
    opinions: tuple[Opinion, ...]
    votes: tuple[PanelVote, ...]
    p: tuple[float, float, float] | None
    reasons: tuple[str, ...]


def disputes(database: Database, asking_id: int) -> list[int]:
    """The ids of disputed tasks, the most valuable first."""
    with database.read() as session:
        require(annotators.by_id(session, asking_id), Action.ADJUDICATE)
        return [task.id for task in tasks.disputed(session) if task.pair_id is not None]


def dispute(
    database: Database, asking_id: int, task_id: int, settings: ReviewSettings
) -> Dispute | None:
    """All about one disputed task; None where it is settled meanwhile."""
    with database.read() as session:
        require(annotators.by_id(session, asking_id), Action.ADJUDICATE)
        found = [t for t in tasks.disputed(session) if t.id == task_id and t.pair_id is not None]
        if not found or found[0].pair_id is None:
            return None
        task, pair_id = found[0], found[0].pair_id
        messages, a, b = content.pair(session, pair_id)
        opinions = []
        for review in reviews.of_task(session, task.id):
            later = reviews.rationale(session, review.id)
            words = [review.rationale, *(review.reasons or [])]
            words += [later.text, *later.reasons] if later else []
            gold = reviews.gold_answers(
                session, review.annotator_id, TaskKind.GOLD, limit=settings.gold_window
            )
            opinions.append(
                Opinion(
                    person=review.annotator.name,
                    choice=review.choice,
                    strength=review.strength,
                    both_bad=review.both_bad,
                    rationale="; ".join(word for word in words if word),
                    when=review.created_at,
                    seconds=review.active_seconds,
                    record=matches(gold),
                )
            )
        agreed = panel.latest_consensus(session, pair_id)
        return Dispute(
            task_id=task.id,
            pair_id=pair_id,
            item=Item(tuple(messages), (a, b)),
            opinions=tuple(opinions),
            votes=tuple(panel.votes_on(session, pair_id)),
            p=(agreed[0].p_a, agreed[0].p_tie, agreed[0].p_b) if agreed else None,
            reasons=tuple(task.reasons),
        )
