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
from db.models import Batch
from db.opinions import TEACHING, human_answers
from db.session import Database, Session
from db.tasks import open_by_batch
from review.routing.forecast import expected_saving
from review.routing.router import RouteOptions
from review.settings import ReviewSettings

# Why each number here is what it is: docs/design/promise-workflow.md.
FEW = 50
"""Answers below which seed questions are offered."""
OFFERED = (100, 150, 200)
"""Numbers of them that are weighed."""


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


@dataclass(frozen=True)
class Offer:
    """What seed questions are expected to save: answers fewer, with a 90% interval."""

    questions: int
    low: float
    mean: float
    high: float

    def sentence(self, target: float) -> str:
        """For people, with the command that takes the offer."""
        return (
            f"{self.questions} seed questions first are expected to save about {self.mean:,.0f} "
            f"answers ({self.low:,.0f} to {self.high:,.0f}); `tiebreak route --target-error "
            f"{target:g} --seed-questions {self.questions}` takes the offer, until the first "
            "audit is answered"
        )


def offer(session: Session, options: RouteOptions, pairs: int) -> Offer | None:
    """Seed questions before a frame of so many pairs; None where enough answers are known."""
    if options.mode != "target" or options.seed_questions or _seeding(session):
        return None
    if known_answers(session) >= FEW:
        return None
    tried = [Offer(n, *expected_saving(pairs, n)) for n in OFFERED if n <= pairs // 2]
    return max(tried, key=lambda one: one.mean, default=None)


def known_answers(session: Session) -> int:
    """Human answers that teach the panel."""
    return len(human_answers(session, TEACHING))


def _wanted(session: Session, options: RouteOptions) -> bool:
    if options.mode != "target" or not options.seed_questions:
        return False
    return not _seeding(session) and known_answers(session) < FEW


def _seeding(session: Session) -> list[Batch]:
    """Batches of seed questions that no frame has come after."""
    live = [batch for batch in batches.all_batches(session) if batch.given_up_at is None]
    framed = max((batch.id for batch in live if batch.looks is not None), default=0)
    return [batch for batch in live if is_seeding(batch) and batch.id > framed]
