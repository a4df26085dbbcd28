"""Withdraws a promise when later blind audits say that its rule does not hold any more.

A certificate's rule is its threshold. Every later batch's audits show what that rule would have
delivered there; an anytime-valid bet on them decides, so looking often costs nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.pipeline.certificates import settled_choice, withdraw
from db import batches, consensus, cycles
from db.models import Batch
from db.session import Database
from db.vocabulary import Choice, Route
from judges.trust.certificate import Certificate
from judges.trust.drift import watch_audits


@dataclass(frozen=True)
class _Audit:
    """One answered audit: its stratum and score in its own frame, and what was right there."""

    stratum: str
    score: float
    delivered: Choice
    reference: Choice

    def wrong(self, tie_ok: bool) -> bool:
        """Whether delivering the machine's label would have been an error."""
        if self.reference == self.delivered:
            return False
        return not (tie_ok and self.reference is Choice.TIE)


def withdraw_broken(database: Database) -> list[str]:
    """Withdraw every standing promise that later audits contradict; one sentence for each."""
    with database.read() as session:
        stored = [
            c for b in cycles.all_batches(session) for c in batches.certificates_of(session, b.id)
        ]
        audits = [(b.id, list(_audits(session, b))) for b in cycles.all_batches(session)]
    said = []
    for each in stored:
        promise = Certificate.from_dict(each.payload)
        if each.withdrawn_at is not None or not promise.holds:
            continue
        later = [a for batch_id, found in audits if batch_id > each.batch_id for a in found]
        reason = broken(promise, later)
        if reason is not None:
            withdraw(database, each.id, reason, "tiebreak")
            said.append(f"certificate {each.id} is withdrawn: {reason}")
    return said


def broken(promise: Certificate, later: list[_Audit]) -> str | None:
    """Why a promise no longer holds, or None.

    g2 bounds the wrong share of all pairs, what is not accepted counting as right; g1 that of the
    accepted.
    """
    inside = [a for a in later if a.stratum == promise.stratum]
    accepted = [a.score >= (promise.threshold or 0.0) for a in inside]
    if promise.promise == "g1":
        inside = [a for a, safe in zip(inside, accepted, strict=True) if safe]
        accepted = [True] * len(inside)
    wrong_T = np.array(
        [safe and a.wrong(promise.tie_ok) for a, safe in zip(inside, accepted, strict=True)],
        dtype=bool,
    )
    watched = watch_audits(wrong_T, bound=promise.target, delta=promise.delta)
    if not watched.withdraw:
        return None
    return (
        f"by its rule {int(wrong_T.sum())} of {len(wrong_T)} later audits would have been wrong, "
        f"more than {promise.target:.1%} allows"
    )


def _audits(session: Any, batch: Batch) -> Iterator[_Audit]:
    answers = batches.audit_progress(session, batch.id).answers
    scores = consensus.consensus_of(session, batch.fit_id, list(answers))
    for row in batches.routes_of(session, batch.id):
        if row.route is Route.AUDIT and row.pair_id in answers and row.pair_id in scores:
            delivered = settled_choice(scores[row.pair_id])
            yield _Audit(row.stratum, row.score, delivered, answers[row.pair_id])
