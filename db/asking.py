"""What judging does durably before it asks: wanted slots, claims on them, and the jobs of runs.

A claim keeps two processes from asking the same question. It is made with the money that is set
aside (`db.reservations`) in one transaction for a block of questions. Leaves out asking itself and
what an answer means.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session, aliased

from db.conversation import prompt_text, said
from db.erased_prompts import erased_pairs, pair_unerased
from db.models import Candidate, Pair, Prompt, Run, TextClaim, Vote, VoteClaim
from db.reservations import Asked, in_turn, room_under, set_aside
from db.runs import unended
from db.spared import spared, spared_among
from db.types import now
from db.upsert import chunks
from db.vocabulary import Choice, Order

# A longer claim belongs to a batch job: those last 30 hours, direct ones 20 minutes as a rule.
_OUTLIVES = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class PairText:
    """What a judge needs to see of one pair."""

    pair_id: int
    prompt: str
    response_a: str
    response_b: str
    domain: str | None
    expected: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Slot:
    """One vote that is wanted: which pair, shown how, the how-many-eth sample."""

    pair_id: int
    order: Order
    sample: int


@dataclass(frozen=True, slots=True)
class Block:
    """Slots that are ours to ask, and the money set aside for them (None where they are free).

    `short` is true where the cap left no room beyond the first `considered` slots asked for.
    """

    claims: dict[Slot, int]
    reservation_id: int | None
    short: bool
    considered: int


def pair_page(session: Session, after: int, size: int, within: Sequence[int] | None) -> list[int]:
    """Ids of the next pairs beyond `after`, in order; only those `within` (sorted), where given."""
    query = select(Pair.id).where(Pair.id > after, pair_unerased()).order_by(Pair.id)
    if within is None:
        return list(session.scalars(query.limit(size)))
    start = bisect_right(within, after)
    return list(session.scalars(query.where(Pair.id.in_(within[start : start + size]))))


def missing_slots(
    session: Session,
    pair_ids: Sequence[int],
    version_id: int,
    orders: Iterable[Order],
    samples: Iterable[int],
) -> list[Slot]:
    """The votes of one judge version on these pairs that are not there yet, in order of pair; none
    of pairs that it is spared (`db.spared`).
    """
    if not pair_ids:
        return []
    samples = tuple(samples)
    sure = spared_among(session, version_id, samples, pair_ids)
    found = session.execute(
        select(Vote.pair_id, Vote.order, Vote.sample).where(
            Vote.judge_version_id == version_id,
            Vote.pair_id.between(min(pair_ids), max(pair_ids)),
        )
    )
    there = {(pair_id, order, sample) for pair_id, order, sample in found}
    wanted = [(o, s) for s in samples for o in orders]
    return [
        Slot(pair_id, order, sample)
        for pair_id in pair_ids
        if pair_id not in sure
        for order, sample in wanted
        if (pair_id, order, sample) not in there
    ]


def pair_texts(session: Session, pair_ids: Iterable[int]) -> dict[int, PairText]:
    """The texts of these pairs."""
    first, second = aliased(Candidate), aliased(Candidate)
    query = (
        select(
            Pair.id,
            Pair.domain,
            Prompt.messages,
            Prompt.tools,
            Prompt.expected,
            first.text,
            first.messages,
            second.text,
            second.messages,
        )
        .join(Prompt, Prompt.id == Pair.prompt_id)
        .join(first, first.id == Pair.candidate_a_id)
        .join(second, second.id == Pair.candidate_b_id)
    )
    texts = {}
    for chunk in chunks(sorted(set(pair_ids)), 1000):
        for pair_id, domain, messages, tools, expected, *responses in session.execute(
            query.where(Pair.id.in_(chunk))
        ):
            prompt = prompt_text(messages, tools)
            a, b = said(*responses[:2]), said(*responses[2:])
            texts[pair_id] = PairText(pair_id, prompt, a, b, domain, expected)
    return texts


def count_wanted(
    session: Session,
    version_id: int,
    orders: Sequence[Order],
    samples: Sequence[int],
    within: Collection[int] | None = None,
) -> int:
    """How many votes of one judge version are missing, over all pairs or those `within`; none of
    pairs that it is spared.
    """
    sure = spared(session, version_id, samples)
    there = (
        select(func.count())
        .select_from(Vote)
        .where(
            Vote.judge_version_id == version_id, Vote.order.in_(orders), Vote.sample.in_(samples)
        )
    )
    slots = len(orders) * len(samples)
    if sure is not None:
        there = there.where(Vote.pair_id.not_in(sure))
    if within is None:
        texts = select(func.count()).select_from(Pair).where(pair_unerased())
        if sure is not None:
            texts = texts.where(Pair.id.not_in(sure))
        pairs = session.scalar(texts) or 0
        there = there.join(Pair, Pair.id == Vote.pair_id).where(pair_unerased())
        return pairs * slots - (session.scalar(there) or 0)
    stored = 0
    within = set(within) - erased_pairs(session, within)
    if within and sure is not None:
        within -= spared_among(session, version_id, samples, within)
    for chunk in chunks(within):
        stored += session.scalar(there.where(Vote.pair_id.in_(chunk))) or 0
    return len(within) * slots - stored


def take_block(
    session: Session,
    run_id: int,
    version_id: int,
    bounds: Sequence[tuple[Slot, int]],
    *,
    asked: Asked,
    lasts: timedelta,
    job: int | None = None,
    cap_nanousd: int | None = None,
) -> Block:
    """Claim slots and set money aside for them, as far as nobody else has them and the cap allows.

    bounds: each slot with the most its answer can cost, in nano-dollars. job: the first run of the
    runs that share the cap.
    """
    in_turn(session)
    claims = _claim(session, run_id, version_id, [slot for slot, _ in bounds], now() + lasts)
    room = room_under(session, job or run_id, cap_nanousd)
    granted: dict[Slot, int] = {}
    total = 0
    considered = 0
    for slot, bound in bounds:
        if slot in claims:
            if room is not None and total + bound > room:
                break
            granted[slot] = claims[slot]
            total += bound
        considered += 1
    release(session, [claim for slot, claim in claims.items() if slot not in granted])
    reservation_id = set_aside(session, run_id, total, asked, version_id)
    return Block(granted, reservation_id, considered < len(bounds), considered)


def release(session: Session, claim_ids: Iterable[int]) -> None:
    """Give claims back, asked or not."""
    for chunk in chunks(claim_ids):
        session.execute(delete(VoteClaim).where(VoteClaim.id.in_(chunk)))


def renew(session: Session, claim_ids: Iterable[int], lasts: timedelta) -> None:
    """Let claims of votes stand for `lasts` from now: their questions are still being asked."""
    for chunk in chunks(claim_ids):
        held = update(VoteClaim).where(VoteClaim.id.in_(chunk))
        session.execute(held.values(expires_at=now() + lasts))


def has_voted(session: Session, version_id: int) -> bool:
    """Whether a judge version has ever answered a question; an abstain without a word is none."""
    answered = or_(Vote.choice != Choice.ABSTAIN, Vote.output_tokens > 0)
    voted = select(Vote.id).where(Vote.judge_version_id == version_id, answered)
    return session.scalar(voted.limit(1)) is not None


def join_job(session: Session, run: Run, after: int | None = None) -> int:
    """The job this run belongs to: that of the run `after`, of an unended run of the same verb, or
    its own.

    What a killed run spent counts against the cap of the run that goes on with it.
    """
    query = select(Run).where(Run.verb == run.verb, unended(), Run.id != run.id)
    if after is not None:
        query = select(Run).where(Run.id == after)
    other = session.scalar(query.order_by(Run.id).limit(1))
    job = int(other.options.get("job", other.id)) if other is not None else run.id
    run.options = {**run.options, "job": job}
    return job


def unfinished_runs(session: Session, job: int) -> list[Run]:
    """Runs of a job that nobody has ended: at work, or killed."""
    found = session.scalars(select(Run).where(unended()))
    return [run for run in found if run.options.get("job", run.id) == job]


def release_runs(session: Session, run_ids: Iterable[int]) -> None:
    """Drop the claims of these runs, but not those of batch jobs, which outlive their run."""
    in_turn(session)
    gone = list(run_ids)
    short = VoteClaim.expires_at < now() + _OUTLIVES
    session.execute(delete(VoteClaim).where(VoteClaim.run_id.in_(gone), short))
    session.execute(delete(TextClaim).where(TextClaim.run_id.in_(gone)))


def has_claims(session: Session, run_id: int) -> bool:
    """Whether a run still holds a claim that has not expired."""
    return any(
        session.scalar(
            select(claim.id).where(claim.run_id == run_id, claim.expires_at > now()).limit(1)
        )
        is not None
        for claim in (VoteClaim, TextClaim)
    )


def _claim(
    session: Session, run_id: int, version_id: int, slots: Sequence[Slot], expires_at: datetime
) -> dict[Slot, int]:
    rows = [
        {
            "pair_id": slot.pair_id,
            "judge_version_id": version_id,
            "order": slot.order,
            "sample": slot.sample,
            "run_id": run_id,
            "expires_at": expires_at,
        }
        for slot in slots
    ]
    if not rows:
        return {}
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgres_insert
    claims: dict[Slot, int] = {}
    table = cast(Table, VoteClaim.__table__)
    fresh = insert(table)
    claiming = fresh.on_conflict_do_update(
        index_elements=["pair_id", "judge_version_id", "order", "sample"],
        set_={"run_id": fresh.excluded.run_id, "expires_at": fresh.excluded.expires_at},
        where=table.c.expires_at < now(),
    ).returning(table.c.id, table.c.pair_id, table.c.order, table.c.sample)
    for claim_id, pair_id, order, sample in session.connection().execute(claiming, rows):
        claims[Slot(pair_id, order, sample)] = claim_id
    return _unanswered(session, version_id, claims)


def _unanswered(session: Session, version_id: int, claims: dict[Slot, int]) -> dict[Slot, int]:
    """Claims whose vote has not been stored since they were found missing; gives the rest back."""
    keys = [(slot.pair_id, slot.order, slot.sample) for slot in claims]
    answered: set[Slot] = set()
    for chunk in chunks(keys, 500):
        found = session.execute(
            select(Vote.pair_id, Vote.order, Vote.sample).where(
                and_(
                    Vote.judge_version_id == version_id,
                    tuple_(Vote.pair_id, Vote.order, Vote.sample).in_(chunk),
                )
            )
        )
        answered.update(Slot(*row) for row in found)
    release(session, [claims[slot] for slot in answered])
    return {slot: claim for slot, claim in claims.items() if slot not in answered}


def stored_answers(session: Session, after: int, size: int) -> Iterator[Vote]:
    """Votes with a stored answer beyond the id `after`, for parsing again."""
    query = select(Vote).where(Vote.id > after, Vote.raw.is_not(None)).order_by(Vote.id).limit(size)
    yield from session.scalars(query)


def mean_output_tokens(session: Session, version_id: int) -> float | None:
    """Tokens an answer of this judge version has, on average; None before the first."""
    mean = select(func.avg(Vote.output_tokens)).where(Vote.judge_version_id == version_id)
    found = session.scalar(mean)
    return None if found is None else float(found)
