"""Exact tests on nested sets of a batch: the most confident 5%, 7.5%, ... of the pairs.

g2 asks whether a set can hold more unaudited wrong labels than the whole batch may (`unaudited`);
g1 tests the wrong share of each set by a fallback procedure (Wiens 2003). All exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from judges.trust.audit import audits_needed
from judges.trust.promise import Promise
from judges.trust.unaudited import chance_of_more, largest_set, most_found

# Why each number here is what it is: docs/design/certificates.md.
SHARES = tuple(round(0.05 + 0.025 * step, 3) for step in range(39))
"""Nested sets tried: the most confident 5%, 7.5%, ... 100% of the frame."""

_BUDGETS = (0.4, 0.3, 0.3)
"""How g1 splits delta over its three starts."""


@dataclass(frozen=True)
class Level:
    """One nested set: its share of the frame, pairs, audits and wrong audits in it, and the test.

    tolerated: wrong labels the promise allows. p_value: of "more than that are wrong"; for g2 of
    "more than that are wrong and unaudited in a set with so few wrong audits".
    """

    share: float
    size: int
    audited: int
    wrong: int
    tolerated: int
    p_value: float
    passed: bool


def assess_levels(
    size: int,
    places: NDArray[np.int64],
    wrong: NDArray[np.bool_],
    *,
    target: float,
    delta: float,
    promise: Promise,
    beside: int = 0,
    corrected: bool = True,
) -> tuple[Level, ...]:
    """Test nested sets of a frame of `size` pairs; places: ranks of the audited pairs.

    beside: pairs of the batch outside the frame that humans answer; g2 promises a share of both.
    The largest set that passes g2 is among the levels, whatever its share. Not `corrected`, g2
    counts wrong audits as delivered and tests in sequence, as up to release 0.2.0.
    """
    if not size:
        return ()
    sizes = np.unique([ceil(share * size - 1e-9) for share in SHARES])
    allowed = floor(target * (size + beside) + 1e-9)
    corrected = corrected and promise == "g2"
    if corrected:
        most = most_found(size, len(places), allowed, delta)
        sizes = np.union1d(sizes, largest_set(size, places, wrong, most) or size)
    order = np.argsort(places)
    below = np.concatenate([[0], np.cumsum(wrong[order])])
    audited = np.searchsorted(places[order], sizes, side="left")
    found = below[audited]
    tolerated = np.full(len(sizes), allowed)
    if promise == "g1":
        tolerated = np.array([floor(target * members + 1e-9) for members in sizes])
    if corrected:
        p_values = chance_of_more(size, len(places), allowed, found)
        passed = p_values <= delta
    else:
        p_values = _p_values(sizes, tolerated + 1, audited, found)
        clean = _p_values(sizes, tolerated + 1, audited, 0 * found)
        passed = (
            _in_sequence(p_values, clean, delta)
            if promise == "g2"
            else _fallback(p_values, audited, target, delta)
        )
    return tuple(
        Level(float(m) / size, int(m), int(n), int(k), int(t), float(p), bool(ok))
        for m, n, k, t, p, ok in zip(
            sizes, audited, found, tolerated, p_values, passed, strict=True
        )
    )


def accepted_pairs(levels: Sequence[Level]) -> int:
    """Pairs in the largest set that passed; 0 where it is no larger than what may be wrong.

    Such a set needs no evidence, and nobody would call it certified.
    """
    best = max((level for level in levels if level.passed), key=lambda it: it.size, default=None)
    return best.size if best is not None and best.size > best.tolerated else 0


def largest_accepted(
    size: int,
    places: NDArray[np.int64],
    wrong: NDArray[np.bool_],
    *,
    target: float,
    delta: float,
    promise: Promise,
    beside: int = 0,
) -> int:
    """`accepted_pairs` of `assess_levels`, without the other levels where they are not needed."""
    if promise == "g1":
        return accepted_pairs(
            assess_levels(size, places, wrong, target=target, delta=delta, promise=promise)
        )
    allowed = floor(target * (size + beside) + 1e-9)
    accepted = largest_set(size, places, wrong, most_found(size, len(places), allowed, delta))
    return accepted if accepted > allowed else 0


def _p_values(
    sizes: NDArray[np.int64],
    bad: NDArray[np.int64],
    audited: NDArray[np.int64],
    wrong: NDArray[np.int64],
) -> NDArray[np.float64]:
    """P(at most `wrong` found in `audited` draws) if `bad` of `sizes` pairs were wrong.

    0 where so many cannot be wrong because the set is smaller.
    """
    possible = bad <= sizes
    p = hypergeom.cdf(wrong, sizes, np.minimum(bad, sizes), audited)
    return np.where(possible, np.clip(p, 0.0, 1.0), 0.0)


def _in_sequence(
    p_values: NDArray[np.float64], clean: NDArray[np.float64], delta: float
) -> NDArray[np.bool_]:
    """Levels that pass before the first failure; one that no clean audit could pass is skipped.

    The wrong counts of nested sets are nested: once one set holds too many wrong labels all larger
    ones do, so the first tested of those is the only one that can break the promise, wherever the
    sequence starts. `clean`: p-values the same audits would have without a wrong one, which depend
    on the draw and on no label.
    """
    failed = (p_values > delta) & (clean <= delta)
    return np.asarray((p_values <= delta) & ~np.logical_or.accumulate(failed))


def _fallback(
    p_values: NDArray[np.float64], audited: NDArray[np.int64], alpha: float, delta: float
) -> NDArray[np.bool_]:
    """Fixed-sequence tests from three starts; a budget that survives joins the next one."""
    count = len(p_values)
    enough = audited >= log(_BUDGETS[0] * delta) / log(1.0 - alpha)
    first = int(np.argmax(enough)) if enough.any() else count - 1
    rest = count - first
    starts = (first, first + rest // 3, first + 2 * rest // 3)
    passed = np.zeros(count, bool)
    alive = 0.0
    for level in range(first, count):
        alive += delta * sum(
            budget for start, budget in zip(starts, _BUDGETS, strict=True) if start == level
        )
        passed[level] = alive > 0.0 and p_values[level] <= alive
        if not passed[level]:
            alive = 0.0
    return passed


def missing_audits(
    levels: Sequence[Level], size: int, target: float, delta: float, promise: Promise
) -> int:
    """Audits still wanted, for a nine in ten chance if the wrong share is half the target.

    For g2 the smallest tested set larger than what is tolerated has to pass first; for g1 the set
    whose audits look best. At least 1: otherwise something would have been certified.
    """
    if not size:
        return 1
    audits = max((level.audited for level in levels), default=0)
    if promise == "g2":
        first = next((level for level in levels if level.size > level.tolerated), levels[-1])
        share = first.share
        wanted = audits_needed(min((first.tolerated + 1) / first.size, 0.999), delta)
    else:
        best = min(levels, key=lambda level: (level.p_value, -level.share), default=None)
        share = best.share if best else 1.0
        wanted = audits_needed(target, _BUDGETS[0] * delta)
    return max(1, min(ceil(wanted / share), size) - audits)
