"""A small gradient boosting of the stack: it sees what a weighted sum cannot, judges that interact.

Trained on every answered pair and its mirror image; P(x) is averaged with 1 − P(φx), so it is odd
like the stack. Leaves out: how much it counts (label_model.py).
"""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

Floats = NDArray[np.float64]

# Why each number here is what it is: docs/design/label-model-constants.md.
LEAST_IN_LEAF, MOST_IN_LEAF, LEAVES_FILLED = 5, 20, 10
"""Answers a leaf must hold: a tenth of all, but within these bounds."""


@dataclass
class GradientBoosting:
    """Symmetrised gradient boosting on odd columns: 30 trees of 6 leaves."""

    trees: int = 30
    leaves: int = 6
    rate: float = 0.12
    ridge: float = 1.0
    bins: int = 32

    model_: HistGradientBoostingClassifier = field(init=False, repr=False)

    def fit(self, columns_LC: Floats, is_a_L: Floats, weight_L: Floats) -> Self:
        """Columns of the answered pairs, 1 where the answer was A."""
        self.model_ = HistGradientBoostingClassifier(
            max_iter=self.trees,
            max_leaf_nodes=self.leaves,
            learning_rate=self.rate,
            min_samples_leaf=max(LEAST_IN_LEAF, min(MOST_IN_LEAF, len(is_a_L) // LEAVES_FILLED)),
            l2_regularization=self.ridge,
            max_bins=self.bins,
            early_stopping=False,
            random_state=0,
        )
        both = np.concatenate([columns_LC, -columns_LC])
        answers = np.concatenate([is_a_L, 1 - is_a_L])
        weight = np.concatenate([weight_L, weight_L])
        even = len(weight) > 0 and np.ptp(weight) == 0  # weights make scikit-learn's binning slow
        self.model_.fit(both, answers > 0.5, None if even else weight / weight.mean())
        return self

    def logit(self, columns_PC: Floats) -> Floats:
        """Log-odds for A: the mean probability of a pair and of its mirror image."""
        if len(columns_PC) == 0:
            return np.zeros(0)
        for_a = self.model_.predict_proba(columns_PC)[:, 1]
        for_b = self.model_.predict_proba(-columns_PC)[:, 1]
        result: Floats = np.log(for_a + 1 - for_b) - np.log(for_b + 1 - for_a)
        return result

    def out_of_fold(
        self, columns_LC: Floats, is_a_L: Floats, weight_L: Floats, fold_L: NDArray[np.int64]
    ) -> Floats:
        """Log-odds of each answered pair by a boosting that saw no pair of its fold."""
        result = np.zeros(len(is_a_L))
        for fold in np.unique(fold_L):
            inside = fold_L == fold
            if not inside.any() or inside.all():
                continue
            other = replace(self)
            other.fit(columns_LC[~inside], is_a_L[~inside], weight_L[~inside])
            result[inside] = other.logit(columns_LC[inside])
        return result
