"""A cheap reader of texts that learns the panel's own consensus, and so smooths it.

Ridge regression without an intercept on differences of hashed words, f(a) − f(b): odd by
construction. Trained out of fold by prompt, so that no pair is scored by a student that saw it.
In production a cross-fitted reward model takes its place. Leaves out: human answers; the stack
decides how much the student is worth.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import Ridge

from judges.trust.text_features import PairTexts

Floats = NDArray[np.float64]
_LONGEST = 8_000  # characters read of one response


def word_differences(texts: PairTexts, bits: int = 16) -> Any:
    """Sparse [pairs, 2^bits]: hashed words and pairs of words of a minus those of b; streams."""
    words = HashingVectorizer(
        n_features=2**bits, ngram_range=(1, 2), norm="l2", alternate_sign=True, dtype=np.float32
    )
    a = words.transform([(text or "")[:_LONGEST] for text in texts.responses_a])
    b = words.transform([(text or "")[:_LONGEST] for text in texts.responses_b])
    both = np.array(
        [
            x is not None and y is not None
            for x, y in zip(texts.responses_a, texts.responses_b, strict=True)
        ]
    )
    return sparse.diags_array(both.astype(np.float32)) @ (a - b)


@dataclass
class Student:
    """Text model of the margin 2·lean − 1 in [−1, 1].

    ridge: penalty; folds: parts by prompt. Learned: coef_FW_, one weight vector for each fold left
    out.
    """

    ridge: float = 1.0
    folds: int = 5
    bits: int = 16

    coef_FW_: Floats = field(init=False, repr=False)

    def fit(self, texts: PairTexts, margin_P: Floats, prompt_P: NDArray[np.int64]) -> Self:
        """Learn the panel's margins from the texts."""
        self.out_of_fold(texts, margin_P, prompt_P)
        return self

    def out_of_fold(
        self, texts: PairTexts, margin_P: Floats, prompt_P: NDArray[np.int64]
    ) -> Floats:
        """Fit, and score each pair by the student that saw no pair of its prompt."""
        words = sparse.csr_array(word_differences(texts, self.bits))
        fold_P = prompt_P % self.folds
        self.coef_FW_ = np.zeros((self.folds, words.shape[1]))
        result = np.zeros(len(margin_P))
        for fold in range(self.folds):
            inside = fold_P == fold
            if inside.all() or not inside.any():
                continue
            model = Ridge(alpha=self.ridge, fit_intercept=False, solver="sparse_cg", tol=1e-4)
            model.fit(words[~inside], margin_P[~inside])
            self.coef_FW_[fold] = model.coef_
            result[inside] = words[inside] @ model.coef_
        return result

    def predict(self, texts: PairTexts) -> Floats:
        """Mean score of the folds' students on pairs of other prompts."""
        score: Floats = word_differences(texts, self.bits) @ self.coef_FW_.mean(axis=0)
        return score


def has_texts(texts: PairTexts, least: int = 50) -> bool:
    """Whether enough different texts are there for a student to learn anything."""
    seen: set[str] = set()
    for side in (texts.responses_a, texts.responses_b):
        seen.update(text for text in side if text)
    return len(seen) >= least


def texts_of(rows: Sequence[dict[str, Any]]) -> PairTexts:
    """Texts of rows with the import format's names; what is not there is None."""
    return PairTexts(
        [row.get("prompt") for row in rows],
        [row.get("response_a") for row in rows],
        [row.get("response_b") for row in rows],
        [row.get("model_a") for row in rows],
        [row.get("model_b") for row in rows],
    )
