"""The gate's controls: a planted better challenger passes, a worse and an equal one do not."""

import numpy as np
import pytest

from judges.trust.vote_matrix import TIE, A, B
from trainer.gate.panels import Unpriced
from trainer.gate.rules import GateAnswers, beside, decide, ece_difference, right

PAIRS = 400


def world(seed: int = 0):
    rng = np.random.default_rng(seed)
    truth = rng.choice(np.array([A, B], dtype=np.int8), PAIRS)
    prompt = np.arange(PAIRS, dtype=np.int64) // 4
    return truth, prompt, rng


def rater(truth, accuracy: float, rng, sure: float | None = None, reversals: float = 0.1):
    """Right on a share of the pairs, and as sure as it is right unless told otherwise."""
    hit = rng.random(len(truth)) < accuracy
    p = accuracy if sure is None else sure
    win_probability = np.where(hit == (truth == A), p, 1 - p)
    turned = (rng.random(len(truth)) < reversals).astype(float)
    return GateAnswers(win_probability, np.zeros(len(truth)), turned)


def test_planted_better_is_promoted() -> None:
    truth, prompt, rng = world()
    decision = decide(rater(truth, 0.9, rng), rater(truth, 0.7, rng), truth, prompt, {})
    assert decision.promoted
    assert decision.figures["accuracy_difference"]["low"] > 0


def test_planted_worse_is_refused() -> None:
    truth, prompt, rng = world()
    decision = decide(rater(truth, 0.7, rng), rater(truth, 0.9, rng), truth, prompt, {})
    assert not decision.promoted
    assert "does not beat the incumbent" in decision.reasons[0]


def test_planted_equal_is_refused() -> None:
    truth, prompt, rng = world()
    same = rater(truth, 0.8, rng)
    assert not decide(same, same, truth, prompt, {}).promoted
    # Equal in truth, different in draw: a first week lets in at most 2.5%, so at most 4 of 40.
    passed = 0
    for seed in range(40):
        truth, prompt, rng = world(seed)
        decision = decide(
            rater(truth, 0.8, rng), rater(truth, 0.8, rng), truth, prompt, {}, repeats=300
        )
        passed += decision.promoted
    assert passed <= 4


def test_others_are_told_beside_the_incumbent() -> None:
    truth, prompt, rng = world()
    answers = {name: rater(truth, share, rng) for name, share in
               (("new", 0.8), ("better", 0.95), ("worse", 0.6))}  # fmt: skip
    apart = beside(answers, "new", truth, prompt, repeats=300)
    assert list(apart) == ["better", "worse"]
    hit = {name: right(each.win_P, truth).mean() for name, each in answers.items()}
    assert apart["worse"].value == pytest.approx(hit["new"] - hit["worse"])
    assert apart["worse"].low > 0 > apart["better"].high


def test_planted_overconfident_is_refused() -> None:
    truth, prompt, rng = world()
    decision = decide(
        rater(truth, 0.85, rng, sure=0.999), rater(truth, 0.7, rng), truth, prompt, {}
    )
    assert not decision.promoted
    assert any("calibration error is higher" in reason for reason in decision.reasons)


def test_planted_reverser_is_refused() -> None:
    truth, prompt, rng = world()
    decision = decide(
        rater(truth, 0.9, rng, reversals=0.5), rater(truth, 0.7, rng), truth, prompt, {}
    )
    assert any("reversal rate is higher" in reason for reason in decision.reasons)


def test_planted_failure_in_one_domain_is_refused() -> None:
    truth, prompt, rng = world()
    law = prompt < 20  # 80 of the 400 pairs
    better, incumbent = rater(truth, 0.95, rng), rater(truth, 0.75, rng)
    win_probability = np.where(law, 1 - incumbent.win_P, better.win_P)
    bad = GateAnswers(win_probability, better.tie_P, better.reversed_P)
    decision = decide(bad, incumbent, truth, prompt, {"domain law": law, "domain care": ~law})
    assert not decision.promoted
    assert any("worse on domain law" in reason for reason in decision.reasons)
    assert list(decision.figures["worse_slices"]) == ["domain law"]


def test_a_judge_whose_panels_could_not_be_priced_is_refused_with_the_reason() -> None:
    truth, prompt, rng = world()
    better, incumbent = rater(truth, 0.9, rng), rater(truth, 0.7, rng)
    said = decide(better, incumbent, truth, prompt, {}, joint=Unpriced("only 3 gold pairs"))
    assert not said.promoted
    assert said.reasons == ["what it saves was not measured: only 3 gold pairs"]


def test_too_little_gold_is_said() -> None:
    truth, prompt = np.array([A], dtype=np.int8), np.array([1])
    one = GateAnswers(np.array([0.9]), np.zeros(1), np.zeros(1))
    assert "freeze more gold" in decide(one, one, truth, prompt, {}).reasons[0]


def test_exact_halves_count_half_and_ties_do_not_count() -> None:
    truth = np.array([A, B, TIE, A], dtype=np.int8)
    hits = right(np.array([0.9, 0.9, 0.9, 0.5]), truth)
    assert hits[:2].tolist() == [1.0, 0.0]
    assert np.isnan(hits[2])
    assert hits[3] == 0.5


def test_calibration_difference_by_hand() -> None:
    # Ours says 0.9 and is right on 3 of 4: |0.9 - 0.75| = 0.15. Theirs says 0.75 and is right on 3.
    truth = np.array([A, A, A, B], dtype=np.int8)
    ours, theirs = np.full(4, 0.9), np.full(4, 0.75)
    found = ece_difference(ours, theirs, truth, np.arange(4), np.random.default_rng(0))
    assert found.value == pytest.approx(0.15)
