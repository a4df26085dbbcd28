"""Trains the judge that weighs words (`judges.words`): strength and ties chosen out of fold.

The penalty and the temperature come from cross-validation by prompt, so that its probabilities are
honest without a validation split of their own. Lessons that weigh more shape the weights, and only
these: pairs the panel missed are hard ones, and counting them double made it too modest elsewhere.
Distilled lessons count for both by their weight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from db.errors import BadInput
from judges.constitution import Constitution
from judges.prompts import VERSION
from judges.trust.calibration import fit_temperature
from judges.trust.text_features import PairTexts, text_features
from judges.words import WordsModel, davidson, differences, vectorizer
from trainer.card import model_card
from trainer.judge_training import Lesson, rows_of
from trainer.workspace import Workspace, publish_files

Floats = NDArray[np.float64]
_STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # half a decade apart; the best out of fold is taken
_FOLDS = 5


@dataclass(frozen=True)
class _Table:
    """Lessons as arrays; q_P is the probability of A over A and B, tie_P that of a tie; by counts_P
    they count for strength, temperature and ties.
    """

    texts: PairTexts
    q_P: Floats
    tie_P: Floats
    weight_P: Floats
    counts_P: Floats
    prompt_P: NDArray[np.int64]


@dataclass(frozen=True)
class _Prepared:
    """What cross-validation chose: strength and temperature, and the margins out of fold."""

    table: _Table
    x: Any
    vocabulary: dict[str, int]
    idf_W: Floats
    scale_F: Floats
    strength: float
    margin: Floats
    temperature: float


def train(
    train_lessons: Sequence[Lesson],
    validation_lessons: Sequence[Lesson],
    work: Workspace,
    rules: Constitution,
    dataset: str,
) -> dict[str, Any]:
    """Fit and write the checkpoint; its metadata. Validation is used for its figures alone."""
    if not train_lessons:
        raise BadInput(f"dataset {dataset!r} has no row to train a judge on; export more labels")
    model, strength, temperature = fit(train_lessons)
    held = _table(validation_lessons)
    metadata = {
        "kind": "judge",
        "style": "words",
        "base": "words",
        "dataset": dataset,
        "max_length": 0,
        "instructions": False,
        "template": VERSION,
        "constitution": rules.version,
        "temperature": temperature,
        "strength": strength,
        "rows": rows_of(train_lessons, validation_lessons),
        "curve": [],
        "validation": _measured(model, held) if validation_lessons else None,
    }
    publish_files(work, model.save, metadata, model_card(work.name, metadata))
    return metadata


def fit(lessons: Sequence[Lesson]) -> tuple[WordsModel, float, float]:
    """The model, its penalty's inverse strength, and the temperature already folded into it."""
    one = _prepared(lessons)
    coef = _logistic(one.x, one.table, one.strength) * one.temperature
    nu = _tie_parameter(one.margin * one.temperature, one.table)
    model = WordsModel(one.vocabulary, one.idf_W, coef, one.scale_F, nu)
    return model, one.strength, one.temperature


def foreseen(lessons: Sequence[Lesson]) -> Floats:
    """Log-loss of a judge taught these lessons on each, in order, out of fold by prompt; NaN where
    people did not decide it.
    """
    one = _prepared(lessons)
    decided_P = np.array([x.label == "people" for x in lessons]) & (one.table.tie_P < 1)
    return np.where(decided_P, _losses(one.margin * one.temperature, one.table), np.nan)


def _prepared(lessons: Sequence[Lesson]) -> _Prepared:
    table = _table(lessons)
    vocabulary, idf_W = _vocabulary(table.texts)
    odd = text_features(table.texts)[0].astype(np.float64)
    scale_F = np.where(odd.std(axis=0) > 0, np.sqrt((odd**2).mean(axis=0)), 1.0)
    x = differences(table.texts, vocabulary, idf_W, scale_F)
    tried = {c: _out_of_fold(x, table, c) for c in _STRENGTHS}
    strength = min(tried, key=lambda c: _loss(tried[c], table))
    margin = tried[strength]
    temperature = _temperature(margin, table)
    return _Prepared(table, x, vocabulary, idf_W, scale_F, strength, margin, temperature)


def _table(lessons: Sequence[Lesson]) -> _Table:
    numbers = {name: i for i, name in enumerate(dict.fromkeys(x.together for x in lessons))}
    return _Table(
        PairTexts(
            [each.prompt for each in lessons],
            [each.a for each in lessons],
            [each.b for each in lessons],
        ),
        np.array([each.target.win_probability for each in lessons]),
        np.array([each.target.p_tie for each in lessons]),
        np.array([each.weight for each in lessons]),
        np.array([min(x.weight, 1.0) if x.label == "distilled" else 1.0 for x in lessons]),
        np.array([numbers[each.together] for each in lessons], dtype=np.int64),
    )


def _vocabulary(texts: PairTexts) -> tuple[dict[str, int], Floats]:
    reader = vectorizer()
    responses = [text or "" for text in dict.fromkeys([*texts.responses_a, *texts.responses_b])]
    try:
        reader.fit(responses)
    except ValueError:  # no word stands in two texts
        return {}, np.zeros(0)
    return {word: int(i) for word, i in reader.vocabulary_.items()}, reader.idf_


def _logistic(x: Any, table: _Table, strength: float) -> Floats:
    """Weights of a logistic regression without intercept on both readings of every pair."""
    from scipy.sparse import vstack
    from sklearn.linear_model import LogisticRegression

    decided = table.weight_P * (1 - table.tie_P)
    weight = np.concatenate([decided * table.q_P, decided * (1 - table.q_P)])
    used = weight > 0
    if not used.any():  # ties alone say nothing of what is better
        return np.zeros(x.shape[1])
    side = np.repeat([1, 0], len(decided))
    rows = vstack([x, x]).tocsr()[used]
    # Each pair once mirrored, too: neither name is preferred, and both classes are there.
    model = LogisticRegression(C=strength, fit_intercept=False, max_iter=2000)
    model.fit(
        vstack([rows, -rows]),
        np.concatenate([side[used], 1 - side[used]]),
        sample_weight=np.tile(weight[used], 2) / 2,
    )
    coef: Floats = model.coef_[0]
    return coef


def _out_of_fold(x: Any, table: _Table, strength: float) -> Floats:
    margin = np.zeros(len(table.q_P))
    fold_P = table.prompt_P % _FOLDS
    for fold in np.unique(fold_P):
        inside = fold_P == fold
        if inside.all():
            continue
        part = _Table(
            table.texts, table.q_P[~inside], table.tie_P[~inside], table.weight_P[~inside],
            table.counts_P[~inside], inside,
        )  # fmt: skip
        margin[inside] = x[inside] @ _logistic(x[~inside], part, strength)
    return margin


def _loss(margin: Floats, table: _Table) -> float:
    weight = table.counts_P * (1 - table.tie_P)
    return float((weight * _losses(margin, table)).sum() / max(weight.sum(), 1e-12))


def _losses(margin: Floats, table: _Table) -> Floats:
    each: Floats = table.q_P * np.logaddexp(0, -margin) + (1 - table.q_P) * np.logaddexp(0, margin)
    return each


def _temperature(margin: Floats, table: _Table) -> float:
    n, weight = len(margin), table.counts_P * (1 - table.tie_P)
    return fit_temperature(
        np.tile(margin, 2),
        np.repeat(np.array([0, 1], dtype=np.int8), n),
        np.concatenate([weight * table.q_P, weight * (1 - table.q_P)]),
    )


def _tie_parameter(margin: Floats, table: _Table) -> float:
    """Davidson's nu of most likelihood; 0 where nothing was settled as a tie."""
    if not (table.counts_P * table.tie_P).any():
        return 0.0

    def loss(log_nu: float) -> float:
        p_tie = davidson(margin, float(np.exp(log_nu)))[:, 2]
        each = table.tie_P * np.log(p_tie) + (1 - table.tie_P) * np.log1p(-p_tie)
        return -float((table.counts_P * each).sum())

    return float(np.exp(minimize_scalar(loss, bounds=(-8.0, 4.0), method="bounded").x))


def _measured(model: WordsModel, held: _Table) -> dict[str, float]:
    p = model.probabilities(held.texts)
    target = np.stack(
        [held.q_P * (1 - held.tie_P), (1 - held.q_P) * (1 - held.tie_P), held.tie_P], axis=1
    )
    return {
        "pairs": float(len(p)),
        "accuracy": float((p.argmax(1) == target.argmax(1)).mean()),
        "log_loss": float(-(target * np.log(np.maximum(p, 1e-12))).sum(axis=1).mean()),
    }
