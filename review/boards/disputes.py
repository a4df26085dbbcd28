"""What an adjudicator sees of a disputed pair: every side, the panel, the annotators' records.

The sides are those a label is made of (`db.opinions.DELIVERED`), and who abstained.
"""

from dataclasses import dataclass

from db import annotators, content, opinions, panel, reviews, tasks
from db.models import Review
from db.opinions import DELIVERED, Opinion
from db.panel import PanelVote
from db.probabilities import Probabilities
from db.session import Database, Session
from db.vocabulary import TaskKind
from review.quality import Share, matches
from review.roles import Action, require
from review.settings import ReviewSettings
from review.view_model import Item


@dataclass(frozen=True)
class Side:
    """One person's side of a dispute: their answer, why, and their record on control pairs."""

    said: Opinion
    rationale: str
    seconds: float | None
    record: Share


@dataclass(frozen=True)
class Dispute:
    """A disputed pair; Response 1 is A, for everybody who adjudicates."""

    task_id: int
    pair_id: int
    item: Item
    sides: tuple[Side, ...]
    votes: tuple[PanelVote, ...]
    p: Probabilities | None
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
        asked, a, b = content.pair(session, pair_id)
        said = opinions.last_words(opinions.answers(session, DELIVERED, [pair_id]))
        agreed = panel.latest_consensus(session, pair_id)
        return Dispute(
            task_id=task.id,
            pair_id=pair_id,
            item=Item(asked, (a, b)),
            sides=tuple(_side(session, one, settings) for one in said),
            votes=tuple(panel.votes_on(session, pair_id)),
            p=agreed[0].p if agreed else None,
            reasons=tuple(task.reasons),
        )


def _side(session: Session, said: Opinion, settings: ReviewSettings) -> Side:
    review = session.get_one(Review, said.review_id)
    later = reviews.rationale(session, review.id)
    words = [review.rationale, *(review.reasons or [])]
    words += [later.text, *later.reasons] if later else []
    gold = reviews.gold_answers(
        session, said.annotator_id, TaskKind.GOLD, limit=settings.gold_window
    )
    told = "; ".join(word for word in words if word)
    return Side(said, told, review.active_seconds, matches(gold))
