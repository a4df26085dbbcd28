"""A cheap reader of texts that learns the panel's own consensus, and so smooths it.

Ridge regression without an intercept on differences of hashed words, f(a) − f(b): odd by
construction. Trained out of fold by prompt, so that no pair is scored by a model that saw it. Words
are counted once, a chunk of pairs at a time; of a large set the counts lie in a temporary folder,
so memory does not grow with the pairs. In production a cross-fitted reward model takes its place.
Leaves out: human answers; the stack decides how much the text classifier is worth.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer

from judges.trust.text_features import WORDS_WITHIN, PairTexts

Floats = NDArray[np.float64]
# Why each number here is what it is: docs/design/label-model-constants.md.
NGRAMS = (1, 2)
"""Words counted alone and in a row of so many."""

LEAST_TEXTS = 50
"""Different texts from which there is anything to learn."""

_TOLERANCE, _STEPS = 1e-4, 1_000
_ARRAYS = ("data", "indices", "indptr")  # of sparse rows, in the order that makes them again


def word_differences(texts: PairTexts, bits: int = 16) -> Any:
    """Sparse [pairs, 2^bits]: hashed words and pairs of words of a minus those of b; streams."""
    words = HashingVectorizer(
        n_features=2**bits, ngram_range=NGRAMS, norm="l2", alternate_sign=True, dtype=np.float32
    )
    a = words.transform([(text or "")[:WORDS_WITHIN] for text in texts.responses_a])
    b = words.transform([(text or "")[:WORDS_WITHIN] for text in texts.responses_b])
    both = np.array(
        [
            x is not None and y is not None
            for x, y in zip(texts.responses_a, texts.responses_b, strict=True)
        ]
    )
    return sparse.diags_array(both.astype(np.float32)) @ (a - b)


@dataclass
class DistilledTextClassifier:
    """Text model of the margin 2p − 1 in [−1, 1].

    ridge: penalty; folds: parts by prompt; chunk: pairs read at a time, which changes no result.
    Learned: coef_FW_, one weight vector for each fold left out.
    """

    ridge: float = 1.0
    folds: int = 5
    bits: int = 16
    chunk: int = 5_000

    coef_FW_: Floats = field(init=False, repr=False)

    def fit(self, texts: PairTexts, margin_P: Floats, prompt_P: NDArray[np.int64]) -> Self:
        """Learn the panel's margins from the texts."""
        self.out_of_fold(texts, margin_P, prompt_P)
        return self

    def out_of_fold(
        self, texts: PairTexts, margin_P: Floats, prompt_P: NDArray[np.int64]
    ) -> Floats:
        """Fit, and score each pair by the text classifier that saw no pair of its prompt."""
        fold_P = np.asarray(prompt_P) % self.folds
        sizes = np.bincount(fold_P, minlength=self.folds)
        fits_F = (sizes > 0) & (sizes < len(fold_P))
        result = np.zeros(len(margin_P))
        with _counted(texts, self.bits, self.chunk) as chunks:

            def products(weight_WF: Floats | None) -> Floats:
                """X' of what X says with these weights (of the margins where None), by fold."""
                total = np.zeros((2**self.bits, self.folds))
                for rows, words in chunks:
                    said = margin_P[rows][:, None] if weight_WF is None else words @ weight_WF
                    taught = fold_P[rows][:, None] != np.arange(self.folds)
                    total += words.T @ np.where(taught, said, 0.0)
                return total

            weight_WF = _ridge(products, self.ridge) * fits_F
            for rows, words in chunks:
                fold = fold_P[rows]
                result[rows] = (words @ weight_WF)[np.arange(len(fold)), fold]
        self.coef_FW_ = weight_WF.T
        return result

    def predict(self, texts: PairTexts) -> Floats:
        """Mean score of the folds' models on pairs of other prompts."""
        weight = self.coef_FW_.mean(axis=0)
        parts = [words @ weight for _, words in _chunks(texts, self.bits, self.chunk)]
        return np.concatenate(parts) if parts else np.zeros(0)


def _ridge(products: Callable[[Floats | None], Floats], ridge: float) -> Floats:
    """(X'X + ridge) w = X'y for several y at once, by conjugate gradients (Hestenes, Stiefel 1952).

    products(W) is X'XW, and X'y without an argument: the rows are passed over, never held.
    """
    left = products(None)
    weight, step = np.zeros_like(left), left.copy()
    size = (left**2).sum(axis=0)
    enough = _TOLERANCE**2 * size
    for _ in range(_STEPS):
        open_F = size > enough
        if not open_F.any():
            break
        moved = products(step) + ridge * step
        length = np.where(open_F, size / np.maximum((step * moved).sum(axis=0), 1e-300), 0.0)
        weight += length * step
        left -= length * moved
        before, size = size, np.where(open_F, (left**2).sum(axis=0), size)
        step = left + step * (size / np.maximum(before, 1e-300))
    return weight


def _chunks(texts: PairTexts, bits: int, chunk: int) -> Iterator[tuple[slice, Any]]:
    for start in range(0, len(texts), chunk):
        rows = slice(start, min(start + chunk, len(texts)))
        part = PairTexts(texts.prompts[rows], texts.responses_a[rows], texts.responses_b[rows])
        yield rows, sparse.csr_array(word_differences(part, bits))


@contextmanager
def _counted(texts: PairTexts, bits: int, chunk: int) -> Iterator[Iterable[tuple[slice, Any]]]:
    """Every chunk's words, to be gone through again and again; on disk where there are several."""
    if len(texts) <= chunk:
        yield list(_chunks(texts, bits, chunk))
        return
    with TemporaryDirectory(prefix="tiebreak-words-") as folder:
        kept = _OnDisk(Path(folder), 2**bits)
        for rows, words in _chunks(texts, bits, chunk):
            kept.add(rows, words)
        yield kept


@dataclass(frozen=True)
class _OnDisk(Iterable[tuple[slice, Any]]):
    """Sparse rows in files, one chunk of them in memory at a time."""

    folder: Path
    columns: int
    rows: list[slice] = field(default_factory=list)

    def add(self, rows: slice, words: Any) -> None:
        """Write one chunk."""
        for name in _ARRAYS:
            np.save(self._file(rows, name), getattr(words, name))
        self.rows.append(rows)

    def __iter__(self) -> Iterator[tuple[slice, Any]]:
        for rows in self.rows:
            arrays = tuple(np.load(self._file(rows, name)) for name in _ARRAYS)
            shape = rows.stop - rows.start, self.columns
            yield rows, sparse.csr_array(arrays, shape=shape)

    def _file(self, rows: slice, name: str) -> Path:
        return self.folder / f"{rows.start}.{name}.npy"


def has_texts(texts: PairTexts) -> bool:
    """Whether enough different texts are there for a text classifier to learn anything."""
    seen: set[str] = set()
    for text in chain(texts.responses_a, texts.responses_b):
        if text:
            seen.add(text)
            if len(seen) >= LEAST_TEXTS:
                return True
    return False
