"""What lies on an annotator's desk: the texts of a held pair, and afterwards what the panel said.

Before the answer nothing but the texts leaves this file.
"""

from dataclasses import dataclass
from datetime import datetime

from db import annotators, content, figures, leases, opinions, panel, reviews, tasks
from db.errors import NotAllowed
from db.models import Task
from db.panel import PanelVote
from db.probabilities import Probabilities
from db.session import Database, Session
from db.types import now
from db.vocabulary import Choice, LeaseStatus, TaskKind
from review.quality import Share, matches, pace
from review.queue import Claim
from review.roles import Action, require
from review.settings import ReviewSettings


@dataclass(frozen=True)
class Item:
    """The texts of a claim in the order they are shown: Response 1 first.

    What is messages is `Spoken`.
    """

    prompt: str
    responses: tuple[str, ...]


@dataclass(frozen=True)
class Reveal:
    """What an annotator may know of a pair once their answer is stored.

    p: by the newest fit. reasons: why humans were asked.
    """

    item: Item
    b_first: bool
    choice: Choice
    strength: int | None
    both_bad: bool
    votes: tuple[PanelVote, ...]
    p: Probabilities | None
    reasons: tuple[str, ...]
    control: bool


@dataclass(frozen=True)
class OwnFigures:
    """A person's own figures, and how much still waits."""

    today: int
    ever: int
    median_seconds: float | None
    an_hour: int
    control: Share
    consistency: Share
    waiting: int
    session_goal: int


def item(database: Database, claim: Claim) -> Item:
    """The texts of a held pair, or of the candidates to rank."""
    with database.read() as session:
        if claim.pair_id is None:
            asked, texts = content.ranking(session, claim.prompt_id or 0, claim.candidate_ids)
            return Item(asked, tuple(texts))
        return _pair(session, claim.pair_id, claim.b_first)


def _pair(session: Session, pair_id: int, b_first: bool) -> Item:
    asked, a, b = content.pair(session, pair_id)
    return Item(asked, (b, a) if b_first else (a, b))


def reveal(database: Database, lease_id: str, annotator_id: int) -> Reveal:
    """What the panel said about a pair this person has answered; remembers that they saw it.

    Raises NotAllowed before the answer is stored, and to anybody else.
    """
    with database.begin() as session:
        lease = leases.find(session, lease_id)
        review = reviews.of_lease(session, lease_id)
        if lease is None or lease.annotator_id != annotator_id:
            raise NotAllowed("this answer is somebody else's; its reveal is theirs alone")
        if lease.status is not LeaseStatus.DECIDED or review is None:
            raise NotAllowed("the panel's votes are shown after the answer is stored")
        if reviews.is_retracted(session, review.id):
            raise NotAllowed("you took this answer back; answer the pair again to see the votes")
        lease.revealed_at = lease.revealed_at or now()
        task = session.get_one(Task, lease.task_id)
        agreed = panel.latest_consensus(session, review.pair_id)
        found = agreed[0] if agreed else None
        return Reveal(
            item=_pair(session, review.pair_id, lease.b_first),
            b_first=lease.b_first,
            choice=review.choice,
            strength=review.strength,
            both_bad=review.both_bad,
            votes=tuple(panel.votes_on(session, review.pair_id)),
            p=found.p if found else None,
            reasons=tuple(task.reasons),
            control=task.kind in (TaskKind.GOLD, TaskKind.REPEAT, TaskKind.AUDIT),
        )


def answered_item(database: Database, lease_id: str, annotator_id: int) -> Item:
    """The texts of a pair this person has just answered, without what the panel said."""
    with database.read() as session:
        lease = leases.find(session, lease_id)
        review = reviews.of_lease(session, lease_id)
        if lease is None or review is None or lease.annotator_id != annotator_id:
            raise NotAllowed("this answer is somebody else's; only its author sees it")
        return _pair(session, review.pair_id, lease.b_first)


def own_standing(
    database: Database, annotator_id: int, settings: ReviewSettings, *, today: datetime
) -> OwnFigures:
    """A person's own progress; `today` is when their day began."""
    with database.read() as session:
        person = annotators.by_id(session, annotator_id)
        require(person, Action.REVIEW)
        seconds = figures.recent_seconds(session, annotator_id, limit=200)
        gold = reviews.gold_answers(
            session, annotator_id, TaskKind.GOLD, limit=settings.gold_window
        )
        again = opinions.repeats(session, annotator_id)
        mine = pace(seconds)
        return OwnFigures(
            today=figures.answers_since(session, annotator_id, today),
            ever=figures.answers_since(session, annotator_id, None),
            median_seconds=mine.median_seconds,
            an_hour=round(3600 / mine.median_seconds) if mine.median_seconds else 0,
            control=matches(gold),
            consistency=matches(again.get(person.name, ())),
            waiting=tasks.waiting(session),
            session_goal=settings.session_goal,
        )


@dataclass(frozen=True)
class Today:
    """The little a person sees of their day beside every pair."""

    answers: int
    median_seconds: float | None


def today_of(database: Database, annotator_id: int, *, since: datetime) -> Today:
    """A person's answers since their day began, and how long they take for one."""
    with database.read() as session:
        seconds = figures.recent_seconds(session, annotator_id, limit=50)
        answered = figures.answers_since(session, annotator_id, since)
        return Today(answered, pace(seconds).median_seconds)


def waiting(database: Database) -> int:
    """How many shared tasks wait for an answer."""
    with database.read() as session:
        return tasks.waiting(session)


def flag(
    database: Database, lease_id: str, annotator_id: int, kind: str, note: str | None = None
) -> None:
    """Warn about what a person holds, a pair or candidates to rank; it is stored at once."""
    with database.begin() as session:
        lease = leases.find(session, lease_id)
        if lease is None or lease.annotator_id != annotator_id:
            raise NotAllowed("this pair is held by somebody else; take the next pair")
        task = session.get_one(Task, lease.task_id)
        reviews.add_flag(session, task, annotator_id, kind, note)
