"""What the judges' votes cost and how long they took, summed for the cost report. Read only."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session

from db.models import BatchJob, Judge, JudgeVersion, Reservation, Run, Vote
from db.reservations import counted
from db.runs import unended
from db.vocabulary import Choice, Order, RunStatus


@dataclass(frozen=True)
class OrderSpend:
    """Votes of one judge version in one order. unpriced: imported ones that came without a price.

    usd: what the priced ones cost. rules: the principles it was asked under.
    """

    version_id: int
    judge: str
    rules: str
    order: Order
    votes: int
    pairs: int
    abstained: int
    unpriced: int
    usd: float


@dataclass(frozen=True)
class Throughput:
    """Pairs judged within `seconds` of the clock, over all runs that asked."""

    pairs: int
    seconds: float


def spend_by_order(session: Session) -> list[OrderSpend]:
    """Votes and money per judge version and order, by judge."""
    unpriced = func.count().filter(Vote.origin.is_not(None), Vote.cost_nanousd == 0)
    rows = session.execute(
        select(
            JudgeVersion.id,
            Judge.name,
            JudgeVersion.constitution_version,
            JudgeVersion.config,
            Vote.order,
            func.count(),
            func.count(Vote.pair_id.distinct()),
            func.count().filter(Vote.choice == Choice.ABSTAIN),
            unpriced,
            func.coalesce(func.sum(Vote.cost_nanousd), 0),
        )
        .join(JudgeVersion, JudgeVersion.id == Vote.judge_version_id)
        .join(Judge, Judge.id == JudgeVersion.judge_id)
        .group_by(JudgeVersion.id, Judge.name, Vote.order)
        .order_by(Judge.name, JudgeVersion.id, Vote.order)
    )
    return [
        OrderSpend(
            version_id, name, _rules(constitution, config), order, votes, pairs, abstained, free,
            int(nano) / 1e9,
        )
        for version_id, name, constitution, config, order, *counts in rows
        for votes, pairs, abstained, free, nano in [counts]
    ]  # fmt: skip


def pairs_voted(session: Session) -> dict[int, int]:
    """Pairs with any vote, by judge version."""
    query = select(Vote.judge_version_id, func.count(Vote.pair_id.distinct()))
    return {v: n for v, n in session.execute(query.group_by(Vote.judge_version_id))}


def usd_a_pair(session: Session) -> dict[int, float | None]:
    """Dollars that each judge version's calls took a pair, all orders and samples together; None
    where some of its votes were imported without a price.
    """
    voted, usd, unpriced = pairs_voted(session), defaultdict[int, float](float), set[int]()
    for row in spend_by_order(session):
        usd[row.version_id] += row.usd
        if row.unpriced:
            unpriced.add(row.version_id)
    return {v: None if v in unpriced else usd[v] / n for v, n in voted.items()}


def pace_by_version(session: Session) -> tuple[dict[int, Throughput], Throughput | None]:
    """How fast each judge version answered, and all together; imported votes tell nothing.

    A run's time is from its first stored answer to its last, and the time of one answer before.
    """
    rows = session.execute(
        select(
            Vote.run_id,
            Vote.judge_version_id,
            func.count(Vote.pair_id.distinct()),
            func.min(Vote.created_at),
            func.max(Vote.created_at),
            func.avg(Vote.seconds),
        )
        .where(Vote.run_id.is_not(None), Vote.origin.is_(None))
        .group_by(Vote.run_id, Vote.judge_version_id)
    ).all()
    by_version: dict[int, list[Throughput]] = defaultdict(list)
    spans: dict[int, list[tuple[datetime, datetime, float]]] = defaultdict(list)
    for run_id, version_id, pairs, first, last, each in rows:
        took = (last - first).total_seconds() + float(each or 0.0)
        by_version[version_id].append(Throughput(pairs, took))
        spans[run_id].append((first, last, float(each or 0.0)))
    paces = {
        version_id: Throughput(sum(p.pairs for p in found), sum(p.seconds for p in found))
        for version_id, found in by_version.items()
    }
    if not spans:
        return {}, None
    clock = sum(
        (max(s[1] for s in found) - min(s[0] for s in found)).total_seconds()
        + max(s[2] for s in found)
        for found in spans.values()
    )
    asked = select(func.count(Vote.pair_id.distinct())).where(
        Vote.run_id.is_not(None), Vote.origin.is_(None)
    )
    return paces, Throughput(session.scalar(asked) or 0, clock)


def spent_since(session: Session, run_id: int) -> int:
    """Nano-dollars spent or set aside by runs begun after this one that have ended.

    One that has not ended (killed, or still at work) shares its cap with the run that joins it.
    """
    query = (
        select(func.coalesce(func.sum(counted()), 0))
        .join(Run, Run.id == Reservation.run_id)
        .where(Run.id > run_id, ~unended())
    )
    return int(session.scalar(query) or 0)


@dataclass(frozen=True)
class ReservedMoney:
    """Nano-dollars that count as spent and may have been billed, or not; by who could tell.

    in_batches: of `jobs` batch jobs on their way. working: of runs that have not ended. unknown: of
    runs that were killed, of requests that got no answer, and of batches nobody found.
    """

    in_batches: int
    jobs: int
    working: int
    unknown: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.in_batches + self.working + self.unknown


def in_open_batch() -> ColumnElement[bool]:
    """Reservations of batch jobs that are on their way."""
    open_job = BatchJob.state.in_(("prepared", "submitted"))
    return exists().where(BatchJob.reservation_id == Reservation.id, open_job)


def reserved_money(session: Session) -> ReservedMoney:
    """What is counted beyond what answers have cost."""
    working = and_(Run.status == RunStatus.RUNNING, Reservation.settled_nanousd.is_(None))
    total = func.coalesce(func.sum(counted() - Reservation.paid_nanousd), 0)
    query = select(total).join(Run, Run.id == Reservation.run_id)
    jobs = select(func.count()).where(BatchJob.state.in_(("prepared", "submitted")))
    return ReservedMoney(
        in_batches=int(session.scalar(query.where(in_open_batch())) or 0),
        jobs=session.scalar(jobs) or 0,
        working=int(session.scalar(query.where(~in_open_batch(), working)) or 0),
        unknown=int(session.scalar(query.where(~in_open_batch(), ~working)) or 0),
    )


def open_run(session: Session, verb: str) -> Run | None:
    """The newest run of a verb that has not written down an end."""
    query = select(Run).where(Run.verb == verb, unended())
    return session.scalar(query.order_by(Run.id.desc()).limit(1))


def _rules(constitution: str | None, config: dict[str, object]) -> str:
    """A name for the principles a version was asked under."""
    if constitution is None:
        return "none"
    chosen = config.get("principles")
    named = ", ".join(map(str, chosen)) if isinstance(chosen, list) and chosen else "all"
    return f"{named} ({constitution[:8]})"
