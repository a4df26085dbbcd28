"""Seed questions: a few answers before a frame is frozen, where the panel has hardly any.

They are escalations, chosen for what they teach; a frame whose scores have learnt from them
certifies more on the same audits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.pipeline import new_batch
from app.pipeline.certifying import Advanced, give_up, waiting_batches
from app.pipeline.free import is_seeding
from app.pipeline.new_batch import Part
from db import batches
from db.opinions import TEACHING, human_answers
from db.session import Database, Session
from db.tasks import open_by_batch
from review.routing.router import RouteOptions
from review.settings import ReviewSettings

FEW = 50
"""Answers below which seed questions are offered (docs/design/promise-workflow.md)."""


@dataclass(frozen=True)
class Seeding:
    """Seed questions that wait for an answer, and how many of them are new."""

    batch_id: int
    questions: int
    tasks: int


def ask_first(
    database: Database,
    part: Part,
    options: RouteOptions,
    policy: Mapping[str, Any],
    settings: ReviewSettings,
    *,
    now: bool,
    dry_run: bool,
) -> Seeding | None:
    """The seed questions that come before the frame: those that wait, or new ones; else None."""
    with database.read() as session:
        asked = _seeding(session)
        waits = sum(open_by_batch(session)[batch.id] for batch in asked)
        wanted = _wanted(session, options)
    if waits and not now:
        return Seeding(asked[-1].id, waits, 0)
    if not wanted or now or dry_run:
        return None
    chosen = part.seeds(options)
    if not chosen.pair_ids:
        return None
    with database.begin() as session:
        opened = new_batch.open_batch(
            session, chosen, chosen.seed_plan(options), None, policy, settings
        )
    return Seeding(opened.batch_id, len(chosen.pair_ids), opened.tasks)


def take_offer(database: Database, options: RouteOptions) -> list[Advanced]:
    """Give up batches that wait and have no audit answered yet, where seed questions are wanted."""
    with database.read() as session:
        if not _wanted(session, options):
            return []
        unanswered = [
            batch.id
            for batch in waiting_batches(session)
            if not batches.audit_progress(session, batch.id).answers
        ]
    why = "seed questions come first"
    return [give_up(database, batch_id, why) for batch_id in unanswered]


def known_answers(session: Session) -> int:
    """Human answers that teach the panel."""
    return len(human_answers(session, TEACHING))


def _wanted(session: Session, options: RouteOptions) -> bool:
    return (
        options.mode == "target"
        and options.seed_questions > 0
        and not _seeding(session)
        and known_answers(session) < FEW
    )


def _seeding(session: Session) -> list[Any]:
    return [
        batch
        for batch in batches.all_batches(session)
        if batch.given_up_at is None and is_seeding(batch)
    ]
