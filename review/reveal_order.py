"""What the panel said about candidates a person has put in order, two by two, and once stored."""

from dataclasses import dataclass

from db import content, leases, panel, rankings, reviews
from db.errors import NotAllowed
from db.models import Ranking, Task
from db.panel import PanelVote
from db.probabilities import Probabilities
from db.session import Database, Session
from db.types import now
from db.vocabulary import Choice
from review.draft import Groups
from review.queue import shown
from review.view_model import Item


@dataclass(frozen=True)
class Compared:
    """Two of the candidates, by their numbers on the screen; the lower number comes first.

    b_first: the first one is the stored pair's B. choice: what the order says, in stored order.
    p: by the newest fit.
    """

    one: int
    two: int
    b_first: bool
    choice: Choice
    votes: tuple[PanelVote, ...]
    p: Probabilities | None


@dataclass(frozen=True)
class OrderReveal:
    """An order in the numbers of the screen, and what is known of the pairs among them."""

    item: Item
    groups: Groups
    compared: tuple[Compared, ...]


def reveal_order(database: Database, lease_id: str, annotator_id: int) -> OrderReveal:
    """What the panel said about an order this person has stored; remembers that they saw it.

    Raises NotAllowed before the order is stored, after it was taken back, and to anybody else.
    """
    with database.begin() as session:
        lease = leases.find(session, lease_id)
        order = reviews.ranking_of_lease(session, lease_id)
        if lease is None or lease.annotator_id != annotator_id:
            raise NotAllowed("this answer is somebody else's; its reveal is theirs alone")
        if order is None or rankings.is_retracted(session, order.id):
            raise NotAllowed("the panel's votes are shown after the order is stored")
        lease.revealed_at = lease.revealed_at or now()
        listed = shown(annotator_id, session.get_one(Task, lease.task_id))
        number = {candidate: n for n, candidate in enumerate(listed, start=1)}
        asked, texts = content.ranking(session, order.prompt_id, listed)
        return OrderReveal(
            item=Item(asked, tuple(texts)),
            groups=tuple(tuple(sorted(number[c] for c in group)) for group in order.groups),
            compared=_compared(session, order, number),
        )


def _compared(session: Session, order: Ranking, number: dict[int, int]) -> tuple[Compared, ...]:
    found = []
    for pair_id, a, b in rankings.pairs_among(session, order.prompt_id, number):
        choice = rankings.compared(order.groups, a, b)
        if choice is None:
            continue
        fitted = panel.latest_consensus(session, pair_id)
        agreed = fitted[0] if fitted else None
        one, two = sorted((number[a], number[b]))
        found.append(
            Compared(
                one=one,
                two=two,
                b_first=number[b] == one,
                choice=choice,
                votes=tuple(panel.votes_on(session, pair_id)),
                p=agreed.p if agreed else None,
            )
        )
    return tuple(sorted(found, key=lambda each: (each.one, each.two)))
