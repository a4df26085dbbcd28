"""Money set aside for a block of questions while they are asked, in nano-dollars.

Whenever answers are stored, what is set aside falls to what the block can still cost, so a kill
leaves little more counted as spent than was. Leaves out the caps (db.asking) and prices.
"""

from dataclasses import dataclass, field

from db.asking import hold, settle_reservation
from db.session import Session


@dataclass
class BlockReservation:
    """One reservation. bounds: the most each open question can cost; away: those that have left."""

    reservation_id: int | None
    bounds: dict[int, int]
    cost_nanousd: int = 0
    away: set[int] = field(default_factory=set)

    def leaves(self, question: int) -> None:
        """A question is on its way: from here on it may have cost something."""
        self.away.add(question)

    def pay(self, question: int, cost_nanousd: int) -> None:
        """A question came back, or never left, at this cost."""
        self.bounds.pop(question)
        self.away.discard(question)
        self.cost_nanousd += cost_nanousd

    @property
    def is_empty(self) -> bool:
        """Whether no question is open."""
        return not self.bounds

    def write(self, session: Session) -> None:
        """What is paid and what may still be asked; settled where nothing is open."""
        if self.reservation_id is None:
            return
        if self.is_empty:
            settle_reservation(session, self.reservation_id, self.cost_nanousd)
        else:
            hold(session, self.reservation_id, self.cost_nanousd + sum(self.bounds.values()))

    def close(self, session: Session) -> None:
        """Nothing more is asked: what had left without an answer stays spent, the rest is free."""
        if self.reservation_id is not None:
            lost = sum(bound for question, bound in self.bounds.items() if question in self.away)
            settle_reservation(session, self.reservation_id, self.cost_nanousd + lost)
