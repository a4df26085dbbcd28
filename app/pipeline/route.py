"""Routing end to end: certify what waited, fit, detect, decide, store, and give people their tasks.

With a target error nothing is delivered before its audits are answered: the first call freezes the
frame and asks for blind audits, a later one certifies, and only then is the rest escalated. What is
certified stays with its batch; new pairs make a batch of their own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from app.pipeline import new_batch, seeds
from app.pipeline.certifying import Advanced, advance
from app.pipeline.detect import detect, flag_rows
from app.pipeline.free import Free, free_pairs
from app.pipeline.new_batch import Part
from app.pipeline.promises import Promise, promises, standing_lines
from app.pipeline.reordering import reorder
from app.pipeline.withdrawal import withdraw_broken
from db import batches, consensus, rankings
from db.alone import alone
from db.errors import BadInput, Conflict
from db.gold import gold_labels
from db.opinions import GIVEN, answers, human_answers
from db.progress import Progress, quiet
from db.session import Database, Session
from db.tasks import being_asked
from db.vocabulary import Route
from judges.panel import Panel
from judges.results import FittedConsensus
from judges.steps import fit_consensus
from review.detectors import Finding, Flag
from review.routing.forecast import Forecast
from review.routing.promise import TargetPlan
from review.routing.router import RouteOptions
from review.settings import ReviewSettings

Announce = Callable[[str], None]


@dataclass(frozen=True)
class Routed:
    """What a routing did.

    state: routed; planned (a dry run); already (nothing to do). With a target also waiting (for
    audits), certified (a batch of this call), asking (too few pairs for a promise, so all are
    asked) and seeding. routes: pairs of the new batch by route, without one those of all batches.
    flags: findings by kind. promises: how every promise stands. told: sentences about this call.
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
    promises: tuple[Promise, ...] = ()
    told: tuple[str, ...] = ()
    quality: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    seed_offer: seeds.Offer | None = None

    @property
    def summary(self) -> str:
        """For people: one line, then each promise, warning and withdrawal on its own."""
        counted = ", ".join(f"{self.routes.get(r.value, 0):,} {r.value}" for r in Route)
        line = f"route: {self.state}; {self.pairs:,} pairs: {counted}"
        if self.tasks:
            line += f"; {self.tasks:,} new tasks"
        stand = standing_lines(self.promises)
        said = [*self.certificates, *self.told, *stand, *self.quality, *self.withdrawn]
        return "\n".join([line, *said])


@dataclass(frozen=True)
class _Asked:
    """What a call of route was asked for."""

    panel: Panel
    options: RouteOptions
    settings: ReviewSettings
    by_domain: bool
    now: bool
    dry_run: bool
    announce: Announce | None

    @property
    def policy(self) -> dict[str, Any]:
        """As it is stored with a batch."""
        return {**asdict(self.options), "by_domain": self.by_domain}


@dataclass(frozen=True)
class _Read:
    """What people said and are being asked, read in one transaction."""

    settled: Mapping[int, Any]
    asked: set[int]
    given: Sequence[Any]
    free: Free


def route_pairs(
    database: Database,
    panel: Panel,
    options: RouteOptions,
    settings: ReviewSettings,
    *,
    by_domain: bool = False,
    certify_now: bool = False,
    dry_run: bool = False,
    announce: Announce | None = None,
    progress: Progress = quiet,
) -> Routed:
    """Bring every batch as far as its answers allow, and route every pair that no batch keeps.

    Safe to repeat: the same options on the same votes and answers do nothing twice. certify_now:
    do not wait for open audits or seed questions. Raises Conflict where there are no votes yet, or
    another process routes.
    """
    if by_domain and options.mode != "target":
        raise BadInput("--by domain makes a promise a domain; give --target-error with it")
    if certify_now and options.mode != "target":
        raise BadInput("--certify-now ends the wait for audits; give --target-error with it")
    asked = _Asked(panel, options, settings, by_domain, certify_now, dry_run, announce)
    bring = _to_target if options.mode == "target" else _in_mode
    if dry_run:
        return bring(database, asked)
    with alone(database, "route"):
        withdrawn = tuple(w.summary for w in withdraw_broken(database))
        return replace(bring(database, asked), withdrawn=withdrawn)


def _in_mode(database: Database, asked: _Asked) -> Routed:
    """Without a target: every pair that no certificate keeps is routed anew."""
    ended = [] if asked.dry_run else advance(database, asked.policy, asked.settings)
    told = tuple(sentence for one in ended for sentence in one.told)
    fitted = fit_consensus(database, asked.panel.panel.label_model)
    read = _read(database, fitted.vote_table.pair_ids, asked.policy)
    kept = len(fitted.vote_table.pair_ids) - len(read.free.fresh | read.free.answered)
    if kept:
        told += (f"{kept:,} pairs stay with the promise they are under",)
    if not read.free:
        return replace(_without_news(database), told=told)
    known = _already(database, fitted, read.free, asked.policy)
    return replace(known, told=told) if known else _open(database, asked, fitted, read, told)


def _to_target(database: Database, asked: _Asked) -> Routed:
    with database.read() as session:
        voted = consensus.voted_pair_ids(session)
    if not voted:
        raise Conflict("no pair has votes yet; run `tiebreak judge` or import votes")
    moved: list[Advanced] = []
    if not asked.dry_run:
        moved = seeds.take_offer(database, asked.options)
        moved += advance(database, asked.policy, asked.settings, now=asked.now)
    certified = [one for one in moved if one.state == "certified"]
    read = _read(database, voted, asked.policy)
    told = tuple(said for one in moved if one.state != "certified" for said in one.told)
    made = tuple(said for one in certified for said in one.told)
    done = _without_news(database)
    if read.free.fresh:
        fitted = fit_consensus(database, asked.panel.panel.label_model)
        done = _open(database, asked, fitted, read, ())
    if not asked.dry_run:
        reorder(database, asked.panel.panel.label_model, asked.options)
    with database.read() as session:
        stand = tuple(promises(session))
    if certified and done.state == "already":
        done = replace(done, state="certified", batch_id=certified[-1].batch_id)
    return replace(
        done,
        tasks=done.tasks + sum(one.tasks for one in moved),
        audits_open=sum(p.audits - p.answered for p in stand if p.state == "waiting"),
        certificates=made,
        promises=stand,
        told=told + done.told,
    )


def _read(database: Database, pair_ids: Sequence[int], policy: Mapping[str, Any]) -> _Read:
    with database.read() as session:
        settled = rankings.settled(session) | human_answers(session) | gold_labels(session)
        given = list(answers(session, GIVEN))
        asked = being_asked(session) | rankings.being_ranked(session)
        asked |= {one.pair_id for one in given}
        free = free_pairs(session, pair_ids, settled, policy)
    return _Read(settled, asked - settled.keys(), given, free)


def _without_news(database: Database) -> Routed:
    """Where no pair is to be routed: what stands."""
    with database.read() as session:
        waits = [p for p in promises(session, forecast=False) if p.state == "waiting"]
        counts = batches.count_owned(session)
    routes = {route.value: n for route, n in counts.items()}
    state = "waiting" if waits else "already"
    batch_id = waits[-1].batch_id if waits else None
    return Routed(state, batch_id, sum(routes.values()), routes)


def _already(
    database: Database, fitted: FittedConsensus, free: Free, policy: Mapping[str, Any]
) -> Routed | None:
    """What a route without a target did before, where nothing has changed since."""
    with database.read() as session:
        batch = batches.newest_batch(session)
        if batch is None or batch.fit_id != fitted.fit_id:
            return None
        if any(batch.policy.get(name) != value for name, value in policy.items() if value):
            return None
        if batches.pairs_of(session, batch.id) != free.fresh | free.answered:
            return None
        counts = {r.value: n for r, n in batches.count_routes(session, batch.id).items()}
        flags = batches.count_flags(session, fitted.fit_id)
    return Routed("already", batch.id, sum(counts.values()), counts, flags)


def _open(
    database: Database,
    asked: _Asked,
    fitted: FittedConsensus,
    read: _Read,
    told: tuple[str, ...],
) -> Routed:
    """A new batch of the free pairs, or the seed questions before it."""
    vote_table = fitted.vote_table
    labels_P = vote_table.labels(read.settled)
    flags, findings = detect(vote_table, fitted.consensus, labels_P, read.given)
    part = Part.of(fitted, flags, labels_P, read.free, read.asked)
    quality = tuple(f.advice for f in findings if f.alarm and f.subject == "*")
    if asked.options.mode == "target":
        first = seeds.ask_first(database, part, asked.options, asked.policy, asked.settings,
                                now=asked.now, dry_run=asked.dry_run)  # fmt: skip
        if first is not None:
            counts = {"escalate": first.questions}
            return Routed("seeding", first.batch_id, first.questions, counts, tasks=first.tasks)
    plan, target, forecast = part.planned(asked.options, asked.by_domain)
    offered = _offer(database, asked, pairs=len(part.pair_ids), target=target)
    if asked.announce is not None:
        asked.announce(forecast.sentence() if target is None else target.sentence())
        if offered is not None and offered.mean > 0:
            asked.announce(offered.sentence(asked.options.target_error or 0.0))
    routes = {r.value: plan.count(r.value) for r in Route}
    pairs = len(part.pair_ids)
    if asked.dry_run:
        return Routed("planned", None, pairs, routes, forecast=forecast, quality=quality, told=told)
    with database.begin() as session:
        counted = _store_flags(session, fitted, flags, findings)
        opened = new_batch.open_batch(session, part, plan, target, asked.policy, asked.settings)
    state = "routed" if target is None else "waiting" if target.frames else "asking"
    return Routed(
        state, opened.batch_id, pairs, routes, counted, forecast, opened.tasks,
        quality=quality, told=told, seed_offer=offered,
    )  # fmt: skip


def _offer(
    database: Database, asked: _Asked, *, pairs: int, target: TargetPlan | None
) -> seeds.Offer | None:
    """Seed questions in the place of a frame that has fewer answers to learn from."""
    if target is None or not target.frames:
        return None
    with database.read() as session:
        return seeds.offer(session, asked.options, pairs)


def _store_flags(
    session: Session, fitted: FittedConsensus, flags: Sequence[Flag], findings: Sequence[Finding]
) -> dict[str, int]:
    if not batches.has_flags(session, fitted.fit_id):
        pair_ids = fitted.vote_table.pair_ids
        batches.add_flags(session, flag_rows(fitted.fit_id, pair_ids, flags, findings))
    return batches.count_flags(session, fitted.fit_id)
