"""Does the policy get better, or only better scored? Watches what is generated; says when to stop.

Pure. A reward that rises while another judge falls, answers that grow longer, alike or far from the
reference are the marks of reward hacking (Gao et al. 2023, "Scaling laws for reward model
overoptimization").
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

_WINDOW = 5  # batches a mean is taken over; by hand


@dataclass(frozen=True)
class Limits:
    """When to stop. kl: nats a response from the reference. growth: of the mean length.
    diversity: share of its first value. parted: fall of the second judge's score, in its own
    standard errors, while the reward rises.
    """

    # By hand: wide, so that a stop is never noise; no run of real size has tested them.
    kl: float = 50.0
    growth: float = 3.0
    diversity: float = 0.3
    parted: float = 2.0


@dataclass(frozen=True)
class Observation:
    """What one batch of responses shows; `judged` is the second judge's mean score, if any."""

    reward: float
    length: float
    diversity: float
    kl: float | None = None
    judged: float | None = None


@dataclass
class Monitor:
    """Collects observations, oldest first."""

    limits: Limits = field(default_factory=Limits)
    seen: list[Observation] = field(default_factory=list)

    def alarm(self) -> str | None:
        """Why training should stop now, or None. Needs twice five observations to compare."""
        if self.seen and (kl := self.seen[-1].kl) is not None and kl > self.limits.kl:
            return f"KL to the reference is {kl:.1f} nats, over {self.limits.kl:g}"
        if len(self.seen) < 2 * _WINDOW:
            return None
        first, last = self.seen[:_WINDOW], self.seen[-_WINDOW:]
        before, after = _mean(first, "length"), _mean(last, "length")
        if after > self.limits.growth * max(before, 1.0):
            return f"responses grew from {before:.0f} to {after:.0f} characters"
        before, after = _mean(first, "diversity"), _mean(last, "diversity")
        if after < self.limits.diversity * before:
            return f"diversity of responses fell from {before:.2f} to {after:.2f}"
        return self._parted(first, last)

    def _parted(self, first: Sequence[Observation], last: Sequence[Observation]) -> str | None:
        early = [o.judged for o in first if o.judged is not None]
        late = [o.judged for o in last if o.judged is not None]
        if len(early) < _WINDOW or len(late) < _WINDOW:
            return None
        error = float(np.sqrt((np.var(early, ddof=1) + np.var(late, ddof=1)) / _WINDOW))
        fall = float(np.mean(early) - np.mean(late))
        rise = _mean(last, "reward") - _mean(first, "reward")
        if rise > 0 and fall > self.limits.parted * max(error, 1e-9):
            return f"the reward rose by {rise:.2f} while the second judge fell by {fall:.2f}"
        return None


def observe(
    responses: Sequence[str],
    rewards: Sequence[float],
    kl: float | None = None,
    judged: Sequence[float] | None = None,
) -> Observation:
    """What a batch of responses shows."""
    return Observation(
        float(np.mean(rewards)),
        float(np.mean([len(text) for text in responses])),
        distinct(responses),
        kl,
        None if judged is None else float(np.mean(judged)),
    )


def distinct(responses: Sequence[str]) -> float:
    """Distinct word pairs over all word pairs of a batch (Li et al. 2016), in [0, 1]; 1 is best."""
    pairs = []
    for text in responses:
        words = text.split()
        pairs += list(pairwise(words)) or [(text, "")]
    return len(set(pairs)) / len(pairs) if pairs else 0.0


def _mean(seen: Sequence[Observation], name: str) -> float:
    return float(np.mean([getattr(each, name) for each in seen]))
