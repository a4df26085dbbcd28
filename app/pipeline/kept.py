"""What was measured of each promise since: by its own audits, by later draws, beside an oracle.

Every certificate speaks of its own batch. Leaves out the arithmetic (`judges.trust.finite`,
`review.report.oracle`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.pipeline.certificates import frame_of
from db import batches, certificates, consensus, draws
from db.models import Certificate as Stored
from db.models import PairRoute
from db.session import Session
from db.vocabulary import Choice, Route
from judges.trust.certificate import Certificate
from judges.trust.finite import Stratum, share_of
from judges.trust.intervals import Estimate, undefined
from judges.vote_arrays import CODES
from review.report.facts import CertificateFact
from review.report.oracle import Ranked, oracle
from review.routing.promise import wrong_answers


@dataclass(frozen=True)
class _Promise:
    """A certificate with its batch: pairs of its frame by rank, and which answers were wrong.

    audited: answers to its own audits; since: other answers, to pairs it drew no audit of.
    """

    stored: Stored
    made: Certificate
    ranked: tuple[int, ...]
    drawn: frozenset[int]
    audited: Mapping[int, bool]
    since: Mapping[int, bool]
    outside: int

    @property
    def accepted(self) -> tuple[int, ...]:
        """The certified pairs."""
        return self.ranked[: self.made.accepted]


def certificate_facts(
    session: Session, reference: Mapping[int, Choice]
) -> tuple[CertificateFact, ...]:
    """Every certificate, oldest first. reference: the human answer of each pair that has one."""
    return tuple(
        _fact(session, _read(session, stored, reference))
        for stored in certificates.all_certificates(session)
    )


def _read(session: Session, stored: Stored, reference: Mapping[int, Choice]) -> _Promise:
    made = Certificate.from_dict(stored.payload)
    rows = batches.routes_of(session, stored.batch_id)
    frame = frame_of(rows, made)
    ranked = tuple(int(frame.pair_ids[row]) for row in frame.ranking())
    batch = batches.get_batch(session, stored.batch_id)
    scores = consensus.consensus_of(session, batch.fit_id, ranked)
    delivered = {pair: scores[pair].choice for pair in ranked}
    drawn = frozenset(row.pair_id for row in rows if row.route is Route.AUDIT) & set(ranked)
    answers = batches.audit_progress(session, stored.batch_id).answers
    own = {pair: choice for pair, choice in answers.items() if pair in drawn}
    other = {pair: reference[pair] for pair in ranked if pair in reference and pair not in drawn}
    return _Promise(
        stored=stored,
        made=made,
        ranked=ranked,
        drawn=drawn,
        audited=_wrong(delivered, own, tie_ok=made.tie_ok),
        since=_wrong(delivered, other, tie_ok=made.tie_ok),
        outside=_outside(rows),
    )


def _outside(rows: Sequence[PairRoute]) -> int:
    return sum(
        row.inclusion_probability is None
        and row.route is Route.ESCALATE
        and "settled" not in row.reasons
        for row in rows
    )


def _fact(session: Session, promise: _Promise) -> CertificateFact:
    made, stored = promise.made, promise.stored
    found = oracle(_ranked(promise))
    return CertificateFact(
        id=stored.id,
        batch_id=stored.batch_id,
        sentence=made.sentence(),
        promise=made.promise,
        promised=made.target,
        holds=made.holds,
        withdrawn=stored.withdrawn_reason,
        audit_error=_by_audits(promise),
        later_error=_by_later(session, promise),
        oracle=found,
        asked=() if found is None else tuple(found.sentences()),
    )


def _by_audits(promise: _Promise) -> Estimate:
    """Wrong labels delivered, by the audits that fell among the accepted."""
    inside = [
        wrong for pair in promise.accepted if (wrong := promise.audited.get(pair)) is not None
    ]
    if not promise.accepted:
        return undefined("nothing is accepted")
    found = share_of([Stratum(len(promise.accepted), len(inside), sum(inside))])
    return _promised(found, promise, len(promise.accepted), sum(inside))


def _by_later(session: Session, promise: _Promise) -> Estimate:
    """Wrong share of the accepted that were no audits, by what was answered since.

    Answers drawn blind by later batches stand for what those could draw. Others came because a pair
    was hard or somebody sent them in: they count where every pair is answered, and else not.
    """
    left = [pair for pair in promise.accepted if pair not in promise.drawn]
    known = {pair: promise.since[pair] for pair in left if pair in promise.since}
    if not known:
        return undefined("no accepted pair was answered since")
    frames = draws.later_draws(session, left, promise.stored.batch_id)
    pairs_of: dict[int | None, list[int]] = defaultdict(list)
    for pair in left:
        pairs_of[frames[pair][0] if pair in frames else None].append(pair)
    strata, drawn = [], 0
    for batch_id, pairs in pairs_of.items():
        counted = [p for p in pairs if p in known and batch_id is not None and frames[p][1]]
        drawn += len(counted)
        if all(pair in known for pair in pairs):
            counted = pairs
        strata.append(Stratum(len(pairs), len(counted), sum(known[pair] for pair in counted)))
    if drawn or len(known) == len(left):
        made = promise.made
        return _promised(
            share_of(strata), promise, len(left if made.corrected else promise.accepted)
        )
    return undefined(
        f"{len(known):,} of {len(left):,} accepted pairs were answered since, "
        f"{sum(known.values()):,} of them as wrong, but none was drawn at random: they stand for "
        "themselves alone",
        len(known),
    )


def _ranked(promise: _Promise) -> Ranked:
    made = promise.made
    known = {**promise.since, **promise.audited}
    return Ranked(
        wrong_P=np.array([known.get(pair, -1) for pair in promise.ranked], dtype=np.int8),
        drawn_P=np.array([pair in promise.audited for pair in promise.ranked], dtype=bool),
        audited_P=np.array([pair in promise.drawn for pair in promise.ranked], dtype=bool),
        accepted=made.accepted,
        outside=promise.outside,
        whole=made.size + made.beside,
        target=made.target,
        promise=made.promise,
        delta=made.delta,
    )


def _wrong(
    delivered: Mapping[int, Choice], said: Mapping[int, Choice], *, tie_ok: bool
) -> dict[int, bool]:
    """Which of these answers contradict what was delivered."""
    found = wrong_answers(
        {str(pair): CODES[delivered[pair]] for pair in said},
        {str(pair): CODES[choice] for pair, choice in said.items()},
        tie_ok=tie_ok,
    )
    return {int(pair): wrong for pair, wrong in found.items()}


def _promised(found: Estimate, promise: _Promise, pairs: int, corrected: int = 0) -> Estimate:
    """A wrong share of these pairs on the scale of the promise.

    g2 speaks of the whole batch, what people answer beside the frame in it, and of labels that are
    delivered wrong: those that audits corrected are not. g1 speaks of the accepted.
    """
    made = promise.made
    if found.value is None or found.low is None or found.high is None or made.promise == "g1":
        return found
    right, whole = corrected * made.corrected, made.size + made.beside

    def scaled(share: float) -> float:
        return max(share * pairs - right, 0.0) / whole

    return replace(found, value=scaled(found.value), low=scaled(found.low), high=scaled(found.high))
