"""Majority and Dawid–Skene behind one interface."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trust_worlds import panel

from judges.trust.dawid_skene import DawidSkene
from judges.trust.majority import Majority
from judges.trust.vote_matrix import MISSING, TIE, A, B, Consensus, Pooler, VoteMatrix, rename

BASELINES = [Majority, DawidSkene]


def one_pair(*votes: tuple[int, int]) -> VoteMatrix:
    names = tuple(f"j{i}" for i in range(len(votes)))
    codes = np.array([votes], dtype=np.int8)
    return VoteMatrix(codes, names, names, np.zeros(1, np.int64), np.full(1, -1))


def test_majority_known_answer() -> None:
    # Two raters for A in both orders, one reversed: A has 2.5 votes, B has .5, no tie.
    found = Majority(smoothing=1.5).predict(one_pair((A, A), (A, A), (A, B)))
    assert found.p_PK[0] == pytest.approx([3.0 / 4.5, 1.0 / 4.5, 0.5 / 4.5])
    assert found.logit_P[0] == pytest.approx(np.log(3.0))
    assert found.contributions_PC is not None
    assert found.contributions_PC[0] == pytest.approx([np.log(3) / 2, np.log(3) / 2, 0.0])


def test_an_exact_draw_is_a_tie_and_nobody_is_preferred_by_place() -> None:
    found = Majority().predict(one_pair((A, A), (B, B)))
    assert found.choice_P[0] == TIE
    assert found.win_P[0] == 0.5


@pytest.mark.parametrize("kind", BASELINES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), first=st.floats(0, 0.6), labelled=st.integers(0, 20))
def test_renaming_a_and_b_mirrors_every_answer(
    kind: type[Pooler], seed: int, first: float, labelled: int
) -> None:
    vote_matrix, truth = panel(60, first=first, seed=seed)
    labels = np.where(np.arange(60) < labelled, truth, MISSING).astype(np.int8)
    found = kind().fit(vote_matrix, labels).predict(vote_matrix)
    other = kind().fit(vote_matrix.mirrored(), rename(labels)).predict(vote_matrix.mirrored())
    np.testing.assert_allclose(other.logit_P, -found.logit_P, atol=1e-5)
    np.testing.assert_allclose(other.p_PK[:, [B, A, TIE]], found.p_PK, atol=1e-6)
    assert found.contributions_PC is not None
    np.testing.assert_allclose(found.contributions_PC.sum(axis=1), found.logit_P, atol=1e-9)
    np.testing.assert_allclose(found.p_PK.sum(axis=1), 1.0)


def test_dawid_skene_learns_that_a_rater_takes_the_first_place() -> None:
    vote_matrix, truth = panel(3000, accuracy=(0.9, 0.85, 0.8), first=0.0, ties=0.0, missing=0.0)
    codes = vote_matrix.codes_PRO.copy()
    codes[:, 2] = (A, B)  # shown first wins, whatever is shown
    blind = VoteMatrix(
        codes, vote_matrix.raters, vote_matrix.families, vote_matrix.prompt_P, vote_matrix.domain_P
    )
    found: Consensus = DawidSkene().fit(blind).predict(blind)
    assert found.contributions_PC is not None
    assert np.abs(found.contributions_PC[:, 2]).max() < 0.05
    assert (found.choice_P == truth).mean() > 0.93


def test_dawid_skene_recovers_the_confusions_it_was_drawn_from() -> None:
    # P(A | A) = .1 · 1 + .9 · .8 = .82 and P(A | B) = .1 + .9 · .2 = .28 where ab is shown.
    vote_matrix, _ = panel(8000, (0.8, 0.8, 0.8, 0.8), first=0.1, ties=0.0, missing=0.0, seed=3)
    theta = DawidSkene().fit(vote_matrix).theta_RKV_
    assert theta[:, A, A] == pytest.approx(0.82, abs=0.03)
    assert theta[:, B, A] == pytest.approx(0.28, abs=0.03)


def test_a_labelled_pair_does_not_judge_itself() -> None:
    vote_matrix, truth = panel(40, (0.6,), seed=5)
    labels = truth.copy()
    inside = DawidSkene().fit(vote_matrix, labels).predict(vote_matrix)
    for pair in (0, 7):
        others = np.arange(40) != pair
        alone = DawidSkene().fit(vote_matrix.take(others), labels[others])
        expected = alone.predict(vote_matrix.take(np.array([pair])))
        assert inside.logit_P[pair] == pytest.approx(expected.logit_P[0], abs=1e-9)


@pytest.mark.parametrize("kind", BASELINES)
def test_no_votes_is_no_opinion(kind: type[Pooler]) -> None:
    vote_matrix, _ = panel(50)
    codes = vote_matrix.codes_PRO.copy()
    codes[0] = MISSING
    silent = VoteMatrix(
        codes, vote_matrix.raters, vote_matrix.families, vote_matrix.prompt_P, vote_matrix.domain_P
    )
    found = kind().fit(silent).predict(silent)
    assert found.logit_P[0] == pytest.approx(0.0, abs=1e-9)


def test_learning_raters_beats_counting_them() -> None:
    vote_matrix, truth = panel(2000, (0.95, 0.6, 0.6, 0.6), first=0.0, ties=0.0, seed=2)
    better = (DawidSkene().fit(vote_matrix).predict(vote_matrix).choice_P == truth).mean()
    counted = (Majority().fit(vote_matrix).predict(vote_matrix).choice_P == truth).mean()
    assert better > counted


def test_log_odds_are_those_of_the_answer() -> None:
    vote_matrix, _ = panel(80, first=0.3)
    model = DawidSkene().fit(vote_matrix)
    assert model.log_odds(vote_matrix.codes_PRO) == pytest.approx(
        model.predict(vote_matrix).logit_P
    )


def test_a_wrong_shape_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"families has shape .* where .* is needed"):
        VoteMatrix(np.zeros((2, 1, 2), np.int8), ("x",), (), np.zeros(2, int), np.zeros(2, int))
