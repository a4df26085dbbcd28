"""Intervals of finite batches against plain enumeration of every possible batch."""

from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judges.trust.finite import Stratum, hits_between, share_of


def chance(found: int, size: int, total: int, drawn: int) -> float:
    """P(found hits in so many draws without replacement), by counting."""
    if found > total or drawn - found > size - total:
        return 0.0
    return comb(total, found) * comb(size - total, drawn - found) / comb(size, drawn)


def by_enumeration(size: int, drawn: int, hits: int) -> list[int]:
    """Totals that do not make so few, or so many, hits too rare: more than 2.5% on each side."""
    kept = []
    for total in range(hits, size - (drawn - hits) + 1):
        below = sum(chance(k, size, total, drawn) for k in range(hits + 1))
        above = sum(chance(k, size, total, drawn) for k in range(hits, drawn + 1))
        if below > 0.025 and above > 0.025:
            kept.append(total)
    return kept


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_an_interval_is_what_enumeration_leaves(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 40))
    drawn = data.draw(st.integers(1, size - 1))
    hits = data.draw(st.integers(0, drawn))
    kept = by_enumeration(size, drawn, hits)
    assert hits_between(Stratum(size, drawn, hits)) == (kept[0], kept[-1])


def test_all_drawn_is_known_and_none_drawn_is_not() -> None:
    assert hits_between(Stratum(9, 9, 2.5)) == (2.5, 2.5)
    assert hits_between(Stratum(9, 0, 0)) == (0, 9)


def test_strata_weigh_by_their_size() -> None:
    # 100 pairs of which 20 were drawn and 3 hit, 50 all known with 5: (15 + 5) / 150.
    found = share_of([Stratum(100, 20, 3), Stratum(50, 50, 5)])
    assert found.value == pytest.approx(20 / 150)
    low, high = hits_between(Stratum(100, 20, 3))
    assert (found.low, found.high) == (
        pytest.approx((low + 5) / 150), pytest.approx((high + 5) / 150),
    )  # fmt: skip
    assert found.n == 70


def test_margins_of_strata_join_by_their_squares() -> None:
    # 3 and 4 pairs of margin are 5 together.
    one = Stratum(40, 20, 5)
    low, high = hits_between(one)
    found = share_of([one, one])
    assert found.value == pytest.approx(0.25)
    assert found.low == pytest.approx((20 - 2**0.5 * (10 - low)) / 80)
    assert found.high == pytest.approx((20 + 2**0.5 * (high - 10)) / 80)


def test_a_stratum_without_a_draw_widens_only() -> None:
    found = share_of([Stratum(90, 90, 9), Stratum(10, 0, 0)])
    assert found.value == pytest.approx(0.1)
    assert (found.low, found.high) == (pytest.approx(0.09), pytest.approx(0.19))


def test_nothing_drawn_is_said() -> None:
    assert share_of([Stratum(5, 0, 0)]).why == "no pair was drawn at random and answered"
    assert share_of([]).why == "there is no pair"
    with pytest.raises(ValueError, match="count them again"):
        Stratum(5, 6, 1)
