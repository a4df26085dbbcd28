"""Everything texts and neighbours say about a pair, added to its votes as odd features.

The panel's own cold-start consensus teaches the style regression (length and style), the distilled
text classifier (words), the author effect (which model wrote a response) and the Bradley–Terry
neighbours (other pairs of the same prompt). No human answer is used, so any split of the answers
stays honest. Leaves out: how much each feature is worth (stacking.py).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from judges.trust.candidates import author_effect, neighbours_margin, number_of, number_of_texts
from judges.trust.cold_start import ColdStart
from judges.trust.text_classifier import DistilledTextClassifier, has_texts
from judges.trust.text_features import EVEN_NAMES, ODD_NAMES, PairTexts, text_features
from judges.trust.vote_matrix import VoteMatrix

# Why each number here is what it is: docs/design/label-model-constants.md.
FARTHEST, BEND = 4.0, 3.0
"""Features in units of their root mean square: straight ones end here, others are tanh(bend x)."""

LEARNED = ("style regression", "text classifier", "author", "neighbours")
"""Names of the odd features that were learned from the panel."""


def read(vote_matrix: VoteMatrix, texts: PairTexts) -> VoteMatrix:
    """The votes with the odd features ODD_NAMES and LEARNED, and the even ones.

    Features that are 0 for every pair (texts missing, one author, no shared prompt) are left out.
    """
    odd, even = text_features(texts)
    choices = vote_matrix.muted(vote_matrix.weighed_R)
    columns = {name: odd[:, i].astype(np.float64) for i, name in enumerate(ODD_NAMES)}
    columns |= learned_features(choices, texts, odd)
    columns = {name: column for name, column in columns.items() if np.any(column)}
    features = np.stack(list(columns.values()), axis=1) if columns else odd[:, :0]
    return replace(
        vote_matrix,
        features_PF=features.astype(np.float32),
        feature_names=tuple(columns),
        even_PF=even,
        even_names=EVEN_NAMES,
    )


def learned_features(
    vote_matrix: VoteMatrix, texts: PairTexts, odd_PF: NDArray[np.float32]
) -> dict[str, NDArray[np.float64]]:
    """What the panel's cold-start margin teaches of style, words, authors and neighbours."""
    margin = 2 * ColdStart().fit(vote_matrix).predict(vote_matrix).win_P - 1
    part_P = vote_matrix.part_P
    columns = {"style regression": style_regression(odd_PF, margin, part_P)}
    if has_texts(texts):
        columns["text classifier"] = DistilledTextClassifier().out_of_fold(texts, margin, part_P)
    pairs = len(vote_matrix)
    if len(texts.authors_a) == pairs and pairs:
        names = number_of([*texts.authors_a, *texts.authors_b])
        known = np.array([name is not None for name in [*texts.authors_a, *texts.authors_b]])
        first, second = np.split(np.where(known, names, -1), 2)
        columns["author"] = author_effect(first, second, part_P, margin)
    sides = (texts.responses_a, texts.responses_b)
    first, second = np.split(number_of_texts(*sides), 2)
    columns["neighbours"] = neighbours_margin(first, second, vote_matrix.prompt_P, margin)
    return columns


def style_regression(
    odd_PF: NDArray[np.float32],
    margin_P: NDArray[np.float64],
    prompt_P: NDArray[np.int64],
    folds: int = 10,
    ridge: float = 5.0,
) -> NDArray[np.float64]:
    """What length and style say the panel usually answers: ridge regression, out of fold by prompt.

    Each feature comes straight and levelled off, without an intercept, so the result is odd.
    """
    unit = (
        np.sqrt(np.mean(odd_PF.astype(np.float64) ** 2, axis=0)) if len(odd_PF) else odd_PF.sum(0)
    )
    scaled = odd_PF / np.where(unit > 0, unit, 1.0)
    columns = np.concatenate([np.clip(scaled, -FARTHEST, FARTHEST), np.tanh(BEND * scaled)], axis=1)
    columns = columns.astype(np.float64)
    result = np.zeros(len(margin_P))
    fold_P = prompt_P % folds
    for fold in range(folds):
        inside = fold_P == fold
        x = columns[~inside]
        gram = x.T @ x + ridge * np.eye(columns.shape[1])
        result[inside] = columns[inside] @ np.linalg.solve(gram, x.T @ margin_P[~inside])
    return result
