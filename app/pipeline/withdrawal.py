"""Withdraws a promise when later blind audits say that its rule does not hold any more.

A certificate's rule is its threshold. Every later batch's audits show what that rule would have
delivered there; an anytime-valid bet on them decides, so looking often costs nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from app.pipeline.certificates import Withdrawn, audited_wrong, withdraw
from db import batches, certificates, consensus
from db.batches import AuditProgress
from db.errors import Conflict
from db.models import Batch, PairRoute
from db.probabilities import Probabilities
from db.session import Database, Session
from db.vocabulary import Choice, Route
from judges.trust.certificate import Certificate
from judges.trust.drift import watch_audits
from review.routing.promise import TIES

ACTOR = "tiebreak"


@dataclass(frozen=True)
class _Audited:
    """The answered audits of one batch, in the order they were answered."""

    batch: Batch
    rows: Sequence[PairRoute]
    scores: Mapping[int, Probabilities]
    answers: AuditProgress

    @property
    def whole_frame(self) -> bool:
        """Whether the audits were drawn from every pair that could be delivered."""
        return self.batch.policy.get("target_error") is not None

    def speaks_for(self, promise: Certificate) -> bool:
        """Whether a rule of `promise` can be read off these audits.

        A share of all pairs needs audits of all of them; elsewhere than under a promise only
        accepted pairs are audited, and scored as if a tie were an error.
        """
        if self.whole_frame:
            return bool(self.batch.policy.get("tie_ok", False)) == promise.tie_ok
        return promise.promise == "g1" and not promise.tie_ok

    def inside(self, promise: Certificate) -> Iterator[tuple[bool, bool]]:
        """Of each audit in the promise's stratum: accepted by its rule, and wrong as delivered."""
        wrong = audited_wrong(self.scores, self.answers, tie_ok=promise.tie_ok)
        for row in self.rows:
            is_tie = self.scores[row.pair_id].choice is Choice.TIE
            if row.stratum == promise.stratum and is_tie == (promise.stratum == TIES):
                yield row.score >= (promise.threshold or 0.0), wrong[str(row.pair_id)]


def withdraw_broken(database: Database) -> list[Withdrawn]:
    """Withdraw every standing promise that later audits contradict. Safe to repeat."""
    with database.read() as session:
        standing = [
            (row, promise)
            for row in certificates.all_certificates(session)
            if row.withdrawn_at is None and (promise := Certificate.from_dict(row.payload)).holds
        ]
        if not standing:
            return []
        oldest = min(row.batch_id for row, _ in standing)
        later = [_audited(session, b) for b in batches.all_batches(session) if b.id > oldest]
    done = []
    for row, promise in standing:
        seen = [a for a in later if a.batch.id > row.batch_id and a.speaks_for(promise)]
        reason = broken(promise, [audit for a in seen for audit in a.inside(promise)])
        if reason is None:
            continue
        try:
            done.append(withdraw(database, row.id, reason, ACTOR))
        except Conflict:  # somebody else withdrew it meanwhile
            continue
    return done


def withdrawn_since(database: Database, moment: datetime) -> list[Withdrawn]:
    """Promises withdrawn at or after a moment, by whomever."""
    with database.read() as session:
        return [
            Withdrawn(row.id, row.batch_id, row.withdrawn_reason or "")
            for row in certificates.all_certificates(session)
            if row.withdrawn_at is not None and row.withdrawn_at >= moment
        ]


def broken(promise: Certificate, later: Sequence[tuple[bool, bool]]) -> str | None:
    """Why a promise no longer holds, or None. later: accepted and wrong, one audit after another.

    g2 bounds the wrong share of all pairs, what is not accepted counting as right; g1 that of the
    accepted. These audits are counted as the panel made them, hence the certificate's `rule_bound`.
    """
    if promise.promise == "g1":
        later = [audit for audit in later if audit[0]]
    wrong_T = np.array([safe and wrong for safe, wrong in later], dtype=bool)
    watched = watch_audits(wrong_T, bound=promise.rule_bound, delta=promise.delta)
    if not watched.withdraw:
        return None
    counted = wrong_T[: watched.alarm_at]
    return (
        f"by its rule {counted.sum()} of the next {len(counted)} audits would have been wrong, "
        f"more than {promise.rule_bound:.1%} allows"
    )


def _audited(session: Session, batch: Batch) -> _Audited:
    answers = batches.audit_progress(session, batch.id)
    place = {p: n for n, p in enumerate(certificates.audits_in_order(session, batch.id))}
    scores = consensus.consensus_of(session, batch.fit_id, list(answers.answers))
    rows = [
        row
        for row in batches.routes_of(session, batch.id, Route.AUDIT)
        if row.pair_id in answers.answers
    ]
    rows.sort(key=lambda row: place.get(row.pair_id, len(place)))
    return _Audited(batch, rows, scores, answers)
