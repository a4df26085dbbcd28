"""Settled labels: the evidence they rest on, read in chunks, and their storing and superseding."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.consensus import consensus_of, newest_fit
from db.models import Pair, Preference
from db.opinions import DELIVERED, Binding, Opinion, bindings, opinions
from db.owners import owned
from db.probabilities import Probabilities
from db.rankings import Implied, implied
from db.upsert import insert_all


@dataclass(frozen=True)
class PairEvidence:
    """All that is known about one pair: its consensus, its batch, human answers.

    panel: whether the panel's word may be delivered where humans have settled nothing. certified:
    a certificate in force speaks of it, so that only a human's settled answer replaces it.
    implied: what orders over several candidates say about it.
    """

    pair_id: int
    consensus: Probabilities | None = None
    fit_id: int | None = None
    panel: bool = False
    batch_id: int | None = None
    opinions: tuple[Opinion, ...] = ()
    binding: Binding | None = None
    implied: tuple[Implied, ...] = ()
    certified: bool = False


def chunks_of_pairs(session: Session, size: int = 2000) -> Iterator[list[int]]:
    """The ids of all pairs, in order, a chunk at a time."""
    after = 0
    while True:
        ids = list(
            session.scalars(select(Pair.id).where(Pair.id > after).order_by(Pair.id).limit(size))
        )
        if not ids:
            return
        yield ids
        after = ids[-1]


def evidence(session: Session, pair_ids: Sequence[int]) -> list[PairEvidence]:
    """What is known about each of these pairs.

    The consensus is the newest fit's; where the pair's batch was routed to a promise it is the fit
    the promise speaks of.
    """
    fit = newest_fit(session)
    batches = owned(session, pair_ids)
    bound = bindings(session, DELIVERED, pair_ids)
    said: dict[int, list[Opinion]] = defaultdict(list)
    for one in opinions(session, DELIVERED, pair_ids):
        said[one.pair_id].append(one)
    ordered = implied(session, pair_ids)
    by_fit: dict[int, list[int]] = defaultdict(list)
    for pair_id in pair_ids:
        mine = batches.get(pair_id)
        if mine is not None and mine.target:
            by_fit[mine.fit_id].append(pair_id)
        elif fit is not None:
            by_fit[fit.id].append(pair_id)
    agreed = {
        pair_id: (fit_id, p)
        for fit_id, members in by_fit.items()
        for pair_id, p in consensus_of(session, fit_id, members).items()
    }
    found = []
    for pair_id in pair_ids:
        mine = batches.get(pair_id)
        fit_id, p = agreed.get(pair_id, (None, None))
        found.append(
            PairEvidence(
                pair_id=pair_id,
                consensus=p,
                fit_id=fit_id,
                panel=mine is not None and mine.delivered,
                batch_id=mine.batch_id if mine else None,
                opinions=tuple(said.get(pair_id, ())),
                binding=bound.get(pair_id),
                implied=tuple(ordered.get(pair_id, ())),
                certified=mine is not None and mine.certified,
            )
        )
    return found


def current(session: Session, pair_ids: Sequence[int]) -> dict[int, Preference]:
    """The standing label of each of these pairs that has one."""
    rows = session.scalars(
        select(Preference).where(
            Preference.pair_id.in_(pair_ids), Preference.superseded_at.is_(None)
        )
    )
    return {row.pair_id: row for row in rows}


def supersede(session: Session, pair_ids: Sequence[int], at: datetime) -> None:
    """End the standing labels of these pairs."""
    if pair_ids:
        session.execute(
            update(Preference)
            .where(Preference.pair_id.in_(pair_ids), Preference.superseded_at.is_(None))
            .values(superseded_at=at)
            .execution_options(synchronize_session=False)
        )


def add(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Store new labels; the old ones of the same pairs must be superseded first."""
    insert_all(session, Preference, rows)


def counts_by_source(session: Session) -> dict[str, int]:
    """How many labels stand, by where they come from."""
    rows = session.execute(
        select(Preference.source, func.count())
        .where(Preference.superseded_at.is_(None))
        .group_by(Preference.source)
    )
    return {str(source): count for source, count in rows}


def of_pair(session: Session, pair_id: int) -> Sequence[Preference]:
    """Every label a pair ever had, oldest first."""
    return session.scalars(
        select(Preference).where(Preference.pair_id == pair_id).order_by(Preference.id)
    ).all()
