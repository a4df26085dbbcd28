"""Evidence that may be looked at every week: e-values of one comparison after another.

An e-value is at least 0 and 1 at most in the mean where nothing was gained, so that products of
those of new data stay so, and the chance that they ever pass 1 / alpha is alpha at most (J. Ville
1939; G. Shafer, JRSS-A 184, 2021). Here it is the likelihood ratio of a normal z, averaged over
gains (H. Robbins, Ann. Math. Stat. 41, 1970), which holds for means of many prompts (I.
Waudby-Smith et al., Ann. Stat. 52, 2024). Leaves out what is compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt

from scipy.optimize import brentq
from scipy.special import log_ndtr

FALSE_PROMOTIONS = 0.05
"""Chance that any of all challengers that gain nothing is ever let through."""

# Gains, in standard errors, that evidence is averaged over: mean and variance of a normal cut at 0.
# Why these: docs/design/gate.md.
ON_ALL = (2.5, 1.0)
ON_NEW = (0.0, 1.0)


@dataclass(frozen=True)
class Week:
    """Log e-values of one comparison: on everything there is, and on what no earlier one saw.

    new is 0 (no evidence either way) where too little was new.
    """

    everything: float
    new: float


@dataclass(frozen=True)
class Standing:
    """Evidence so far. log_e: of the start that is nearest to its bar; log_bar: that bar;
    since: number of the week it began in, from 1.
    """

    log_e: float
    log_bar: float
    since: int

    @property
    def proven(self) -> bool:
        """Whether it has passed."""
        return self.log_e >= self.log_bar


def log_e_value(gain: float, error: float, prior: tuple[float, float] = ON_ALL) -> float:
    """Log e-value of a gain with its standard error against "no gain, or a loss"."""
    if error <= 0:
        return inf if gain > 0 else 0.0 if gain == 0 else -inf
    z, (m, v) = gain / error, prior
    after = (z * v + m) / (1 + v)  # posterior mean of the gain, its variance v / (1 + v)
    fit = (z * z * v + 2 * z * m - m * m) / (2 * (1 + v)) - log(1 + v) / 2
    return float(fit + log_ndtr(after * sqrt((1 + v) / v)) - log_ndtr(m / sqrt(v)))


def mean_of(log_es: Sequence[float]) -> float:
    """Log of the mean e-value: one of "none of them gains anything", however they hang together."""
    highest = max(log_es)
    if highest in (inf, -inf):
        return highest
    return highest + log(sum(exp(each - highest) for each in log_es) / len(log_es))


def log_bar(start: int, alpha: float = FALSE_PROMOTIONS) -> float:
    """What evidence that began in this week (1, 2, ...) must reach: log(s (s + 1) / alpha).

    The shares 1 / (s (s + 1)) of alpha sum to 1 over all starts, so alpha holds for them together.
    """
    return log(start * (start + 1) / alpha)


def standing(weeks: Sequence[Week], alpha: float = FALSE_PROMOTIONS) -> Standing:
    """Evidence after these weeks, oldest first: each start takes all there was, then only the new.

    Within one start no observation is used twice, so a bad beginning weighs on later starts as
    little as gold that has served weighs on them twice.
    """
    found = []
    for s in range(len(weeks)):
        total = weeks[s].everything + sum(week.new for week in weeks[s + 1 :])
        found.append(Standing(total, log_bar(s + 1, alpha), s + 1))
    return max(found, key=lambda each: each.log_e - each.log_bar)


def needed_z(bar: float, prior: tuple[float, float] = ON_ALL) -> float:
    """Standard errors above no gain at which one comparison alone reaches a log bar."""
    return float(brentq(lambda z: log_e_value(z, 1.0, prior) - bar, -10.0, 100.0))
