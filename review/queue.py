"""The queue: who gets which pair, for how long, and how a claim ends without an answer.

A claim is one conditional insert: the database allows one active lease a task and one a person,
so of two that reach for the same task one gets nothing and looks again. Leaves out what happens
with answers (`deciding`) and how hidden gold and repeats are drawn (`hidden`).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random, SystemRandom

from db import annotators, events, leases
from db.errors import LeaseLost, NotAllowed, UnknownName
from db.models import Annotator, Lease, Task
from db.session import Database, Session
from db.types import now
from db.vocabulary import LeaseStatus, TaskKind, TaskStatus
from review import hidden
from review.draft import Draft, read
from review.roles import Action, require
from review.settings import ReviewSettings

_ATTEMPTS = 20  # who loses a race looks again, at most so often; by hand


@dataclass(frozen=True)
class Claim:
    """A pair, or candidates to rank, held by one person for a while.

    It says nothing of the kind of task or its reasons: before the answer all tasks look the same.
    b_first: Response 1 is B. `resumed`: the person held it already. `post_reveal`: they have seen
    what the panel said about it. draft: the order built so far, where candidates are ranked.
    """

    lease_id: str
    task_id: int
    pair_id: int | None
    prompt_id: int | None
    candidate_ids: tuple[int, ...]
    b_first: bool
    claimed_at: datetime
    expires_at: datetime
    resumed: bool = False
    post_reveal: bool = False
    draft: Draft = field(default_factory=Draft)


class Paused(NotAllowed):
    """This person's work is paused; the message says why."""


def claim(
    database: Database,
    annotator_id: int,
    settings: ReviewSettings,
    *,
    at: datetime | None = None,
    chance: Random | None = None,
) -> Claim | None:
    """The pair this person holds or now takes; None where nothing waits for them.

    Raises Paused where their work is paused, NotAllowed where their role does not review.
    """
    at = at or now()
    with database.read() as session:  # a page drawn again needs no turn among the writers
        require(annotators.by_id(session, annotator_id), Action.REVIEW)
        own = leases.current(session, annotator_id)
        if own is not None and own.expires_at > at:
            return _as_claim(own, session.get_one(Task, own.task_id), resumed=True)
    with database.begin() as session:
        person = annotators.by_id(session, annotator_id)
        leases.expire(session, at)
        own = leases.current(session, annotator_id)
        if own is not None:
            return _as_claim(own, session.get_one(Task, own.task_id), resumed=True)
        if person.paused_reason:
            raise Paused(f"your work is paused: {person.paused_reason}")
        hidden.add_practice(session, person, settings)
        return _take_next(session, person, settings, at, chance or SystemRandom())


def _take_next(
    session: Session, person: Annotator, settings: ReviewSettings, at: datetime, chance: Random
) -> Claim | None:
    for _ in range(_ATTEMPTS):
        task = leases.next_task(session, person)
        if task is None:
            return None
        if task.for_annotator_id is None:
            task = hidden.draw(session, person, settings, chance) or task
        taken = _take(session, person.id, task, settings, at)
        if taken is not None:
            return taken
        held = leases.current(session, person.id)  # the same person in another window
        if held is not None:
            return _as_claim(held, session.get_one(Task, held.task_id), resumed=True)
    return None


def _take(
    session: Session,
    annotator_id: int,
    task: Task,
    settings: ReviewSettings,
    at: datetime,
    *,
    post_reveal: bool = False,
    draft: Draft | None = None,
) -> Claim | None:
    lease_id = leases.take(
        session,
        {
            "task_id": task.id,
            "annotator_id": annotator_id,
            "b_first": b_first(annotator_id, task),
            "claimed_at": at,
            "expires_at": at + settings.lease,
            "ready_at": at + settings.dwell,
            "post_reveal": post_reveal,
            "draft": draft.stored() if draft else None,
        },
    )
    if lease_id is None:
        return None
    return _as_claim(session.get_one(Lease, lease_id), task)


def b_first(annotator_id: int, task: Task) -> bool:
    """Which side shows A: a coin for each (person, pair), tossed anew for a repeat."""
    again = "again" if task.kind is TaskKind.REPEAT else ""
    tossed = sha256(f"{annotator_id}:{task.pair_id}:{task.prompt_id}:{again}".encode())
    return bool(tossed.digest()[0] & 1)


def shown(annotator_id: int, task: Task) -> tuple[int, ...]:
    """Candidates to rank, in an order of this person's own that stays the same."""
    listed = list(task.candidate_ids or ())
    Random(f"{annotator_id}:{task.id}").shuffle(listed)
    return tuple(listed)


def take_task(
    session: Session,
    annotator_id: int,
    task: Task,
    settings: ReviewSettings,
    at: datetime,
    *,
    post_reveal: bool = False,
) -> Claim | None:
    """Claim one given task, for a person who comes back to it; None where somebody holds it."""
    return _take(session, annotator_id, task, settings, at, post_reveal=post_reveal)


def _as_claim(lease: Lease, task: Task, *, resumed: bool = False) -> Claim:
    return Claim(
        lease_id=lease.id,
        task_id=task.id,
        pair_id=task.pair_id,
        prompt_id=task.prompt_id,
        candidate_ids=shown(lease.annotator_id, task),
        b_first=lease.b_first,
        claimed_at=lease.claimed_at,
        expires_at=lease.expires_at,
        resumed=resumed,
        post_reveal=lease.post_reveal,
        draft=read(lease.draft),
    )


def renew(
    database: Database,
    lease_id: str,
    annotator_id: int,
    settings: ReviewSettings,
    *,
    active_seconds: float = 0.0,
    at: datetime | None = None,
) -> datetime:
    """Prolong a claim and say until when; not beyond the longest a pair may be held.

    active_seconds: work seen on the screen since the last call; never counts beyond the clock.
    """
    at = at or now()
    with database.begin() as session:
        lease = held(session, lease_id, annotator_id, at)
        latest = lease.claimed_at + timedelta(minutes=settings.lease_longest_minutes)
        until = max(lease.expires_at, min(at + settings.lease, latest))
        passed = (at - (lease.beat_at or lease.claimed_at)).total_seconds()
        worked = lease.active_seconds + min(max(active_seconds, 0.0), max(passed, 0.0))
        leases.amend(
            session,
            lease_id,
            annotator_id,
            expires_at=until,
            beat_at=at,
            active_seconds=worked,
        )
        return until


def held(session: Session, lease_id: str, annotator_id: int, at: datetime) -> Lease:
    """This person's active lease; LeaseLost, saying why, where it is not."""
    lease = leases.find(session, lease_id)
    if lease is None:
        raise LeaseLost(f"lease {lease_id!r} is not known; take the next pair")
    if lease.annotator_id != annotator_id:
        raise LeaseLost("this pair is held by somebody else; take the next pair")
    if lease.status is LeaseStatus.ACTIVE and lease.expires_at > at:
        return lease
    if lease.status in (LeaseStatus.ACTIVE, LeaseStatus.EXPIRED):
        raise LeaseLost(
            f"your time on this pair was over at {lease.expires_at:%H:%M} UTC and nothing was "
            "stored; take it again if it is still free, or take the next pair"
        )
    raise LeaseLost(f"this pair was {lease.status} already; take the next pair")


def release(database: Database, lease_id: str, annotator_id: int) -> bool:
    """Give a pair back without an answer; it may come again. False where it was not held."""
    with database.begin() as session:
        return leases.end(session, lease_id, LeaseStatus.RELEASED, now(), annotator_id=annotator_id)


def skip(database: Database, lease_id: str, annotator_id: int, reason: str) -> bool:
    """Hand a pair on to others for a reason; it does not come back to this person."""
    with database.begin() as session:
        lease = held(session, lease_id, annotator_id, now())
        task = session.get_one(Task, lease.task_id)
        done = leases.end(
            session,
            lease_id,
            LeaseStatus.SKIPPED,
            now(),
            annotator_id=annotator_id,
            skip_reason=reason.strip()[:300] or None,
        )
        if done and task.for_annotator_id is not None:
            task.status = TaskStatus.CLOSED  # nobody else is asked a personal task
        return done


def reclaim(
    database: Database,
    lease_id: str,
    annotator_id: int,
    settings: ReviewSettings,
    *,
    at: datetime | None = None,
) -> Claim | None:
    """Take a pair again whose time ran out; None where it is answered or held meanwhile."""
    at = at or now()
    with database.begin() as session:
        leases.expire(session, at)
        lease = leases.find(session, lease_id)
        if lease is None or lease.annotator_id != annotator_id:
            raise LeaseLost("this pair was never yours; take the next pair")
        task = session.get_one(Task, lease.task_id)
        if task.status is not TaskStatus.OPEN or lease.status is not LeaseStatus.EXPIRED:
            return None
        kept = read(lease.draft)
        return _take(
            session, annotator_id, task, settings, at, post_reveal=lease.post_reveal, draft=kept
        )


def release_for(database: Database, admin_id: int, lease_id: str) -> bool:
    """An admin takes a pair out of somebody's hands; the act is recorded."""
    with database.begin() as session:
        admin = annotators.by_id(session, admin_id)
        require(admin, Action.MANAGE)
        lease = leases.find(session, lease_id)
        if lease is None:
            raise UnknownName(f"lease {lease_id!r} is not known; load the list again")
        done = leases.end(session, lease_id, LeaseStatus.RELEASED, now())
        if done:
            holder = annotators.by_id(session, lease.annotator_id).name
            events.record(
                session, admin.name, "lease.released", f"task:{lease.task_id}", {"from": holder}
            )
        return done
