"""The binding answer where reviews disagree, and the people who may give it."""

from datetime import datetime

from db import annotators, events, reviews, tasks
from db.errors import BadInput, Conflict
from db.models import Adjudication
from db.session import Database
from db.types import now
from db.vocabulary import Choice, TaskStatus
from review.roles import Action, require


def adjudicate(
    database: Database,
    task_id: int,
    adjudicator_id: int,
    choice: Choice,
    reason: str,
    *,
    strength: int | None = None,
    both_bad: bool = False,
    at: datetime | None = None,
) -> int:
    """Settle a disputed task for good and return the id of the binding answer.

    Raises BadInput without a reason or with an abstain, Conflict where nothing is disputed.
    """
    if choice is Choice.ABSTAIN:
        raise BadInput(f"choice {str(choice)!r} settles nothing; choose a, b or tie")
    if not reason.strip():
        raise BadInput("a binding answer needs its reason; write one sentence")
    at = at or now()
    with database.begin() as session:
        person = annotators.by_id(session, adjudicator_id)
        require(person, Action.ADJUDICATE)
        task = tasks.locked(session, task_id)
        if task.status is not TaskStatus.DISPUTED or task.pair_id is None:
            raise Conflict(f"task {task_id!r} is {task.status}, not disputed; take the next one")
        binding = Adjudication(
            pair_id=task.pair_id,
            task_id=task.id,
            annotator_id=person.id,
            choice=choice,
            strength=strength,
            both_bad=both_bad and choice is Choice.TIE,
            reason=reason.strip(),
            created_at=at,
        )
        session.add(binding)
        task.status, task.settled_at = TaskStatus.SETTLED, at
        session.flush()
        events.record(
            session,
            person.name,
            "pair.adjudicated",
            f"pair:{task.pair_id}",
            {"choice": str(choice), "reviews": [r.id for r in reviews.of_task(session, task.id)]},
        )
        return binding.id
