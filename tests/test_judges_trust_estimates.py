"""Dashboard estimates: by hand, unbiased, and worth more than a plain mean."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judges.trust.estimates import draw_stratified, prediction_powered_mean, stratified_mean


def test_stratified_mean_by_hand() -> None:
    # strata of 6 and 4 rows; answers 1, 0, 1 and 0, 0: .6 * 2/3 + .4 * 0 = .4
    # variance .6^2 * (1 - 3/6) * (1/3) / 3 + 0 = .02
    found = stratified_mean(
        np.array([1.0, 0.0, 1.0, 0.0, 0.0]),
        np.array([0, 0, 0, 1, 1]),
        np.array([0] * 6 + [1] * 4),
    )
    assert found.value == pytest.approx(0.4)
    assert found.high - found.low == pytest.approx(2 * 1.959964 * np.sqrt(0.02), rel=1e-5)
    lonely = stratified_mean(np.array([1.0]), np.array([0]), np.array([0, 0, 1]))
    assert lonely.value is None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 120))
def test_draws_keep_their_number_and_their_probabilities(seed: int, audits: int) -> None:
    rng = np.random.default_rng(seed)
    stratum = rng.integers(0, 4, 100)
    draw = draw_stratified(stratum, rng.random(100), audits, seed)
    sizes = np.bincount(stratum, minlength=4)
    assert len(draw.index) == min(max(audits, int(np.minimum(sizes, 2).sum())), 100)
    assert len(set(draw.index.tolist())) == len(draw.index)
    assert draw.inclusion_P.sum() == pytest.approx(len(draw.index))
    again = draw_stratified(stratum, np.random.default_rng(seed + 1).random(100), audits, seed)
    assert again.seed == draw.seed


def test_doubtful_strata_get_more() -> None:
    stratum = np.repeat([0, 1], 500)
    draw = draw_stratified(stratum, np.where(stratum == 1, 0.5, 0.1), 120, 0)
    # 4 are the floor of two each, 116 in proportion 1 : 5
    assert (stratum[draw.index] == 1).sum() == pytest.approx(2 + 116 * 5 / 6, abs=1)


def test_prediction_powered_by_hand() -> None:
    # answers equal predictions: the correction is 0 and tuned = 1 / (1 + n/N) * ratio of variances
    answers = np.array([0.0, 1.0, 1.0, 0.0])
    predicted = np.tile([0.0, 1.0], 200)
    found = prediction_powered_mean(answers, answers, predicted)
    assert found.value == pytest.approx(0.5)
    plain = 2 * 1.96 * answers.std(ddof=1) / 2
    assert found.high - found.low < 0.2 * plain


def test_prediction_powered_covers_and_saves() -> None:
    rng = np.random.default_rng(1)
    inside, widths, plain = 0, [], []
    for _ in range(300):
        chance = rng.beta(1, 1, 3000)
        truth = (rng.random(3000) < chance).astype(float)
        drawn = rng.permutation(3000)
        some, rest = drawn[:200], drawn[200:]
        found = prediction_powered_mean(truth[some], chance[some], chance[rest])
        inside += found.low <= 0.5 <= found.high
        widths.append(found.high - found.low)
        plain.append(2 * 1.96 * truth[some].std() / np.sqrt(200))
    assert inside / 300 > 0.91  # 95% with three standard errors of 1.3%
    # the answer's variance falls from 1/4 to E[p (1 - p)] = 1/6: 1.5 times the labels, at least 1.3
    assert (np.mean(plain) / np.mean(widths)) ** 2 > 1.3


def test_useless_predictions_do_no_harm() -> None:
    rng = np.random.default_rng(2)
    answers = (rng.random(200) < 0.3).astype(float)
    found = prediction_powered_mean(answers, rng.random(200), rng.random(2000))
    plain = 2 * 1.96 * answers.std(ddof=1) / np.sqrt(200)
    assert found.high - found.low < 1.02 * plain
    assert prediction_powered_mean(answers[:1], answers[:1], answers).value is None
