"""Reward models: Bradley–Terry on preferences by TRL's RewardTrainer, from an exported dataset.

P(chosen is better) = sigmoid(r(chosen) - r(rejected)) (Bradley & Terry 1952). Hard labels minimise
-log of it; with soft targets q = `meta.soft_target` the loss is the cross-entropy with q.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from db.errors import BadInput
from judges.trust.ballots import A, B
from judges.trust.calibration import accuracy, ece, fit_temperature
from trainer.bases import base_folder, load_classifier, load_tokenizer, with_lora
from trainer.card import model_card
from trainer.encoding import as_messages, encode
from trainer.loop import Curve, Progress, arguments, callbacks, quiet, run
from trainer.settings import TrainerSettings
from trainer.work import Work, finish

Row = dict[str, Any]
_ENOUGH = 10  # validation pairs a temperature is fitted on


@dataclass(frozen=True)
class Prepared:
    """Tokenised rows and what had to be done to long ones."""

    rows: list[dict[str, Any]]
    truncated: int
    dropped: int


def prepare(rows: Sequence[Row], tokenizer: Any, settings: TrainerSettings) -> Prepared:
    """TRL's tokenised columns. Rows over `max_length` lose the beginning of the prompt, or go."""
    made: list[dict[str, Any]] = []
    truncated = dropped = 0
    for row in rows:
        prompt = as_messages(row["prompt"], "user")
        both = [
            encode(tokenizer, prompt, as_messages(row[side], "assistant"), settings.max_length)
            for side in ("chosen", "rejected")
        ]
        if any(side.cut for side in both):
            if settings.long == "drop":
                dropped += 1
                continue
            truncated += 1
        made.append(
            {
                "chosen_ids": both[0].ids,
                "rejected_ids": both[1].ids,
                "soft_target": float(row["meta"]["soft_target"]) if settings.soft else 1.0,
                "length": max(len(side.ids) for side in both),
            }
        )
    return Prepared(made, truncated, dropped)


def train(
    train_rows: Sequence[Row],
    validation_rows: Sequence[Row],
    work: Work,
    settings: TrainerSettings,
    dataset: str,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Train, or go on where a kill left off, and write the finished checkpoint; its metadata.

    Without validation rows there is no early stopping and no temperature.
    """
    base = settings.base
    folder = base_folder(base, _texts(train_rows), work.partial, settings.seed)
    tokenizer = load_tokenizer(folder)
    fitted = prepare(train_rows, tokenizer, settings)
    held = prepare(validation_rows, tokenizer, settings)
    if not fitted.rows:
        raise BadInput(
            f"dataset {dataset!r} leaves no row to train on ({fitted.dropped} are longer than "
            f"max_length {settings.max_length}); raise max_length or set long to 'truncate'"
        )
    model = load_classifier(folder, 1, tokenizer, settings.seed)
    if settings.lora:
        model = with_lora(model, settings.lora_rank)
    curve = Curve()
    trainer = _trainer(model, tokenizer, fitted.rows, held.rows, work, settings, progress, curve)
    run(trainer, work)
    metadata = {
        "kind": "reward",
        "base": base,
        "dataset": dataset,
        "max_length": settings.max_length,
        "rows": {
            "train": len(fitted.rows),
            "validation": len(held.rows),
            "truncated": fitted.truncated + held.truncated,
            "dropped": fitted.dropped + held.dropped,
        },
        "curve": curve.points,
        **_validation(trainer, held.rows),
    }
    model = trainer.accelerator.unwrap_model(trainer.model)
    if settings.lora:
        model = model.merge_and_unload()
    finish(work, model, tokenizer, metadata, model_card(work.name, metadata))
    return metadata


def _trainer(
    model: Any,
    tokenizer: Any,
    rows: list[dict[str, Any]],
    held: list[dict[str, Any]],
    work: Work,
    settings: TrainerSettings,
    progress: Progress,
    curve: Curve,
) -> Any:
    from datasets import Dataset
    from trl import RewardConfig

    validated = bool(held)
    return _soft_trainer()(
        model=model,
        args=RewardConfig(
            **arguments(work, settings, settings.base, validated),
            max_length=None,  # `prepare` has done it, and counted
            train_sampling_strategy="group_by_length",
            length_column_name="length",
        ),
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(rows),
        eval_dataset=Dataset.from_list(held) if validated else None,
        data_collator=_collator(tokenizer.pad_token_id),
        callbacks=callbacks(settings, validated, "reward model", progress, curve),
    )


def _collator(pad_token_id: int) -> Any:
    import torch
    from trl.trainer.reward_trainer import DataCollatorForPreference

    pairs = DataCollatorForPreference(pad_token_id=pad_token_id)

    def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
        batch: dict[str, Any] = pairs(rows)
        batch["soft_target"] = torch.tensor([row["soft_target"] for row in rows])
        return batch

    return collate


def _soft_trainer() -> Any:
    """RewardTrainer with targets in [0, 1]; a target of 1 is its own loss."""
    import torch
    from trl import RewardTrainer

    class SoftRewardTrainer(RewardTrainer):  # type: ignore[misc]
        def _set_signature_columns_if_needed(self) -> None:
            self._signature_columns = ["chosen_ids", "rejected_ids", "soft_target", "length"]

        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, **more: Any
        ) -> Any:
            target = inputs.pop("soft_target")
            hard, outputs = super().compute_loss(model, inputs, return_outputs=True, **more)
            chosen, rejected = torch.chunk(outputs.logits.squeeze(-1), 2)
            # -q log s(d) - (1 - q) log s(-d) = -log s(d) + (1 - q) d
            loss = hard + ((1 - target) * (chosen - rejected)).mean()
            return (loss, outputs) if return_outputs else loss

    return SoftRewardTrainer


def _validation(trainer: Any, held: list[dict[str, Any]]) -> dict[str, Any]:
    """Accuracy, temperature and ECE on validation; the temperature scales margins to log-odds."""
    if not held:
        return {"temperature": 1.0, "validation": None}
    margins = _margins(trainer, held)
    # The chosen response is called A, so the truth is A; a soft target is so much of either.
    truth = np.full(len(margins), A, dtype=np.int8)
    soft = np.array([row["soft_target"] for row in held])
    temperature = 1.0
    if len(margins) >= _ENOUGH:
        temperature = fit_temperature(
            np.tile(margins, 2), np.append(truth, truth + B - A), np.append(soft, 1 - soft)
        )
    lean = 1 / (1 + np.exp(-temperature * margins))
    return {
        "temperature": temperature,
        "validation": {
            "pairs": len(margins),
            "accuracy": accuracy(lean, truth),
            "ece": ece(lean, truth),
        },
    }


def _margins(trainer: Any, held: list[dict[str, Any]]) -> Any:
    import torch

    model = trainer.model.eval()
    margins: list[float] = []
    for batch in trainer.get_eval_dataloader():
        batch.pop("soft_target")
        with torch.no_grad():
            logits = model(**batch).logits.squeeze(-1)
        chosen, rejected = torch.chunk(logits.float(), 2)
        margins.extend((chosen - rejected).tolist())
    return np.array(margins[: len(held)])


def _texts(rows: Sequence[Row]) -> list[str]:
    """Every text once, for a tokenizer to learn from."""
    found: dict[str, None] = {}
    for row in rows:
        for column, role in (
            ("prompt", "user"),
            ("chosen", "assistant"),
            ("rejected", "assistant"),
        ):
            for message in as_messages(row[column], role):
                found.setdefault(message["content"])
    return list(found)
