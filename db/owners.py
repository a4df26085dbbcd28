"""Which batch each pair belongs to: the one home of that question.

A pair belongs to the newest batch whose certificate stands for it; else to the newest batch it was
routed in. Batches that were given up keep no pair. Leaves out who may route a pair anew
(`app.pipeline.free`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.certificates import in_force
from db.models import Batch, PairRoute
from db.upsert import chunks
from db.vocabulary import Route

AWAITS = "awaiting_audit"
"""Reason of a pair of a frame that is neither audited nor certified yet."""
CERTIFIED = "certified"
"""Reason of a pair inside a certified set."""
SETTLED = "settled"
"""Reason of a pair that humans had answered before it was routed."""
_APART = "tie_apart"
_AT_ONCE = 2000

Standing = dict[int, frozenset[str]]  # batch id -> strata of which a certificate stands


@dataclass(frozen=True, slots=True)
class Owned:
    """What its batch decided about one pair.

    target: the batch was routed to a target error. standing: a certificate in force speaks of this
    pair's frame, or, for a pair outside every frame, of any of its batch.
    """

    pair_id: int
    batch_id: int
    fit_id: int
    target: bool
    standing: bool
    route: Route
    reasons: tuple[str, ...]
    priority: float
    score: float
    stratum: str
    inclusion_probability: float | None

    @property
    def certified(self) -> bool:
        """Whether a certificate in force accepts the panel's label of this pair."""
        return self.standing and CERTIFIED in self.reasons

    @property
    def delivered(self) -> bool:
        """Whether the panel's word may be delivered where humans have settled nothing.

        Under a target that is what a certificate in force accepts, and ties apart from it.
        """
        if SETTLED in self.reasons:
            return False
        if self.target:
            return self.certified or _APART in self.reasons
        return self.route in (Route.ACCEPT, Route.AUDIT)


def standing(session: Session) -> Standing:
    """The frames of which a certificate that accepts something was not withdrawn, by batch."""
    found: dict[int, set[str]] = {}
    for made in in_force(session):
        if made.payload["accepted"] > 0:
            found.setdefault(made.batch_id, set()).add(made.payload.get("stratum", ""))
    return {batch_id: frozenset(strata) for batch_id, strata in found.items()}


def owned(
    session: Session, pair_ids: Collection[int] | None = None, holds: Standing | None = None
) -> dict[int, Owned]:
    """The route of each of these pairs (of all, without any) in the batch it belongs to.

    holds: what `standing` says, where the caller asks page after page.
    """
    holds = standing(session) if holds is None else holds
    live = {
        batch_id: (fit_id, (policy or {}).get("target_error") is not None)
        for batch_id, fit_id, policy in session.execute(
            select(Batch.id, Batch.fit_id, Batch.policy).where(Batch.given_up_at.is_(None))
        )
    }
    found: dict[int, Owned] = {}
    for row in _rows(session, live, pair_ids):
        strata = holds.get(row.batch_id, frozenset())
        fit_id, target = live[row.batch_id]
        framed = row.inclusion_probability is not None
        stands = target and (row.stratum in strata if framed else bool(strata))
        before = found.get(row.pair_id)
        if before is not None and before.standing and not stands:
            continue
        reasons = tuple(row.reasons)
        found[row.pair_id] = Owned(
            row.pair_id, row.batch_id, fit_id, target, stands, row.route, reasons,
            row.priority, row.score, row.stratum, row.inclusion_probability,
        )  # fmt: skip
    return found


def _rows(
    session: Session, batch_ids: Collection[int], pair_ids: Collection[int] | None
) -> list[Any]:
    """Routes in these batches (of these pairs), oldest batch first."""
    query = (
        select(
            PairRoute.pair_id, PairRoute.batch_id, PairRoute.route, PairRoute.reasons,
            PairRoute.priority, PairRoute.score, PairRoute.stratum, PairRoute.inclusion_probability,
        )
        .where(PairRoute.batch_id.in_(batch_ids))
        .order_by(PairRoute.batch_id)
    )  # fmt: skip
    if pair_ids is None:
        return list(session.execute(query))
    return [
        row
        for chunk in chunks(sorted(pair_ids), _AT_ONCE)
        for row in session.execute(query.where(PairRoute.pair_id.in_(chunk)))
    ]
