"""What nobody sees coming: hidden gold, hidden repeats, and the practice pairs of a newcomer."""

from random import Random

from db import reviews
from db.models import Annotator, Task
from db.session import Session
from db.tasks import personal
from db.types import now
from db.vocabulary import TaskKind
from review.settings import ReviewSettings


def add_practice(session: Session, person: Annotator, settings: ReviewSettings) -> None:
    """Give a newcomer their practice pairs out of gold, once."""
    if person.practised_at is not None:
        return
    for _ in range(settings.practice_pairs):
        pair_id = reviews.undrawn_gold(session, person.id, above=0)
        if pair_id is None:
            break
        personal(session, person.id, TaskKind.PRACTICE, pair_id, priority=2.0)
    person.practised_at = now()


def draw(
    session: Session, person: Annotator, settings: ReviewSettings, chance: Random
) -> Task | None:
    """A hidden gold pair or repeat instead of the next pair, at the set rates; mostly None."""
    drawn = chance.random()
    if drawn < settings.gold_rate:
        above = chance.randint(0, reviews.newest_gold_id(session))
        pair_id = reviews.undrawn_gold(session, person.id, above=above)
        if pair_id is not None:
            return personal(session, person.id, TaskKind.GOLD, pair_id, priority=1.0)
    elif drawn < settings.gold_rate + settings.repeat_rate:
        pair_id = reviews.repeatable(
            session, person.id, after=settings.repeat_after, pivot=chance.random()
        )
        if pair_id is not None:
            return personal(session, person.id, TaskKind.REPEAT, pair_id, priority=1.0)
    return None
