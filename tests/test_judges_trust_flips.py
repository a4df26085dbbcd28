"""Flip rates under a change and its placebo: exact where nothing flips, by prompt, and mirrored."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.trust import flips
from judges.trust.flips import Verdict, corrected_level, difference, enough, reach, verdict
from judges.trust.intervals import Estimate, undefined

LEVEL = corrected_level(7)  # 1 - .05 / 7
TAIL = 0.05 / 14


def found(changed: list[int], placebo: list[int], prompts: list[int] | None = None) -> Estimate:
    prompt_P = np.array(prompts if prompts is not None else range(len(changed)), np.int64)
    rng = np.random.default_rng(0)
    return difference(np.array(changed, bool), np.array(placebo, bool), prompt_P, rng, LEVEL)


def test_where_nothing_flips_the_bound_is_exact() -> None:
    """(1 - u)^n = tail: at 100 prompts u = 1 - (.05 / 14)^(1 / 100) = .0548."""
    for flipped in ([0] * 100, [1] * 100):
        none = found(flipped, flipped)
        assert none.value == 0
        assert none.high == pytest.approx(1 - TAIL**0.01)
        assert none.low == pytest.approx(TAIL**0.01 - 1)
        assert verdict(none) is Verdict.PASSED
    assert reach(100, LEVEL).bound == pytest.approx(1 - TAIL**0.01)
    # ln(.05 / 14) / ln(.9) = 53.5
    assert reach(20, LEVEL).needed == 54
    assert verdict(found([0] * 54, [0] * 54)) is Verdict.PASSED
    assert verdict(found([0] * 53, [0] * 53)) is Verdict.UNSHOWN


def test_pairs_of_one_prompt_are_one_draw() -> None:
    """Ten prompts of ten pairs each bound no better than ten pairs do."""
    many = found([0] * 100, [0] * 100, [n // 10 for n in range(100)])
    assert many.high == pytest.approx(1 - TAIL**0.1)


def test_few_flips_all_one_way_prove_nothing() -> None:
    """Eight: 2^-8 = .0039 is above the tail of .0036. Nine: 2^-9 = .0020 is below."""
    eight = found([1] * 8 + [0] * 92, [0] * 100)
    assert (eight.value, eight.low) == (0.08, 0)
    assert verdict(eight) is Verdict.UNSHOWN
    nine = found([1] * 9 + [0] * 91, [0] * 100)
    assert nine.low is not None
    assert nine.low > 0
    assert verdict(nine) is Verdict.FAILED


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 20)), min_size=1))
def test_exchanging_change_and_placebo_mirrors_it(rows: list[tuple[bool, bool, int]]) -> None:
    one, other, prompts = ([int(row[n]) for row in rows] for n in range(3))
    there, back = found(one, other, prompts), found(other, one, prompts)
    assert there.value == pytest.approx(-(back.value or 0))
    assert there.low == pytest.approx(-(back.high or 0), abs=1e-9)
    assert -1 <= (there.low or 0) <= (there.value or 0) + 1e-9
    assert (there.value or 0) <= (there.high or 0) + 1e-9 <= 1 + 1e-9


@pytest.mark.parametrize(
    ("low", "high", "said", "worse"),
    [
        (-0.05, 0.05, "passed", "failed"),
        (0.02, 0.08, "passed", "failed"),  # moved, by less than the margin
        (0.02, 0.30, "failed", "passed"),
        (0.20, 0.30, "failed", "passed"),
        (-0.02, 0.30, "not visible", "not visible"),
    ],
)
def test_the_margin_decides(low: float, high: float, said: str, worse: str) -> None:
    estimate = Estimate((low + high) / 2, low, high, 100)
    assert verdict(estimate) == said
    assert verdict(estimate, worse=True) == worse


def test_without_a_pair_nothing_is_visible() -> None:
    none = found([], [])
    assert verdict(none) is Verdict.UNSHOWN
    assert enough(none) is None
    assert enough(undefined("x")) is None


def test_how_many_pairs_would_decide() -> None:
    # .06 ± .09 must come to within .06 of 0: 100 (9 / 6)^2 = 225
    assert enough(Estimate(0.06, -0.03, 0.15, 100)) == 225


def test_a_rater_that_is_as_moved_by_the_placebo_is_hardly_ever_called_moved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Noise of 5% each way on 100 pairs, 150 draws: at most RISK / 14 of them in the long run."""
    monkeypatch.setattr(flips, "_REPEATS", 500)
    rng = np.random.default_rng(3)
    said: Counter[str] = Counter()
    for _ in range(150):
        state = rng.choice(3, 100, p=(0.9, 0.05, 0.05))
        said[verdict(found(list(state == 1), list(state == 2)))] += 1
    assert said["failed"] <= 3
    assert said["passed"] > 75
