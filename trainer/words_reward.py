"""The reward model that weighs words: a Bradley–Terry on TF-IDF and style, fitted in seconds.

What the judge of words learns from pairs is a number for each response, so it is saved and served
as any reward model is. Pairs that come from one order share the weight of one answer. Leaves out
the fit (`trainer.words_training`) and the model (`judges.words`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import expit

from db.errors import BadInput
from db.probabilities import Probabilities
from judges.trust.calibration import accuracy, ece
from judges.trust.text_features import PairTexts
from judges.trust.vote_matrix import A
from judges.words import WordsModel
from trainer.card import model_card
from trainer.encoding import asked_text, said_text
from trainer.gate.baselines import cheap_rivals
from trainer.judge_training import Lesson
from trainer.rankings import weights
from trainer.settings import WORDS, TrainerSettings
from trainer.words_training import fit
from trainer.workspace import Workspace, publish_files

Row = dict[str, Any]


def train(
    train_rows: Sequence[Row],
    validation_rows: Sequence[Row],
    work: Workspace,
    settings: TrainerSettings,
    dataset: str,
) -> dict[str, Any]:
    """Fit on preference rows and write the checkpoint; its metadata. Validation is measured alone.

    Strength and temperature come from folds by prompt of the training rows.
    """
    if not train_rows:
        raise BadInput(f"dataset {dataset!r} leaves no row to train on; export more labels")
    model, strength, _ = fit(lessons(train_rows, settings.soft))
    metadata = {
        "kind": "reward",
        "style": WORDS,
        "base": WORDS,
        "dataset": dataset,
        "max_length": 0,
        "temperature": 1.0,  # folded into the weights
        "strength": strength,
        "rows": {"train": len(train_rows), "validation": len(validation_rows)},
        "curve": [],
        "validation": _measured(model, train_rows, validation_rows),
    }
    publish_files(work, model.save, metadata, model_card(work.name, metadata))
    return metadata


def lessons(rows: Sequence[Row], soft: bool = False) -> list[Lesson]:
    """Preference rows with the chosen response as A."""
    return [
        Lesson(
            pair_id=row["meta"]["pair_id"],
            prompt=asked_text(row),
            a=said_text(row["chosen"]),
            b=said_text(row["rejected"]),
            domain=None,
            target=_target(float(row["meta"]["soft_target"]) if soft else 1.0),
            weight=weight,
            group=row["meta"].get("group") or "",
        )
        for row, weight in zip(rows, weights(rows), strict=True)
    ]


def _target(p_a: float) -> Probabilities:
    return Probabilities(p_a, 0.0, 1.0 - p_a)


def _measured(
    model: WordsModel, train_rows: Sequence[Row], held: Sequence[Row]
) -> dict[str, float] | None:
    if not held:
        return None
    texts = PairTexts(
        [asked_text(row) for row in held],
        [said_text(row["chosen"]) for row in held],
        [said_text(row["rejected"]) for row in held],
    )
    win_probability = expit(model.margins(texts))
    truth = np.full(len(held), A, dtype=np.int8)
    return {
        "pairs": len(held),
        "accuracy": accuracy(win_probability, truth),
        "ece": ece(win_probability, truth),
        **cheap_rivals(train_rows, held),
    }
