"""Drift alarms: the statistic by hand, false alarms as promised, replaced judges found."""

import numpy as np
import pytest
from scipy.special import xlogy
from scipy.stats import chi2_contingency

from judges.trust.drift import (
    CELLS,
    _g,
    detect_drift,
    drift_cells,
    fit_reference,
    gathered,
    sentinel_test,
    watch_audits,
)
from judges.trust.vote_matrix import MISSING, TIE, A, B, VoteMatrix


def matrix_of(codes: list[list[list[int]]]) -> VoteMatrix:
    codes_PRO = np.array(codes, np.int8)
    raters = codes_PRO.shape[1]
    return VoteMatrix(
        codes_PRO,
        tuple(f"j{r}" for r in range(raters)),
        tuple("f" for _ in range(raters)),
        np.arange(len(codes_PRO)),
        np.full(len(codes_PRO), -1),
    )


def test_cells_of_one_judge() -> None:
    others = [[A, A], [A, A]]  # the others lean to A
    rows = [
        [[A, A], *others],  # consistent, agrees: 2 * 0 + 1
        [[B, B], *others],  # consistent, disagrees: 0
        [[A, B], *others],  # first shown twice, ab answer A agrees: 2 * 1 + 1
        [[B, A], *others],  # second shown twice, ab answer B: 2 * 2
        [[TIE, A], *others],  # a tie, the other answer agrees: 2 * 3 + 1
        [[TIE, TIE], *others],  # no side: 6
        [[MISSING, B], *others],  # one order only, disagrees: 6
        [[MISSING, MISSING], *others],
    ]
    assert drift_cells(matrix_of(rows), 0).tolist() == [1, 0, 3, 4, 7, 6, 6, MISSING]


def test_renaming_keeps_the_cells_of_consistent_and_mirrors_the_rest() -> None:
    rng = np.random.default_rng(0)
    vote_matrix = matrix_of(rng.integers(-1, 3, (200, 3, 2)).tolist())
    one, other = drift_cells(vote_matrix, 1), drift_cells(vote_matrix.mirrored(), 1)
    # the shown position of a reversal stays what it was; only "agrees" may depend on the ab answer
    assert (one // 2 == other // 2).all()
    consistent = one < 2
    assert (one[consistent] == other[consistent]).all()


def test_g_is_the_log_likelihood_ratio_of_scipy() -> None:
    rng = np.random.default_rng(1)
    reference, window = rng.integers(1, 40, CELLS), rng.integers(1, 20, CELLS)
    table = np.stack([window, reference])
    expected = chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic
    entropy = xlogy(np.arange(900), np.arange(900))
    assert _g(window[None], reference, entropy)[0] == pytest.approx(expected)


def test_cells_the_reference_hardly_knows_are_counted_together() -> None:
    # Four pairs are fewer than five: cells 2, 5 and 7 share the place of the first of them.
    assert gathered(np.array([90, 5, 4, 60, 50, 0, 80, 1])).tolist() == [0, 1, 2, 3, 4, 2, 6, 2]
    assert gathered(np.full(CELLS, 5)).tolist() == list(range(CELLS))


def test_false_alarms_and_delay() -> None:
    # a judge with 60% consistent agreement, replaced by one that often picks what is shown first
    rng = np.random.default_rng(2)
    before = np.array([0.1, 0.6, 0.06, 0.08, 0.03, 0.05, 0.03, 0.05])
    after = np.array([0.2, 0.25, 0.25, 0.25, 0.01, 0.02, 0.01, 0.01])
    rang, delays = 0, []
    reference = fit_reference(
        rng.choice(CELLS, 300, p=before).astype(np.int8), rng, simulations=300
    )
    for _ in range(60):
        # a fresh reference each time with the thresholds of one: they hardly depend on it
        counts = rng.multinomial(300, before)
        watched = type(reference)(
            counts, reference.windows, reference.thresholds, 0.04, reference.horizon
        )
        quiet = detect_drift(watched, rng.choice(CELLS, 2000, p=before).astype(np.int8))
        rang += quiet is not None
        alarm = detect_drift(watched, rng.choice(CELLS, 1000, p=after).astype(np.int8))
        assert alarm is not None
        delays.append(alarm.at)
    assert rang <= 8  # 60 * .04 = 2.4; P(more than 8) < .002
    assert np.median(delays) <= 60


def test_pairs_of_one_prompt_ring_no_alarm_where_the_prompts_are_known() -> None:
    # five pairs a prompt, nearly the same cell for all of them: 2,000 pairs tell 400 things
    rng = np.random.default_rng(4)

    def stream(prompts: int) -> tuple[np.ndarray, np.ndarray]:
        shares = rng.dirichlet(np.full(CELLS, 0.15), prompts)
        cells = [rng.choice(CELLS, 5, p=share) for share in shares]
        return np.concatenate(cells).astype(np.int8), np.repeat(np.arange(prompts), 5)

    rang = {"known": 0, "unknown": 0}
    for _ in range(12):
        cells, prompts = stream(100)
        later = stream(400)[0]
        for name, known in (("known", prompts), ("unknown", None)):
            reference = fit_reference(cells, rng, prompt_T=known, simulations=100)
            rang[name] += detect_drift(reference, later) is not None
    assert rang["known"] <= 4  # P(more than 4 of 12 at .04 each) < .0001; the simulations add some
    assert rang["unknown"] >= 9


def test_too_short_a_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="10 reference pairs"):
        fit_reference(np.zeros(10, np.int8), np.random.default_rng(0))


def test_windows_longer_than_the_horizon_are_left_out() -> None:
    cells = np.tile(np.arange(8, dtype=np.int8), 40)
    short = fit_reference(cells, np.random.default_rng(0), horizon=120, simulations=20)
    assert short.windows[-1] <= 120
    with pytest.raises(ValueError, match="horizon of 20 pairs"):
        fit_reference(cells, np.random.default_rng(0), horizon=20)


def test_a_silent_stream_rings_nothing() -> None:
    reference = fit_reference(
        np.tile(np.arange(8, dtype=np.int8), 40), np.random.default_rng(0), simulations=50
    )
    assert detect_drift(reference, np.full(100, MISSING, np.int8)) is None


def test_sentinels_tell_change_from_noise() -> None:
    # 200 votes, reruns change 4 (2%): 30 changed ring, 6 do not
    before = np.zeros(200, np.int8)
    rerun, changed, noisy = before.copy(), before.copy(), before.copy()
    rerun[:4], changed[:30], noisy[:6] = B, B, B
    assert sentinel_test(before, changed, rerun).alarm
    quiet = sentinel_test(before, noisy, rerun)
    assert (quiet.changed, quiet.rerun_changed, quiet.alarm) == (6, 4, False)


def test_audit_wealth_by_hand_and_under_ville() -> None:
    # one wrong audit multiplies a bet on q by q / bound, so the mixture is mean(q) / bound
    rates = 1 - 0.95 * (1 - np.linspace(0.02, 0.98, 25)) ** 2
    first = watch_audits(np.array([True]), bound=0.05)
    assert first.e_values_T[0] == pytest.approx(rates.mean() / 0.05)
    # at the bound itself: 400 streams of 500 audits, alarm ever in at most .05 + 3 sd = .083
    rng = np.random.default_rng(4)
    rang = sum(watch_audits(rng.random(500) < 0.05, bound=0.05).withdraw for _ in range(400))
    assert rang / 400 <= 0.083


def test_a_broken_promise_is_withdrawn() -> None:
    rng = np.random.default_rng(5)
    delays = [
        watch_audits(rng.random(1000) < 0.15, bound=0.03).alarm_at or 9999 for _ in range(100)
    ]
    assert np.median(delays) < 60
    assert watch_audits(np.zeros(0, bool), bound=0.1).p_value == 1.0
    with pytest.raises(ValueError, match="bound is 0"):
        watch_audits(np.zeros(3, bool), bound=0.0)
