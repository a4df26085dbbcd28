"""Answers: stored once each, taken back, explained, and what a task is after them.

Leaves out claims (`queue`) and the binding answer to a dispute (`adjudicating`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from db import annotators, events, leases, panel, rankings, reviews, tasks
from db.errors import Conflict, NotAllowed
from db.models import Lease, Ranking, Review, Task
from db.session import Database, Session
from db.types import now
from db.vocabulary import Choice, LeaseStatus, TaskKind, TaskStatus
from review import queue
from review.quality import pause_reason
from review.settings import ReviewSettings
from review.verdict import Answer

PERSONAL = (TaskKind.GOLD, TaskKind.REPEAT, TaskKind.PRACTICE)


class TooSoon(NotAllowed):
    """The answer came before anyone could have read; nothing was stored."""


@dataclass(frozen=True)
class Decision:
    """What became of an answer.

    asks_rationale: the reason is wanted before the reveal. practice: the answer taught something;
    `gold` is then the trusted choice. repeated: this answer was stored already, by an earlier call.
    """

    review_id: int
    lease_id: str
    pair_id: int
    choice: Choice
    strength: int | None
    both_bad: bool
    b_first: bool
    asks_rationale: bool
    practice: bool = False
    gold: Choice | None = None
    repeated: bool = False


@dataclass(frozen=True)
class Ordered:
    """An order over candidates that was stored; nothing is asked after it."""

    lease_id: str


def decide(
    database: Database,
    lease_id: str,
    annotator_id: int,
    answer: Answer,
    settings: ReviewSettings,
    *,
    at: datetime | None = None,
) -> Decision:
    """Store one answer for a held pair; called again it returns what is stored and changes nothing.

    Raises LeaseLost where the caller does not hold the pair (any more), TooSoon before the pair
    could be read; a key held down is refused as long as it is held.
    """
    at = at or now()
    early = False
    with database.begin() as session:
        lease = leases.find(session, lease_id)
        stored = _stored(session, lease, annotator_id, settings)
        if stored is not None:
            return stored
        lease = queue.held(session, lease_id, annotator_id, at)
        if lease.ready_at is not None and at < lease.ready_at:
            leases.amend(session, lease_id, annotator_id, ready_at=at + settings.dwell)
            early = True
        elif leases.end(
            session, lease_id, LeaseStatus.DECIDED, at, annotator_id=annotator_id, unexpired=True
        ):
            return _store(session, lease, answer, settings, at)
    if early:
        raise TooSoon("that was too quick to have been read; nothing was stored, answer again")
    return decide(database, lease_id, annotator_id, answer, settings, at=at)


def _stored(
    session: Session, lease: Lease | None, annotator_id: int, settings: ReviewSettings
) -> Decision | None:
    if lease is None or lease.annotator_id != annotator_id:
        return None
    review = reviews.of_lease(session, lease.id)
    if review is None:
        return None
    return _decision(session, review, lease.b_first, settings, repeated=True)


def _store(
    session: Session, lease: Lease, answer: Answer, settings: ReviewSettings, at: datetime
) -> Decision:
    task = tasks.locked(session, lease.task_id)
    if task.pair_id is None:
        raise Conflict(f"task {task.id!r} is a ranking; answer it with an order")
    review = reviews.add_review(
        session,
        reviews.NewReview(
            pair_id=task.pair_id,
            annotator_id=lease.annotator_id,
            choice=answer.choice,
            strength=answer.strength,
            both_bad=answer.both_bad,
            b_first=lease.b_first,
            rationale=answer.rationale,
            reasons=answer.reasons,
            principles=answer.principles,
            note=answer.note,
            active_seconds=worked(lease, settings, at),
            task_id=task.id,
            lease_id=lease.id,
            kind=task.kind,
            post_reveal=lease.post_reveal,
            created_at=at,
        ),
    )
    if review is None:
        raise Conflict(f"lease {lease.id!r} has an answer already")
    settle_task(session, task, at)
    if task.kind is TaskKind.GOLD:
        pause_if_below(session, lease.annotator_id, settings)
    return _decision(session, review, lease.b_first, settings)


def worked(lease: Lease, settings: ReviewSettings, at: datetime) -> float:
    """Seconds of work on a held pair: what the screen reported, and the time since, not idle."""
    since = (at - (lease.beat_at or lease.claimed_at)).total_seconds()
    return lease.active_seconds + min(max(since, 0.0), settings.idle_seconds)


def settle_task(session: Session, task: Task, at: datetime) -> TaskStatus:
    """Bring a task's status in line with its answers; an adjudicated one stays as it is."""
    answers = reviews.of_task(session, task.id)
    status = standing([review.choice for review in answers], task)
    if task.status is not TaskStatus.CLOSED and not adjudicated(session, task):
        task.status = status
        task.settled_at = at if status is TaskStatus.SETTLED else None
    session.flush()
    return task.status


def standing(answers: Sequence[Choice], task: Task) -> TaskStatus:
    """Where a task stands with these answers: one a person, `abstain` hands on to others."""
    if task.kind in PERSONAL:
        return TaskStatus.SETTLED if answers else TaskStatus.OPEN
    choices = Counter(choice for choice in answers if choice is not Choice.ABSTAIN)
    if choices:
        most = max(choices.values())
        if most >= task.wanted_reviews and 2 * most > sum(choices.values()):
            return TaskStatus.SETTLED
    return TaskStatus.DISPUTED if len(answers) >= task.max_reviews else TaskStatus.OPEN


def adjudicated(session: Session, task: Task) -> bool:
    """Whether a binding answer was given for this task."""
    if task.pair_id is None:
        return False
    return any(a.task_id == task.id for a in reviews.adjudications(session, task.pair_id))


def pause_if_below(session: Session, annotator_id: int, settings: ReviewSettings) -> None:
    """Pause a person whose latest answers on gold fall below the bar, and write down why."""
    person = annotators.by_id(session, annotator_id)
    answers = reviews.gold_answers(session, annotator_id, TaskKind.GOLD, limit=settings.gold_window)
    reason = pause_reason(answers, settings)
    if reason is not None and person.paused_reason is None:
        person.paused_reason = reason
        events.record(
            session, "tiebreak", "annotator.paused", f"annotator:{person.id}", {"reason": reason}
        )


def _decision(
    session: Session,
    review: Review,
    shown_b_first: bool,
    settings: ReviewSettings,
    *,
    repeated: bool = False,
) -> Decision:
    practice = review.kind is TaskKind.PRACTICE
    trusted = panel.gold_choice(session, review.pair_id) if practice else None
    return Decision(
        review_id=review.id,
        lease_id=review.lease_id or "",
        pair_id=review.pair_id,
        choice=review.choice,
        strength=review.strength,
        both_bad=review.both_bad,
        b_first=shown_b_first,
        asks_rationale=_asks_rationale(session, review, settings),
        practice=practice,
        gold=trusted,
        repeated=repeated,
    )


def _asks_rationale(session: Session, review: Review, settings: ReviewSettings) -> bool:
    if review.rationale or review.reasons or review.choice is Choice.ABSTAIN:
        return False
    if review.kind is TaskKind.PRACTICE or reviews.rationale(session, review.id) is not None:
        return False
    drawn = sha256(f"why:{review.lease_id}".encode()).digest()[0] / 256
    if drawn < settings.rationale_rate:
        return True
    said = [vote.choice for vote in panel.votes_on(session, review.pair_id) if vote.usable]
    return len(said) > 1 and len(set(said)) == 1 and said[0] is not review.choice


def latest(
    database: Database,
    annotator_id: int,
    settings: ReviewSettings,
    *,
    at: datetime | None = None,
) -> Decision | Ordered | None:
    """This person's last answer that can still be taken back, for a screen that was reloaded.

    It asks for its reason, or teaches, only where that was not answered or read yet.
    """
    since = (at or now()) - timedelta(minutes=settings.undo_minutes)
    with database.read() as session:
        last = _last_standing(session, annotator_id, since)
        if last is None:
            return None
        lease, review = last
        if isinstance(review, Ranking):
            return Ordered(lease.id)
        found = _decision(session, review, lease.b_first, settings)
        if lease.revealed_at is not None:
            return replace(found, asks_rationale=False, practice=False)
        return found


def explain(
    database: Database,
    review_id: int,
    annotator_id: int,
    text: str | None,
    reasons: Sequence[str] = (),
) -> None:
    """Store the reason asked for after an answer; an empty one says that none was given."""
    with database.begin() as session:
        review = session.get_one(Review, review_id)
        if review.annotator_id != annotator_id:
            raise NotAllowed("this answer is somebody else's; only its author can explain it")
        reviews.add_rationale(session, review_id, (text or "").strip() or None, reasons)


def mark_revealed(database: Database, lease_id: str, annotator_id: int) -> None:
    """Remember that this person saw what the panel said; a later change is marked by it."""
    with database.begin() as session:
        lease = leases.find(session, lease_id)
        if lease is None or lease.annotator_id != annotator_id:
            raise NotAllowed("this answer is somebody else's; its reveal is theirs alone")
        if lease.status is not LeaseStatus.DECIDED:
            raise NotAllowed("the panel's votes are shown after the answer is stored")
        lease.revealed_at = lease.revealed_at or now()


def undo(
    database: Database,
    annotator_id: int,
    settings: ReviewSettings,
    *,
    at: datetime | None = None,
) -> queue.Claim | None:
    """Take back this person's last answer and hold its pair again; None where nothing can be.

    A pair held meanwhile is given back and comes again later. After the reveal the first answer
    stays for calibration, and the next one is marked `post_reveal`. Raises Conflict where an
    adjudicator has decided meanwhile.
    """
    at = at or now()
    with database.begin() as session:
        last = _last_standing(session, annotator_id, at - timedelta(minutes=settings.undo_minutes))
        if last is None:
            return None
        lease, answer = last
        task = tasks.locked(session, lease.task_id)
        if adjudicated(session, task):
            raise Conflict("an adjudicator has settled this pair meanwhile; it stays as it is")
        held = leases.current(session, annotator_id)
        if held is not None:
            leases.end(session, held.id, LeaseStatus.RELEASED, at)
        seen = lease.revealed_at is not None or lease.post_reveal or task.kind is TaskKind.PRACTICE
        if not seen and isinstance(answer, Ranking):
            rankings.retract(session, answer.id, "undone by its author")
            task.status, task.settled_at = TaskStatus.OPEN, None
        elif not seen:
            reviews.retract(session, answer.id, "undone by its author")
            settle_task(session, task, at)
        return queue.take_task(session, annotator_id, task, settings, at, post_reveal=seen)


def _last_standing(
    session: Session, annotator_id: int, since: datetime
) -> tuple[Lease, Review | Ranking] | None:
    for lease in leases.decided_since(session, annotator_id, since):
        review = reviews.of_lease(session, lease.id)
        if review is not None and not reviews.is_retracted(session, review.id):
            return lease, review
        order = reviews.ranking_of_lease(session, lease.id) if review is None else None
        if order is not None and not rankings.is_retracted(session, order.id):
            return lease, order
    return None
