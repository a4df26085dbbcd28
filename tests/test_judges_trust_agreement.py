"""Agreement against published examples and arithmetic by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from judges.trust.agreement import (
    agreement_matrix,
    cohen_kappa,
    krippendorff_alpha,
)

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C: four observers,
# twelve units, five nominal values, missing data; published nominal alpha = 0.743.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, -1, -1, -1],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, -1, 3],
    [-1, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, -1],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, -1],
]


def test_krippendorff_published_example() -> None:
    codes_PR = np.array(OBSERVERS).T
    found = krippendorff_alpha(codes_PR)
    assert found.value == pytest.approx(0.743, abs=5e-4)
    assert found.n == 11  # unit 12 has one answer only
    assert found.low is not None
    assert found.low < found.value < found.high


def test_krippendorff_by_hand() -> None:
    # two raters, four pairs: AA, AB, BB, BB. D_o = 2 * 1 * 1 = 2 (the AB unit);
    # n_A = 3, n_B = 5, n = 8: D_e = (3 * 5 + 5 * 3) / 7 = 30/7; alpha = 1 - 14/30 = .5333
    codes = np.array([[0, 0], [0, 1], [1, 1], [1, 1]])
    assert krippendorff_alpha(codes).value == pytest.approx(1 - 14 / 30)
    # kappa: p_o = .75; p_e = .5 * .25 + .5 * .75 = .5; (.75 - .5) / .5 = .5
    assert cohen_kappa(codes[:, 0], codes[:, 1]).value == pytest.approx(0.5)


def test_undefined_says_why() -> None:
    flat = np.zeros((5, 2), int)
    assert krippendorff_alpha(flat).value is None
    assert "same choice" in krippendorff_alpha(flat).why
    assert "same choice" in cohen_kappa(flat[:, 0], flat[:, 1]).why
    lonely = np.array([[0, -1], [-1, 1]])
    assert krippendorff_alpha(lonely).why == "no pair has two answers"
    assert cohen_kappa(lonely[:, 0], lonely[:, 1]).why == "no pair was answered by both"
    assert str(krippendorff_alpha(lonely)).startswith("undefined (no pair")


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_kappa_is_scikit_learns_and_symmetric(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 3, 40), rng.integers(0, 3, 40)
    other[:25] = one[:25]
    found = cohen_kappa(one, other, repeats=10).value
    assert found == pytest.approx(cohen_kappa_score(one, other))
    assert found == pytest.approx(cohen_kappa(other, one, repeats=10).value)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_alpha_ignores_names_of_choices_and_order_of_raters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(-1, 3, (30, 4))
    renamed = np.array([2, 0, 1, -1])[codes]
    one = krippendorff_alpha(codes, repeats=10).value
    assert one == pytest.approx(krippendorff_alpha(renamed, repeats=10).value)
    assert one == pytest.approx(krippendorff_alpha(codes[:, [2, 0, 3, 1]], repeats=10).value)


def test_prompts_widen_the_interval() -> None:
    # every prompt's 10 pairs are copies: intervals by pair would be sqrt(10) times too narrow
    rng = np.random.default_rng(1)
    base = rng.integers(0, 2, (40, 2))
    base[:25, 1] = base[:25, 0]
    copies = np.repeat(base, 10, axis=0)
    by_pair = krippendorff_alpha(copies, rng=np.random.default_rng(0))
    by_prompt = krippendorff_alpha(copies, np.repeat(np.arange(40), 10), np.random.default_rng(0))
    assert by_pair.value == by_prompt.value
    assert (by_prompt.high - by_prompt.low) > 2.2 * (by_pair.high - by_pair.low)


def test_matrix_counts_shared_pairs_only() -> None:
    matrix = agreement_matrix(np.array([[0, 0, -1], [1, 0, -1]]))
    assert matrix[0, 1] == 0.5
    assert np.isnan(matrix[0, 2])
