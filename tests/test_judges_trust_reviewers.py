"""Reviewers' reliability from gold, overlap and repeats, by hand and in simulation."""

import numpy as np
import pytest

from judges.trust.reviewers import Answers, fit_reviewers, truth_posterior
from judges.trust.vote_matrix import MISSING, TIE, A, B


def answers_of(rows: list[tuple[int, int, int]]) -> Answers:
    table = np.array(rows, np.int64).reshape(-1, 3)
    return Answers(table[:, 0], table[:, 1], table[:, 2].astype(np.int8))


def test_gold_alone_is_the_beta_posterior() -> None:
    # 10 gold pairs, 9 right: Beta(8 + 9, 2 + 1) has mean 17 / 20
    gold = np.full(10, A, np.int8)
    rows = [(pair, 0, A) for pair in range(9)] + [(9, 0, B)]
    found = fit_reviewers(answers_of(rows), 1, 10, gold_P=gold)
    assert found[0] == pytest.approx(17 / 20, abs=1e-3)


def test_a_lonely_reviewer_keeps_the_prior() -> None:
    found = fit_reviewers(answers_of([(pair, 0, A) for pair in range(30)]), 2, 30)
    assert found == pytest.approx([0.8, 0.8], abs=1e-3)


def test_overlap_tells_the_careless_from_the_careful() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 300)
    right = [0.95, 0.9, 0.6]
    rows = [
        (pair, who, int(truth[pair]) if rng.random() < right[who] else int(1 - truth[pair]))
        for pair in range(300)
        for who in range(3)
    ]
    found = fit_reviewers(answers_of(rows), 3, 300)
    assert found == pytest.approx(right, abs=0.06)


def test_repeats_move_the_estimate() -> None:
    # a reviewer who repeats 5 of 20 answers only is worse than the prior, 20 of 20 is better
    same, repeated = np.array([5, 20]), np.array([20, 20])
    found = fit_reviewers(answers_of([]), 2, 1, same_R=same, repeated_R=repeated)
    assert found[0] < 0.7 < 0.8 < found[1]


def test_names_of_a_and_b_do_not_matter() -> None:
    rows = [(0, 0, A), (0, 1, B), (1, 1, TIE), (1, 0, A)]
    panel = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]])
    one = truth_posterior(answers_of(rows), 2, np.array([0.9, 0.7]), panel_PK=panel)
    swap = {A: B, B: A, TIE: TIE}
    other = truth_posterior(
        answers_of([(p, r, swap[c]) for p, r, c in rows]),
        2,
        np.array([0.9, 0.7]),
        panel_PK=panel[:, [1, 0, 2]],
    )
    assert np.allclose(one, other[:, [1, 0, 2]])
    assert np.allclose(one.sum(axis=1), 1.0)


def test_gold_missing_everywhere_is_no_gold() -> None:
    rows = [(0, 0, A), (0, 1, A), (1, 0, B), (1, 1, A)]
    without = fit_reviewers(answers_of(rows), 2, 2)
    empty = fit_reviewers(answers_of(rows), 2, 2, gold_P=np.full(2, MISSING, np.int8))
    assert np.allclose(without, empty)
