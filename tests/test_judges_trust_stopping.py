"""The cascade stops where it should, by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judges.trust.stopping import Policy, run_policy


def test_the_careful_form_asks_more_of_early_stages() -> None:
    # t = .9: early stages 1 - .1 / 2 = .95, the last .9
    policy = Policy(0.9)
    assert [policy.bar(stage, 3) for stage in range(3)] == pytest.approx([0.95, 0.95, 0.9])
    assert Policy(0.9, careful=False).bar(0, 3) == 0.9
    assert policy.bar(0, 1) == 0.9
    with pytest.raises(ValueError, match=r"threshold is 1\.5"):
        Policy(1.5)


def test_a_recorded_cascade_and_its_cost() -> None:
    confidence = np.array([[0.97, 0.99], [0.92, 0.93], [0.7, 0.8]])
    course = run_policy(confidence, Policy(0.9))
    assert course.stage_P.tolist() == [0, 1, 1]
    assert course.accepted_P.tolist() == [True, True, False]
    assert course.confidence_P.tolist() == [0.97, 0.93, 0.8]
    # 1 pays the cheap stage only, 2 pay both: 1 + 2 * (1 + 10) = 23
    assert course.cost(np.array([1.0, 10.0])) == 23.0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.55, 0.98), st.floats(0.001, 0.02))
def test_a_stricter_policy_never_accepts_more(seed: int, threshold: float, step: float) -> None:
    confidence = np.random.default_rng(seed).uniform(0.4, 1.0, (50, 3))
    easy, strict = (
        run_policy(confidence, Policy(threshold)),
        run_policy(confidence, Policy(threshold + step)),
    )
    assert not (strict.accepted_P & ~easy.accepted_P).any()
    assert (strict.stage_P >= easy.stage_P).all()
