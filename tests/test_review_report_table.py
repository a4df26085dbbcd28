"""The report's arithmetic on worlds small enough to count by hand."""

import xml.etree.ElementTree as Xml
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from trust_worlds import panel

from judges.trust.intervals import Estimate
from judges.trust.vote_matrix import MISSING, TIE, A, B, Consensus, VoteMatrix, consensus_of
from review.html import render
from review.report import cost, quality
from review.report.charts import Box, Span, curve, ticks
from review.report.cost import Figure, JudgeCost, Money
from review.report.facts import CertificateFact, Facts
from review.report.page import page
from review.report.table import make_report


def vote_matrix(*pairs: list[list[int]]) -> VoteMatrix:
    """Votes [judge][ab, ba] of each pair, one prompt a pair."""
    codes = np.array(pairs, dtype=np.int8)
    names = tuple(f"j{r}" for r in range(codes.shape[1]))
    n = len(codes)
    return VoteMatrix(codes, names, names, np.arange(n), np.full(n, -1))


def codes(*choices: int) -> np.ndarray:
    return np.array(choices, dtype=np.int8)


def consensus_at(*win_probability: float) -> Consensus:
    p = np.array(win_probability)
    return consensus_of(np.log(p) - np.log(1 - p), 0.0)


def money(**more: Any) -> Money:
    known = {
        "judges": (JudgeCost("j0", "ab", "all", 10, 0, 0.02, Figure(2.0)),),
        "cost_of": {"j0": Figure(2.0), "j1": Figure(3.0)},
        "pace_of": {"j0": Figure(5000.0), "j1": Figure(8000.0)},
        "panel_pace": Figure(4000.0),
        "answers": 10,
        "pairs_delivered": 40,
        "seconds": 60.0,
        "usd_per_hour": 30.0,
    }
    return Money(**(known | more))


def facts(votes: VoteMatrix, consensus: Consensus, truth: np.ndarray, **more: Any) -> Facts:
    n = len(votes)
    known: dict[str, Any] = {
        "vote_matrix": votes,
        "consensus": consensus,
        "fit": "majority, fit 1",
        "truth_P": truth,
        "reference": {"said by one person": int((truth != MISSING).sum())},
        "zone_P": np.zeros(n, np.int64),
        "zones": ("all pairs",),
        "opinions_N3": np.zeros((0, 3), np.int64),
        "delivered_P": np.full(n, MISSING, np.int8),
        "by_human_P": np.zeros(n, bool),
        "apart_P": np.zeros(n, bool),
        "machine_P": np.full(n, MISSING, np.int8),
        "drawn_P": np.zeros(n, bool),
        "money": money(),
    }
    return Facts(**(known | more))


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_a_flip_is_half_right_and_a_tie_of_the_humans_decides_nothing() -> None:
    votes = vote_matrix([[A, A]], [[A, B]], [[B, B]], [[A, TIE]], [[A, A]])
    win_probability = quality.judge_win_probabilities(votes)[:, 0]
    assert win_probability.tolist() == [1.0, 0.5, 0.0, 1.0, 1.0]
    hit = quality.right(win_probability, codes(A, A, A, A, TIE))
    np.testing.assert_array_equal(hit, [1.0, 0.5, 0.0, 1.0, np.nan])
    measured = quality.Quality(codes(A, A, A, A, TIE), np.ones(5), np.arange(5), rng(), 100)
    found = measured.of_win_probability(win_probability)
    assert found.value == pytest.approx(2.5 / 4)
    assert found.n == 4


def test_one_human_against_the_majority_of_two_others() -> None:
    # Pair 0: a a b: the two who say a see a draw of the others (left out); b is wrong against a a.
    # Pair 1: a a a: three times right. Pair 2 has two people only, so it is left out: 3 of 4.
    opinions = np.array(
        [(0, 1, A), (0, 2, A), (0, 3, B), (1, 1, A), (1, 2, A), (1, 3, A), (2, 1, A), (2, 2, B)]
    )
    found = quality.one_human(opinions, np.arange(3), rng(), 100)
    assert found.agreement.value == pytest.approx(3 / 4)
    assert "majority of two or more others, 4 answers on 2 pairs" in found.against


def test_one_human_against_one_other_says_so() -> None:
    opinions = np.array([(0, 1, A), (0, 2, A), (1, 1, A), (1, 2, B)])
    found = quality.one_human(opinions, np.arange(2), rng(), 100)
    assert found.agreement.value == pytest.approx(0.5)
    assert "no majority" in found.against
    alone = quality.one_human(opinions[:1], np.arange(2), rng(), 100)
    assert alone.agreement.value is None
    assert "two people" in alone.agreement.why


def test_the_best_judge_is_picked_on_other_prompts() -> None:
    # j0 is always right, j1 always wrong: whatever the folds, j0 is picked.
    votes = vote_matrix(*[[[A, A], [B, B]]] * 20)
    measured = quality.Quality(codes(*[A] * 20), np.ones(20), np.arange(20), rng(), 50)
    best, said = measured.best_on_other_prompts(quality.judge_win_probabilities(votes))
    assert best == [0]
    assert (said == 1.0).all()


def test_the_best_of_equals_is_not_flattered() -> None:
    picked, hindsight = [], []
    for seed in range(6):
        votes, truth = panel(200, accuracy=(0.6,) * 6, ties=0, missing=0, first=0, seed=seed)
        measured = quality.Quality(truth, np.ones(200), votes.prompt_P, rng(), 20)
        win_probabilities = quality.judge_win_probabilities(votes)
        picked.append(
            measured.of_win_probability(measured.best_on_other_prompts(win_probabilities)[1]).value
            or 0
        )
        hindsight.append(
            max(
                measured.of_win_probability(win_probability).value or 0
                for win_probability in win_probabilities.T
            )
        )
    # Every judge is right on .6 of both orders: .36 + half of .48 = .6 in truth.
    assert np.mean(picked) == pytest.approx(0.6, abs=0.025)
    assert np.mean(hindsight) > 0.62


def test_human_budget_counts_the_least_sure_first() -> None:
    # Confidence .6 .7 .8 .9, the two least sure are wrong: half right alone, three quarters when
    # humans take one, all when they take two.
    known = facts(
        vote_matrix(*[[[A, A]]] * 4), consensus_at(0.6, 0.7, 0.8, 0.9), codes(B, B, A, A)
    )  # fmt: skip
    points = quality.budget_curve(known, np.ones(4), rng(), 50)
    at = {round(p.share, 2): p.agreement.value for p in points}
    assert (at[0.0], at[0.25], at[0.45], at[0.5]) == (0.5, 0.75, 0.75, 1.0)
    assert quality.shares_for(known, np.ones(4)) == {"95%": 0.5, "98%": 0.5, "99%": 0.5}


def test_money_of_every_row() -> None:
    m = money()
    assert cost.panel_cost(m).value == 5.0
    assert cost.human_cost(m).value == pytest.approx(1000 * 60 / 3600 * 30)  # $500
    assert cost.human_pace(m).value == 480  # 8 hours of one a minute
    # 10 answers for 40 labels: a quarter of the human cost, and the judges.
    assert cost.hybrid_cost(m).value == pytest.approx(5 + 500 / 4)
    assert cost.hybrid_pace(m).value == pytest.approx(480 * 4)
    assert cost.times_cheaper(cost.hybrid_cost(m), m).value == pytest.approx(500 / 130)
    assert cost.per_accepted(m, 20).value == pytest.approx(0.02 / 20)
    slow = replace(m, panel_pace=Figure(100.0))
    assert cost.hybrid_pace(slow).value == 100


def test_what_was_not_measured_says_why() -> None:
    m = money(seconds=None, cost_of={"j0": Figure(None, "no price")})
    assert "--seconds-per-answer" in cost.human_cost(m).why
    assert cost.panel_cost(m).why == "no price"
    assert cost.hybrid_cost(replace(m, pairs_delivered=0)).value is None
    assert cost.times_cheaper(Figure(0.0), money()).why == "it costs nothing"


def whole() -> Facts:
    """A panel of three on 120 pairs with some of everything."""
    votes, truth = panel(120, seed=3, prompts=60)
    known = np.where(np.arange(120) < 80, truth, MISSING).astype(np.int8)
    delivered = truth.copy()
    human = np.arange(120) < 30
    certificate = CertificateFact(
        1, 1, "A promise <of> sorts.", "g2", 0.05, True, None,
        Estimate(0.02, 0.0, 0.07, 40), Estimate(None, None, None, 0, "no observation"),
    )  # fmt: skip
    opinions = np.array([(p, who, int(known[p])) for p in range(80) for who in (1, 2, 3)])
    return facts(
        votes, consensus_at(*np.clip(np.where(truth == A, 0.85, 0.2), 0.01, 0.99)), known,
        delivered_P=delivered, by_human_P=human, machine_P=np.where(human, MISSING, delivered),
        opinions_N3=opinions, certificates=(certificate,), teach_P=known,
        money=money(
            cost_of={f"judge-{r}": Figure(1.0) for r in range(3)},
            pace_of={f"judge-{r}": Figure(900.0) for r in range(3)},
        ),
    )  # fmt: skip


def test_the_whole_report_and_its_page() -> None:
    report = make_report(whole(), repeats=100)
    assert [row.name for row in report.rows] == [
        "judge judge-0", "judge judge-1", "judge judge-2",
        "best judge alone", "ensemble", "one human alone", "hybrid (delivered now)",
    ]  # fmt: skip
    assert report.rows[4].agreement.value == 1.0
    assert report.human_share.value == pytest.approx(30 / 120)
    assert report.effective is not None
    assert 1.0 <= report.effective.n_eff <= 3.0
    assert report.matrix_names[-1] == "humans"
    assert all(r.low_quality == ((r.rate.value or 0) > 0.1) for r in report.reversals)
    assert make_report(whole(), repeats=100) == report
    html = page(report)
    assert "<script" not in html
    assert "http" not in html.replace("http-equiv", "")
    assert "prefers-color-scheme: dark" in html
    assert "A promise &lt;of&gt; sorts." in html
    for picture in html.split("<svg")[1:]:
        Xml.fromstring("<svg" + picture.split("</svg>")[0] + "</svg>")
    for title in ("Calibration", "Quality against human budget", "Reversals", "Spend", "Promised"):
        assert title in html


def test_a_project_without_answers_has_a_report_too() -> None:
    bare = facts(vote_matrix([[A, A]], [[B, B]]), consensus_at(0.9, 0.1), codes(MISSING, MISSING))
    report = make_report(bare, repeats=50)
    assert "no pair has a human answer yet" in report.reference
    assert all(row.agreement.value is None and row.agreement.why for row in report.rows)
    assert report.human_share.why
    assert "No pair has a human reference yet" in page(report)


def test_names_are_escaped() -> None:
    votes = replace(vote_matrix([[A, A]], [[B, A]]), raters=("<b>&",))
    report = make_report(facts(votes, consensus_at(0.9, 0.8), codes(A, B)), repeats=50)
    assert "<b>" not in page(report)


def test_pictures_stand_where_they_should() -> None:
    assert ticks(0.0, 1.0) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert ticks(0.7, 1.0) == pytest.approx([0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0])
    box = Box(width=100, height=100, left=0, right=0, top=0, bottom=0)
    assert box.at(0.25, 0.25) == (25, 75)
    picture = curve([(0.5, Span(0.5, 0.4, 0.6, "half"))], box, "x", "y")
    drawn = Xml.fromstring(render("review.report/svg.html.j2", picture=picture))
    mark = next(e for e in drawn.iter() if e.tag == "circle")
    assert (float(mark.get("cx", 0)), float(mark.get("cy", 0))) == (50, 50)
    assert mark[0].text == "half"
