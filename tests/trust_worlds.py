"""Invented panels for tests of judges/trust: votes with known truth, accuracy and order bias."""

import numpy as np
from numpy.typing import NDArray

from judges.trust.vote_matrix import MISSING, TIE, VoteMatrix


def panel(
    pairs: int,
    accuracy: tuple[float, ...] = (0.9, 0.8, 0.7),
    first: float = 0.1,
    ties: float = 0.05,
    missing: float = 0.05,
    seed: int = 0,
    features: int = 0,
    prompts: int | None = None,
) -> tuple[VoteMatrix, NDArray[np.int8]]:
    """Votes and the truth. `first` is how often a rater simply takes the response shown first."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, pairs).astype(np.int8)
    codes = np.full((pairs, len(accuracy), 2), MISSING, np.int8)
    for rater, right in enumerate(accuracy):
        for order in range(2):
            vote = np.where(rng.random(pairs) < right, truth, 1 - truth)
            vote = np.where(rng.random(pairs) < first, order, vote)
            vote = np.where(rng.random(pairs) < ties, TIE, vote)
            codes[:, rater, order] = np.where(rng.random(pairs) < missing, MISSING, vote)
    names = tuple(f"judge-{r}" for r in range(len(accuracy)))
    odd = rng.normal(size=(pairs, features)).astype(np.float32)
    if features:
        odd[:, 0] += 1.0 - 2.0 * truth
    vote_matrix = VoteMatrix(
        codes,
        names,
        names,
        rng.integers(0, prompts or pairs, pairs),
        np.full(pairs, -1),
        features_PF=odd,
        feature_names=tuple(f"feature-{f}" for f in range(features)),
    )
    return vote_matrix, truth
