"""Process rewards: for each step of a solution, the probability that it is right.

A token classifier read at the last token of every step (Lightman et al. 2023, "Let's verify step by
step", without its generative head). Neutral and unrated steps are read with the others, and neither
learnt nor counted. Leaves out how ratings are stored (`db.step_labels`) and how a finished model is
asked (`trainer.step_scorer`).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from db.conversation import prompt_text
from db.errors import BadInput
from db.progress import Progress, quiet
from db.step_labels import RIGHT, WRONG, Rating, Solution
from judges.trust.intervals import mean_by_prompt
from trainer.adapters import adapted, beside, require_lasting
from trainer.bases import (
    base_folder,
    load_classifier,
    load_tokenizer,
    require_base,
    require_positions,
)
from trainer.card import model_card
from trainer.gate.rules import as_figures
from trainer.huggingface import Curve, arguments, callbacks, configured, run
from trainer.settings import TrainerSettings
from trainer.step_scorer import StepScorer, encode_steps
from trainer.workspace import Workspace, publish_model

PROMPTS = "prompts.json"  # which it learnt from and which chose its stopping point
ALWAYS = "every step is right"
_IGNORED = -100
_ENDLESS = 2**40  # tokens
_CLASS = {RIGHT: 1, WRONG: 0}  # a step that is neither, or not rated, is read and not learnt


def train(
    solutions: Sequence[Solution],
    held: Sequence[Solution],
    work: Workspace,
    settings: TrainerSettings,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Train, or go on where a kill left off; evaluate on held-out solutions; save."""
    require_base(settings.base)
    from datasets import Dataset
    from transformers import DataCollatorForTokenClassification, Trainer, TrainingArguments

    if not solutions:
        raise BadInput("there are no labelled steps to train on; import some")
    base, validated = settings.base, bool(held)
    texts = [text for each in solutions for text in (prompt_text(each.messages), *each.steps)]
    folder = base_folder(base, texts, work.partial, settings.seed)
    tokenizer = load_tokenizer(folder)
    require_positions(folder, base, settings.max_length)
    require_lasting(settings, base)
    model = load_classifier(folder, 2, tokenizer, settings, steps=True)
    model = adapted(model, settings, "TOKEN_CLS")
    curve = Curve()
    trainer = Trainer(
        model=model,
        args=configured(TrainingArguments, **arguments(work, settings, base, validated)),
        train_dataset=Dataset.from_list(_rows(solutions, tokenizer, settings)),
        eval_dataset=Dataset.from_list(_rows(held, tokenizer, settings)) if validated else None,
        data_collator=DataCollatorForTokenClassification(tokenizer),
        callbacks=callbacks(settings, work, validated, "process reward", progress, curve),
    )
    model = run(trainer, work, settings, folder)
    metadata = {
        "kind": "process",
        "base": base,
        "dataset": "step labels",
        "max_length": settings.max_length,
        "rows": {
            "train": len(solutions),
            "validation": len(held),
            "cut": sum(_is_cut(tokenizer, each, settings.max_length) for each in solutions),
            "steps": sum(rated(each) for each in solutions),
            "steps neutral or unrated": sum(len(each.steps) - rated(each) for each in solutions),
        },
        "curve": curve.points,
        "validation": None,
    }
    if validated:
        scorer = StepScorer.of(model, tokenizer, settings.max_length)
        metadata["validation"] = evaluate_steps(scorer, held)
    card = model_card(work.name, metadata)

    def save_beside(ready: Path) -> None:
        beside(work)(ready)
        prompts = {
            "learnt": sorted({each.prompt for each in solutions}),
            "validated": sorted({each.prompt for each in held}),
        }
        (ready / PROMPTS).write_text(json.dumps(prompts), encoding="utf-8")

    publish_model(work, model, tokenizer, metadata, card, save_beside)
    return metadata


def evaluate_steps(scorer: StepScorer, held: Sequence[Solution]) -> dict[str, float]:
    """Accuracy by step, AUC, and the share of solutions whose first wrong step is found exactly.

    Over the steps that are rated right or wrong.
    """
    return evaluate_scores(scorer.score([(each.messages, each.steps) for each in held]), held)


def evaluate_scores(
    scores: Sequence[Sequence[float]], held: Sequence[Solution]
) -> dict[str, float]:
    """The figures of `evaluate_steps` from the probabilities of every step."""
    from sklearn.metrics import roc_auc_score

    told = [
        [(p, label == RIGHT) for p, label in zip(row, each.labels, strict=True) if label in _CLASS]
        for row, each in zip(scores, held, strict=True)
    ]
    flat = np.array([p for row in told for p, _ in row])
    truth = np.array([right for row in told for _, right in row])
    firsts = [
        _first_wrong([p > 0.5 for p, _ in row]) == _first_wrong([right for _, right in row])
        for row in told
    ]
    both = len(np.unique(truth)) == 2
    return {
        "steps": float(len(flat)),
        "accuracy": float(((flat > 0.5) == truth).mean()),
        "always_right_accuracy": float(truth.mean()),
        "auc": float(roc_auc_score(truth, flat)) if both else float("nan"),
        "first_error_found": float(np.mean(firsts)),
    }


def is_rated(solution: Solution) -> bool:
    """Whether any step is rated right or wrong."""
    return rated(solution) > 0


def measure_steps(scorer: StepScorer, solutions: Sequence[Solution]) -> dict[str, Any]:
    """Figures of `evaluate_steps` with an interval by prompt around the accuracy."""
    scores = scorer.score([(each.messages, each.steps) for each in solutions])
    found = evaluate_scores(scores, solutions)
    return found | {"accuracy": _accuracy(scores, solutions)}


def measure_always_right(solutions: Sequence[Solution]) -> dict[str, Any]:
    """The same figures of who calls every step right; an AUC it has none."""
    scores = [[1.0] * len(each.steps) for each in solutions]
    found = evaluate_scores(scores, solutions)
    return found | {"accuracy": _accuracy(scores, solutions), "auc": None}


def _accuracy(scores: Sequence[Sequence[float]], solutions: Sequence[Solution]) -> dict[str, Any]:
    numbers = {key: i for i, key in enumerate(dict.fromkeys(each.prompt for each in solutions))}
    hits, prompts = [], []
    for row, each in zip(scores, solutions, strict=True):
        for p, label in zip(row, each.labels, strict=True):
            if label in _CLASS:
                hits.append(float((p > 0.5) == (label == RIGHT)))
                prompts.append(numbers[each.prompt])
    rng = np.random.default_rng(0)
    found = mean_by_prompt(np.array(hits), np.array(prompts, dtype=np.int64), rng)
    return as_figures(found)


def _first_wrong(labels: Sequence[bool]) -> int:
    """Index of the first wrong step; the number of steps where all are right."""
    return next((i for i, right in enumerate(labels) if not right), len(labels))


def rated(solution: Solution) -> int:
    """How many steps are rated right or wrong."""
    return sum(label in _CLASS for label in solution.labels)


def _class(rating: Rating) -> int:
    return _IGNORED if rating is None else _CLASS.get(rating, _IGNORED)


def _rows(
    solutions: Sequence[Solution], tokenizer: Any, settings: TrainerSettings
) -> list[dict[str, Any]]:
    made = []
    for each in solutions:
        ids, ends = encode_steps(tokenizer, each.messages, each.steps, settings.max_length)
        labels = [_IGNORED] * len(ids)
        for end, rating in zip(ends, each.labels, strict=False):
            labels[end] = _class(rating)
        if any(label != _IGNORED for label in labels):
            made.append({"input_ids": ids, "attention_mask": [1] * len(ids), "labels": labels})
    return made


def _is_cut(tokenizer: Any, each: Solution, max_length: int) -> bool:
    """Whether the beginning of the prompt or the last steps do not fit."""
    whole = encode_steps(tokenizer, each.messages, each.steps, _ENDLESS)
    return encode_steps(tokenizer, each.messages, each.steps, max_length) != whole
