"""A judge that weighs words: Bradley–Terry with ties on TF-IDF and simple text features.

It needs no GPU and no pretrained weights, trains in seconds and sees both responses alike, so it
cannot prefer a place. log-odds of A over B = w·(f(A) - f(B)); ties after Davidson (1970):
p_tie / sqrt(p_a p_b) = nu. Leaves out which pairs it may learn from (`trainer.words_training`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from judges.trust.text_features import PairTexts, text_features

Floats = NDArray[np.float64]
WEIGHTS, VOCABULARY = "weights.npz", "vocabulary.json"


@dataclass(frozen=True)
class WordsModel:
    """The learned numbers. idf [W] and coef run over the vocabulary, then coef over ODD_NAMES [F].

    scale [F] divides the text features; nu is Davidson's tie parameter, 0 without ties.
    """

    vocabulary: dict[str, int]
    idf: Floats
    coef: Floats
    scale: Floats
    nu: float

    def probabilities(self, texts: PairTexts) -> Floats:
        """[pairs, 3]: A, B, tie. Exchanging A and B exchanges the first two columns exactly."""
        return davidson(self.margins(texts), self.nu)

    def margins(self, texts: PairTexts) -> Floats:
        """Log-odds of A over B, ties aside."""
        margin: Floats = differences(texts, self.vocabulary, self.idf, self.scale) @ self.coef
        return margin

    def scores(self, prompts: Sequence[str | None], responses: Sequence[str]) -> Floats:
        """Log-odds of each response over an empty one: the difference of two of one prompt is the
        log-odds of the first.
        """
        return self.margins(PairTexts(prompts, responses, [""] * len(responses)))

    def save(self, folder: Path) -> None:
        """Two files of plain numbers and words; nothing in them is executed when read."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {"idf": self.idf, "coef": self.coef, "scale": self.scale}
        np.savez(folder / WEIGHTS, **arrays, nu=np.array(self.nu))  # type: ignore[arg-type]
        words = json.dumps(self.vocabulary, ensure_ascii=False, sort_keys=True)
        (folder / VOCABULARY).write_text(words, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote."""
        vocabulary = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
        with np.load(folder / WEIGHTS, allow_pickle=False) as arrays:
            return cls(
                vocabulary, arrays["idf"], arrays["coef"], arrays["scale"], float(arrays["nu"])
            )


def davidson(margin_P: Floats, nu: float) -> Floats:
    """Probabilities of A, B and tie from log-odds and the tie parameter (Davidson 1970, 2.4)."""
    half = np.clip(margin_P, -60, 60) / 2
    weights = np.stack([np.exp(half), np.exp(-half), np.full(len(half), nu)], axis=1)
    shares: Floats = weights / weights.sum(axis=1, keepdims=True)
    return shares


def vectorizer(vocabulary: dict[str, int] | None = None) -> Any:
    """Words and pairs of words with sublinear counts."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        ngram_range=(1, 2),
        min_df=1 if vocabulary else 2,
        max_features=None if vocabulary else 200_000,
        sublinear_tf=True,
        vocabulary=vocabulary,
        dtype=np.float64,
    )


def differences(
    texts: PairTexts, vocabulary: dict[str, int], idf_W: Floats, scale_F: Floats
) -> Any:
    """Sparse [pairs, words + features]: those of A minus those of B."""
    odd_PF = text_features(texts)[0].astype(np.float64) / scale_F
    if not vocabulary:
        return sparse.csr_array(odd_PF)
    reader = vectorizer(vocabulary)
    reader.idf_ = idf_W
    a, b = (reader.transform([text or "" for text in side]) for side in _sides(texts))
    return sparse.csr_array(sparse.hstack([a - b, sparse.csr_array(odd_PF)]))


def _sides(texts: PairTexts) -> tuple[Sequence[str | None], Sequence[str | None]]:
    return texts.responses_a, texts.responses_b
