"""Shares of a finite batch from answers drawn at random without replacement, by strata.

Exact intervals, as sets that a certificate picked by its own audits need their room
(docs/design/report-intervals.md). Leaves out who drew and why.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

from scipy.stats import hypergeom

from judges.trust.intervals import Estimate, undefined


@dataclass(frozen=True)
class Stratum:
    """Pairs of one way of being drawn.

    size: how many pairs. drawn: how many of them were drawn at random and answered; all of them
    where every answer is known. hits: how many of the answered have what is looked for; where all
    are known it may hold halves.
    """

    size: int
    drawn: int
    hits: float

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.drawn <= self.size:
            raise ValueError(
                f"{self.hits!r} hits in {self.drawn!r} draws of {self.size!r} pairs: each may be "
                "at most the next; count them again."
            )


def hits_between(stratum: Stratum, level: float = 0.95) -> tuple[float, float]:
    """How many of all pairs have it, at least and at most: two exact hypergeometric tests.

    Without a draw nothing is known; where all are drawn everything is.
    """
    size, drawn, hits = stratum.size, stratum.drawn, stratum.hits
    if drawn == size:
        return hits, hits
    if drawn == 0:
        return 0.0, float(size)
    found, tail = int(hits), (1.0 - level) / 2.0
    most = size - (drawn - found)

    def too_few(total: int) -> bool:  # so many would hardly ever show `found` or more
        return bool(hypergeom.sf(found - 1, size, total, drawn) <= tail)

    def too_many(total: int) -> bool:  # so many would hardly ever show `found` or fewer
        return bool(hypergeom.cdf(found, size, total, drawn) <= tail)

    low = _first(lambda total: not too_few(total), found, most) if found else 0
    high = _first(too_many, found, most + 1) - 1 if found < drawn else most
    return float(low), float(max(low, high))


def share_of(strata: Sequence[Stratum], level: float = 0.95) -> Estimate:
    """Share of all pairs of the strata together, each weighing by its size.

    Margins of several strata are joined by the square root of their squared weights (Zou, Donner,
    Statistics in Medicine 27, 2008). A stratum without a draw may hold anything: its value is that
    of the others, its margin all of it. n: answers drawn.
    """
    strata = [each for each in strata if each.size]
    total, drawn = sum(each.size for each in strata), sum(each.drawn for each in strata)
    if not total:
        return undefined("there is no pair")
    if not drawn:
        return undefined("no pair was drawn at random and answered")
    told = [each for each in strata if each.drawn]
    expected = [each.size * each.hits / each.drawn for each in told]
    rate = sum(expected) / sum(each.size for each in told)
    below = above = 0.0
    for each in strata:
        value = each.size * (each.hits / each.drawn if each.drawn else rate)
        low, high = hits_between(each, level)
        below += max(value - low, 0.0) ** 2
        above += max(high - value, 0.0) ** 2
    value = total * rate
    return Estimate(
        rate,
        max(value - sqrt(below), 0.0) / total,
        min((value + sqrt(above)) / total, 1.0),
        drawn,
        level=level,
    )


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The least whole number from low to high for which it holds, `high` where it never does."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
