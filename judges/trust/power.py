"""What so much gold can show: the smallest gain that would be seen, and the gold that a gain wants.

A standard error falls with the root of the pairs. Leaves out the test itself (always_valid.py).
"""

from math import sqrt

from judges.trust.always_valid import log_bar, needed_z

POWER_Z = 0.8416
"""Standard errors beyond the bar at which four gains of five are seen (power .8)."""

SPREAD = 0.42
"""Root of n times the standard error of a change in human share, before any was measured: between
.28 (2.1 points at 178 decided pairs of a cycle) and .64 (1.9 points at 1,200, a judge beside
Dawid–Skene), the figures of docs/design/gate.md."""


def smallest_visible(error: float, bar: float) -> float:
    """The gain that one comparison with this standard error shows with power .8."""
    return (needed_z(bar) + POWER_Z) * error


def pairs_for(gain: float, error: float, pairs: int, bar: float) -> int:
    """Decided pairs at which this gain would be seen with power .8, by the error of so many."""
    return int(pairs * (smallest_visible(error, bar) / gain) ** 2) + 1


def visible_with(pairs: int, spread: float = SPREAD, start: int = 1) -> float:
    """The saving (share of pairs) that so many decided gold pairs show before any was measured."""
    return smallest_visible(spread / sqrt(max(pairs, 1)), log_bar(start))
