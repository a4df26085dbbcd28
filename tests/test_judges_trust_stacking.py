"""Ratios, stack, pooling and boosting: known answers and exactness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trust_worlds import panel

from judges.trust.boosting import GradientBoosting
from judges.trust.calibration import accuracy
from judges.trust.cold_start import ColdStart, contrary, swap_consistency
from judges.trust.confusions import PHI, SHAPES, Confusions, prior_confusions
from judges.trust.evidence import Evidence
from judges.trust.mixing import best_weights, worth
from judges.trust.patterns import distinct, joint_codes, mean_votes
from judges.trust.ratios import Ratios
from judges.trust.stacking import JUDGES, StackedLogistic
from judges.trust.vote_matrix import AB, BA, MISSING, TIE, A, B


def test_phi_renames_and_exchanges_the_orders() -> None:
    # (A in ab, B in ba): the first shown twice. Renamed: B in ab, A in ba; orders exchanged: A, B.
    first_twice = 4 * (A + 1) + (B + 1)
    assert PHI[first_twice] == first_twice
    assert PHI[4 * (A + 1) + (A + 1)] == 4 * (B + 1) + (B + 1)
    assert PHI[4 * (A + 1) + 0] == B + 1  # a vote in ab only becomes one in ba only
    assert PHI[4 * (TIE + 1) + (A + 1)] == 4 * (B + 1) + (TIE + 1)
    assert np.array_equal(PHI[PHI], np.arange(16))


def test_swap_consistency_known_answer() -> None:
    # Kept on 3 of 4 pairs: (3 + 7) / (4 + 10) = 5/7; the one asked in ab only gets the median, 5/7.
    codes = np.array([[[A, A]], [[B, B]], [[A, A]], [[A, B]]], np.int8)
    once = np.where(np.arange(2) == AB, codes, MISSING).astype(np.int8)
    assert swap_consistency(np.concatenate([codes, once], axis=1)) == pytest.approx([5 / 7, 5 / 7])
    assert swap_consistency(once) == pytest.approx([0.8])


def test_a_panel_without_orders_is_not_taken_for_a_perfect_one() -> None:
    codes = np.full((200, 2, 2), A, np.int8)
    codes[:100, 0, BA] = B  # rater 0 reverses on half: (100 + 7) / (200 + 10)
    assert swap_consistency(codes) == pytest.approx([107 / 210, 107 / 210])


def test_prior_confusions_sum_to_one_for_every_pattern_of_missing_votes() -> None:
    theta = prior_confusions(np.array([0.3, 0.8, 0.97]))
    for shape in SHAPES:
        np.testing.assert_allclose(theta[:, shape].sum(axis=1), 1.0)


def test_confusions_say_nothing_where_a_rater_takes_the_first_place_twice() -> None:
    vote_matrix, _ = panel(500, first=0.4, seed=2)
    found = Confusions().fit(vote_matrix).predict(vote_matrix)
    first_twice = (vote_matrix.codes_PRO[:, 0] == (A, B)).all(axis=1)
    assert found.contributions_PC is not None
    assert first_twice.any()
    assert np.abs(found.contributions_PC[first_twice, 0]).max() == 0.0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_leave_one_out_ratios_equal_counting_again_without_the_row(seed: int) -> None:
    vote_matrix, truth = panel(25, seed=seed, missing=0.3)
    codes, weight = (
        joint_codes(vote_matrix.codes_PRO),
        np.random.default_rng(seed).uniform(0.5, 2, 25),
    )
    theta = prior_confusions(np.full(3, 0.7))
    exact = Ratios().fit(theta, codes, truth, weight).leaving_out(codes, truth, weight)
    for row in range(25):
        rest = np.arange(25) != row
        again = Ratios().fit(theta, codes[rest], truth[rest], weight[rest])
        np.testing.assert_allclose(exact[row], again(codes[[row]])[0], atol=1e-12)


def test_a_ratio_by_hand() -> None:
    # Two answers for A where the judge said (A, A), κθ = 25 · (.4 | .1): log[(2 + 10) / (0 + 2.5)].
    theta = np.full((1, 16), 1e-9)
    theta[0, 5], theta[0, 10] = 0.4, 0.1
    codes = np.full((2, 1), 5, np.int8)
    found = Ratios().fit(theta, codes, np.array([A, A], np.int8), np.ones(2))
    assert found(codes)[0, 0] == pytest.approx(np.log(12 / 2.5))
    assert found.leaving_out(codes, np.array([A, A], np.int8), np.ones(2))[0, 0] == pytest.approx(
        np.log(11 / 2.5)
    )


def test_a_crowd_is_believed_no_more_than_five_judges() -> None:
    def believed(judges: int, missing: float) -> float:
        vote_matrix, _ = panel(200, (0.8,) * judges, missing=missing)
        return float(Evidence().fit(vote_matrix).discount_C_.sum())

    assert believed(3, 0.0) == pytest.approx(3)
    assert believed(9, 0.0) == pytest.approx(5)
    assert believed(15, 0.0) == pytest.approx(5)  # the 12 with a column: 12 · 5/12
    assert believed(12, 0.9) == pytest.approx(12)  # .19 · 12 = 2.3 of them vote on a pair: no crowd


def test_the_stack_weighs_the_informative_column_and_drops_the_noise() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 600).astype(float)
    x = rng.normal(size=(600, 2))
    x[:, 0] += 2 * truth - 1
    stack = StackedLogistic().fit(x, truth, np.ones(600), ("signal", "noise"), np.zeros(2))
    # Two unit normals at ±1: the true log-odds are 2x.
    assert stack.mode_C_[0] == pytest.approx(2.0, abs=0.35)
    assert abs(stack.mode_C_[1]) < 0.25
    assert stack.scale_["signal"] > stack.scale_["noise"]


def test_leaving_out_agrees_with_refitting_at_the_same_scales() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 60).astype(float)
    x = rng.normal(size=(60, 3)) + (2 * truth - 1)[:, None] * [0.8, 0.3, 0.0]
    groups, discount = (JUDGES, JUDGES, "style"), np.array([1.0, 1.0, 0.0])
    stack = StackedLogistic().fit(x, truth, np.ones(60), groups, discount)
    near = stack.leave_out_contributions(x, truth, np.ones(60)).sum(axis=1)
    full = stack.contributions(x).sum(axis=1)
    by_fold = stack.out_of_fold(x, truth, np.ones(60), np.arange(60))
    np.testing.assert_allclose(near, by_fold, atol=0.02)
    side = 2 * truth - 1
    assert ((near - full) * side).max() <= 1e-9  # never surer of the own answer than with it


def test_an_answer_is_worth_less_when_many_share_a_prompt() -> None:
    # Four answers about one prompt: m = 4, 1 / (1 + 3 · .1); each of its own: 1.
    assert worth(np.zeros(4, np.int64)) == pytest.approx(1 / 1.3)
    assert worth(np.arange(4)) == 1.0
    assert worth(np.zeros(0, np.int64)) == 1.0


def test_shares_sum_to_one_and_follow_what_predicts() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 500).astype(float)
    good, bad = 3 * (2 * truth - 1) + rng.normal(size=500), rng.normal(size=500)
    learned = best_weights(bad, good, bad, truth, np.ones(500))
    assert learned.cold_start < 0.2
    assert learned.stack > 0.6
    cold_start = best_weights(good, bad, bad, truth, np.ones(500))
    assert cold_start.cold_start > 0.8
    assert cold_start.cold_start + cold_start.stack + cold_start.boosting == pytest.approx(1.0)


def test_boosting_is_odd_and_learns_what_a_sum_cannot() -> None:
    rng = np.random.default_rng(0)
    gate, vote = rng.choice([-1.0, 1.0], 800), rng.choice([-1.0, 1.0], 800)
    truth = (np.where(np.abs(gate + vote) > 1, vote, rng.choice([-1.0, 1.0], 800)) > 0).astype(
        float
    )
    x = np.stack([gate, vote], axis=1)
    boosting = GradientBoosting().fit(x, truth, np.ones(800))
    np.testing.assert_allclose(boosting.logit(-x), -boosting.logit(x), atol=1e-9)
    agreeing = gate == vote
    assert (
        np.abs(boosting.logit(x)[agreeing]).min() > 2 * np.abs(boosting.logit(x)[~agreeing]).max()
    )


def test_patterns_fold_equal_rows_and_mean_votes_average_the_orders() -> None:
    codes = np.array([[[A, A]], [[A, B]], [[A, A]], [[TIE, B]], [[MISSING, B]]], np.int8)
    rows = distinct(codes)
    assert sorted(rows.size_U.tolist()) == [1, 1, 1, 2]
    assert np.array_equal(rows.codes_URO[rows.of_P], codes)
    mean, cast = mean_votes(codes)
    assert mean[:, 0].tolist() == [1.0, 0.0, 1.0, -0.5, -1.0]
    assert cast.all()


def test_a_rater_that_runs_against_the_others_is_not_heard_before_answers() -> None:
    vote_matrix, truth = panel(400, (0.85, 0.8, 0.75, 0.15), seed=1)
    assert contrary(vote_matrix.codes_PRO).tolist() == [False, False, False, True]
    found = ColdStart().fit(vote_matrix).predict(vote_matrix)
    assert not found.contributions_PC[:, 3].any()
    good = vote_matrix.keep_raters(np.arange(3))
    alone = ColdStart().fit(good).predict(good)
    assert accuracy(found.win_P, truth) == pytest.approx(accuracy(alone.win_P, truth))


def test_two_raters_or_mere_noise_are_never_called_contrary() -> None:
    two, _ = panel(400, (0.9, 0.1))
    assert not contrary(two.codes_PRO).any()
    guessing, _ = panel(400, (0.5, 0.5, 0.5, 0.5))
    assert not contrary(guessing.codes_PRO).any()
    assert contrary(two.codes_PRO[:0]).tolist() == [False, False]


def test_cold_start_weighs_by_consistency() -> None:
    vote_matrix, truth = panel(400, (0.95, 0.6), first=0.0, ties=0.0, seed=4)
    model = ColdStart().fit(vote_matrix)
    assert model.weight_R_[0] > model.weight_R_[1]
    assert (model.predict(vote_matrix).choice_P == truth).mean() > 0.85
