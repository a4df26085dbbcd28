"""Majority, Dawid–Skene, one coin and GLAD behind one interface."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trust_worlds import panel

from judges.trust.ballots import MISSING, TIE, A, B, Ballots, Consensus, Pooler, rename
from judges.trust.dawid_skene import DawidSkene
from judges.trust.glad import Glad
from judges.trust.majority import Majority
from judges.trust.one_coin import OneCoin

BASELINES = [Majority, DawidSkene, OneCoin, Glad]


def one_pair(*votes: tuple[int, int]) -> Ballots:
    names = tuple(f"j{i}" for i in range(len(votes)))
    codes = np.array([votes], dtype=np.int8)
    return Ballots(codes, names, names, np.zeros(1, np.int64), np.full(1, -1))


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
    assert found.lean_P[0] == 0.5


@pytest.mark.parametrize("kind", BASELINES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), first=st.floats(0, 0.6), labelled=st.integers(0, 20))
def test_renaming_a_and_b_mirrors_every_answer(
    kind: type[Pooler], seed: int, first: float, labelled: int
) -> None:
    ballots, truth = panel(60, first=first, seed=seed)
    labels = np.where(np.arange(60) < labelled, truth, MISSING).astype(np.int8)
    found = kind().fit(ballots, labels).predict(ballots)
    other = kind().fit(ballots.mirrored(), rename(labels)).predict(ballots.mirrored())
    np.testing.assert_allclose(other.logit_P, -found.logit_P, atol=1e-5)
    np.testing.assert_allclose(other.p_PK[:, [B, A, TIE]], found.p_PK, atol=1e-6)
    assert found.contributions_PC is not None
    np.testing.assert_allclose(found.contributions_PC.sum(axis=1), found.logit_P, atol=1e-9)
    np.testing.assert_allclose(found.p_PK.sum(axis=1), 1.0)


def test_dawid_skene_learns_that_a_rater_takes_the_first_place() -> None:
    ballots, truth = panel(3000, accuracy=(0.9, 0.85, 0.8), first=0.0, ties=0.0, missing=0.0)
    codes = ballots.codes_PRO.copy()
    codes[:, 2] = (A, B)  # shown first wins, whatever is shown
    blind = Ballots(codes, ballots.raters, ballots.families, ballots.prompt_P, ballots.domain_P)
    found: Consensus = DawidSkene().fit(blind).predict(blind)
    assert found.contributions_PC is not None
    assert np.abs(found.contributions_PC[:, 2]).max() < 0.05
    assert (found.choice_P == truth).mean() > 0.93


def test_dawid_skene_recovers_the_confusions_it_was_drawn_from() -> None:
    # P(A | A) = .1 · 1 + .9 · .8 = .82 and P(A | B) = .1 + .9 · .2 = .28 where ab is shown.
    ballots, _ = panel(8000, (0.8, 0.8, 0.8, 0.8), first=0.1, ties=0.0, missing=0.0, seed=3)
    theta = DawidSkene().fit(ballots).theta_RKV_
    assert theta[:, A, A] == pytest.approx(0.82, abs=0.03)
    assert theta[:, B, A] == pytest.approx(0.28, abs=0.03)


def test_a_labelled_pair_does_not_judge_itself() -> None:
    ballots, truth = panel(40, (0.6,), seed=5)
    labels = truth.copy()
    inside = DawidSkene().fit(ballots, labels).predict(ballots)
    for pair in (0, 7):
        others = np.arange(40) != pair
        alone = DawidSkene().fit(ballots.take(others), labels[others])
        expected = alone.predict(ballots.take(np.array([pair])))
        assert inside.logit_P[pair] == pytest.approx(expected.logit_P[0], abs=1e-9)


@pytest.mark.parametrize("kind", BASELINES)
def test_no_votes_is_no_opinion(kind: type[Pooler]) -> None:
    ballots, _ = panel(50)
    codes = ballots.codes_PRO.copy()
    codes[0] = MISSING
    silent = Ballots(codes, ballots.raters, ballots.families, ballots.prompt_P, ballots.domain_P)
    found = kind().fit(silent).predict(silent)
    assert found.logit_P[0] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("kind", [DawidSkene, OneCoin, Glad])
def test_learning_raters_beats_counting_them(kind: type[Pooler]) -> None:
    ballots, truth = panel(2000, (0.95, 0.6, 0.6, 0.6), first=0.0, ties=0.0, seed=2)
    better = (kind().fit(ballots).predict(ballots).choice_P == truth).mean()
    counted = (Majority().fit(ballots).predict(ballots).choice_P == truth).mean()
    assert better > counted


def test_log_odds_are_those_of_the_answer() -> None:
    ballots, _ = panel(80, first=0.3)
    model = DawidSkene().fit(ballots)
    assert model.log_odds(ballots.codes_PRO) == pytest.approx(model.predict(ballots).logit_P)


def test_a_wrong_shape_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"families has shape .* where .* is needed"):
        Ballots(np.zeros((2, 1, 2), np.int8), ("x",), (), np.zeros(2, int), np.zeros(2, int))
