"""Evidence that may be looked at every week: e-values by quadrature, starts and bars by hand."""

from math import exp, inf, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from judges.trust.always_valid import (
    ON_ALL,
    ON_NEW,
    Week,
    log_bar,
    log_e_value,
    mean_of,
    needed_z,
    standing,
)
from judges.trust.power import pairs_for, smallest_visible, visible_with


@pytest.mark.parametrize("prior", [ON_ALL, ON_NEW])
@pytest.mark.parametrize(("true_gain", "most"), [(0.0, 1.0), (-0.5, 0.8), (-2.0, 0.35)])
def test_its_mean_is_one_where_nothing_is_gained_and_less_where_something_is_lost(
    prior: tuple[float, float], true_gain: float, most: float
) -> None:
    z = np.linspace(-12, 30, 40_001)
    e = np.exp([log_e_value(each, 1.0, prior) for each in z])
    mean = np.trapezoid(e * norm.pdf(z, true_gain), z)
    assert mean <= most + 1e-3
    if true_gain == 0:
        assert mean == pytest.approx(1.0, abs=1e-3)


def test_it_is_the_likelihood_ratio_averaged_over_gains() -> None:
    """Half-normal prior of variance 1, z = 1.5: the mean of exp(t z - t^2/2) over |N(0, 1)|."""
    t = np.linspace(0, 12, 100_001)
    by_hand = np.trapezoid(np.exp(1.5 * t - t**2 / 2) * 2 * norm.pdf(t), t)
    assert log_e_value(3.0, 2.0, ON_NEW) == pytest.approx(log(by_hand), abs=1e-6)


@given(st.floats(-5, 8), st.floats(0.01, 2))
def test_a_larger_gain_is_more_evidence(gain: float, error: float) -> None:
    assert log_e_value(gain + 0.1, error) > log_e_value(gain, error)


def test_without_an_error_the_sign_decides() -> None:
    assert log_e_value(0.1, 0.0) == inf
    assert log_e_value(0.0, 0.0) == 0.0
    assert log_e_value(-0.1, 0.0) == -inf
    assert mean_of([-inf, -inf]) == -inf
    assert mean_of([log(1.0), log(3.0)]) == pytest.approx(log(2.0))


def test_the_bars_of_all_starts_share_one_alpha() -> None:
    """Sum of 1 / (s (s + 1)) over all s is 1."""
    spent = sum(exp(-log_bar(s)) for s in range(1, 100_000))
    assert spent == pytest.approx(0.05, abs=1e-4)
    assert needed_z(log_bar(1)) == pytest.approx(2.85, abs=0.01)  # read off the function
    assert log_e_value(needed_z(5.0), 1.0) == pytest.approx(5.0)


def test_a_later_start_takes_all_gold_once_and_then_only_what_is_new() -> None:
    weeks = [Week(-3.0, 0.0), Week(1.0, 0.4), Week(0.5, 2.0), Week(0.0, 1.5)]
    found = standing(weeks)
    # starts: -3 + .4 + 2 + 1.5 = .9; 1 + 2 + 1.5 = 4.5; .5 + 1.5 = 2; 0. Bars ln 40, 120, 240, 400
    assert found.since == 2
    assert found.log_e == pytest.approx(4.5)
    assert found.log_bar == pytest.approx(log(120))
    assert not found.proven  # ln 120 = 4.79
    assert standing([*weeks, Week(0.0, 0.3)]).proven


def test_a_year_of_small_gains_adds_up_where_no_week_alone_would_show_them() -> None:
    rng = np.random.default_rng(1)
    weeks: list[Week] = []
    for _ in range(52):
        fresh = rng.normal(0.8)  # eight tenths of an error on each week's new gold
        weeks.append(Week(log_e_value(fresh, 1.0), log_e_value(fresh, 1.0, ON_NEW)))
    assert max(week.everything for week in weeks) < log_bar(20)
    assert standing(weeks).proven


def test_power_by_the_root_of_the_pairs() -> None:
    """Error .021 at 178 pairs: a gain of (2.85 + .84) x .021 = 7.8 points is seen; 2 want 178 x
    (7.8 / 2)^2 pairs."""
    bar = log_bar(1)
    seen = smallest_visible(0.021, bar)
    assert seen == pytest.approx((2.85 + 0.8416) * 0.021, abs=2e-4)
    assert pairs_for(0.02, 0.021, 178, bar) == pytest.approx(178 * (seen / 0.02) ** 2, abs=1)
    assert visible_with(400) == pytest.approx(visible_with(100) / 2)
