"""Orders over candidates: what they imply for pairs, the pairs they lack, and what they replace.

An order over n candidates is one person's one answer: it never counts as n (n - 1) / 2 reviews.
Leaves out storing one (`reviews`) and which label a pair ends with (`review.settle`).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from sqlalchemy import ColumnElement, exists, select, text, update
from sqlalchemy.orm import Session

from db.identity import content_hash, pair_hash
from db.models import (
    Batch,
    Candidate,
    Lease,
    Pair,
    PairRoute,
    Ranking,
    RankingRetraction,
    Review,
    Task,
)
from db.types import now
from db.upsert import chunks as cut
from db.upsert import insert_new
from db.vocabulary import Choice, Route, TaskKind, TaskStatus


@dataclass(frozen=True)
class Implied:
    """What one order says about one pair; `settled` where its task asks nobody any more."""

    ranking_id: int
    annotator_id: int
    choice: Choice
    kind: TaskKind | None
    batch_id: int | None
    settled: bool


@dataclass(frozen=True, slots=True)
class Disputed:
    """A pair that waits for a first answer and that nobody holds."""

    task_id: int
    pair_id: int
    prompt_id: int
    candidates: tuple[int, int]
    priority: float
    domain: str | None
    batch_id: int | None


def not_retracted() -> ColumnElement[bool]:
    """That an order was not taken back."""
    return ~exists().where(RankingRetraction.ranking_id == Ranking.id)


def retract(session: Session, ranking_id: int, reason: str) -> None:
    """Take an order back; it stays stored and counts no more."""
    made = RankingRetraction(ranking_id=ranking_id, reason=reason[:300], created_at=now())
    session.add(made)
    session.flush()


def is_retracted(session: Session, ranking_id: int) -> bool:
    """Whether an order was taken back."""
    query = select(RankingRetraction.id).where(RankingRetraction.ranking_id == ranking_id)
    return session.scalar(query) is not None


def places(groups: Sequence[Sequence[int]]) -> dict[int, int]:
    """Candidate id -> its place, 0 the best; equals share one."""
    return {one: place for place, group in enumerate(groups) for one in group}


def compared(groups: Sequence[Sequence[int]], a: int, b: int) -> Choice | None:
    """What an order says about candidates a and b; None where it does not hold both, or a is b."""
    place = places(groups)
    if a == b or a not in place or b not in place:
        return None
    if place[a] == place[b]:
        return Choice.TIE
    return Choice.A if place[a] < place[b] else Choice.B


def implied(
    session: Session, pair_ids: Sequence[int], *, blind: bool = False
) -> dict[int, list[Implied]]:
    """What the newest standing order of each person says about these pairs.

    blind: leaves out orders of people who had seen by then what the panel said.
    """
    query = (
        select(Pair, Ranking, Task.kind, Task.batch_id, Task.status)
        .join(Ranking, Ranking.prompt_id == Pair.prompt_id)
        .outerjoin(Task, Task.id == Ranking.task_id)
        .where(Pair.id.in_(pair_ids), not_retracted())
        .order_by(Ranking.created_at, Ranking.id)
    )
    if blind:
        query = query.where(~exists().where(Lease.id == Ranking.lease_id, Lease.post_reveal))
    rows = session.execute(query)
    newest: dict[int, dict[int, Implied]] = defaultdict(dict)
    for pair, order, kind, batch_id, status in rows:
        choice = compared(order.groups, pair.candidate_a_id, pair.candidate_b_id)
        if choice is not None:
            settled = status is not TaskStatus.OPEN
            said = Implied(order.id, order.annotator_id, choice, kind, batch_id, settled)
            newest[pair.id][order.annotator_id] = said
    return {pair_id: list(people.values()) for pair_id, people in newest.items()}


def settled(session: Session) -> dict[int, Choice]:
    """Pairs on which the settled orders agree, save those that wait for an answer of their own.

    They measure judges, so an order changed after the reveal is read as it first was.
    """
    ranked = select(Ranking.prompt_id).where(not_retracted())
    waits = exists().where(
        Task.pair_id == Pair.id, Task.status.in_((TaskStatus.OPEN, TaskStatus.DISPUTED))
    )
    pairs = session.scalars(select(Pair.id).where(Pair.prompt_id.in_(ranked), ~waits)).all()
    found: dict[int, Choice] = {}
    for chunk in cut(pairs, 2000):
        for pair_id, said in implied(session, chunk, blind=True).items():
            choices = {one.choice for one in said}
            if len(choices) == 1 and all(one.settled for one in said):
                found[pair_id] = choices.pop()
    return found


def being_ranked(session: Session) -> set[int]:
    """Pairs that an order over several candidates compares, or that one was asked for."""
    asked = waiting(session)
    ranked = select(Ranking.prompt_id).where(not_retracted())
    prompts = set(session.scalars(ranked)) | set(asked)
    found: set[int] = set()
    for chunk in cut(sorted(prompts), 2000):
        pairs = session.scalars(select(Pair.id).where(Pair.prompt_id.in_(chunk))).all()
        found |= implied(session, pairs).keys() | covering(session, pairs, asked).keys()
    return found


def chunks(session: Session, size: int = 500) -> Iterator[list[int]]:
    """The ids of all standing orders, oldest first, a chunk at a time."""
    after = 0
    while True:
        query = select(Ranking.id).where(Ranking.id > after, not_retracted())
        ids = list(session.scalars(query.order_by(Ranking.id).limit(size)))
        if not ids:
            return
        yield ids
        after = ids[-1]


def complete_pairs(session: Session, ranking_ids: Collection[int]) -> int:
    """Make the pairs that these orders compare and that are not there yet; how many were made."""
    orders = session.scalars(select(Ranking).where(Ranking.id.in_(ranking_ids))).all()
    prompts = {order.prompt_id for order in orders}
    known: dict[frozenset[int], None] = {}
    about: dict[int, tuple[str | None, str | None]] = {}
    for pair in session.scalars(select(Pair).where(Pair.prompt_id.in_(prompts)).order_by(Pair.id)):
        known[frozenset((pair.candidate_a_id, pair.candidate_b_id))] = None
        about.setdefault(pair.prompt_id, (pair.domain, pair.source))
    missing = {
        frozenset(both): order.prompt_id
        for order in orders
        for both in combinations(sorted(places(order.groups)), 2)
        if frozenset(both) not in known
    }
    hashes = _hashes(session, {one for both in missing for one in both})
    rows = [
        _pair_row(prompt_id, both, hashes, about.get(prompt_id, (None, None)))
        for both, prompt_id in missing.items()
    ]
    return insert_new(session, Pair, rows, ["content_hash"])


def _hashes(session: Session, candidate_ids: Collection[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for chunk in cut(sorted(candidate_ids), 1000):
        query = select(Candidate.id, Candidate.content_hash).where(Candidate.id.in_(chunk))
        found.update({key: digest for key, digest in session.execute(query)})
    return found


def _pair_row(
    prompt_id: int,
    both: frozenset[int],
    hashes: Mapping[int, str],
    about: tuple[str | None, str | None],
) -> dict[str, Any]:
    a, b = sorted(both, key=lambda one: hashes[one])
    return {
        "prompt_id": prompt_id,
        "candidate_a_id": a,
        "candidate_b_id": b,
        "content_hash": pair_hash(hashes[a], hashes[b]),
        "domain": about[0],
        "source": about[1],
    }


def pairs_among(
    session: Session, prompt_id: int, candidate_ids: Collection[int]
) -> list[tuple[int, int, int]]:
    """(pair id, candidate A, candidate B) of every two of these that are a pair, each two once."""
    rows = session.execute(
        select(Pair.id, Pair.candidate_a_id, Pair.candidate_b_id)
        .where(Pair.prompt_id == prompt_id, Pair.candidate_a_id != Pair.candidate_b_id)
        .order_by(Pair.id)
    )
    found: dict[frozenset[int], tuple[int, int, int]] = {}
    for pair_id, a, b in rows:
        if {a, b} <= set(candidate_ids):
            found.setdefault(frozenset((a, b)), (pair_id, a, b))
    return list(found.values())


def disputed(session: Session) -> list[Disputed]:
    """Escalated pairs nobody has answered or holds, of prompts where no order is asked for yet."""
    held = exists().where(Lease.task_id == Task.id, text("leases.status = 'active'"))
    answered = exists().where(Review.task_id == Task.id)
    asked = select(Task.prompt_id).where(
        Task.status == TaskStatus.OPEN, Task.prompt_id.is_not(None)
    )
    rows = session.execute(
        select(Task, Pair)
        .join(Pair, Pair.id == Task.pair_id)
        .where(
            Task.status == TaskStatus.OPEN,
            Task.kind == TaskKind.ESCALATION,
            Task.for_annotator_id.is_(None),
            Pair.candidate_a_id != Pair.candidate_b_id,
            Pair.prompt_id.not_in(asked),
            ~held,
            ~answered,
        )
        .order_by(Task.id)
    )
    return [
        Disputed(
            task.id,
            pair.id,
            pair.prompt_id,
            (pair.candidate_a_id, pair.candidate_b_id),
            task.priority,
            task.domain,
            task.batch_id,
        )
        for task, pair in rows
    ]


def orders(
    session: Session, ranking_ids: Collection[int]
) -> dict[int, tuple[tuple[int, ...], ...]]:
    """Ranking id -> its groups of candidate ids, best first."""
    found: dict[int, tuple[tuple[int, ...], ...]] = {}
    for chunk in cut(sorted(ranking_ids), 1000):
        rows = session.execute(select(Ranking.id, Ranking.groups).where(Ranking.id.in_(chunk)))
        found.update({key: tuple(map(tuple, groups)) for key, groups in rows})
    return found


def numbers(session: Session, ranking_ids: Collection[int]) -> dict[int, int]:
    """Ranking id -> a number of what is ordered how, the same whenever it came and whoever said it.

    Of several that say the same each has a number of its own.
    """
    found: dict[int, int] = {}
    seen: Counter[int] = Counter()
    for chunk in cut(sorted(ranking_ids), 1000):
        ordered = orders(session, chunk)
        hashes = _hashes(session, {one for groups in ordered.values() for g in groups for one in g})
        for key, groups in sorted(ordered.items()):
            said = content_hash([sorted(hashes[one] for one in group) for group in groups])
            short = int(said[:15], 16)
            seen[short] += 1
            found[key] = int(content_hash(said, seen[short])[:15], 16)
    return found


def close_unwanted(session: Session, touched: set[int]) -> int:
    """Withdraw those rankings nobody holds or has begun of whose pairs no route escalates any."""
    if not touched:
        return 0
    rows = session.execute(
        select(Task, Pair, PairRoute.route)
        .join(Pair, Pair.prompt_id == Task.prompt_id)
        .join(PairRoute, PairRoute.pair_id == Pair.id)
        .join(Batch, Batch.id == PairRoute.batch_id)
        .where(Task.id.in_(touched), Batch.given_up_at.is_(None))
        .order_by(PairRoute.batch_id)
    )
    newest = {
        (task.id, pair.id): route
        for task, pair, route in rows
        if _compares(task.candidate_ids, pair)
    }
    wanted = {task_id for (task_id, _), route in newest.items() if route is Route.ESCALATE}
    held = select(Lease.task_id).where(text("leases.status = 'active'"))
    begun = exists().where(Ranking.task_id == Task.id, not_retracted())
    done = session.execute(
        update(Task)
        .where(Task.id.in_(touched - wanted), Task.id.not_in(held), ~begun)
        .values(status=TaskStatus.CLOSED, settled_at=now())
        .execution_options(synchronize_session=False)
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


Waiting = dict[int, list[tuple[int, list[int]]]]  # prompt id -> (task id, candidates)


def waiting(session: Session) -> Waiting:
    """The rankings that wait for an answer, by prompt."""
    rows = session.execute(
        select(Task.id, Task.prompt_id, Task.candidate_ids).where(
            Task.status == TaskStatus.OPEN, Task.prompt_id.is_not(None)
        )
    )
    found: Waiting = {}
    for task_id, prompt_id, candidate_ids in rows:
        found.setdefault(prompt_id or 0, []).append((task_id, candidate_ids or []))
    return found


def covering(session: Session, pair_ids: Sequence[int], asked: Waiting) -> dict[int, list[int]]:
    """pair id -> ids of the rankings that wait for an answer and compare its candidates."""
    if not asked:
        return {}
    found: dict[int, list[int]] = {}
    for pair in session.scalars(select(Pair).where(Pair.id.in_(pair_ids))):
        for task_id, candidate_ids in asked.get(pair.prompt_id, ()):
            if _compares(candidate_ids, pair):
                found.setdefault(pair.id, []).append(task_id)
    return found


def _compares(candidate_ids: Sequence[int] | None, pair: Pair) -> bool:
    return {pair.candidate_a_id, pair.candidate_b_id} <= set(candidate_ids or ())
