"""Judges that repeat each other: found from votes alone, and not counted twice."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trust_worlds import panel

from judges.trust.effective import effective_number, vote_correlation
from judges.trust.likeness import correlation, independence, likeness
from judges.trust.vote_matrix import BA, MISSING, VoteMatrix

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from simulated import measured


def repeated(rerun: float, seed: int = 0, orders: int = 2) -> VoteMatrix:
    """Three judges of their own mind, the first of them asked three times in all."""
    vote_matrix, _ = panel(800, (0.8, 0.8, 0.8, 0.8, 0.8), first=0.3, seed=seed)
    codes = vote_matrix.codes_PRO.copy()
    anew = np.random.default_rng(seed).random(codes[:, 1:3].shape) < rerun
    codes[:, 1:3] = np.where(anew, codes[:, 1:3], codes[:, :1])
    if orders == 1:
        codes[..., BA] = MISSING
    return replace(vote_matrix, codes_PRO=codes)


def test_judges_of_their_own_mind_are_independent() -> None:
    for seed in range(3):
        vote_matrix, _ = panel(800, (0.95, 0.85, 0.75, 0.65), first=0.3, seed=seed)
        assert likeness(vote_matrix) == pytest.approx(np.eye(4))
        assert independence(vote_matrix) == pytest.approx(np.ones(4))


def test_relatives_are_a_fifth_of_a_copy_each() -> None:
    vote_matrix, _ = panel(800)
    vote_matrix = replace(vote_matrix, families=("x", "x", "y"))
    assert independence(vote_matrix) == pytest.approx([1 / 1.2, 1 / 1.2, 1.0])


@pytest.mark.parametrize("orders", [1, 2])
def test_copies_are_one_judge(orders: int) -> None:
    vote_matrix = repeated(0.0, orders=orders)
    assert independence(vote_matrix) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1, 1])
    assert 2.0 < effective_number(vote_correlation(vote_matrix)) < 3.2  # 25 / (5 + 6) = 2.3, or so


def test_copies_alone_are_worth_one_judge() -> None:
    vote_matrix = repeated(0.0)
    same = vote_matrix.keep_raters(np.arange(3))
    assert effective_number(vote_correlation(same)) == pytest.approx(1.0)


def test_reruns_are_found_by_where_they_reverse() -> None:
    own = independence(repeated(0.05))
    assert own[:3].max() < 0.6
    assert own[3:].min() > 0.9


def test_nothing_is_said_of_judges_that_share_too_few_pairs() -> None:
    vote_matrix = repeated(0.0).take(np.arange(9))  # 18 votes
    assert independence(vote_matrix) == pytest.approx(np.ones(5))
    empty = vote_matrix.take(np.arange(0))
    assert independence(empty) == pytest.approx(np.ones(5))


def test_correlation_on_shared_rows_is_numpys() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 3)) + rng.normal(size=(60, 1))
    values[rng.random((60, 3)) < 0.2] = np.nan
    both = np.isfinite(values[:, :2]).all(axis=1)
    assert correlation(values)[0, 1] == pytest.approx(np.corrcoef(values[both, :2].T)[0, 1])


@pytest.mark.parametrize("name", ["copies", "reruns", "reruns, one order", "reruns among others"])
def test_judges_that_judge_alike_do_not_make_a_cold_start_over_sure(name: str) -> None:
    # Each counted in full they made it .09 to .16 too sure.
    none = np.array(measured(name, 3, (0,))[0])
    assert none[:, 1].mean() < 0.05


@pytest.mark.parametrize("name", ["prompts of one model", "strong judges", "two weak judges"])
def test_a_few_answers_do_no_harm(name: str) -> None:
    found = measured(name, 4, (0, 25))
    above = np.array(found[25])[:, 0] - np.array(found[0])[:, 0]
    assert above.mean() < 0.02  # a standard error is .005
