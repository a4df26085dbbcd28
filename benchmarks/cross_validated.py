"""The stacked regression with its scales set by cross-validation, to compare the evidence with.

One scale for all columns, that of least 5-fold log-loss. Leaves out scales by group:
a grid over them would take thousands of fits.
"""

from dataclasses import dataclass
from typing import Self
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from judges.trust import stacking

Floats = NDArray[np.float64]
FOLDS = 5
ByEvidence = stacking.StackedLogistic  # under this name it stays when the other is replaced


@dataclass
class CrossValidated(ByEvidence):
    """Evidence plays no part. Learned as in StackedLogistic, one scale for all groups."""

    def fit(
        self,
        columns_LC: Floats,
        is_a_L: Floats,
        weight_L: Floats,
        groups: tuple[str, ...],
        discount_C: Floats,
    ) -> Self:
        """Try every scale on the folds, then fit all rows with the best."""
        fold_L = np.arange(len(is_a_L)) % FOLDS
        sign = np.where(is_a_L > 0.5, 1.0, -1.0)

        def fitted(scale: float, rows: NDArray[np.bool_]) -> ByEvidence:
            with patch.multiple(stacking, SCALES={}, OTHER_SCALE=(scale, 1.0)):
                return ByEvidence(sweeps=0).fit(
                    columns_LC[rows], is_a_L[rows], weight_L[rows], groups, discount_C
                )

        def loss(scale: float) -> float:
            total = 0.0
            for fold in range(FOLDS):
                inside = fold_L == fold
                logit = fitted(scale, ~inside).contributions(columns_LC[inside]).sum(axis=1)
                total += float((weight_L[inside] * np.logaddexp(0, -sign[inside] * logit)).sum())
            return total

        best = min(stacking.GRID, key=loss)
        self.__dict__.update(vars(fitted(best, np.ones(len(is_a_L), bool))))
        return self
