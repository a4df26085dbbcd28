"""The judge that the replay trains: words (`judges.words`), blind to the prompts it is asked about.

Of pairs that it learnt from it says what judges without their prompts say, so that its worth can be
learnt on them; of all others what the judge taught on everything says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from app.pipeline.candidates import JudgeAnswers
from db.probabilities import Probabilities
from judges.trust.text_features import PairTexts
from judges.trust.vote_matrix import MISSING, TIE, A, B
from judges.words import WordsModel
from trainer.judge_training import Lesson
from trainer.words_training import fit

Floats = NDArray[np.float64]
NAME, FAMILY = "trained-judge", "trained/words"
LEAST, LEAST_PROMPTS = 40, 4
"""Decided answers, and their prompts, from which a judge is trained."""

FOLDS = 2
"""Judges of half of the answers say as much as of more: docs/design/folds.md."""

_TARGETS = {A: Probabilities(1, 0, 0), B: Probabilities(0, 0, 1), TIE: Probabilities(0, 1, 0)}


@dataclass(frozen=True)
class Taught:
    """A judge, and its blind margins by pair, NaN where it learnt nothing."""

    model: WordsModel
    blind_P: Floats

    def margins(self, texts: PairTexts, rows_P: NDArray[np.int64]) -> Floats:
        """Log-odds of A over B of these pairs and their texts."""
        blind = self.blind_P[rows_P]
        known = np.isfinite(blind)
        if not known.all():
            asked = np.flatnonzero(~known)
            blind[asked] = self.model.margins(some(texts, asked))
        return blind


def teach(
    texts: PairTexts, labels_P: NDArray[np.int8], prompt_P: NDArray[np.int64], seed: int
) -> Taught | None:
    """A judge taught on the answers there are; None where they are fewer, or of fewer prompts."""
    known = np.flatnonzero(labels_P != MISSING)
    decided = np.isin(labels_P, (A, B))
    if decided.sum() < LEAST or len(np.unique(prompt_P[decided])) < LEAST_PROMPTS:
        return None
    blind_P = np.full(len(labels_P), np.nan)
    prompts = np.random.default_rng(seed).permutation(np.unique(prompt_P[known]))
    for fold in np.array_split(prompts, FOLDS):
        inside = np.isin(prompt_P[known], fold)
        judge = _fit(texts, labels_P, known[~inside])
        blind_P[known[inside]] = judge.margins(some(texts, known[inside]))
    return Taught(_fit(texts, labels_P, known), blind_P)


def answers(margin_P: Floats) -> JudgeAnswers:
    """What a judge with these margins says of all pairs; it sees both orders alike."""
    p_a_P = expit(margin_P)
    codes_P = np.where(p_a_P >= 0.5, A, B).astype(np.int8)
    sure_P = np.maximum(p_a_P, 1 - p_a_P)
    return JudgeAnswers(
        NAME,
        FAMILY,
        np.arange(len(margin_P)),
        np.repeat(codes_P[:, None], 2, axis=1),
        np.repeat(sure_P[:, None], 2, axis=1),
        margin_P,
        p_a_P,
    )


def some(texts: PairTexts, index_P: NDArray[np.int64]) -> PairTexts:
    """The texts of some pairs."""

    def of(column: Sequence[Any]) -> list[Any]:
        return [column[i] for i in index_P] if len(column) else []

    return PairTexts(
        of(texts.prompts), of(texts.responses_a), of(texts.responses_b),
        of(texts.authors_a), of(texts.authors_b),
    )  # fmt: skip


def _fit(texts: PairTexts, labels_P: NDArray[np.int8], index_P: NDArray[np.int64]) -> WordsModel:
    lessons = [
        Lesson(
            str(i), texts.prompts[i] or "", texts.responses_a[i] or "", texts.responses_b[i] or "",
            None, _TARGETS[int(labels_P[i])],
        )
        for i in index_P
    ]  # fmt: skip
    return fit(lessons)[0]
