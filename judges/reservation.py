"""Money set aside for a block of questions while they are asked, in nano-dollars.

Whenever answers are stored, what is set aside falls to what the block can still cost, so a kill
leaves little more counted as spent than was. Leaves out the caps (db.reservations) and prices.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from db.reservations import hold, settle
from db.session import Session
from judges.asking import Later


@dataclass
class BlockReservation:
    """One reservation. bounds: the most each open question can cost; away: those that have left;
    paid: what answers have cost; lost: of questions that came back without one; counted: service
    tiers and like that the bounds count.
    """

    reservation_id: int | None
    bounds: dict[int, int]
    paid: int = 0
    lost: int = 0
    away: set[int] = field(default_factory=set)
    counted: set[str] = field(default_factory=set)

    def leaves(self, question: int) -> None:
        """A question is on its way: from here on it may have cost something."""
        self.away.add(question)

    @contextmanager
    def sending(self, question: int) -> Iterator[None]:
        """Around one request: it may have cost something, unless the server takes none now."""
        self.leaves(question)
        try:
            yield
        except Later:
            self.away.discard(question)
            raise

    def pay(self, question: int, cost_nanousd: int, *, answered: bool) -> None:
        """A question came back, or never left, at this cost; without an answer it may be none."""
        self.bounds.pop(question)
        self.away.discard(question)
        if answered:
            self.paid += cost_nanousd
        else:
            self.lost += cost_nanousd

    def count(self, named: Collection[str], raised: Callable[[int, Collection[str]], int]) -> bool:
        """Set aside more for what is open where its server names dearer tiers; whether it does."""
        new = set(named) - self.counted
        self.counted |= new
        self.bounds = {question: raised(bound, new) for question, bound in self.bounds.items()}
        return bool(new)

    @property
    def is_empty(self) -> bool:
        """Whether no question is open."""
        return not self.bounds

    def write(self, session: Session) -> None:
        """What is paid and what may still be asked; settled where nothing is open."""
        if self.reservation_id is None:
            return
        known = self.paid + self.lost
        if self.is_empty:
            settle(session, self.reservation_id, known, self.paid)
        else:
            hold(session, self.reservation_id, known + sum(self.bounds.values()), self.paid)

    def close(self, session: Session) -> None:
        """Nothing more is asked: what had left without an answer stays spent, the rest is free."""
        if self.reservation_id is not None:
            away = sum(bound for question, bound in self.bounds.items() if question in self.away)
            settle(session, self.reservation_id, self.paid + self.lost + away, self.paid)
