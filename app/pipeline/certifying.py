"""Batches that wait for audits: what their answered audits certify, and what is asked then.

Only what a certificate cannot accept is escalated, and not before it is made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.pipeline.certificates import audited_wrong
from app.pipeline.frames import Stratum, strata_of
from app.pipeline.free import is_seeding
from db import batches, consensus
from db.batches import AuditProgress
from db.certificates import add_certificate, certificates_of
from db.models import Batch, PairRoute
from db.opinions import human_answers
from db.owners import AWAITS, CERTIFIED, SETTLED
from db.session import Database, Session
from db.tasks import NewTask, add_tasks, being_asked, close_tasks
from db.vocabulary import Choice, Route, TaskKind
from judges.trust.certificate import Certificate, certify
from review.routing.forecast import go_on
from review.routing.options import same_promise
from review.routing.promise import WHOLE
from review.settings import ReviewSettings

_AFTER = "after_audits"
_NOT = "uncertified"


@dataclass(frozen=True)
class Advanced:
    """What became of a batch that waited. state: waiting, certified or given up.

    tasks: escalations newly asked. told: sentences for people.
    """

    batch_id: int
    state: str
    tasks: int = 0
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Waiting:
    """A batch that waits for its audits, read in one transaction."""

    batch: Batch
    rows: Sequence[PairRoute]
    strata: Mapping[str, Stratum]
    audit: AuditProgress
    wrong: Mapping[str, bool]
    version: str

    def certificate(self, stratum: Stratum, look: int) -> Certificate:
        """What the answers to the first audits up to a look certify."""
        policy = self.batch.policy
        inside = {pair: self.wrong[pair] for pair in stratum.frame.pair_ids if pair in self.wrong}
        return certify(
            stratum.frame,
            inside,
            target=policy["target_error"],
            delta=stratum.delta,
            promise=policy["promise"],
            looks=stratum.looks,
            look=look,
            tie_ok=policy["tie_ok"],
            seed=stratum.seed,
            model_version=self.version,
            stratum=stratum.name,
            beside=beside(self.rows, stratum.name),
        )

    def go_on(self, stratum: Stratum, look: int) -> bool:
        """Whether audits beyond an answered look are expected to save more than they cost."""
        policy = self.batch.policy
        return go_on(
            stratum.frame,
            self.wrong,
            looks=stratum.looks,
            look=look,
            target=policy["target_error"],
            promise=policy["promise"],
            beside=beside(self.rows, stratum.name),
            seed=stratum.seed,
        )

    def answered(self, stratum: Stratum) -> int:
        """The number of the last look whose audits are all answered; 0 where none is."""
        waits = [
            bool(self.audit.open.intersection(stratum.drawn(look)))
            for look in range(1, stratum.look + 1)
        ]
        return [*waits, True].index(True)

    def best(self, stratum: Stratum) -> Certificate:
        """The look that certifies most, of those whose audits are asked.

        The looks' deltas sum to the stratum's, so any choice among them keeps the promise.
        """
        tried = [self.certificate(stratum, look) for look in range(1, stratum.look + 1)]
        return max(tried, key=lambda made: (made.accepted, made.look))


def waiting_batches(session: Session) -> list[Batch]:
    """Batches with frames that were routed to a target and have no certificate yet."""
    found = batches.uncertified(session)
    return [batch for batch in found if batch.looks != {} and not is_seeding(batch)]


def advance(
    database: Database, policy: Mapping[str, Any], settings: ReviewSettings, *, now: bool = False
) -> list[Advanced]:
    """Bring every waiting batch as far as its answers allow, oldest first.

    It gets its certificate once a planned look is answered beyond which none is worth asking; with
    `now` the one that the answers so far allow, unless that accepts nothing. A batch that waits
    under another promise than `policy` is given up.
    """
    with database.read() as session:
        waiting = waiting_batches(session)
        known = [_read(session, batch) for batch in waiting]
    done = []
    for one in known:
        if not same_promise(one.batch.policy, policy):
            done.append(give_up(database, one.batch.id, "another promise was asked for"))
        else:
            done.append(_advance(database, one, settings, now))
    return done


def give_up(database: Database, batch_id: int, why: str) -> Advanced:
    """End a batch that has no certificate: its open audits are withdrawn, its answers stay."""
    with database.begin() as session:
        batch = batches.locked(session, batch_id)
        audit = batches.audit_progress(session, batch_id)
        if batch.given_up_at is None and not certificates_of(session, batch_id):
            batches.give_up(session, batch)
            close_tasks(session, audit.open, kind=TaskKind.AUDIT)
    told = (
        f"batch {batch_id} is given up: {why}; the answers to {len(audit.answers):,} of its audits "
        "count as ordinary ones",
    )
    return Advanced(batch_id, "given up", told=told)


def _read(session: Session, batch: Batch) -> _Waiting:
    rows = batches.routes_of(session, batch.id)
    audit = batches.audit_progress(session, batch.id)
    scores = consensus.consensus_of(session, batch.fit_id, list(audit.answers))
    wrong = audited_wrong(scores, audit, tie_ok=batch.policy["tie_ok"])
    version = batches.fit_of(session, batch).version
    return _Waiting(batch, rows, strata_of(batch, rows), audit, wrong, version)


def _advance(database: Database, one: _Waiting, settings: ReviewSettings, now: bool) -> Advanced:
    if not now and not _enough(one):
        return Advanced(one.batch.id, "waiting")
    made = {name: one.best(stratum) for name, stratum in one.strata.items()}
    if now and not any(certificate.holds for certificate in made.values()):
        told = tuple(_nothing_yet(one, certificate) for certificate in made.values())
        return Advanced(one.batch.id, "waiting", told=told)
    return _certify(database, one, made, settings)


def beside(rows: Sequence[PairRoute], stratum: str) -> int:
    """Pairs outside the frame that people answer, or had: they count in the share of the batch.

    Every pair is in one batch; those answered before are in the first one after their answer.
    """
    if stratum != WHOLE:
        return 0
    return sum(
        row.inclusion_probability is None
        and (row.route is Route.ESCALATE or SETTLED in row.reasons)
        for row in rows
    )


def _enough(one: _Waiting) -> bool:
    """Whether the answers so far reach a look in every frame beyond which none is worth asking."""
    reached = [(stratum, one.answered(stratum)) for stratum in one.strata.values()]
    return all(look and not one.go_on(stratum, look) for stratum, look in reached)


def _nothing_yet(one: _Waiting, certificate: Certificate) -> str:
    answered = certificate.audits - certificate.unanswered
    where = f" in {certificate.stratum}" if certificate.stratum else ""
    return (
        f"batch {one.batch.id}: the {answered:,} of {certificate.audits:,} audits{where} that are "
        "answered certify nothing yet, so nothing was changed; answer more of them, or ask for "
        "another target"
    )


def _certify(
    database: Database,
    one: _Waiting,
    made: Mapping[str, Certificate],
    settings: ReviewSettings,
) -> Advanced:
    """Store the certificates, and escalate what they do not accept."""
    with database.begin() as session:
        batches.locked(session, one.batch.id)
        if certificates_of(session, one.batch.id):  # somebody else was quicker
            return Advanced(one.batch.id, "certified")
        said = human_answers(session, pair_ids=[row.pair_id for row in one.rows])
        busy = being_asked(session)
        fates = _fates(one, made, said, busy)
        for certificate in made.values():
            add_certificate(session, one.batch.id, certificate.promise, certificate.to_dict())
        close_tasks(session, fates.reverted, kind=TaskKind.AUDIT)
        close_tasks(session, fates.accepted)
        batches.change_routes(session, fates.changes)
        row = {each.pair_id: each for each in one.rows}
        tasks = [
            _task(
                one.batch.id, pair_id, TaskKind.ESCALATION, reasons,
                min(row[pair_id].priority, 1.0), settings,
            )
            for pair_id, reasons in fates.asked.items()
        ]  # fmt: skip
        added = add_tasks(session, tasks).added
    sentences = tuple(certificate.sentence() for certificate in made.values())
    return Advanced(one.batch.id, "certified", tasks=added, told=sentences)


@dataclass(frozen=True)
class _Fates:
    """What a certificate makes of the pairs of its batch.

    changes: of stored routes. reverted: audits that no look counted and nobody has answered.
    """

    changes: list[dict[str, Any]]
    accepted: list[int]
    reverted: list[int]
    asked: dict[int, tuple[str, ...]]


def _fates(
    one: _Waiting, made: Mapping[str, Certificate], said: Mapping[int, Choice], busy: set[int]
) -> _Fates:
    safe: set[int] = set()
    counted: set[int] = set()
    for name, certificate in made.items():
        stratum = one.strata[name]
        mask = certificate.accepted_P(stratum.frame)
        safe |= {int(p) for p, ok in zip(stratum.frame.pair_ids, mask, strict=True) if ok}
        counted |= set(stratum.drawn(certificate.look))
    fates = _Fates([], [], [], {})
    for row in one.rows:
        framed = row.inclusion_probability is not None
        waits = row.pair_id in one.audit.open
        if not framed:
            route, reasons = row.route, _flags(row)
        elif row.route is Route.AUDIT and (not waits or row.pair_id in counted | busy):
            agreed = not one.wrong.get(str(row.pair_id), True)
            inside = row.pair_id in safe and agreed  # else only a human's answer is delivered
            route, reasons = row.route, ["audit", *[CERTIFIED] * inside, *_flags(row)]
        else:
            if row.route is Route.AUDIT:
                fates.reverted.append(row.pair_id)
            inside = row.pair_id in safe
            route = Route.ACCEPT if inside else Route.ESCALATE
            reasons = [CERTIFIED if inside else _NOT, *_flags(row)]
            if inside:
                fates.accepted.append(row.pair_id)
        if route is Route.ESCALATE and row.pair_id not in said:
            fates.asked[row.pair_id] = tuple(reasons)
        if (route, reasons) != (row.route, row.reasons):
            fates.changes.append({"id": row.id, "route": route, "reasons": reasons})
    return fates


def _flags(row: PairRoute) -> list[str]:
    """The reasons of a route without those that speak of its state."""
    return [reason for reason in row.reasons if reason not in (AWAITS, _AFTER, _NOT, "audit")]


def _task(
    batch_id: int,
    pair_id: int,
    kind: TaskKind,
    reasons: Sequence[str],
    priority: float,
    settings: ReviewSettings,
) -> NewTask:
    return NewTask(
        kind=kind,
        pair_id=pair_id,
        batch_id=batch_id,
        priority=priority,
        reasons=tuple(reasons),
        wanted_reviews=settings.reviews_wanted,
        max_reviews=settings.reviews_most,
    )
