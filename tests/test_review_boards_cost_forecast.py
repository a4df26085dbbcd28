"""The forecast of costs: its arithmetic, and what it says where there is nothing to say."""

from datetime import date

import pytest

from review.boards.cost_forecast import forecast_costs


def row(day, judge, usd):
    return {"day": day, "judge": judge, "usd": usd, "votes": 1}


def test_the_month_ends_at_what_it_cost_plus_the_pace_for_the_days_to_come():
    days = [
        row("2026-09-01", "x", 100.0),  # older than four weeks: spent, but no pace
        row("2026-10-30", "x", 14.0),  # in the window, not in the month
        row("2026-11-10", "x", 14.0),
        row("2026-11-20", "y", 7.0),
    ]
    made = forecast_costs(days, {"x": 1000, "y": 500}, accepted=50, today=date(2026, 11, 20))
    x, y = made.judges
    assert (x.judge, x.spent, x.this_month) == ("x", 128.0, 14.0)
    assert x.a_week == pytest.approx(7 * 28 / 28)
    assert x.month_end == pytest.approx(14 + 10 * 28 / 28)  # ten days are left of November
    assert x.per_1000_pairs == pytest.approx(128.0)
    assert x.per_accepted == pytest.approx(128 / 50)
    assert y.month_end == pytest.approx(7 + 10 * 7 / 28)
    assert made.days == 28
    assert made.sentence() == (
        "At the pace of the last 28 days ($8.75 a week) this month ends at $33.50, 72% of it for x."
    )


def test_a_young_project_is_not_diluted_by_days_before_it_began():
    made = forecast_costs([row("2026-11-19", "x", 4.0)], {}, 0, today=date(2026, 11, 20))
    assert made.days == 2
    assert made.a_week == pytest.approx(14.0)
    assert made.judges[0].per_1000_pairs is None
    assert made.judges[0].per_accepted is None


def test_no_vote_and_free_votes_are_said():
    assert forecast_costs([], {}, 0, date(2026, 11, 20)).sentence() == (
        "No judge has been asked yet."
    )
    free = forecast_costs([row("2026-11-20", "x", 0.0)], {"x": 3}, 1, date(2026, 11, 20))
    assert free.sentence() == "Nothing was spent lately."
