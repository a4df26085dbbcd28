"""What a routing will ask of humans and what it may promise, before anybody is asked.

Believes the consensus' probabilities, so every figure here is an expectation, never a promise.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from judges.trust.levels import accepted_pairs, assess_levels
from judges.trust.looks import Look
from judges.trust.promise import Promise

_AUDIT_GRID = (50, 75, 100, 150, 200, 300, 400, 600, 800, 1000, 1500, 2000, 3000, 5000)


@dataclass(frozen=True)
class Forecast:
    """Expected load and error of one batch.

    human: expected human answers, audits included; human_low, human_high: 5th and 95th percentile
    over simulated audits. expected_error: share of all delivered labels expected to be wrong, human
    answers taken as right. promised_error, chance: the target and how likely the audits certify
    anything; None and 0 where no promise is asked for. coverage: expected certified share.
    """

    pairs: int
    audits: int
    human: float
    human_low: float
    human_high: float
    expected_error: float
    promised_error: float | None = None
    delta: float | None = None
    chance: float = 0.0
    coverage: float = 0.0
    seconds_per_review: float | None = None

    @property
    def hours(self) -> float | None:
        """Working hours the expected answers take, where the time of one was measured."""
        return (
            None if self.seconds_per_review is None else self.human * self.seconds_per_review / 3600
        )

    def sentence(self) -> str:
        """Load, expected error and promise in one line."""
        share = self.human / self.pairs if self.pairs else 0.0
        time = "" if self.hours is None else f", about {self.hours:.1f} hours"
        load = (
            f"{self.human:.0f} of {self.pairs} pairs need a human ({share:.1%}; "
            f"{self.human_low:.0f} to {self.human_high:.0f}{time}), {self.audits} of them audits; "
            f"expected error {self.expected_error:.2%}"
        )
        if self.promised_error is None:
            return f"{load}; nothing is promised."
        return (
            f"{load}; promised at most {self.promised_error:.2%} with probability "
            f"{1 - (self.delta or 0.0):.0%} (chance of a certificate {self.chance:.0%})."
        )


def forecast_target(
    risk_P: NDArray[np.float64],
    *,
    audits: int,
    target: float,
    delta: float,
    promise: Promise = "g2",
    simulations: int = 60,
    seed: int = 0,
    seconds_per_review: float | None = None,
) -> tuple[Forecast, NDArray[np.int64]]:
    """Expected outcome of auditing `audits` of these pairs, and the simulated accepted counts.

    risk_P: probability that each delivered label is wrong. Every simulation draws an audit, lets
    its labels be wrong with their probabilities, and runs the very test of the certificate.
    """
    rng = np.random.default_rng(seed)
    ranked = np.sort(risk_P)
    size = len(ranked)
    audits = min(audits, size)
    accepted = np.zeros(simulations, np.int64)
    for run in range(simulations):
        places = rng.choice(size, size=audits, replace=False, shuffle=False)
        wrong = rng.random(audits) < ranked[places]
        levels = assess_levels(size, places, wrong, target=target, delta=delta, promise=promise)
        accepted[run] = accepted_pairs(levels)
    human = size - accepted * (1.0 - audits / max(size, 1))
    cumulated = np.concatenate([[0.0], np.cumsum(ranked)])
    unseen = 1.0 - audits / max(size, 1)
    low, high = np.quantile(human, [0.05, 0.95]) if size else (0.0, 0.0)
    forecast = Forecast(
        pairs=size,
        audits=audits,
        human=float(human.mean()) if size else 0.0,
        human_low=float(low),
        human_high=float(high),
        expected_error=float(cumulated[accepted].mean() * unseen / max(size, 1)),
        promised_error=target,
        delta=delta,
        chance=float((accepted > 0).mean()),
        coverage=float(accepted.mean() / max(size, 1)),
        seconds_per_review=seconds_per_review,
    )
    return forecast, accepted


def plan_looks(
    doubt: NDArray[np.float64],
    *,
    target: float,
    delta: float,
    promise: Promise = "g2",
    audits: int | None = None,
    seed: int = 0,
) -> tuple[Look, ...]:
    """When to try for a certificate on a frame, spending `delta` in all, before anybody is asked.

    doubt: probability that each delivered label is wrong. audits: how many to draw, where somebody
    has decided it; else the number with the smallest expected human load, escalations and audits
    together. The last look counts all that are to be drawn.
    """
    size = len(doubt)
    if audits is not None:
        return (Look(min(audits, size), delta),)
    grid = sorted({min(count, ceil(size / 2)) for count in _AUDIT_GRID}) if size else [0]
    loads = [
        forecast_target(
            doubt,
            audits=count,
            target=target,
            delta=delta,
            promise=promise,
            simulations=24,
            seed=seed,
        )[0].human
        for count in grid
    ]
    return (Look(grid[int(np.argmin(loads))], delta),)


def forecast_plan(
    route_P: NDArray[np.str_],
    risk_P: NDArray[np.float64],
    *,
    seconds_per_review: float | None = None,
) -> Forecast:
    """What a plan without a promise asks for; its load is certain, its error an expectation."""
    human = float((route_P != "accept").sum())
    pairs = len(route_P)
    return Forecast(
        pairs=pairs,
        audits=int((route_P == "audit").sum()),
        human=human,
        human_low=human,
        human_high=human,
        expected_error=float(risk_P[route_P == "accept"].sum() / max(pairs, 1)),
        seconds_per_review=seconds_per_review,
    )
