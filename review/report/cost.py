"""Money and time for the report: what each way of labelling costs and how much it does in a day.

Judges as measured; people by the active seconds of their answers at a wage that is told. What was
not measured has no value and says why. Leaves out agreement.
"""

from collections.abc import Mapping
from dataclasses import dataclass

HOURS_A_DAY = 8.0
_DAY = 86_400.0


@dataclass(frozen=True)
class Figure:
    """A number, or None and the reason there is none."""

    value: float | None
    why: str = ""


@dataclass(frozen=True)
class JudgeCost:
    """What one judge version cost in one order. usd_per_1000: of pairs answered in that order."""

    judge: str
    order: str
    rules: str
    votes: int
    abstained: int
    usd: float
    usd_per_1000: Figure


@dataclass(frozen=True)
class Money:
    """What was spent and how long it took.

    cost_of, pace_of: by judge, per 1,000 pairs and in pairs a day. answers: of people, all kinds;
    pairs_delivered: pairs with a settled label. seconds: of one answer, None where not known.
    """

    judges: tuple[JudgeCost, ...]
    cost_of: Mapping[str, Figure]
    pace_of: Mapping[str, Figure]
    panel_pace: Figure
    answers: int
    pairs_delivered: int
    seconds: float | None
    usd_per_hour: float
    assumptions: tuple[str, ...] = ()


_UNTIMED = "no answer was timed; give --seconds-per-answer"


def judge_cost(money: Money, judge: str) -> Figure:
    """Dollars per 1,000 pairs, all its orders and samples together."""
    return money.cost_of.get(judge, Figure(None, "it has no votes"))


def judge_pace(money: Money, judge: str) -> Figure:
    """Pairs a day of 24 hours, at the concurrency it was run with."""
    return money.pace_of.get(judge, Figure(None, "it was not asked here"))


def panel_cost(money: Money) -> Figure:
    """Dollars per 1,000 pairs of all judges together."""
    return _sum(list(money.cost_of.values()))


def panel_pace(money: Money) -> Figure:
    """Pairs a day of the whole panel."""
    return money.panel_pace


def human_cost(money: Money) -> Figure:
    """Dollars per 1,000 pairs, one answer a pair."""
    if money.seconds is None:
        return Figure(None, _UNTIMED)
    return Figure(1000 * money.seconds / 3600 * money.usd_per_hour)


def human_pace(money: Money) -> Figure:
    """Pairs one person answers in a working day."""
    if money.seconds is None or money.seconds <= 0:
        return Figure(None, _UNTIMED)
    return Figure(HOURS_A_DAY * 3600 / money.seconds)


def hybrid_cost(money: Money) -> Figure:
    """Dollars per 1,000 delivered pairs: every judge's vote and every human answer."""
    if not money.pairs_delivered:
        return Figure(None, "nothing is settled yet; run `tiebreak merge`")
    judges, human = panel_cost(money), human_cost(money)
    if money.answers == 0:
        return judges
    if human.value is None:
        return human
    if judges.value is None:
        return judges
    return Figure(judges.value + human.value * money.answers / money.pairs_delivered)


def hybrid_pace(money: Money) -> Figure:
    """Delivered pairs in a day with one reviewer at work, never more than the judges manage."""
    if not money.pairs_delivered:
        return Figure(None, "nothing is settled yet; run `tiebreak merge`")
    if money.answers == 0:
        return money.panel_pace
    human = human_pace(money)
    if human.value is None:
        return human
    by_humans = human.value * money.pairs_delivered / money.answers
    judges = money.panel_pace.value
    return Figure(by_humans if judges is None else min(by_humans, judges))


def times_cheaper(cost: Figure, money: Money) -> Figure:
    """Cost of one human answer on every pair, over this cost; above 1 is cheaper than humans."""
    human = human_cost(money)
    if human.value is None:
        return human
    if cost.value is None:
        return cost
    if cost.value == 0:
        return Figure(None, "it costs nothing")
    return Figure(human.value / cost.value)


def per_accepted(money: Money, accepted: int) -> Figure:
    """Dollars of judges' votes per label delivered without a human."""
    if not accepted:
        return Figure(None, "no label was delivered without a human")
    known = panel_cost(money)
    if known.value is None:
        return known
    return Figure(sum(judge.usd for judge in money.judges) / accepted)


def pace(pairs: int, seconds: float) -> Figure:
    """Pairs a day from pairs in so many seconds of the clock."""
    if seconds <= 0:
        return Figure(None, "too fast to measure")
    return Figure(_DAY * pairs / seconds)


def _sum(parts: list[Figure]) -> Figure:
    for part in parts:
        if part.value is None:
            return part
    return Figure(sum(part.value or 0.0 for part in parts)) if parts else Figure(None, "no judge")
