"""Effective number of judges and what one adds, on panels whose answer is known."""

import numpy as np
import pytest

from judges.trust.effective import (
    effective_number,
    error_correlation,
    judge_values,
    margins,
    vote_correlation,
)
from judges.trust.likeness import correlation
from judges.trust.majority import Majority
from judges.trust.vote_matrix import MISSING, A, B, VoteMatrix


def panel(right: list[float], copies: int, seed: int = 0, pairs: int = 600):
    """Independent judges with these accuracies, then copies of the first."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, pairs).astype(np.int8)
    votes = [np.where(rng.random(pairs) < share, truth, 1 - truth) for share in right]
    votes += [votes[0]] * copies
    codes = np.stack(votes, axis=1).astype(np.int8)[:, :, None].repeat(2, axis=2)
    names = tuple(f"j{n}" for n in range(codes.shape[1]))
    vote_matrix = VoteMatrix(codes, names, names, np.arange(pairs), np.full(pairs, -1, np.int64))
    return vote_matrix, truth


def test_design_effect_by_hand() -> None:
    # R = 3, one pair correlated 1, others 0: 9 / (3 + 2) = 1.8
    matrix = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert effective_number(matrix) == pytest.approx(1.8)
    assert effective_number(np.eye(4)) == 4.0
    assert effective_number(np.ones((5, 5))) == 1.0
    assert effective_number(np.array([[1.0, -0.5], [-0.5, 1.0]])) == 2.0
    unknown = np.array([[1.0, np.nan, 0.5], [np.nan, 1.0, 0.5], [0.5, 0.5, 1.0]])
    assert effective_number(unknown) == pytest.approx(9 / (3 + 6 * 0.5))


def test_copies_count_once() -> None:
    vote_matrix, truth = panel([0.8, 0.8, 0.8], copies=2)
    # five judges, three of them the same: correlations 1 among 3 -> 25 / (5 + 6) = 2.27
    by_errors = effective_number(error_correlation(vote_matrix, truth))
    assert by_errors == pytest.approx(25 / 11, abs=0.15)
    assert effective_number(vote_correlation(vote_matrix)) < 3.5


def test_independent_judges_are_nearly_all_counted() -> None:
    vote_matrix, truth = panel([0.75] * 5, copies=0)
    assert effective_number(error_correlation(vote_matrix, truth)) > 4.5
    assert effective_number(vote_correlation(vote_matrix)) > 2.5  # a lower bound


def test_a_useless_judge_may_be_dropped() -> None:
    vote_matrix, truth = panel([0.9, 0.85, 0.5], copies=0)
    values = judge_values(Majority, vote_matrix, truth, np.random.default_rng(0))
    assert [value.rater for value in values] == ["j0", "j1", "j2"]
    assert values[0].gain.value > values[2].gain.value
    assert values[2].drop
    assert not values[0].drop
    assert judge_values(Majority, vote_matrix, np.full(600, MISSING, np.int8), None) == []


def test_margins_and_too_few_shared_pairs() -> None:
    codes = np.array([[[A, B], [A, A], [MISSING, B]]], np.int8)
    vote_matrix = VoteMatrix(
        codes, ("x", "y", "z"), ("x", "y", "z"), np.zeros(1, int), np.zeros(1, int)
    )
    assert margins(vote_matrix).tolist() == [[0.0, 1.0, -1.0]]
    assert np.isnan(correlation(np.random.default_rng(0).random((5, 2)))[0, 1])
