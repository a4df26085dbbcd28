"""The evidence of a scale in closed form, against refitting; the mode, against an optimiser."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from judges.trust.laplace import Likelihood, newton
from judges.trust.scales import Posterior


def answered(seed: int, rows: int = 40, columns: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns))
    return x, np.where(rng.random(rows) < 1 / (1 + np.exp(-x[:, 0])), 1.0, -1.0)


def evidence(likelihood: Likelihood, mean: np.ndarray, precision: np.ndarray) -> float:
    """log ∫ exp(pull·β − β·curvature·β/2) N(β; mean, 1/precision) dβ, but for a constant."""
    bend = likelihood.curvature_CC + np.diag(precision)
    pull = likelihood.pull_C + precision * mean
    quadratic = pull @ np.linalg.solve(bend, pull) - precision @ mean**2
    return float(quadratic + np.log(precision).sum() - np.linalg.slogdet(bend)[1]) / 2


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_scale_of_most_evidence_is_chosen_and_the_covariance_follows(seed: int) -> None:
    x, sign = answered(seed)
    rng = np.random.default_rng(seed)
    mean, precision = rng.normal(size=5) / 3, rng.uniform(1, 50, 5)
    precision[1:4] = 9.0
    member, scales, log_prior = np.array([1, 2, 3]), np.array([0.05, 0.3, 1.0]), rng.normal(size=3)
    likelihood = newton(x, sign, np.ones(40), mean, precision, np.zeros(5))
    posterior = Posterior(likelihood, mean, precision)
    np.testing.assert_allclose(posterior.mode_C, likelihood.mode_C, atol=1e-4)
    tried = []
    for scale in scales:
        other = precision.copy()
        other[member] = 1 / scale**2
        tried.append(evidence(likelihood, mean, other))
    best = posterior.choose_scale(member, scales, log_prior)
    assert best == int(np.argmax(np.array(tried) + log_prior))
    again = Posterior(likelihood, mean, posterior.precision_C)
    np.testing.assert_allclose(posterior.covariance_CC, again.covariance_CC, atol=1e-9)
    np.testing.assert_allclose(posterior.mode_C, again.mode_C, atol=1e-9)


def test_the_mode_is_where_an_optimiser_finds_it() -> None:
    x, sign = answered(3)
    mean, precision, weight = np.full(5, 0.3), np.full(5, 4.0), np.linspace(0.5, 2, 40)

    def loss(beta: np.ndarray) -> float:
        held = precision @ (beta - mean) ** 2 / 2
        return float(weight @ np.logaddexp(0, -sign * (x @ beta)) + held)

    found = newton(x, sign, weight, mean, precision, np.zeros(5)).mode_C
    assert found == pytest.approx(minimize(loss, np.zeros(5), tol=1e-10).x, abs=1e-4)
