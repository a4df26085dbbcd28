"""What judging will have cost by the end of the month, judge by judge, at the pace of four weeks.

An expectation from what was paid, never a promise; `tiebreak estimate` prices what is still to ask.
"""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

WINDOW_DAYS = 28  # four whole weeks, so that weekends weigh as they do


@dataclass(frozen=True)
class JudgeForecast:
    """One judge's money in US dollars. per_1000_pairs, per_accepted: None where there are none."""

    judge: str
    spent: float
    a_week: float
    this_month: float
    month_end: float
    per_1000_pairs: float | None
    per_accepted: float | None


@dataclass(frozen=True)
class CostForecast:
    """All judges together; days: how many the pace rests on, at most four weeks."""

    judges: tuple[JudgeForecast, ...]
    days: int

    @property
    def a_week(self) -> float:
        """Dollars a week at this pace."""
        return sum(one.a_week for one in self.judges)

    @property
    def month_end(self) -> float:
        """Dollars this month by its end."""
        return sum(one.month_end for one in self.judges)

    @property
    def _span(self) -> str:
        return "of today" if self.days == 1 else f"of the last {self.days} days"

    def sentence(self) -> str:
        """The forecast in one line."""
        if not self.judges:
            return "No judge has been asked yet."
        dearest = max(self.judges, key=lambda one: one.month_end)
        if self.a_week == 0:
            return "Nothing was spent lately."
        share = dearest.month_end / self.month_end if self.month_end else 0.0
        return (
            f"At the pace {self._span} (${self.a_week:,.2f} a week) this month "
            f"ends at ${self.month_end:,.2f}, {share:.0%} of it for {dearest.judge}."
        )


def forecast_costs(
    days: Sequence[Mapping[str, Any]],
    pairs_by_judge: Mapping[str, int],
    accepted: int,
    today: date,
) -> CostForecast:
    """From money by day and judge (rows of `day`, `judge`, `usd`; days in UTC).

    The pace is what the last 28 days cost, or all days since the first vote where those are fewer,
    today included; the month ends at what it has cost so far plus the pace for the days to come.
    accepted: labels that stand without a human; every judge has a share in each.
    """
    paid = [(date.fromisoformat(row["day"]), row["judge"], float(row["usd"])) for row in days]
    if not paid:
        return CostForecast((), 0)
    age = (today - min(day for day, _, _ in paid)).days + 1
    window = max(1, min(WINDOW_DAYS, age))
    since, first = today - timedelta(days=window - 1), today.replace(day=1)
    left = monthrange(today.year, today.month)[1] - today.day
    spent: dict[str, float] = defaultdict(float)
    recent: dict[str, float] = defaultdict(float)
    month: dict[str, float] = defaultdict(float)
    for day, judge, usd in paid:
        spent[judge] += usd
        recent[judge] += usd * (day >= since)
        month[judge] += usd * (day >= first)
    rows = [
        JudgeForecast(
            judge=judge,
            spent=usd,
            a_week=7 * recent[judge] / window,
            this_month=month[judge],
            month_end=month[judge] + left * recent[judge] / window,
            per_1000_pairs=_each(1000 * usd, pairs_by_judge.get(judge, 0)),
            per_accepted=_each(usd, accepted),
        )
        for judge, usd in spent.items()
    ]
    return CostForecast(tuple(sorted(rows, key=lambda one: -one.month_end)), window)


def _each(usd: float, number: int) -> float | None:
    return usd / number if number else None
