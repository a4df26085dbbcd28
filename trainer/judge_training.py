"""The next judge, kind one: a classifier over the pair, trained on what it will be asked.

Every settled pair is shown in both orders with the mirrored target, so neither place is preferred.
Pairs the panel got wrong weigh more: 1 + the share of its votes that missed the settled choice.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from db.conversation import Spoken
from db.errors import BadInput
from db.probabilities import Probabilities
from db.progress import Progress, quiet
from db.vocabulary import Choice, Order, Source
from judges.asking import Question
from judges.constitution import Constitution
from judges.local import padded
from judges.prompts import MENU, VERSION, Template
from judges.tokens import encode
from judges.vote_arrays import axis_K
from trainer.adapters import adapted, beside, require_lasting
from trainer.bases import base_folder, load_classifier, load_tokenizer, require_positions
from trainer.card import model_card
from trainer.encoding import asked_text, said_text
from trainer.huggingface import Curve, arguments, callbacks, configured, run
from trainer.settings import TrainerSettings
from trainer.workspace import Workspace, publish_model

Row = dict[str, Any]
Floats = NDArray[np.float64]
_ENOUGH = 20  # validation questions a temperature is fitted on: 10 pairs in both orders


Label = Literal["people", "panel", "distilled"]
"""Whose word a label is: settled by people, accepted from the panel, or no label: the consensus on
a pair that nobody has settled.
"""


@dataclass(frozen=True)
class Lesson:
    """One pair to learn: texts and target in the order of its name, and its weight.

    group: of its prompt; empty where nobody has looked, then each prompt is alone. label: who says
    so.
    """

    pair_id: str
    prompt: str
    a: str
    b: str
    domain: str | None
    target: Probabilities
    weight: float = 1.0
    group: str = ""
    label: Label = "people"

    @property
    def together(self) -> str:
        """What it must not be parted from: all lessons of one group of prompts."""
        return self.group or self.prompt


def lessons(
    rows: Iterable[Row],
    ties: Iterable[Row],
    missed: Mapping[str, float],
    settings: TrainerSettings,
    group_of: Callable[[str], str] = str,
) -> list[Lesson]:
    """Rows and ties of an export as lessons; `missed` is the share of votes that were wrong,
    group_of the group of a prompt by its hash.
    """
    made = []
    for row in [*rows, *ties]:
        meta = row["meta"]
        if "chosen" in row:
            sides = ("chosen", "rejected") if meta["choice"] == Choice.A else ("rejected", "chosen")
        else:
            sides = ("response_a", "response_b")
        a, b = (said_text(row[side]) for side in sides)
        human = meta["source"] != Source.ENSEMBLE
        made.append(
            Lesson(
                pair_id=meta["pair_id"],
                prompt=_asked(row),
                a=a,
                b=b,
                domain=meta["domain"],
                target=_target(meta, settings.soft),
                weight=(1 + missed.get(meta["pair_id"], 0.0))
                * (settings.human_weight if human else 1.0),
                group=group_of(meta["prompt_hash"]),
                label="people" if human else "panel",
            )
        )
    return made


def missed_votes(folder: Path, choices: Mapping[str, str]) -> dict[str, float]:
    """From an export's votes: for each pair, the share of usable votes that missed its choice."""
    tally: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for file in sorted((folder / "votes").glob("*.parquet")):
        for row in pq.read_table(file, columns=["pair_id", "choice"]).to_pylist():
            right = choices.get(row["pair_id"])
            if right is not None and row["choice"] != Choice.ABSTAIN:
                tally[row["pair_id"]][row["choice"] != right] += 1
    return {pair: wrong / (right + wrong) for pair, (right, wrong) in tally.items()}


def _asked(row: Row) -> str:
    """As the panel was shown it; plain rows end in the line break before the response."""
    asked = asked_text(row)
    return asked if isinstance(asked, Spoken) else asked.removesuffix("\n\n")


def question(lesson: Lesson, order: Order, template: Template) -> Question:
    """The question the panel would ask this judge about the pair."""
    return template.render(lesson.prompt, lesson.a, lesson.b, order, domain=lesson.domain)


def train(
    train_lessons: Sequence[Lesson],
    validation_lessons: Sequence[Lesson],
    work: Workspace,
    settings: TrainerSettings,
    rules: Constitution,
    dataset: str,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Train a scoring judge, or go on where a kill left off; write the checkpoint; its metadata."""
    if not train_lessons:
        raise BadInput(f"dataset {dataset!r} has no row to train a judge on; export more labels")
    base = settings.judge_base
    folder = base_folder(base, _texts(train_lessons), work.partial, settings.seed)
    tokenizer = load_tokenizer(folder)
    require_positions(folder, base, settings.max_length)
    require_lasting(settings, base)
    fitted = _examples(train_lessons, tokenizer, settings, rules)
    held = _examples(validation_lessons, tokenizer, settings, rules)
    model = load_classifier(folder, len(MENU), tokenizer, settings)
    model.config.id2label = dict(enumerate(MENU))
    model.config.label2id = {word: i for i, word in enumerate(MENU)}
    model = adapted(model, settings, "SEQ_CLS")
    curve = Curve()
    trainer = _trainer(model, tokenizer, fitted, held, work, settings, progress, curve)
    model = run(trainer, work, settings, folder)
    metadata = {
        "kind": "judge",
        "style": "scoring",
        "base": base,
        "dataset": dataset,
        "max_length": settings.max_length,
        "instructions": settings.judge_instructions,
        "template": VERSION,
        "constitution": rules.version,
        "rows": {
            **rows_of(train_lessons, validation_lessons),
            "cut": sum(e["length"] >= settings.max_length for e in fitted + held) // 2,
        },
        "curve": curve.points,
        **_validation(model, trainer, held),
    }
    card = model_card(work.name, metadata)
    publish_model(work, model, tokenizer, metadata, card, beside(work))
    return metadata


def rows_of(learnt: Sequence[Lesson], held: Sequence[Lesson]) -> dict[str, int]:
    """How many labels stand in each split, and how many distilled lessons beside them."""
    distilled = sum(each.label == "distilled" for each in learnt)
    rows = {"train": len(learnt) - distilled, "validation": len(held)}
    return rows | ({"distilled": distilled} if distilled else {})


def _target(meta: Row, soft: bool) -> Probabilities:
    if soft:
        return Probabilities(meta["p_a"], meta["p_tie"], meta["p_b"])
    return Probabilities.sure(Choice(meta["choice"]))


def shown_targets(lesson: Lesson) -> tuple[tuple[Order, tuple[float, float, float]], ...]:
    """Both orders with the target as it is then shown, in the order of the menu."""
    target = lesson.target
    return (Order.AB, axis_K(target)), (Order.BA, axis_K(target.mirrored()))


def _examples(
    given: Sequence[Lesson], tokenizer: Any, settings: TrainerSettings, rules: Constitution
) -> list[dict[str, Any]]:
    """Both orders of every lesson, tokenised; targets in display order, as the menu has it."""
    made = []
    template = Template(rules, output="token")
    for lesson in given:
        for order, target in shown_targets(lesson):
            ids = encode(
                tokenizer,
                question(lesson, order, template),
                settings.max_length,
                settings.judge_instructions,
            )
            made.append({"ids": ids, "target": target, "weight": lesson.weight, "length": len(ids)})
    return made


def _trainer(
    model: Any,
    tokenizer: Any,
    fitted: list[dict[str, Any]],
    held: list[dict[str, Any]],
    work: Workspace,
    settings: TrainerSettings,
    progress: Progress,
    curve: Curve,
) -> Any:
    import torch
    from datasets import Dataset
    from transformers import Trainer, TrainingArguments

    validated = bool(held)

    class JudgeTrainer(Trainer):  # type: ignore[misc]
        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any
        ) -> Any:
            target, weight = inputs.pop("target"), inputs.pop("weight")
            outputs = model(**inputs)
            each = -(target * outputs.logits.float().log_softmax(-1)).sum(-1)
            loss = (each * weight).sum() / weight.sum()
            return (loss, outputs) if return_outputs else loss

    def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            **padded([row["ids"] for row in rows], tokenizer.pad_token_id),
            "target": torch.tensor([row["target"] for row in rows]),
            "weight": torch.tensor([row["weight"] for row in rows]),
        }

    trainer = JudgeTrainer(
        model=model,
        args=configured(
            TrainingArguments,
            **arguments(work, settings, settings.judge_base, validated),
            remove_unused_columns=False,
            train_sampling_strategy="group_by_length",
            length_column_name="length",
        ),
        train_dataset=Dataset.from_list(fitted),
        eval_dataset=Dataset.from_list(held) if validated else None,
        data_collator=collate,
        callbacks=callbacks(settings, work, validated, "judge", progress, curve),
    )
    trainer.can_return_loss, trainer.label_names = True, []
    return trainer


def _validation(model: Any, trainer: Any, held: list[dict[str, Any]]) -> dict[str, Any]:
    """Accuracy by the menu and the temperature of least log-loss, on validation in both orders."""
    if not held:
        return {"temperature": 1.0, "validation": None}
    import torch

    model.eval()
    logits_N, target_N = [], []
    for batch in trainer.get_eval_dataloader():
        target_N.extend(batch.pop("target").tolist())
        batch.pop("weight")
        with torch.no_grad():
            logits_N.extend(model(**batch).logits.float().tolist())
    return menu_figures(np.array(logits_N), np.array(target_N))


def menu_figures(logits: Floats, target: Floats) -> dict[str, Any]:
    """Temperature and validation figures of a judge's menu; both [questions, 3], display order.

    The factor on the logits is 1 with fewer than 20 questions. Every pair is there twice.
    """
    temperature = _temperature(logits, target) if len(target) >= _ENOUGH else 1.0
    return {
        "temperature": temperature,
        "validation": {
            "pairs": len(target) // 2,
            "accuracy": float((logits.argmax(1) == target.argmax(1)).mean()),
            "log_loss": _cross_entropy(logits * temperature, target),
            "log_loss_unscaled": _cross_entropy(logits, target),
        },
    }


def _cross_entropy(logits: Any, target: Any) -> float:
    top = logits.max(axis=1, keepdims=True)
    log_p = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
    return float(-(target * log_p).sum(axis=1).mean())


def _temperature(logits: Any, target: Any) -> float:
    """Factor on the logits of least cross-entropy (Guo et al. 2017), drawn gently towards 1."""

    def loss(log_t: float) -> float:
        return len(target) * _cross_entropy(np.exp(log_t) * logits, target) + log_t**2 / 2

    return float(np.exp(minimize_scalar(loss, bounds=(-4.0, 3.0), method="bounded").x))


def _texts(given: Sequence[Lesson]) -> list[str]:
    found: dict[str, None] = {}
    for lesson in given:
        for text in (lesson.prompt, lesson.a, lesson.b):
            found.setdefault(text)
    return list(found)
