"""Labels of one person on one pair that say different things.

Where each has a time, the newest stands (`db.opinions`). A label whose row gave no time is ordered
by none: then the pair waits for an adjudicator, and has no label until that one has answered.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db import tasks
from db.among import among
from db.models import Review
from db.opinions import DELIVERED, Opinion, answers, bindings, last_words

REASON = "contradictory_labels"


@dataclass(frozen=True)
class Contradictions:
    """How many people said different things of a pair: `replaced` by their newest label, or
    `disputed`, as no time tells which is the last.
    """

    replaced: int = 0
    disputed: int = 0


def look_for(session: Session, pair_ids: Collection[int]) -> Contradictions:
    """Find them among the answers to these pairs, and have an adjudicator asked where needed."""
    query = (
        select(Review.pair_id)
        .where(among(session, Review.pair_id, pair_ids))
        .group_by(Review.pair_id, Review.annotator_id)
        .having(func.count(Review.choice.distinct()) > 1)
    )
    suspects = set(session.scalars(query)) if pair_ids else set()
    if not suspects:
        return Contradictions()
    replaced = 0
    open_: dict[int, list[int]] = defaultdict(list)
    for pair_id, given in groupby(
        answers(session, DELIVERED, suspects), key=lambda one: one.pair_id
    ):
        by_person: dict[int, list[Opinion]] = defaultdict(list)
        for one in given:
            by_person[one.annotator_id].append(one)
        for annotator_id, said in by_person.items():
            if len(last_words(said)) > 1:
                open_[pair_id].append(annotator_id)
            else:
                replaced += len({one.choice for one in said}) > 1
    for pair_id in bindings(session, DELIVERED, open_):
        del open_[pair_id]
    for pair_id, people in open_.items():
        _dispute(session, pair_id, people)
    return Contradictions(replaced, sum(map(len, open_.values())))


def _dispute(session: Session, pair_id: int, people: Collection[int]) -> None:
    task_id = tasks.dispute_pair(session, pair_id, REASON)
    theirs = (Review.pair_id == pair_id, Review.annotator_id.in_(people))
    free = (Review.kind.is_(None), Review.task_id.is_(None))
    session.execute(update(Review).where(*theirs, *free).values(task_id=task_id))
