"""Gathers what the report is computed from: votes, human answers, labels, routes, money, promises.

Reads the database and fits the consensus anew where votes or answers have changed since. Leaves
out every figure (`review.report.table`) and how it looks (`review.report.page`).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.pipeline.kept import certificate_facts
from app.pipeline.withdrawal import withdraw_broken
from db import answers, batches, consensus, opinions, spending
from db.answers import Delivered, GoldLabel, HumanWork
from db.session import Database, Session
from db.spending import OrderSpend
from db.vocabulary import Choice, Source
from judges.panel import Panel
from judges.results import FittedConsensus
from judges.steps import fit_consensus
from judges.vote_arrays import CODES, VoteTable
from review.report.cost import HOURS_A_DAY, Figure, JudgeCost, Money, pace
from review.report.facts import CertificateFact, Facts
from review.report.table import Report, make_report
from review.routing.zones import ACCEPTED, Zones, read_zones


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
    reference: Mapping[int, Choice]
    several: Mapping[int, int]
    adjudicated: set[int]
    gold: Mapping[int, GoldLabel]
    delivered: Mapping[int, Delivered]
    work: HumanWork
    spend: Sequence[OrderSpend]
    voted: Mapping[int, int]
    paces: tuple[dict[int, spending.Throughput], spending.Throughput | None]
    teaching: Mapping[int, Choice]
    zones: Zones
    audited: Mapping[int, Choice]
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
    reference = answers.reference(session)
    zones = read_zones(session, tuple(row_of))
    return _Known(
        opinions=np.array(said, dtype=np.int64).reshape(-1, 3),
        reference=reference,
        several=Counter(int(pair) for pair, _, _ in said),
        adjudicated=set(opinions.bindings(session)),
        gold=answers.gold(session),
        delivered=answers.delivered(session),
        work=answers.human_work(session),
        spend=spending.spend_by_order(session),
        voted=spending.pairs_voted(session),
        paces=spending.pace_by_version(session),
        teaching=opinions.human_answers(session, opinions.TEACHING),
        zones=zones,
        audited=_audited(session, zones, tuple(row_of)),
        certificates=certificate_facts(session, reference),
    )


def _facts(fitted: FittedConsensus, known: _Known, options: ReportOptions) -> Facts:
    vote_table = fitted.vote_table
    truth, reference = _reference(vote_table, known)
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
        zone_P=known.zones.zone_P,
        zones=known.zones.names,
        drawn_P=known.zones.drawn_P,
        opinions_N3=known.opinions,
        delivered_P=delivered_P,
        by_human_P=by_human_P,
        apart_P=apart_P,
        machine_P=vote_table.labels(_machine(known)),
        money=_money(vote_table, known, options),
        teach_P=vote_table.labels(known.teaching),
        texts=vote_table.texts,
        certificates=known.certificates,
    )


def _reference(vote_table: VoteTable, known: _Known) -> tuple[NDArray[np.int8], dict[str, int]]:
    """The human answer of each pair, gold before adjudication before the plurality of people."""
    made: Counter[str] = Counter()
    for p, pair in enumerate(vote_table.pair_ids):
        if pair not in known.reference:
            continue
        if pair in known.gold:
            made["frozen gold"] += 1
        elif pair in known.adjudicated:
            made["adjudicated"] += 1
        else:
            made["agreed by several people" if known.several[p] > 1 else "said by one person"] += 1
    return vote_table.labels(known.reference), dict(made)


def _audited(session: Session, zones: Zones, pair_ids: Sequence[int]) -> dict[int, Choice]:
    """What the machine would have delivered where a blind audit looked among the accepted."""
    by_batch: dict[int, list[int]] = defaultdict(list)
    for pair, zone, drawn in zip(pair_ids, zones.zone_P, zones.drawn_P, strict=True):
        if drawn and zones.names[zone] == ACCEPTED:
            by_batch[zones.routes[pair].batch_id].append(pair)
    return {
        pair: p.choice
        for batch_id, pairs in by_batch.items()
        for pair, p in consensus.consensus_of(
            session, batches.get_batch(session, batch_id).fit_id, pairs
        ).items()
    }


def _machine(known: _Known) -> dict[int, Choice]:
    """What the machine delivers, or would have delivered where a blind audit looked."""
    standing = {
        pair: label.choice
        for pair, label in known.delivered.items()
        if label.source is Source.ENSEMBLE
    }
    return {**known.audited, **standing}


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
