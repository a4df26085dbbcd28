"""Agreement between raters: Krippendorff's alpha and Cohen's kappa.

Choices are nominal codes with MISSING (negative) where a rater did not answer. Every figure comes
with a bootstrap by prompt, and an undefined one says why.
"""

import numpy as np
from numpy.typing import NDArray

from judges.trust.intervals import Estimate, by_prompt, ratio, undefined

_FLAT = "all answers are the same choice, so chance alone explains full agreement"


def _counts(codes_PR: NDArray[np.integer]) -> NDArray[np.float64]:
    """How many raters gave each choice, [pairs, choices]."""
    choices = max(int(codes_PR.max(initial=-1)) + 1, 1)
    return np.stack([(codes_PR == choice).sum(axis=1) for choice in range(choices)], axis=1).astype(
        np.float64
    )


def krippendorff_alpha(
    codes_PR: NDArray[np.integer],
    prompt_P: NDArray[np.int64] | None = None,
    rng: np.random.Generator | None = None,
    *,
    repeats: int = 1000,
) -> Estimate:
    """Nominal alpha with missing data: 1 is perfect, 0 is chance, below is systematic conflict.

    alpha = 1 - D_o / D_e with D_o = sum_u sum_c n_uc (m_u - n_uc) / (m_u - 1) and
    D_e = sum_c n_c (n - n_c) / (n - 1), over units with at least two answers (Krippendorff,
    "Computing Krippendorff's Alpha-Reliability", 2011, section C).
    """
    counts = _counts(codes_PR)
    answers = counts.sum(axis=1)
    paired = answers >= 2
    if not paired.any():
        return undefined("no pair has two answers")
    counts, answers = counts[paired], answers[paired]
    observed = (counts * (answers[:, None] - counts)).sum(axis=1) / (answers - 1)
    components = np.concatenate([observed[:, None], counts], axis=1)
    prompts = np.arange(len(codes_PR)) if prompt_P is None else prompt_P

    def alpha(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        by_choice = sums[:, 1:]
        total = by_choice.sum(axis=1)
        expected = (by_choice * (total[:, None] - by_choice)).sum(axis=1) / np.maximum(total - 1, 1)
        return 1.0 - ratio(np.stack([sums[:, 0], expected], axis=1))

    generator = np.random.default_rng(0) if rng is None else rng
    return by_prompt(components, prompts[paired], alpha, generator, repeats=repeats, why=_FLAT)


def cohen_kappa(
    one_P: NDArray[np.integer],
    other_P: NDArray[np.integer],
    prompt_P: NDArray[np.int64] | None = None,
    rng: np.random.Generator | None = None,
    *,
    repeats: int = 1000,
) -> Estimate:
    """Agreement of two raters beyond chance: (p_o - p_e) / (1 - p_e) (Cohen 1960)."""
    both = (one_P >= 0) & (other_P >= 0)
    if not both.any():
        return undefined("no pair was answered by both")
    one, other = one_P[both], other_P[both]
    choices = range(int(max(one.max(), other.max())) + 1)
    components = np.stack(
        [one == other, np.ones(len(one))]
        + [one == choice for choice in choices]
        + [other == choice for choice in choices],
        axis=1,
    ).astype(np.float64)
    prompts = np.arange(len(one_P)) if prompt_P is None else prompt_P

    def kappa(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        n = sums[:, 1]
        first, second = sums[:, 2 : 2 + len(choices)], sums[:, 2 + len(choices) :]
        chance = (first * second).sum(axis=1) / n**2
        return ratio(np.stack([sums[:, 0] / n - chance, 1.0 - chance], axis=1))

    generator = np.random.default_rng(0) if rng is None else rng
    return by_prompt(components, prompts[both], kappa, generator, repeats=repeats, why=_FLAT)


def agreement_matrix(codes_PR: NDArray[np.integer]) -> NDArray[np.float64]:
    """Share of equal answers of every two raters, [raters, raters]; NaN where none is shared."""
    raters = codes_PR.shape[1]
    matrix = np.full((raters, raters), np.nan)
    for one in range(raters):
        for other in range(raters):
            both = (codes_PR[:, one] >= 0) & (codes_PR[:, other] >= 0)
            if both.any():
                matrix[one, other] = (codes_PR[both, one] == codes_PR[both, other]).mean()
    return matrix
