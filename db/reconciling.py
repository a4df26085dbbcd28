"""What a provider's bill tells about money whose outcome is unknown: freed where it was not billed.

Unknown is what a reservation counts beyond what its answers have cost: of killed runs, of requests
that got no answer, of batches nobody found. Never freed is what answers have cost, nor what a run
at work or a batch on its way may still cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from db.errors import Conflict
from db.events import record
from db.models import BatchJob, Reservation, Run
from db.runs import NANO, end_killed
from db.spending import in_open_batch
from db.types import now
from db.vocabulary import RunStatus


@dataclass(frozen=True)
class Scope:
    """What a bill is about; None is all. since is included, until is not."""

    judge: str | None = None
    provider: str | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def subject(self) -> str:
        """As the event log names it."""
        named = ("judge", self.judge), ("model", self.model), ("provider", self.provider)
        return next((f"{what}:{name}" for what, name in named if name), "money:all")


@dataclass(frozen=True)
class Reconciled:
    """A bill beside what was counted, in dollars. known: what answers have cost; doubtful: what may
    have been billed, or not; freed: of it, what was not; in_batches: left as it is.
    """

    billed_usd: float
    known_usd: float
    doubtful_usd: float
    freed_usd: float
    in_batches_usd: float
    dry_run: bool

    @property
    def counted_usd(self) -> float:
        """What counts as spent afterwards."""
        return self.known_usd + self.doubtful_usd - self.freed_usd + self.in_batches_usd

    @property
    def summary(self) -> str:
        """One line for people."""
        would = "would be" if self.dry_run else "is"
        line = (
            f"a bill of ${self.billed_usd:.4f}: of ${self.doubtful_usd:.4f} in doubt "
            f"${self.freed_usd:.4f} {would} free again; ${self.counted_usd:.4f} {would} counted as "
            "spent"
        )
        if self.in_batches_usd:
            line += f", ${self.in_batches_usd:.4f} of it in batches on their way"
        if self.billed_usd < self.known_usd:
            line += (
                f"; the bill is ${self.known_usd - self.billed_usd:.4f} lower than what answers "
                "cost by the price list, and nothing below that is freed: look at the period, the "
                "`prices` of the judge and credits"
            )
        above = self.billed_usd - self.known_usd - self.doubtful_usd - self.in_batches_usd
        if above > 0:
            line += (
                f"; the bill is ${above:.4f} higher than what is counted: look whether others use "
                "the key, at the period, and at the `prices` of the judge"
            )
        return line


def reconcile(
    session: Session,
    scope: Scope,
    billed_nanousd: int,
    actor: str,
    reason: str,
    *,
    dry_run: bool = False,
) -> Reconciled:
    """Free what a bill shows was not billed, and write down who did it and why.

    Raises Conflict where a run that has not ended is in the scope.
    """
    end_killed(session)
    rows = _in_scope(session, scope)
    flying = set(
        session.scalars(select(Reservation.id).where(in_open_batch(), *_conditions(scope)))
    )
    known = sum(row.paid_nanousd for row in rows)
    doubtful = [row for row in rows if _unknown(row) and row.id not in flying]
    doubt = sum(map(_unknown, doubtful))
    billed = min(doubt, max(0, billed_nanousd - known))
    done = Reconciled(
        billed_usd=billed_nanousd / NANO,
        known_usd=known / NANO,
        doubtful_usd=doubt / NANO,
        freed_usd=(doubt - billed) / NANO,
        in_batches_usd=sum(_unknown(row) for row in rows if row.id in flying) / NANO,
        dry_run=dry_run,
    )
    if dry_run:
        return done
    for row in doubtful:
        share = min(billed, _unknown(row))
        billed -= share
        row.paid_nanousd += share
        row.settled_nanousd, row.settled_at = row.paid_nanousd, now()
    payload = {
        "reason": reason,
        "since": scope.since.isoformat() if scope.since else None,
        "until": scope.until.isoformat() if scope.until else None,
        "billed_usd": done.billed_usd,
        "known_usd": done.known_usd,
        "doubtful_usd": done.doubtful_usd,
        "freed_usd": done.freed_usd,
        "reservations": [row.id for row in doubtful],
    }
    record(session, actor, "money.reconciled", scope.subject, payload)
    return done


def _in_scope(session: Session, scope: Scope) -> Sequence[Reservation]:
    """Its reservations, oldest first, locked. Conflict where one is of a run at work."""
    query = select(Reservation, Run).join(Run, Run.id == Reservation.run_id)
    query = query.where(*_conditions(scope)).order_by(Reservation.id)
    found = session.execute(query.with_for_update(of=Reservation)).all()
    for row, run in found:
        batched = exists().where(BatchJob.reservation_id == row.id)
        if run.status is RunStatus.RUNNING and row.settled_nanousd is None:
            if session.scalar(select(batched)):
                continue
            raise Conflict(
                f"{run.verb} (run {run.id}) has not ended on {run.host!r}, process {run.pid}; wait "
                f"for its end, or, where it is gone, run `tiebreak {run.verb}` to go on with it"
            )
    return [row for row, _ in found]


def _conditions(scope: Scope) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if scope.judge is not None:
        found.append(Reservation.asked == scope.judge)
    if scope.provider is not None:
        found.append(Reservation.provider == scope.provider)
    if scope.model is not None:
        found.append(Reservation.model == scope.model)
    if scope.since is not None:
        found.append(Reservation.created_at >= scope.since)
    if scope.until is not None:
        found.append(Reservation.created_at < scope.until)
    return found


def _unknown(row: Reservation) -> int:
    counted = row.reserved_nanousd if row.settled_nanousd is None else row.settled_nanousd
    return counted - row.paid_nanousd
