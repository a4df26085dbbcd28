"""How much there is of everything: the figures `tiebreak status` shows."""

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import (
    Adjudication,
    Annotator,
    Base,
    Candidate,
    Certificate,
    Checkpoint,
    ConsensusFit,
    Dataset,
    Flag,
    Gold,
    Judge,
    Pair,
    Preference,
    Prompt,
    Review,
    Task,
    Vote,
)
from db.runs import NANO, spent_nanousd
from db.spending import reserved_money
from db.vocabulary import TaskKind, TaskStatus


def status(session: Session) -> dict[str, int | float]:
    """Counts by name. `labels` are human answers that were imported, `reviews` those given to
    tasks; `spent_usd` counts what may have been billed, `reserved_usd` is that part of it.
    """
    tables: Mapping[str, type[Base]] = {
        "prompts": Prompt,
        "candidates": Candidate,
        "pairs": Pair,
        "judges": Judge,
        "votes": Vote,
        "fits": ConsensusFit,
        "flags": Flag,
        "gold": Gold,
        "annotators": Annotator,
        "adjudications": Adjudication,
        "datasets": Dataset,
        "checkpoints": Checkpoint,
        "certificates": Certificate,
    }
    figures: dict[str, int | float] = {
        name: session.scalar(select(func.count()).select_from(table)) or 0
        for name, table in tables.items()
    }
    gone = select(func.count()).where(Certificate.withdrawn_at.is_not(None))
    figures["certificates_withdrawn"] = session.scalar(gone) or 0
    reviews = select(func.count()).select_from(Review)
    figures["labels"] = session.scalar(reviews.where(Review.task_id.is_(None))) or 0
    figures["reviews"] = session.scalar(reviews.where(Review.task_id.is_not(None))) or 0
    open_tasks = select(func.count()).where(Task.status == TaskStatus.OPEN)
    figures["tasks_open"] = session.scalar(open_tasks) or 0
    answered = Task.status.in_((TaskStatus.SETTLED, TaskStatus.DISPUTED))
    figures["tasks_answered"] = session.scalar(select(func.count()).where(answered)) or 0
    figures["escalations_open"] = (
        session.scalar(open_tasks.where(Task.kind == TaskKind.ESCALATION)) or 0
    )
    figures["disputed"] = (
        session.scalar(select(func.count()).where(Task.status == TaskStatus.DISPUTED)) or 0
    )
    figures["preferences"] = (
        session.scalar(select(func.count()).where(Preference.superseded_at.is_(None))) or 0
    )
    figures["reserved_usd"] = reserved_money(session).total / NANO
    figures["spent_usd"] = spent_nanousd(session) / NANO
    return figures
