"""Money set aside before requests leave, in nano-dollars: it counts in full until it is settled.

The cap of a job is read and the money set aside in one transaction, so sums cannot race. Each
reservation tells apart what answers have cost (`paid`) from what may have been billed, or not.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from db.models import Reservation, Run
from db.types import now
from db.upsert import take_turn

_TURN = 7_246_011  # names the turn in which claims, answers and money are written, on PostgreSQL


def in_turn(session: Session) -> None:
    """Wait for other processes that claim or store: they touch the same rows in another order."""
    take_turn(session, _TURN)


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom the money is for: the name of a judge or generator, its provider and its model."""

    name: str
    provider: str
    model: str | None


def counted() -> ColumnElement[int]:
    """What a reservation counts as spent."""
    return func.coalesce(Reservation.settled_nanousd, Reservation.reserved_nanousd)


def room_under(session: Session, job: int, cap_nanousd: int | None) -> int | None:
    """What a cap leaves after all runs of a job; None without a cap."""
    return None if cap_nanousd is None else cap_nanousd - _job_spent(session, job)


def set_aside(
    session: Session, run_id: int, nanousd: int, asked: Asked, version_id: int | None = None
) -> int | None:
    """A reservation over so much; None where nothing costs."""
    if not nanousd:
        return None
    reservation = Reservation(
        run_id=run_id,
        judge_version_id=version_id,
        reserved_nanousd=nanousd,
        asked=asked.name,
        provider=asked.provider,
        model=asked.model,
    )
    session.add(reservation)
    session.flush()
    return reservation.id


def hold(session: Session, reservation_id: int, nanousd: int, paid: int) -> None:
    """Lower what is set aside to what it can still cost, what is paid included."""
    _change(session, reservation_id, reserved_nanousd=nanousd, paid_nanousd=paid)


def settle(session: Session, reservation_id: int, nanousd: int, paid: int) -> None:
    """Nothing more comes: it cost this. What exceeds `paid` may have been billed, or not."""
    _change(session, reservation_id, settled_nanousd=nanousd, paid_nanousd=paid, settled_at=now())


def _change(session: Session, reservation_id: int, **values: object) -> None:
    session.execute(update(Reservation).where(Reservation.id == reservation_id).values(**values))


def _job_spent(session: Session, job: int) -> int:
    """What all runs of a job have spent or set aside. Locks the job, so that sums cannot race."""
    session.execute(select(Run.id).where(Run.id == job).with_for_update())
    runs = [
        run_id
        for run_id, options in session.execute(select(Run.id, Run.options).where(Run.id >= job))
        if options.get("job", run_id) == job
    ]
    spent = select(func.coalesce(func.sum(counted()), 0)).where(Reservation.run_id.in_(runs))
    return int(session.scalar(spent) or 0)
