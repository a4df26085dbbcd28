"""Orders over several candidates of one prompt: asked for, built by keys, stored once each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from db import leases, rankings, reviews, tasks
from db.errors import BadInput, Conflict
from db.models import Ranking
from db.session import Database
from db.types import now
from db.vocabulary import LeaseStatus, TaskStatus
from review import queue
from review.deciding import TooSoon, worked
from review.draft import Draft, read
from review.routing.bundles import LEAST, MOST, bundles
from review.settings import ReviewSettings


def build(
    database: Database,
    lease_id: str,
    annotator_id: int,
    step: Callable[[Draft], Draft],
    *,
    at: datetime | None = None,
) -> Draft:
    """Take one step in building an order; it is kept with the claim. Raises LeaseLost."""
    with database.begin() as session:
        lease = queue.held(session, lease_id, annotator_id, at or now())
        made = step(read(lease.draft))
        leases.amend(session, lease_id, annotator_id, draft=made.stored())
        return made


def rank(
    database: Database,
    lease_id: str,
    annotator_id: int,
    groups: Sequence[Sequence[int]],
    settings: ReviewSettings,
    *,
    rationale: str | None = None,
    at: datetime | None = None,
) -> int:
    """Store an order for held candidates, once; the id of what is stored.

    Raises BadInput where a candidate is missing or named twice, and what `decide` raises.
    """
    at = at or now()
    early = False
    with database.begin() as session:
        lease = leases.find(session, lease_id)
        stored = reviews.ranking_of_lease(session, lease_id)
        if lease is not None and stored is not None and lease.annotator_id == annotator_id:
            return stored.id
        lease = queue.held(session, lease_id, annotator_id, at)
        task = tasks.locked(session, lease.task_id)
        if task.prompt_id is None:
            raise Conflict(f"task {task.id!r} is a pair; answer it with a choice")
        listed = [one for group in groups for one in group]
        if sorted(listed) != sorted(task.candidate_ids or ()):
            raise BadInput(f"order {listed!r} must name each of {task.candidate_ids!r} once")
        if lease.ready_at is not None and at < lease.ready_at:
            leases.amend(session, lease_id, annotator_id, ready_at=at + settings.dwell)
            early = True
        elif leases.end(
            session, lease_id, LeaseStatus.DECIDED, at, annotator_id=annotator_id, unexpired=True
        ):
            made = reviews.add_ranking(
                session,
                Ranking(
                    prompt_id=task.prompt_id,
                    annotator_id=annotator_id,
                    task_id=task.id,
                    lease_id=lease_id,
                    groups=[list(group) for group in groups],
                    rationale=(rationale or "").strip() or None,
                    active_seconds=worked(lease, settings, at),
                    created_at=at,
                ),
            )
            if reviews.count_rankings(session, task.id) >= task.wanted_reviews:
                task.status, task.settled_at = TaskStatus.SETTLED, at
            return made
    if early:
        raise TooSoon("that was too quick to have been read; nothing was stored, answer again")
    return rank(database, lease_id, annotator_id, groups, settings, rationale=rationale, at=at)


@dataclass(frozen=True)
class Escalated:
    """What asking for orders did: rankings asked for, their candidates, the pairs they replace."""

    rankings: int
    candidates: int
    pairs: int
    waiting: int

    @property
    def summary(self) -> str:
        """One line for people."""
        if not self.waiting and not self.rankings:
            return (
                "rankings: nothing new; no disputed pair is free for one (`tiebreak route` "
                "escalates pairs)"
            )
        if not self.rankings:
            return (
                f"rankings: nothing new; {self.waiting:,} disputed pairs stay as they are, because "
                "no prompt has three candidates tied by two of them"
            )
        return (
            f"rankings: {self.rankings:,} new, of {self.candidates:,} candidates, in the place of "
            f"{self.pairs:,} disputed pairs; {self.waiting:,} pairs stay single"
        )


def ask_for_rankings(
    database: Database, *, prompts: int | None = None, candidates: int = 4
) -> Escalated:
    """Where a prompt has several disputed pairs, ask for one order instead of many answers.

    prompts: at most so many rankings, those that answer the most first. candidates: at most so
    many in one, 3 to 5. No budget grows: each ranking takes the place of two waiting pairs or more.
    Safe to repeat and to kill; pairs somebody holds or has answered stay as they are, and so does a
    prompt whose ranking waits. Raises BadInput for a number outside its range.
    """
    if not LEAST <= candidates <= MOST:
        raise BadInput(f"candidates {candidates!r} must be {LEAST} to {MOST}; give e.g. 4")
    if prompts is not None and prompts < 1:
        raise BadInput(f"prompts {prompts!r} must be 1 or more; leave it out for all of them")
    with database.read() as session:
        waiting = rankings.disputed(session)
    asked = shown = replaced = 0
    for bundle in bundles(waiting, candidates)[:prompts]:
        with database.begin() as session:
            made = tasks.replace_by_ranking(
                session,
                bundle.prompt_id,
                bundle.candidates,
                [pair.task_id for pair in bundle.pairs],
                "several_disputed",
            )
        if made:
            asked += 1
            shown += len(bundle.candidates)
            replaced += len(bundle.pairs)
    return Escalated(asked, shown, replaced, len(waiting) - replaced)
