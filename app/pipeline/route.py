"""Routing end to end: fit, detect, decide, store, and give humans their tasks.

With a target error it takes two calls with humans in between: the first freezes the frame and
draws blind audits; once those are answered, the second certifies and accepts what it may.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from app.pipeline.certificates import audited_wrong
from app.pipeline.detect import detect, flag_rows
from app.pipeline.frames import frames_of
from app.pipeline.withdrawal import withdraw_broken
from db import batches, consensus, rankings
from db.batches import AuditProgress
from db.certificates import add_certificate, certificates_of
from db.errors import BadInput, Conflict
from db.gold import gold_labels
from db.identity import content_hash
from db.models import Batch, ConsensusFit, PairRoute
from db.opinions import GIVEN, answers, human_answers
from db.probabilities import Probabilities
from db.progress import Progress, quiet
from db.session import Database
from db.tasks import NewTask, add_tasks, close_tasks
from db.vocabulary import Route, TaskKind
from judges.panel import Panel
from judges.results import FittedConsensus
from judges.steps import fit_consensus
from judges.trust.certificate import Certificate, certify, certify_strata
from judges.trust.looks import Look
from judges.vote_arrays import VoteTable
from review.detectors import Flag
from review.routing.forecast import Forecast, forecast_plan
from review.routing.ordering import risk
from review.routing.promise import TargetPlan, route_to_target
from review.routing.router import Plan, RouteOptions, route
from review.settings import ReviewSettings

Announce = Callable[[str], None]


@dataclass(frozen=True)
class Routed:
    """What a routing did. `state` is routed, already, planned (a dry run), waiting (for audits)
    or certified; `routes` counts pairs by route, `flags` findings by kind.
    """

    state: str
    batch_id: int | None
    pairs: int
    routes: dict[str, int]
    flags: dict[str, int] = field(default_factory=dict)
    forecast: Forecast | None = None
    tasks: int = 0
    audits_open: int = 0
    certificates: tuple[str, ...] = ()
    quality: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """For people: one line, then each promise, warning and withdrawal on its own."""
        told = ", ".join(f"{self.routes.get(r.value, 0):,} {r.value}" for r in Route)
        line = f"route: {self.state}; {self.pairs:,} pairs: {told}"
        if self.tasks:
            line += f"; {self.tasks:,} new tasks"
        if self.audits_open:
            line += f"; {self.audits_open:,} audits wait for an answer before anything is promised"
        return "\n".join([line, *self.certificates, *self.quality, *self.withdrawn])


def route_pairs(
    database: Database,
    panel: Panel,
    options: RouteOptions,
    settings: ReviewSettings,
    *,
    by_domain: bool = False,
    dry_run: bool = False,
    announce: Announce | None = None,
    progress: Progress = quiet,
) -> Routed:
    """Route every pair that has votes; safe to repeat.

    The same options on the same votes and answers do nothing twice, unless the promise made then
    was withdrawn. Raises Conflict where there are no votes yet.
    """
    withdrawn = () if dry_run else tuple(w.summary for w in withdraw_broken(database))
    done = _route(
        database, panel, options, settings, by_domain, dry_run, announce, progress
    )  # fmt: skip
    return replace(done, withdrawn=withdrawn)


def _route(
    database: Database,
    panel: Panel,
    options: RouteOptions,
    settings: ReviewSettings,
    by_domain: bool,
    dry_run: bool,
    announce: Announce | None,
    progress: Progress,
) -> Routed:
    policy = {**asdict(options), "by_domain": by_domain}
    with database.read() as session:
        pending = _pending(session, policy)
    if pending is not None:
        return _certify(database, pending, options, settings, dry_run, progress)
    fitted = fit_consensus(database, panel.panel.label_model)
    if not fitted.vote_table.pair_ids:
        raise Conflict("no pair has votes yet; run `tiebreak judge` or import votes")
    known = _already(database, fitted, policy)
    if known is not None:
        return known
    vote_table = fitted.vote_table
    with database.read() as session:
        by_people = rankings.settled(session) | human_answers(session)
        labels_P = vote_table.labels(by_people | gold_labels(session))
        given = list(answers(session, GIVEN))
    flags, findings = detect(vote_table, fitted.consensus, labels_P, given)
    plan, target = _plan(fitted, flags, options, by_domain, labels_P)
    forecast = target.forecast if target else _forecast(plan, fitted, options)
    if announce is not None:
        announce(forecast.sentence())
    routes = {r.value: plan.count(r.value) for r in Route}
    quality = tuple(f.advice for f in findings if f.alarm and f.subject == "*")
    if dry_run:
        return Routed(
            "planned", None, len(vote_table.pair_ids), routes, forecast=forecast, quality=quality
        )
    with database.begin() as session:
        if not batches.has_flags(session, fitted.fit_id):
            batches.add_flags(
                session, flag_rows(fitted.fit_id, vote_table.pair_ids, flags, findings)
            )
        batch = Batch(
            fit_id=fitted.fit_id,
            policy=policy,
            seed=options.seed,
            frame_hash=content_hash(
                [f.sha256() for f in (target.frames if target else {}).values()]
            ),
        )
        batch_id = batches.add_batch(session, batch, _route_rows(vote_table, plan, fitted, target))
        added = _hand_out(session, batch_id, vote_table.pair_ids, plan, settings)
        counted = batches.count_flags(session, fitted.fit_id)
    waiting = plan.count("audit") if target else 0
    return Routed(
        "waiting" if target else "routed", batch_id, len(vote_table.pair_ids), routes, counted,
        forecast, added, waiting, quality=quality,
    )  # fmt: skip


def _pending(session: Any, policy: Mapping[str, Any]) -> Batch | None:
    """The newest batch, where it was routed to this very target and has no certificate yet."""
    batch = batches.newest_batch(session)
    if batch is None or batch.policy != policy or policy["target_error"] is None:
        return None
    return None if certificates_of(session, batch.id) else batch


def _already(
    database: Database, fitted: FittedConsensus, policy: Mapping[str, Any]
) -> Routed | None:
    with database.read() as session:
        batch = batches.newest_batch(session)
        if batch is None or batch.policy != policy or batch.fit_id != fitted.fit_id:
            return None
        made = certificates_of(session, batch.id)
        if any(c.withdrawn_at is not None for c in made):
            return None
        counts = {r.value: n for r, n in batches.count_routes(session, batch.id).items()}
        sentences = tuple(Certificate.from_dict(c.payload).sentence() for c in made)
        flags = batches.count_flags(session, fitted.fit_id)
    return Routed("already", batch.id, sum(counts.values()), counts, flags, certificates=sentences)


def _plan(
    fitted: FittedConsensus,
    flags: Sequence[Flag],
    options: RouteOptions,
    by_domain: bool,
    labels_P: Any,
) -> tuple[Plan, TargetPlan | None]:
    vote_matrix = fitted.vote_table.vote_matrix
    if options.mode != "target":
        if by_domain:
            raise BadInput("--by domain makes a promise a domain; give --target-error with it")
        return route(vote_matrix, fitted.consensus, flags, options, labels_P=labels_P), None
    names = [vote_matrix.domains[d] if d >= 0 else "no domain" for d in vote_matrix.domain_P]
    ids = [str(pair_id) for pair_id in fitted.vote_table.pair_ids]
    target = route_to_target(
        ids, vote_matrix, fitted.consensus, flags, options,
        strata=names if by_domain else None, labels_P=labels_P,
    )  # fmt: skip
    return target.plan, target


def _forecast(plan: Plan, fitted: FittedConsensus, options: RouteOptions) -> Forecast:
    return forecast_plan(
        plan.route_P,
        risk(fitted.consensus, tie_ok=options.tie_ok),
        seconds_per_review=options.seconds_per_review,
    )


def _route_rows(
    vote_table: VoteTable, plan: Plan, fitted: FittedConsensus, target: TargetPlan | None
) -> list[dict[str, Any]]:
    stratum: dict[str, str] = {}
    score: dict[str, float] = {}
    for name, frame in (target.frames if target else {}).items():
        stratum.update(dict.fromkeys(frame.pair_ids, name))
        score.update(zip(frame.pair_ids, frame.scores_P.tolist(), strict=True))
    confidence_P = fitted.consensus.confidence_P
    return [
        {
            "pair_id": pair_id,
            "route": Route(str(plan.route_P[p])),
            "reasons": list(plan.reasons[p]),
            "priority": float(plan.priority_P[p]),
            "score": score.get(str(pair_id), float(confidence_P[p])),
            "stratum": stratum.get(str(pair_id), ""),
            "inclusion_probability": (
                float(plan.inclusion_P[p]) if str(pair_id) in stratum or not target else None
            ),
        }
        for p, pair_id in enumerate(vote_table.pair_ids)
    ]


def _hand_out(
    session: Any, batch_id: int, pair_ids: Sequence[int], plan: Plan, settings: ReviewSettings
) -> int:
    """Tasks for what humans must see; escalations no longer wanted are withdrawn."""
    kinds = {"escalate": TaskKind.ESCALATION, "audit": TaskKind.AUDIT}
    tasks = [
        NewTask(
            kind=kinds[str(plan.route_P[p])],
            pair_id=pair_id,
            batch_id=batch_id,
            priority=float(plan.priority_P[p]),
            reasons=tuple(plan.reasons[p]),
            wanted_reviews=settings.reviews_wanted,
            max_reviews=settings.reviews_most,
        )
        for p, pair_id in enumerate(pair_ids)
        if plan.route_P[p] != "accept"
    ]
    close_tasks(session, [p for i, p in enumerate(pair_ids) if plan.route_P[i] == "accept"])
    return add_tasks(session, tasks).added


def _certify(
    database: Database,
    batch: Batch,
    options: RouteOptions,
    settings: ReviewSettings,
    dry_run: bool,
    progress: Progress,
) -> Routed:
    """The second call: certify what the answered audits allow, on the frozen frames."""
    with database.read() as session:
        audit = batches.audit_progress(session, batch.id)
        rows = batches.routes_of(session, batch.id)
        fit = batches.fit_of(session, batch)
        scores = consensus.consensus_of(session, batch.fit_id)
        counts = {r.value: n for r, n in batches.count_routes(session, batch.id).items()}
    if audit.waiting or dry_run:
        return Routed("waiting", batch.id, len(rows), counts, audits_open=audit.waiting)
    certificates = _certificates(rows, scores, audit, fit, options)
    changes = _certified(rows, certificates)
    with database.begin() as session:
        for certificate in certificates.values():
            add_certificate(session, batch.id, certificate.promise, certificate.to_dict())
        batches.change_routes(session, batch.id, changes)
        tasks = [
            NewTask(
                kind=TaskKind.ESCALATION,
                pair_id=change["pair_id"],
                batch_id=batch.id,
                priority=change["priority"],
                reasons=tuple(change["reasons"]),
                wanted_reviews=settings.reviews_wanted,
                max_reviews=settings.reviews_most,
            )
            for change in changes
            if change["route"] is Route.ESCALATE
        ]
        added = add_tasks(session, tasks).added
        counts = {r.value: n for r, n in batches.count_routes(session, batch.id).items()}
    return Routed(
        "certified", batch.id, len(rows), counts, tasks=added,
        certificates=tuple(c.sentence() for c in certificates.values()),
    )  # fmt: skip


def _certificates(
    rows: Sequence[PairRoute],
    scores: Mapping[int, Probabilities],
    audit: AuditProgress,
    fit: ConsensusFit,
    options: RouteOptions,
) -> dict[str, Certificate]:
    frames = frames_of(rows)
    wrong = audited_wrong(scores, audit, tie_ok=options.tie_ok)
    spend = options.delta / len(frames) / options.looks
    looks = {
        name: (Look(sum(r.stratum == name and r.route is Route.AUDIT for r in rows), spend),)
        for name in frames
    }
    asked: dict[str, Any] = {
        "target": options.target_error,
        "promise": options.promise,
        "tie_ok": options.tie_ok,
        "seed": options.seed,
        "model_version": fit.version,
    }
    if len(frames) == 1:
        ((name, frame),) = frames.items()
        return {
            name: certify(
                frame, wrong, looks=looks[name], delta=options.delta, stratum=name, **asked
            )
        }
    return certify_strata(frames, wrong, looks=looks, delta=options.delta, **asked)


def _certified(
    rows: Sequence[PairRoute], certificates: Mapping[str, Certificate]
) -> list[dict[str, Any]]:
    """What becomes of each pair that waited for the certificate."""
    frames = frames_of(rows)
    safe: set[int] = set()
    for name, certificate in certificates.items():
        mask = certificate.accepted_P(frames[name])
        safe |= {int(p) for p, ok in zip(frames[name].pair_ids, mask, strict=True) if ok}
    changes = []
    for row in rows:
        if row.route is Route.AUDIT or row.inclusion_probability is None:
            continue
        reasons = [r for r in row.reasons if r not in ("awaiting_audit", "uncertified")]
        fate, reason = (
            (Route.ACCEPT, "certified") if row.pair_id in safe else (Route.ESCALATE, "uncertified")
        )
        changes.append(
            {
                "pair_id": row.pair_id,
                "route": fate,
                "reasons": [reason, *reasons],
                "priority": 1.0 - row.score,
            }
        )
    return changes
