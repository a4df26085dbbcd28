"""How many audits a promise needs, and what to expect of one before anybody is asked.

Pure planning on binomial and hypergeometric arithmetic. Leaves out the certificate itself.
"""

from scipy.stats import binom, hypergeom


def audits_needed(
    target: float,
    delta: float,
    *,
    true_error: float | None = None,
    power: float = 0.9,
    population: int | None = None,
) -> int:
    """Audits inside a set that certify its error under `target` with probability `power`.

    true_error: the wrong share there is, half the target by default. population: pairs in the set;
    a small set needs fewer (hypergeometric instead of binomial). The smallest n for which the test
    of size delta has that power (power is a saw-tooth in n; each tooth begins where one more wrong
    audit becomes allowed); the population itself where no smaller sample does.
    """
    error = target / 2.0 if true_error is None else true_error
    if not 0.0 <= error < target:
        raise ValueError(
            f"true_error is {error!r}; 0 to less than the target {target!r} is allowed: "
            "no number of audits certifies a set that is worse than the target."
        )
    limit = population or 10**9
    allowed = 0
    while (audits := _fewest(allowed, target, delta, limit, population)) < limit:
        if _at_most(allowed, audits, error, population) >= power:
            return audits
        allowed += 1
    return limit


def _fewest(allowed: int, target: float, delta: float, limit: int, population: int | None) -> int:
    """Fewest audits for which `allowed` wrong ones still bound the error at the target."""
    low, high = allowed, max(1, 2 * allowed)
    over = target if population is None else (int(target * population + 1e-9) + 1) / population
    while high < limit and _at_most(allowed, high, over, population) > delta:
        low, high = high, high * 2
    high = min(high, limit)
    while high - low > 1:
        middle = (low + high) // 2
        if _at_most(allowed, middle, over, population) > delta:
            low = middle
        else:
            high = middle
    return high


def _at_most(allowed: int, audits: int, error: float, population: int | None) -> float:
    """P(at most `allowed` wrong among the audits) where the share `error` is wrong."""
    if population is None:
        return float(binom.cdf(allowed, audits, error))
    wrong = min(population, round(error * population))
    return float(hypergeom.cdf(allowed, population, wrong, min(audits, population)))
