"""Process rewards: for each step of a solution, the probability that it is right.

A token classifier read at the last token of every step (Lightman et al. 2023, "Let's verify step by
step", without its generative head); a solution is worth its lowest step. Neutral and unrated steps
are read with the others, and neither learnt nor counted. Leaves out how ratings are stored
(`db.step_labels`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from db.conversation import prompt_text
from db.errors import BadInput
from db.progress import Progress, quiet
from db.step_labels import RIGHT, WRONG, Rating, Solution
from judges.encoding import Messages
from judges.local import padded
from judges.tokens import AS_TEXT
from judges.weights import load
from trainer.adapters import adapted, beside, require_lasting
from trainer.bases import (
    base_folder,
    load_classifier,
    load_tokenizer,
    quiet_libraries,
    require_base,
    require_positions,
)
from trainer.card import model_card
from trainer.huggingface import Curve, arguments, callbacks, configured, run
from trainer.settings import TrainerSettings
from trainer.workspace import Workspace, publish_model, read_metadata

_IGNORED = -100
_ENDLESS = 2**40  # tokens
_CLASS = {RIGHT: 1, WRONG: 0}  # a step that is neither, or not rated, is read and not learnt


def encode_steps(
    tokenizer: Any, prompt: Messages, steps: Sequence[str], max_length: int
) -> tuple[list[int], list[int]]:
    """Token ids, and where each step ends. Steps beyond `max_length` have no end."""
    ids: list[int] = tokenizer(prompt_text(prompt) + "\n\n", **AS_TEXT)["input_ids"]
    ids = ids[-(max_length // 2) :]  # a long prompt must leave room for the steps
    ends = []
    for step in steps:
        part = tokenizer(step.strip() + "\n", **AS_TEXT)["input_ids"]
        if len(ids) + len(part) > max_length:
            break
        ids = [*ids, *part]
        ends.append(len(ids) - 1)
    return ids, ends


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
            "steps": sum(_rated(each) for each in solutions),
            "steps neutral or unrated": sum(len(each.steps) - _rated(each) for each in solutions),
        },
        "curve": curve.points,
        "validation": None,
    }
    if validated:
        scorer = StepScorer.of(model, tokenizer, settings.max_length)
        metadata["validation"] = evaluate_steps(scorer, held)
    card = model_card(work.name, metadata)
    publish_model(work, model, tokenizer, metadata, card, beside(work))
    return metadata


@dataclass
class StepScorer:
    """A process reward model; loaded at the first call."""

    folder: Path | None
    batch_size: int = 16
    max_length: int = 0
    _loaded: tuple[Any, Any] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, model: Any, tokenizer: Any, max_length: int) -> "StepScorer":
        """A scorer over a model in memory."""
        return cls(None, max_length=max_length, _loaded=(model.eval(), tokenizer))

    def score(self, asked: Sequence[tuple[Messages, Sequence[str]]]) -> list[list[float]]:
        """For each solution, the probability that each step is right; 0.5 if too far out."""
        model, tokenizer = self._load()
        made = [encode_steps(tokenizer, p, steps, self.max_length) for p, steps in asked]
        scores: list[list[float]] = []
        for start in range(0, len(made), self.batch_size):
            scores.extend(_forward(model, tokenizer, made[start : start + self.batch_size]))
        return [
            row + [0.5] * (len(steps) - len(row))
            for row, (_, steps) in zip(scores, asked, strict=True)
        ]

    def best_of(self, prompt: Messages, solutions: Sequence[Sequence[str]]) -> int:
        """Index of the solution whose lowest step is highest; the first of equals."""
        lows = [min(row, default=0.0) for row in self.score([(prompt, s) for s in solutions])]
        return int(np.argmax(lows))

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            from transformers import AutoModelForTokenClassification, AutoTokenizer

            if self.folder is None:
                raise BadInput("a step scorer needs the folder of a process reward model")
            metadata = read_metadata(self.folder)
            if metadata["kind"] != "process":
                raise BadInput(
                    f"checkpoint {str(self.folder)!r} is a {metadata['kind']!r}, not a process "
                    "reward model; train one with `tiebreak train process`"
                )
            quiet_libraries()
            self.max_length = metadata["max_length"]
            model = load(AutoModelForTokenClassification, self.folder).eval()
            self._loaded = model, AutoTokenizer.from_pretrained(self.folder)
        return self._loaded


def evaluate_steps(scorer: StepScorer, held: Sequence[Solution]) -> dict[str, float]:
    """Accuracy by step, AUC, and the share of solutions whose first wrong step is found exactly.

    Over the steps that are rated right or wrong.
    """
    from sklearn.metrics import roc_auc_score

    scores = scorer.score([(each.messages, each.steps) for each in held])
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


def _first_wrong(labels: Sequence[bool]) -> int:
    """Index of the first wrong step; the number of steps where all are right."""
    return next((i for i, right in enumerate(labels) if not right), len(labels))


def _rated(solution: Solution) -> int:
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


def _forward(
    model: Any, tokenizer: Any, made: Sequence[tuple[list[int], list[int]]]
) -> list[list[float]]:
    import torch

    batch = padded([ids for ids, _ in made], tokenizer.pad_token_id, model.device)
    with torch.inference_mode():
        shares = model(**batch).logits.float().softmax(-1)[..., 1]
    return [[float(shares[i, end]) for end in ends] for i, (_, ends) in enumerate(made)]
