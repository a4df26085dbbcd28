"""Gathers what the report is computed from: votes, human answers, labels, routes, money, promises.

Reads the database and fits the consensus anew where votes or answers have changed since. Leaves
out every figure (`review.report.table`) and how it looks (`review.report.page`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.pipeline.certificates import audits_of, frame_of
from app.pipeline.withdrawal import withdraw_broken
from db import answers, batches, certificates, consensus, opinions, spending
from db.answers import Delivered, GoldLabel, HumanWork
from db.models import Batch, PairRoute
from db.models import Certificate as StoredCertificate
from db.session import Database, Session
from db.spending import OrderSpend
from db.vocabulary import Choice, Order, Route, Source
from judges.panel import Panel
from judges.results import FittedConsensus
from judges.steps import fit_consensus
from judges.trust.certificate import Certificate
from judges.trust.intervals import Estimate, clopper_pearson
from judges.vote_arrays import CODES, VoteTable
from review.report.cost import HOURS_A_DAY, Figure, JudgeCost, Money, pace
from review.report.facts import CertificateFact, Facts
from review.report.table import Report, make_report
from review.routing.promise import wrong_answers

_WHOLE = "all pairs"
_ACCEPTED, _ESCALATED, _SETTLED, _UNROUTED = "accepted", "escalated", "settled before", "not routed"


@dataclass(frozen=True)
class ReportOptions:
    """What the report cannot measure by itself.

    human_usd_per_hour: the wage. seconds_per_answer: where answers were not timed.
    """

    human_usd_per_hour: float = 30.0
    seconds_per_answer: float | None = None
    seed: int = 7


@dataclass(frozen=True)
class _Known:
    """Everything read from the database in one transaction."""

    opinions: NDArray[np.int64]
    settled: Mapping[int, Choice]
    several: Mapping[int, int]
    adjudicated: set[int]
    gold: Mapping[int, GoldLabel]
    delivered: Mapping[int, Delivered]
    work: HumanWork
    spend: Sequence[OrderSpend]
    voted: Mapping[int, int]
    paces: tuple[dict[int, spending.Throughput], spending.Throughput | None]
    teaching: Mapping[int, Choice]
    batch: Batch | None
    routes: Mapping[int, PairRoute]
    machine: Mapping[int, Choice]
    safe: set[int]
    certificates: tuple[CertificateFact, ...]


def report(database: Database, panel: Panel, options: ReportOptions) -> Report:
    """The report on everything stored. Raises UnknownName where there are no votes.

    Promises that later audits contradict are withdrawn first.
    """
    withdraw_broken(database)
    fitted = fit_consensus(database, panel.panel.label_model)
    vote_table = fitted.vote_table
    row_of = {pair_id: p for p, pair_id in enumerate(vote_table.pair_ids)}
    with database.read() as session:
        known = _read(session, row_of)
    return make_report(_facts(fitted, known, options), seed=options.seed)


def _read(session: Session, row_of: Mapping[int, int]) -> _Known:
    said = [(row_of[o.pair_id], o.annotator_id, CODES[o.choice])
            for o in opinions.opinions(session) if o.pair_id in row_of]  # fmt: skip
    settled, frozen = opinions.human_answers(session), answers.gold(session)
    reference = {**settled, **{pair: label.choice for pair, label in frozen.items()}}
    batch = batches.newest_batch(session)
    rows = batches.routes_of(session, batch.id) if batch else []
    scores = consensus.consensus_of(session, batch.fit_id) if batch else {}
    stored = certificates.all_certificates(session)
    newest = [c for c in stored if batch and c.batch_id == batch.id]
    safe: set[int] = set()
    for row in newest:
        made = Certificate.from_dict(row.payload)
        frame = frame_of(rows, made)
        mask = made.accepted_P(frame)
        safe |= {int(pair) for pair, ok in zip(frame.pair_ids, mask, strict=True) if ok}
    return _Known(
        opinions=np.array(said, dtype=np.int64).reshape(-1, 3),
        settled=settled,
        several=Counter(int(pair) for pair, _, _ in said),
        adjudicated=set(opinions.bindings(session)),
        gold=frozen,
        delivered=answers.delivered(session),
        work=answers.human_work(session),
        spend=spending.spend_by_order(session),
        voted=spending.pairs_voted(session),
        paces=spending.pace_by_version(session),
        teaching=opinions.human_answers(session, opinions.TEACHING),
        batch=batch,
        routes={row.pair_id: row for row in rows},
        machine={pair: p.choice for pair, p in scores.items()},
        safe=safe,
        certificates=tuple(_certificate_fact(session, row, reference) for row in stored),
    )


def _facts(fitted: FittedConsensus, known: _Known, options: ReportOptions) -> Facts:
    vote_table = fitted.vote_table
    truth, reference = _reference(vote_table, known)
    zone_P, zones = _zones(vote_table, known)
    delivered_P = vote_table.labels({pair: d.choice for pair, d in known.delivered.items()})
    by_human_P = np.array(
        [
            pair in known.delivered and known.delivered[pair].source is not Source.ENSEMBLE
            for pair in vote_table.pair_ids
        ],
        dtype=bool,
    )
    apart_P = np.array(
        [pair in known.gold and not known.gold[pair].drawn for pair in vote_table.pair_ids],
        dtype=bool,
    )
    return Facts(
        vote_matrix=vote_table.vote_matrix,
        consensus=fitted.consensus,
        fit=f"{fitted.model}, fit {fitted.fit_id}, {fitted.votes:,} votes, "
        f"{fitted.labels:,} human answers",
        truth_P=truth,
        reference=reference,
        zone_P=zone_P,
        zones=zones,
        opinions_N3=known.opinions,
        delivered_P=delivered_P,
        by_human_P=by_human_P,
        apart_P=apart_P,
        machine_P=vote_table.labels(_machine(vote_table, known)),
        money=_money(vote_table, known, options),
        teach_P=vote_table.labels(known.teaching),
        texts=vote_table.texts,
        orderless=_orderless(vote_table, known.spend),
        certificates=known.certificates,
    )


def _reference(vote_table: VoteTable, known: _Known) -> tuple[NDArray[np.int8], dict[str, int]]:
    """The human answer of each pair, gold before adjudication before the plurality of people."""
    truth = {**known.settled, **{pair: label.choice for pair, label in known.gold.items()}}
    made: Counter[str] = Counter()
    for p, pair in enumerate(vote_table.pair_ids):
        if pair not in truth:
            continue
        if pair in known.gold:
            made["frozen gold"] += 1
        elif pair in known.adjudicated:
            made["adjudicated"] += 1
        else:
            made["agreed by several people" if known.several[p] > 1 else "said by one person"] += 1
    return vote_table.labels(truth), dict(made)


def _zones(vote_table: VoteTable, known: _Known) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """How each pair came before humans; one zone where nothing was routed yet."""
    if known.batch is None:
        return np.zeros(len(vote_table.pair_ids), np.int64), (_WHOLE,)
    names = [_zone(pair, known) for pair in vote_table.pair_ids]
    zones = tuple(dict.fromkeys(names))
    number = {name: z for z, name in enumerate(zones)}
    return np.array([number[name] for name in names], dtype=np.int64), zones


def _zone(pair: int, known: _Known) -> str:
    row = known.routes.get(pair)
    if row is None:
        return _UNROUTED
    if "settled" in row.reasons:
        return _SETTLED
    promised = known.batch is not None and known.batch.policy.get("target_error") is not None
    if row.route is Route.AUDIT and promised and known.certificates:
        return _ACCEPTED if pair in known.safe else _ESCALATED
    return _ESCALATED if row.route is Route.ESCALATE else _ACCEPTED


def _machine(vote_table: VoteTable, known: _Known) -> dict[int, Choice]:
    """What the machine delivers, or would have delivered where a blind audit looked."""
    found: dict[int, Choice] = {}
    for pair in vote_table.pair_ids:
        label = known.delivered.get(pair)
        if label is not None and label.source is Source.ENSEMBLE:
            found[pair] = label.choice
        elif pair in known.routes and known.routes[pair].route is Route.AUDIT:
            if _zone(pair, known) == _ACCEPTED and pair in known.machine:
                found[pair] = known.machine[pair]
    return found


def _money(vote_table: VoteTable, known: _Known, options: ReportOptions) -> Money:
    names = dict(zip(vote_table.version_ids, vote_table.vote_matrix.raters, strict=True))
    spend = [row for row in known.spend if row.version_id in names]
    work = known.work
    seconds = options.seconds_per_answer
    told = "as told"
    if seconds is None and work.timed:
        seconds, told = work.seconds / work.timed, f"the mean of {work.timed:,} timed answers"
    assumptions = [
        f"a human hour costs ${options.human_usd_per_hour:g} (--human-usd-per-hour)",
        "the time of an answer is not known (--seconds-per-answer)"
        if seconds is None
        else f"an answer takes {seconds:.0f} s, {told}",
        f"a person works {HOURS_A_DAY:g} hours a day, judges 24, at the concurrency they ran with",
        "all-human means one human answer on every pair",
    ]
    paces, together = known.paces
    return Money(
        judges=tuple(_order_cost(names[row.version_id], row) for row in spend),
        cost_of={
            name: _version_cost([row for row in spend if row.version_id == version], known.voted)
            for version, name in names.items()
        },
        pace_of={
            name: pace(paces[version].pairs, paces[version].seconds)
            if version in paces
            else Figure(None, "its votes were imported, so their speed is not known")
            for version, name in names.items()
        },
        panel_pace=pace(together.pairs, together.seconds)
        if together and len(paces) == len(names)
        else Figure(None, "votes were imported, so their speed is not known"),
        answers=work.answers + work.adjudications,
        pairs_delivered=len(known.delivered),
        seconds=seconds,
        usd_per_hour=options.human_usd_per_hour,
        assumptions=tuple(assumptions),
    )


def _order_cost(name: str, row: OrderSpend) -> JudgeCost:
    price = (
        Figure(None, _unpriced(row)) if row.unpriced == row.votes
        else Figure(1000 * row.usd / row.pairs)
    )  # fmt: skip
    return JudgeCost(
        name, row.order.value, row.rules, row.votes, row.abstained, row.usd, price
    )  # fmt: skip


def _version_cost(rows: Sequence[OrderSpend], voted: Mapping[int, int]) -> Figure:
    if not rows:
        return Figure(None, "it has no votes")
    for row in rows:
        if row.unpriced:
            return Figure(None, _unpriced(row))
    return Figure(1000 * sum(row.usd for row in rows) / voted[rows[0].version_id])


def _unpriced(row: OrderSpend) -> str:
    part = "its" if row.unpriced == row.votes else "some of its"
    return f"{part} votes were imported without cost_usd"


def _orderless(vote_table: VoteTable, spend: Sequence[OrderSpend]) -> tuple[str, ...]:
    """Judges that have votes without an order only."""
    orders: dict[int, set[Order]] = {}
    for row in spend:
        orders.setdefault(row.version_id, set()).add(row.order)
    return tuple(
        name
        for version, name in zip(vote_table.version_ids, vote_table.vote_matrix.raters, strict=True)
        if orders.get(version) == {Order.NONE}
    )


def _certificate_fact(
    session: Session, stored: StoredCertificate, reference: Mapping[int, Choice]
) -> CertificateFact:
    """A certificate with what its audits and later answers say about the labels it accepted."""
    made = Certificate.from_dict(stored.payload)
    rows = batches.routes_of(session, stored.batch_id)
    frame = frame_of(rows, made)
    audit = batches.audit_progress(session, stored.batch_id)
    batch = batches.get_batch(session, stored.batch_id)
    scores = consensus.consensus_of(session, batch.fit_id)
    mask = made.accepted_P(frame)
    safe = {pair for pair, ok in zip(frame.pair_ids, mask, strict=True) if ok}
    audited = audits_of(frame, audit, scores)
    drawn = {str(row.pair_id) for row in rows if row.route is Route.AUDIT}
    inside = {p: (a["delivered"], a["reference"]) for p, a in audited.items() if p in safe}
    later = {
        p: (scores[int(p)].choice.value, reference[int(p)].value)
        for p in safe
        if p not in drawn and int(p) in reference
    }
    scale = made.accepted / made.size if made.promise == "g2" and made.size else 1.0
    return CertificateFact(
        id=stored.id,
        sentence=made.sentence(),
        promise=made.promise,
        promised=made.target,
        holds=made.holds,
        withdrawn=stored.withdrawn_reason,
        audit_error=_error(inside, made.tie_ok, scale),
        later_error=_error(later, made.tie_ok, scale),
    )


def _error(said: Mapping[str, tuple[str, str]], tie_ok: bool, scale: float) -> Estimate:
    """Share of wrong labels with its exact interval, on the scale of the promise."""
    delivered = {pair: CODES[Choice(d)] for pair, (d, _) in said.items()}
    reference = {pair: CODES[Choice(r)] for pair, (_, r) in said.items()}
    wrong = wrong_answers(delivered, reference, tie_ok=tie_ok)
    found = clopper_pearson(sum(wrong.values()), len(wrong))
    if found.value is None or found.low is None or found.high is None:
        return found
    return Estimate(
        found.value * scale, found.low * scale, found.high * scale, found.n, found.why, found.level
    )
