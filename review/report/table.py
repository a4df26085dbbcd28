"""The field's table for this very project: judge, ensemble, one human and hybrid, as measured.

Pure: facts in, figures out. Every figure has its interval, or says why there is none.
Leaves out how facts are gathered (app), the arithmetic of agreement (`quality`) and of money
and time (`cost`), and how it looks (`page`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from judges.trust.calibration import ReliabilityBin, brier, ece, log_loss, reliability
from judges.trust.intervals import Estimate
from judges.trust.vote_matrix import MISSING, A, B
from review.report import cost, hybrid, panel, quality
from review.report.bias import Bias, advice_on, biases
from review.report.cost import Figure, JudgeCost, Money
from review.report.facts import CertificateFact, Facts
from review.report.panel import Effective
from review.report.quality import BudgetPoint, Reversal
from review.report.weights import Weights, weigh


@dataclass(frozen=True)
class Row:
    """One line of the table.

    agreement: with the reference, on pairs it decides for a or b; a tie or a draw counts one half.
    pairs_a_day, usd_per_1000: as measured. times_cheaper: cost of all-human over this one's.
    against, not_said: what the agreement is measured on, and what it does not mean.
    """

    name: str
    agreement: Estimate
    pairs_a_day: Figure
    usd_per_1000: Figure
    times_cheaper: Figure
    against: str
    not_said: str


@dataclass(frozen=True)
class Calibration:
    """How honest the consensus' probabilities are on referenced pairs; unweighted."""

    bins: tuple[ReliabilityBin, ...]
    ece: float | None
    log_loss: float | None
    brier: float | None
    n: int


@dataclass(frozen=True)
class Report:
    """What `tiebreak report` shows; plain data, so that its JSON is the whole of it."""

    pairs: int
    judges: int
    fit: str
    reference: str
    rows: tuple[Row, ...]
    reversals: tuple[Reversal, ...]
    calibration: Calibration
    budget: tuple[BudgetPoint, ...]
    human_share_for: Mapping[str, float | None]
    matrix_names: tuple[str, ...]
    matrix: tuple[tuple[float | None, ...], ...]
    alpha_judges: Estimate
    alpha_humans: Estimate
    effective: Effective | None
    certificates: tuple[CertificateFact, ...]
    human_share: Figure
    delivered: int
    spend: tuple[JudgeCost, ...]
    spend_total_usd: float
    usd_per_accepted: Figure
    assumptions: tuple[str, ...]
    advice: tuple[str, ...] = field(default=())
    biases: tuple[Bias, ...] = ()


def make_report(facts: Facts, *, seed: int = 7, repeats: int = 1000) -> Report:
    """Compute everything. The same facts and seed give the same report."""
    rng = np.random.default_rng(seed)
    weights = weigh(facts.truth_P != MISSING, facts.drawn_P, facts.zone_P, facts.zones)
    weight_P = weights.weight_P
    reversals = quality.reversals(facts.vote_matrix, rng, repeats)
    names, matrix = panel.matrix(facts)
    decided = int(np.isin(facts.truth_P, (A, B)).sum())
    curve = quality.budget_curve(facts, weight_P, rng, repeats)
    leanings = (
        biases(
            facts.vote_matrix,
            facts.texts,
            facts.truth_P,
            np.random.default_rng(seed),
            weight_P,
        )
        if facts.texts
        else ()
    )
    given = facts.delivered_P != MISSING
    accepted = int((given & ~facts.by_human_P).sum())
    return Report(
        pairs=len(facts.vote_matrix),
        judges=len(facts.vote_matrix.raters),
        fit=facts.fit,
        reference=_reference(facts, decided, weights),
        rows=_rows(facts, weight_P, rng, repeats),
        reversals=reversals,
        calibration=_calibration(facts, decided),
        budget=curve,
        human_share_for=quality.shares_for(facts, weight_P),
        matrix_names=names,
        matrix=matrix,
        alpha_judges=panel.alpha_judges(facts, rng, repeats),
        alpha_humans=panel.alpha_humans(facts, rng, repeats),
        effective=panel.effective(facts, rng),
        certificates=facts.certificates,
        human_share=(
            Figure(float(facts.by_human_P[given].mean()))
            if given.any()
            else Figure(None, "nothing is settled yet; run `tiebreak merge`")
        ),
        delivered=int(given.sum()),
        spend=facts.money.judges,
        spend_total_usd=sum(j.usd for j in facts.money.judges),
        usd_per_accepted=cost.per_accepted(facts.money, accepted),
        assumptions=facts.money.assumptions,
        advice=(*_quality_advice(reversals), *advice_on(leanings), *facts.advice),
        biases=leanings,
    )  # fmt: skip


def _rows(
    facts: Facts, weight_P: NDArray[np.float64], rng: np.random.Generator, repeats: int
) -> tuple[Row, ...]:
    """Judges, the best of them, the ensemble, one human, and what is delivered now."""
    money, vote_matrix = facts.money, facts.vote_matrix
    measured = quality.Quality(facts.truth_P, weight_P, vote_matrix.prompt_P, rng, repeats)
    win_PR = quality.judge_win_probabilities(vote_matrix)
    rows = [
        _row(
            f"judge {name}", measured.of_win_probability(win_PR[:, r]),
            cost.judge_pace(money, name), cost.judge_cost(money, name), money, "the reference",
            "a mean of several orders: each response is scored alone"
            if name in vote_matrix.pointwise
            else "its votes in both orders count; a flip between them is a tie, half right",
        )
        for r, name in enumerate(vote_matrix.raters)
    ]  # fmt: skip
    best, win_P = measured.best_on_other_prompts(win_PR)
    picked = " or ".join(vote_matrix.raters[r] for r in best) if best else ""
    costs = [cost.judge_cost(money, vote_matrix.raters[r]) for r in best]
    paces = [cost.judge_pace(money, vote_matrix.raters[r]) for r in best]
    nobody = Figure(None, "no judge could be compared with humans")
    rows.append(
        _row(
            "best judge alone", measured.of_win_probability(win_P),
            paces[0] if paces else nobody, costs[0] if costs else nobody, money,
            f"the reference; picked on other prompts: {picked or 'nobody'}",
            "nothing is known about prompts of another kind",
        )
    )  # fmt: skip
    rows.append(
        _row(
            "ensemble", measured.of_win_probability(facts.consensus.win_P), cost.panel_pace(money),
            cost.panel_cost(money), money,
            "the reference; an answered pair is judged without its own answer",
            "the panel alone, nobody reviewing; not what is delivered",
        )
    )  # fmt: skip
    delivered = hybrid.count(facts)
    one = quality.one_human(facts.opinions_N3, vote_matrix.prompt_P, rng, repeats)
    rows.append(
        _row(
            "one human alone", one.agreement, cost.human_pace(money),
            cost.human_cost(money), money, one.against,
            "another and noisier reference than the other rows have",
        )
    )  # fmt: skip
    rows.append(
        _row(
            "hybrid (delivered now)", hybrid.agreement(delivered),
            cost.hybrid_pace(money), cost.hybrid_cost(money), money,
            hybrid.against(delivered),
            "human answers are right by definition, so their errors are not in it",
        )
    )  # fmt: skip
    return tuple(rows)


def _row(
    name: str, agreement: Estimate, pace: Figure, price: Figure, money: Money, against: str, no: str
) -> Row:
    return Row(name, agreement, pace, price, cost.times_cheaper(price, money), against, no)


def _reference(facts: Facts, decided: int, weights: Weights) -> str:
    known = int((facts.truth_P != MISSING).sum())
    if not known:
        return "no pair has a human answer yet, so no agreement can be measured"
    made = ", ".join(f"{n:,} {what}" for what, n in facts.reference.items() if n)
    said = (
        f"{known:,} of {len(facts.vote_matrix):,} pairs with votes have a human reference "
        f"({made}); agreement is measured on the {decided:,} that it decides for a or b"
    )
    if len(set(facts.zones)) > 1:
        said += (
            "; by weight they stand for all pairs of their route, and where some were drawn blind "
            "and not all are answered, only the drawn ones measure"
        )
    if weights.chosen:
        said += (
            f"; nobody drew at random among those {', '.join(weights.chosen)}, so what was "
            "answered there, perhaps the hardest first, is taken to stand for the rest"
        )
    if weights.silent:
        said += f"; nothing is known about those {', '.join(weights.silent)}"
    return said


def _calibration(facts: Facts, decided: int) -> Calibration:
    if not decided:
        return Calibration((), None, None, None, 0)
    win_P, truth_P = facts.consensus.win_P, facts.truth_P
    return Calibration(
        reliability(win_P, truth_P), ece(win_P, truth_P), log_loss(win_P, truth_P),
        brier(win_P, truth_P), decided,
    )  # fmt: skip


def _quality_advice(reversals: Sequence[Reversal]) -> tuple[str, ...]:
    return tuple(r.advice for r in reversals if r.advice)
