"""Two versions of a judge compared by hand."""

import numpy as np
import pytest

from judges.trust.bridge import bridged
from judges.trust.vote_matrix import MISSING, TIE, A, B

M = MISSING


def codes(*rows: tuple[int, int]) -> np.ndarray:
    return np.array(rows, dtype=np.int8)


def test_shares_by_hand() -> None:
    before = codes((A, A), (A, B), (B, B), (A, M), (M, M))
    now = codes((A, A), (A, A), (A, TIE), (B, A), (A, A))
    human = np.array([A, A, B, M, A], dtype=np.int8)
    found = bridged(before, now, human, np.arange(5))
    assert found.pairs == 4  # the last was not answered before
    # by pair: 2 of 2 alike, 1 of 2, 0 of 2, 0 of 1
    assert found.alike.value == pytest.approx((1 + 0.5 + 0 + 0) / 4)
    # decided human answers on the first three: before 1, .5, 1; now 1, 1, (0 + .5) / 2
    assert found.before.value == pytest.approx(2.5 / 3)
    assert found.now.value == pytest.approx(2.25 / 3)
    assert found.change.value == pytest.approx(-0.25 / 3)
    assert found.change.n == 3
    assert found.turned_before.value == pytest.approx(1 / 3)  # of three asked in both orders
    assert found.turned_now.value == pytest.approx(1 / 4)  # a tie contradicts nobody


@pytest.mark.parametrize(("now", "fine"), [(0.8, True), (0.3, False)])
def test_a_version_that_lost_much_against_humans_is_worse(now: float, fine: bool) -> None:
    rng = np.random.default_rng(0)
    human = rng.integers(0, 2, 200).astype(np.int8)

    def said(share: float) -> np.ndarray:
        hit = rng.random((200, 2)) < share
        return np.where(hit, human[:, None], 1 - human[:, None]).astype(np.int8)

    found = bridged(said(0.8), said(now), human, np.arange(200))
    assert found.not_worse is fine


def test_without_humans_it_has_to_answer_as_before() -> None:
    rng = np.random.default_rng(0)
    before = rng.integers(0, 2, (100, 2)).astype(np.int8)
    nobody = np.full(100, M, np.int8)
    assert bridged(before, before, nobody, np.arange(100)).not_worse
    assert not bridged(before, 1 - before, nobody, np.arange(100)).not_worse
    assert bridged(before, before, nobody, np.arange(100)).change.value is None
