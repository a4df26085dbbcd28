"""Intervals against published or exact values, and their coverage in simulation."""

import numpy as np
import pytest
from scipy.stats import binomtest

from judges.trust.intervals import (
    clopper_pearson,
    mean_by_prompt,
    paired_difference,
    wilson,
)


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (10, 10), (1, 200)])
def test_shares_agree_with_scipy(hits: int, n: int) -> None:
    exact = binomtest(hits, n).proportion_ci(0.95, "exact")
    score = binomtest(hits, n).proportion_ci(0.95, "wilson")
    ours, theirs = clopper_pearson(hits, n), wilson(hits, n)
    assert (ours.low, ours.high) == pytest.approx((exact.low, exact.high))
    assert (theirs.low, theirs.high) == pytest.approx((score.low, score.high), abs=1e-12)


def test_rule_of_three() -> None:
    # 0 of n: exact one-sided 95% bound is 1 - .05^(1/n)
    assert clopper_pearson(0, 50, level=0.9).high == pytest.approx(1 - 0.05 ** (1 / 50))


def test_nothing_observed() -> None:
    assert wilson(0, 0).why == "no observation"
    with pytest.raises(ValueError, match="5 hits of 3"):
        wilson(5, 3)
    assert mean_by_prompt(np.zeros(0), np.zeros(0, int), np.random.default_rng(0)).value is None


def test_bootstrap_is_as_wide_as_theory() -> None:
    # 400 prompts of 5 equal pairs: standard error sqrt(p (1-p) / 400), not / 2000
    rng = np.random.default_rng(3)
    values = np.repeat(rng.random(400) < 0.3, 5).astype(float)
    found = mean_by_prompt(values, np.repeat(np.arange(400), 5), rng)
    share = values.mean()
    expected = 2 * 1.96 * np.sqrt(share * (1 - share) / 400)
    assert found.value == pytest.approx(share)
    assert found.high - found.low == pytest.approx(expected, rel=0.15)


def test_pairing_removes_what_both_share() -> None:
    rng = np.random.default_rng(5)
    hardness = rng.normal(0, 1, 500)
    one, other = hardness + 0.1, hardness
    paired = paired_difference(one, other, np.arange(500), rng)
    assert paired.value == pytest.approx(0.1)
    assert paired.high - paired.low < 1e-9


def test_single_prompt_has_a_value_and_no_interval() -> None:
    found = mean_by_prompt(np.array([1.0, 0.0]), np.array([4, 4]), np.random.default_rng(0))
    assert (found.value, found.low, found.why) == (0.5, None, "a single prompt")
    assert "no interval" in str(found)


def test_missing_values_are_left_out() -> None:
    found = mean_by_prompt(np.array([1.0, np.nan, 0.0]), np.arange(3), np.random.default_rng(0))
    assert (found.value, found.n) == (0.5, 2)


def test_wilson_known_answer() -> None:
    # Wilson (1927) for 8 of 10 at 95%: .4902 to .9433, as tabulated by R's binom.wilson.
    found = wilson(8, 10)
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
