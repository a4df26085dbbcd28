"""How much of the cold start, the stack and boosting goes into the pooled log-odds.

Decided by log-odds that saw no pair of their own prompt, so that what was learned on a few prompts
is not believed on others. Leaves out: making those log-odds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Why each number here is what it is: docs/design/stack.md.
LEARNED = tuple(np.linspace(0, 1, 11))
BOOSTING = tuple(np.linspace(0, 0.6, 7))

LEARNED_HALF, LEARNED_SPREAD = 10.0, 0.25
"""Answers at which half is expected to be learned, and how far the answers may argue with that."""

TREES_SHARE, TREES_HALF, TREES_SPREAD = 0.3, 100.0, 0.12
"""Share of the trees in what is learned, answers at which half of that is expected, its spread."""

SAME_PROMPT = 0.1
"""Correlation of what two answers about one prompt teach."""


def worth(prompt_L: NDArray[np.int64]) -> float:
    """Share of its face value that an answer is worth when many are about the same prompts.

    1 / (1 + (m − 1) ρ), m the mean number of answers sharing a prompt, over answers (the design
    effect of L. Kish, Survey Sampling, 1965, section 5.4).
    """
    if not len(prompt_L):
        return 1.0
    _, size = np.unique(prompt_L, return_counts=True)
    shared = float((size.astype(np.float64) ** 2).sum() / size.sum())
    return 1.0 / (1.0 + (shared - 1.0) * SAME_PROMPT)


@dataclass(frozen=True)
class MixingWeights:
    """Weights of the three log-odds; they sum to 1."""

    cold_start: float
    stack: float
    boosting: float

    def pool(self, cold_start: Floats, stack: Floats, boosting: Floats) -> Floats:
        """Weighted sum of log-odds."""
        pooled: Floats = (
            self.cold_start * cold_start + self.stack * stack + self.boosting * boosting
        )
        return pooled


def best_weights(
    cold_start_L: Floats,
    stack_L: Floats,
    boosting_L: Floats | None,
    is_a_L: Floats,
    weight_L: Floats,
) -> MixingWeights:
    """Weights of least log-loss on a grid, held to a prior: a few answers decide little.

    Learned (stack and boosting) against cold start ~ N(n / (n + 10), .25²), boosting within the
    learned ~ N(.3 n / (n + 100), .12²).
    """
    sign, n = np.where(is_a_L > 0.5, 1.0, -1.0), float(weight_L.sum())
    expected = n / (n + LEARNED_HALF)
    boosting_expected = TREES_SHARE * n / (n + TREES_HALF)
    boosted = stack_L if boosting_L is None else boosting_L
    options = [
        MixingWeights(1 - learned, learned * (1 - share), learned * share)
        for learned in LEARNED
        for share in (BOOSTING if boosting_L is not None else (0.0,))
    ]

    def loss(weights: MixingWeights) -> float:
        pooled = weights.pool(cold_start_L, stack_L, boosted)
        fit = float((weight_L * np.logaddexp(0, -sign * pooled)).sum())
        learned = 1 - weights.cold_start
        share = weights.boosting / learned if learned > 0 else boosting_expected
        held = ((learned - expected) / LEARNED_SPREAD) ** 2
        held += ((share - boosting_expected) / TREES_SPREAD) ** 2
        return fit + held / 2

    return min(options, key=loss)
