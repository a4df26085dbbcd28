"""The two cheap scorers that stand in every table: longer wins, and Bradley–Terry on TF-IDF.

A model that does not beat them has learnt nothing worth its cost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trainer.encoding import said_text

Floats = NDArray[np.float64]
Row = Mapping[str, Any]
LONGER, TFIDF = "longer wins", "tf-idf Bradley–Terry"


def longer_wins(responses_a: Sequence[str], responses_b: Sequence[str]) -> Floats:
    """Lean 1 where A has more characters, 0 where B has, an exact half where neither."""
    sizes = np.array([[len(a), len(b)] for a, b in zip(responses_a, responses_b, strict=True)])
    sizes = sizes.reshape(-1, 2)
    return np.where(sizes[:, 0] == sizes[:, 1], 0.5, sizes[:, 0] > sizes[:, 1]).astype(np.float64)


def cheap_rivals(train: Sequence[Row], held: Sequence[Row]) -> dict[str, float]:
    """Accuracy of both on preference rows, the second fitted on `train`: what a reward model must
    beat there.
    """
    fitted = TfidfBradleyTerry().fit(*sides(train))
    return {
        LONGER: accuracy_of(longer_wins(*sides(held))),
        TFIDF: accuracy_of(fitted.win_probability(*sides(held))),
    }


def sides(rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Chosen and rejected responses of preference rows."""
    return [said_text(r["chosen"]) for r in rows], [said_text(r["rejected"]) for r in rows]


def accuracy_of(win_probability: Floats) -> float:
    """The share above one half; an exact half counts half."""
    return float(np.where(win_probability == 0.5, 0.5, win_probability > 0.5).mean())


@dataclass
class TfidfBradleyTerry:
    """Logistic Bradley–Terry on differences of TF-IDF vectors of the responses, no intercept.

    Words and pairs of words, sublinear counts. Learned: vectors_, model_.
    """

    strength: float = 3.0
    vectors_: Any = field(init=False, repr=False, default=None)
    model_: Any = field(init=False, repr=False, default=None)

    def fit(
        self, chosen: Sequence[str], rejected: Sequence[str], weight: Floats | None = None
    ) -> Self:
        """Learn from preferences; each counts once as it is and once mirrored."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        self.vectors_ = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        try:
            self.vectors_.fit([*chosen, *rejected])
        except ValueError:  # no word stands in two texts
            self.model_ = None
            return self
        difference = self.vectors_.transform(chosen) - self.vectors_.transform(rejected)
        from scipy.sparse import vstack

        both = vstack([difference, -difference])
        side = np.repeat([1, 0], len(chosen))
        each = np.ones(len(chosen)) if weight is None else weight
        self.model_ = LogisticRegression(C=self.strength, fit_intercept=False, max_iter=1000)
        self.model_.fit(both, side, sample_weight=np.tile(each, 2))
        return self

    def win_probability(self, responses_a: Sequence[str], responses_b: Sequence[str]) -> Floats:
        """Probability that A is better."""
        if self.model_ is None:
            return np.full(len(responses_a), 0.5)
        difference = self.vectors_.transform(responses_a) - self.vectors_.transform(responses_b)
        win_probability: Floats = self.model_.predict_proba(difference)[:, 1]
        return win_probability
