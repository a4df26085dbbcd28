"""Forecasts and plans of a promise: by hand without chance, honest in simulation with it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judges.trust.certificate import certify
from judges.trust.frame import Frame, draw_audit
from judges.trust.looks import Look
from judges.trust.miscalibration import Miscalibration
from review.routing.forecast import (
    expected_saving,
    forecast_audit,
    forecast_target,
    go_on,
    plan_looks,
)

NONE = np.zeros(0)
ASKED = {"target": 0.1, "promise": "g2"}


def frame_of(risk_P: np.ndarray) -> Frame:
    return Frame.of([f"p{row:05d}" for row in range(len(risk_P))], 1.0 - risk_P)


def answers(frame: Frame, wrong_P: np.ndarray, audits: int, seed: int = 0) -> dict[str, bool]:
    row = {pair_id: n for n, pair_id in enumerate(frame.pair_ids)}
    return {p: bool(wrong_P[row[p]]) for p in draw_audit(frame, audits, seed)[0]}


def test_what_is_left_possible_is_weighed_by_bayes() -> None:
    prior = Miscalibration.given(NONE, NONE.astype(bool))
    assert prior.weight_G.sum() == pytest.approx(1.0)
    # one audit of believed risk one half: its log-odds are 0, so it is wrong with sigmoid(shift)
    chance = 1 / (1 + np.exp(-prior.shift_G))
    seen = Miscalibration.given(np.array([0.5]), np.array([True]))
    expected = prior.weight_G * chance / (prior.weight_G * chance).sum()
    assert seen.weight_G == pytest.approx(expected)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(-1.0, 1.5))
def test_many_audits_find_the_shift(seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    risk = rng.uniform(0.05, 0.6, 3000)
    odds = shift + np.log(risk / (1 - risk))
    found = Miscalibration.given(risk, rng.random(3000) < 1 / (1 + np.exp(-odds)))
    assert abs(found.weight_G @ found.shift_G - shift) < 0.35
    drawn = found.draw(risk, rng)
    assert ((drawn > 0) & (drawn < 1)).all()
    assert (np.diff(drawn[np.argsort(risk)]) >= 0).all()


def test_a_forecast_covers_what_happens_where_risks_are_off_as_assumed() -> None:
    # 60 batches whose risks are off by a draw of the prior: a 90% interval misses 6 of 60; its ends
    # are quantiles of 200 simulations, so 15% outside would still be chance, and 15 of 60 then too
    rng = np.random.default_rng(3)
    prior = Miscalibration.given(NONE, NONE.astype(bool))
    believed = 1 / (1 + np.exp(-rng.normal(-2, 1.5, 800)))
    looks = plan_looks(believed, delta=0.1, **ASKED)
    told = forecast_target(believed, looks=looks, delta=0.1, **ASKED)
    frame, missed = frame_of(believed), 0
    for trial in range(60):
        wrong = rng.random(800) < prior.draw(believed, rng)
        said = answers(frame, wrong, looks[-1].audits, trial)
        made = certify(frame, said, looks=looks, look=len(looks), seed=trial, **ASKED)
        inside = made.accepted_P(frame)[[int(pair[1:]) for pair in said]].sum()
        missed += not told.human_low <= 800 - made.accepted + inside <= told.human_high
    assert missed <= 15
    assert told.human_high - told.human_low > 0.2 * 800  # "not 100%", and not a point either


def test_with_every_audit_answered_nothing_is_left_to_chance() -> None:
    frame = frame_of(np.linspace(0.0, 0.6, 600))
    wrong = np.random.default_rng(1).random(600) < np.linspace(0.0, 0.6, 600)
    looks = (Look(50, 0.03), Look(150, 0.07))
    said = answers(frame, wrong, 150, seed=4)
    made = max(
        (certify(frame, said, looks=looks, look=n, seed=4, **ASKED) for n in (1, 2)),
        key=lambda one: one.accepted,
    )
    inside = made.accepted_P(frame)[[int(pair[1:]) for pair in said]].sum()
    told = forecast_audit(frame, said, looks=looks, delta=0.1, seed=4, **ASKED)
    assert told.human == told.human_low == told.human_high == 600 - made.accepted + inside
    half = dict(list(said.items())[:75])
    before = forecast_audit(frame, half, looks=looks, delta=0.1, seed=4, **ASKED)
    assert before.human_low < before.human_high


def test_audits_move_the_forecast_to_what_they_show() -> None:
    # believed risks say nearly nothing is wrong; the first 60 audits say four in ten are
    frame = frame_of(np.full(2000, 0.02))
    wrong = np.random.default_rng(0).random(2000) < 0.4
    looks = (Look(300, 0.1),)
    believing = forecast_audit(frame, {}, looks=looks, delta=0.1, **ASKED)
    said = answers(frame, wrong, 60)
    after = forecast_audit(frame, said, looks=looks, delta=0.1, **ASKED)
    assert believing.human < 700
    assert after.human > 1200


def test_going_on_is_worth_it_while_the_certificate_is_far_from_what_it_could_be() -> None:
    looks = (Look(20, 0.05), Look(200, 0.05))
    clean = frame_of(np.full(1000, 0.001))
    said = answers(clean, np.zeros(1000, bool), 20)
    # 20 clean audits bound nothing at 10%: C(899, 20) / C(1000, 20) = .12 is more than .05
    assert go_on(clean, said, looks=looks, look=1, **ASKED)
    assert not go_on(clean, said, looks=looks, look=2, **ASKED)
    # after 40 clean ones everything is accepted, and further audits only cost
    looks = (Look(40, 0.05), Look(200, 0.05))
    assert not go_on(clean, answers(clean, np.zeros(1000, bool), 40), looks=looks, look=1, **ASKED)


def test_plans_do_not_depend_on_the_order_of_the_pairs_and_repeat() -> None:
    risk = np.random.default_rng(2).uniform(0, 0.6, 700)
    plan = plan_looks(risk, delta=0.1, **ASKED)
    assert plan == plan_looks(risk[::-1], delta=0.1, **ASKED)
    assert 25 <= plan[-1].audits <= 350
    assert plan_looks(NONE, delta=0.1, **ASKED)[-1].audits == 0


def test_seed_questions_are_expected_to_save_little_and_to_cost_in_small_batches() -> None:
    # .005 * 10,000 - .06 * 150 = 41, give or take .025 * 10,000; .005 * 500 - 9 = -6.5
    assert expected_saving(10_000, 150) == pytest.approx((-209, 41, 291))
    assert expected_saving(500, 150)[1] == pytest.approx(-6.5)
