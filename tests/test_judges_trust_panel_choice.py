"""Panels priced by hand: human share x price of an answer + calls, and who is not worse."""

import numpy as np
import pytest

from judges.trust.calibration import human_share, human_shares
from judges.trust.panel_choice import Candidate, Sample, Terms, cheapest, price, times
from judges.trust.vote_matrix import MISSING, TIE, A, B

TERMS = Terms(target=0.8, answer_usd=0.5)


def sample(truth: list[int], weight: list[float] | None = None) -> Sample:
    n = len(truth)
    return Sample(
        np.array(truth, dtype=np.int8),
        np.arange(n),
        np.array(weight or [1.0] * n),
        np.ones(n, bool),
    )


def test_a_price_by_hand() -> None:
    """Ten pairs, the three least sure wrong; two of ten may be: one goes to humans."""
    win = np.array([0.95, 0.94, 0.93, 0.92, 0.91, 0.9, 0.89, 0.6, 0.59, 0.58])
    truth = [A] * 7 + [B] * 3
    (found,) = price([Candidate("x", win, np.full(10, 0.02))], sample(truth), TERMS)
    assert found.human_share == pytest.approx(0.1)
    assert found.usd == pytest.approx(0.1 * 0.5 + 0.02)
    assert found.accuracy == pytest.approx(0.7)
    given = np.concatenate([win[:7], 1 - win[7:]])
    assert found.log_loss == pytest.approx(-np.log(given).mean())
    assert found.usd_change.value == 0.0


def test_pairs_weigh_by_how_many_they_stand_for() -> None:
    """Of two pairs the unsure one is wrong and stands for nine of ten: nine of ten are handed."""
    win, truth = np.array([0.9, 0.6]), np.array([A, B], dtype=np.int8)
    assert human_share(win, truth, 0.9, np.array([1.0, 9.0])) == pytest.approx(0.9)
    assert human_share(win, truth, 0.9) == pytest.approx(0.5)


def test_many_weightings_at_once_are_each_alone() -> None:
    rng = np.random.default_rng(0)
    win = np.round(rng.random(60), 1)  # many equal ones
    truth = rng.choice(np.array([A, B, TIE, MISSING], dtype=np.int8), 60)
    weights = rng.integers(0, 3, (20, 60)).astype(float)
    weights[:, 0] = 1.0
    truth[0] = A
    together = human_shares(win, truth, 0.9, weights)
    for weight, share in zip(weights, together, strict=True):
        kept = weight > 0
        alone = human_share(win[kept], truth[kept], 0.9, weight[kept])
        assert share == pytest.approx(alone)


def test_ties_measure_nothing_and_whole_prompts_are_drawn() -> None:
    win = np.array([0.9, 0.2, 0.7])
    two = sample([A, B, TIE])
    (found,) = price([Candidate("x", win, np.zeros(3))], two, TERMS)
    assert found.accuracy == 1.0
    often = times(np.array([4, 4, 9, 7]), 50, 0)
    assert (often[:, 0] == often[:, 1]).all()
    assert (often[:, [0, 2, 3]].sum(axis=1) == 3).all()


def test_the_cheapest_that_is_not_worse_is_chosen() -> None:
    rng = np.random.default_rng(0)
    n = 900
    truth = rng.integers(0, 2, n).astype(np.int8)
    sign = np.where(truth == A, 1, -1)

    def says(signal: float, seed: int) -> np.ndarray:
        noise = np.random.default_rng(seed).normal(size=n)
        return 1 / (1 + np.exp(-2 * (signal * sign + 0.3 * noise)))

    today = says(0.5, 1)
    one = Sample(truth, np.arange(n) // 3, np.ones(n), np.ones(n, bool))
    found = price(
        [
            Candidate("today", today, np.full(n, 0.03)),
            Candidate("the same without calls", today, np.zeros(n)),
            Candidate("free and bad", says(0.05, 2), np.zeros(n)),
        ],
        one,
        Terms(target=0.9, answer_usd=0.5),
    )
    assert cheapest(found, TERMS).candidate.name == "the same without calls"
    saved = found[1].usd_change
    assert saved.value == pytest.approx(-0.03)
    assert saved.error == pytest.approx(0.5 / n)  # nothing moves it, and a pair is the least width
    assert not found[2].not_worse(TERMS)
    assert cheapest([found[0], found[2]], TERMS) is found[0]
