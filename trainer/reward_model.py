"""Reward models: Bradley–Terry on preferences by TRL's RewardTrainer, from an exported dataset.

P(chosen is better) = sigmoid(r(chosen) - r(rejected)) (Bradley & Terry 1952). Hard labels minimise
-log of it; with soft targets q = `meta.soft_target` the loss is the cross-entropy with q. An order
over several candidates is one item (Plackett–Luce), or pairs that count as one answer together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from db.conversation import Tools
from db.errors import BadInput
from db.progress import Progress, quiet
from judges.encoding import as_messages, encode
from judges.local import padded
from judges.trust.calibration import accuracy, ece, fit_temperature
from judges.trust.vote_matrix import A, B
from trainer.adapters import adapted, beside, require_lasting
from trainer.bases import base_folder, load_classifier, load_tokenizer, require_positions
from trainer.card import model_card
from trainer.encoding import texts_of
from trainer.gate.baselines import cheap_rivals
from trainer.huggingface import Curve, arguments, callbacks, configured, run
from trainer.rankings import RankedResponses, orders, plackett_luce, weights
from trainer.settings import TrainerSettings
from trainer.workspace import Workspace, publish_model

Row = dict[str, Any]
_ENOUGH = 10  # validation pairs a temperature is fitted on; by hand, below it stays 1


@dataclass(frozen=True)
class Prepared:
    """Tokenised rows, how many are orders over several candidates, what was done to long ones."""

    rows: list[dict[str, Any]]
    truncated: int
    dropped: int
    orders: int = 0


@dataclass(frozen=True)
class _Item:
    """One prompt with its responses: a pair, chosen first, or an order with its places."""

    prompt: Any
    tools: Tools | None
    responses: Sequence[Any]
    target: float = 1.0
    weight: float = 1.0
    places: Sequence[int] = ()


def prepare(rows: Sequence[Row], tokenizer: Any, settings: TrainerSettings) -> Prepared:
    """TRL's tokenised columns. Rows over `max_length` lose the beginning of the prompt, or go.

    Pairs that orders over several candidates imply become those orders, or keep a smaller weight.
    """
    ordered: list[RankedResponses] = []
    if settings.rankings == "plackett-luce":
        ordered, rows = orders(rows)
    items = [
        _Item(
            row["prompt"],
            row.get("tools"),
            (row["chosen"], row["rejected"]),
            _target(row, settings),
            weight,
        )
        for row, weight in zip(rows, weights(rows), strict=True)
    ]
    items += [_Item(o.prompt, o.tools, o.responses, places=o.places) for o in ordered]
    made: list[dict[str, Any]] = []
    truncated = dropped = 0
    for item in items:
        prompt = as_messages(item.prompt, "user")
        texts = [as_messages(each, "assistant") for each in item.responses]
        every = [encode(tokenizer, prompt, text, settings.max_length, item.tools) for text in texts]
        if any(each.cut for each in every):
            if settings.long == "drop":
                dropped += 1
                continue
            truncated += 1
        made.append(_columns(item, [each.ids for each in every]))
    return Prepared(made, truncated, dropped, sum(bool(row["places"]) for row in made))


def _target(row: Row, settings: TrainerSettings) -> float:
    return float(row["meta"]["soft_target"]) if settings.soft else 1.0


def _columns(item: _Item, ids: list[list[int]]) -> dict[str, Any]:
    pair = ids if not item.places else [[], []]
    return {
        "chosen_ids": pair[0],
        "rejected_ids": pair[1],
        "soft_target": item.target,
        "weight": item.weight,
        "ranked_ids": ids if item.places else [],
        "places": list(item.places),
        "length": max(map(len, ids)),
    }


def prepare_pairs(rows: Sequence[Row], tokenizer: Any, settings: TrainerSettings) -> Prepared:
    """As `prepare`, with every order as its weighted pairs: what is measured are pairs."""
    return prepare(rows, tokenizer, settings.model_copy(update={"rankings": "pairs"}))


def train(
    train_rows: Sequence[Row],
    validation_rows: Sequence[Row],
    work: Workspace,
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
    require_positions(folder, base, settings.max_length)
    require_lasting(settings, base)
    fitted = prepare(train_rows, tokenizer, settings)
    held = prepare_pairs(validation_rows, tokenizer, settings)
    if not fitted.rows:
        raise BadInput(
            f"dataset {dataset!r} leaves no row to train on ({fitted.dropped} are longer than "
            f"max_length {settings.max_length}); raise max_length or set long to 'truncate'"
        )
    model = load_classifier(folder, 1, tokenizer, settings)
    model = adapted(model, settings, "SEQ_CLS")
    curve = Curve()
    trainer = _trainer(model, tokenizer, fitted.rows, held.rows, work, settings, progress, curve)
    model = run(trainer, work, settings, folder)
    metadata = {
        "kind": "reward",
        "base": base,
        "dataset": dataset,
        "max_length": settings.max_length,
        "rows": {
            "train": len(fitted.rows),
            "orders": fitted.orders,
            "validation": len(held.rows),
            "truncated": fitted.truncated + held.truncated,
            "dropped": fitted.dropped + held.dropped,
        },
        "curve": curve.points,
        **_validation(model, trainer, held.rows),
    }
    if held.rows:
        metadata["validation"] |= cheap_rivals(train_rows, validation_rows)
    card = model_card(work.name, metadata)
    publish_model(work, model, tokenizer, metadata, card, beside(work))
    return metadata


def _trainer(
    model: Any,
    tokenizer: Any,
    rows: list[dict[str, Any]],
    held: list[dict[str, Any]],
    work: Workspace,
    settings: TrainerSettings,
    progress: Progress,
    curve: Curve,
) -> Any:
    from datasets import Dataset
    from trl import RewardConfig

    validated = bool(held)
    return _soft_trainer()(
        model=model,
        args=configured(
            RewardConfig,
            **arguments(work, settings, settings.base, validated),
            max_length=None,  # `prepare` has done it, and counted
            train_sampling_strategy="group_by_length",
            length_column_name="length",
        ),
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(rows),
        eval_dataset=Dataset.from_list(held) if validated else None,
        data_collator=_collator(tokenizer.pad_token_id),
        callbacks=callbacks(settings, work, validated, "reward model", progress, curve),
    )


def _collator(pad_token_id: int) -> Any:
    """Sequences of a batch: all chosen, all rejected, then the candidates of each order."""
    import torch

    def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
        pairs = [row for row in rows if not row["places"]]
        ranked = [row for row in rows if row["places"]]
        ids = [row[side] for side in ("chosen_ids", "rejected_ids") for row in pairs]
        ids += [each for row in ranked for each in row["ranked_ids"]]
        return {
            **padded(ids, pad_token_id),
            "soft_target": torch.tensor([row["soft_target"] for row in pairs]),
            "weight": torch.tensor([row["weight"] for row in pairs]),
            "places": [row["places"] for row in ranked],
        }

    return collate


def _soft_trainer() -> Any:
    """RewardTrainer with targets in [0, 1], weights, and orders beside pairs."""
    import torch
    from torch.nn.functional import logsigmoid
    from trl import RewardTrainer

    class SoftRewardTrainer(RewardTrainer):  # type: ignore[misc]
        def _set_signature_columns_if_needed(self) -> None:
            pair = ["chosen_ids", "rejected_ids", "soft_target", "weight"]
            self._signature_columns = [*pair, "ranked_ids", "places", "length"]

        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, **more: Any
        ) -> Any:
            target, weight, places = (inputs.pop(n) for n in ("soft_target", "weight", "places"))
            if places:
                outputs = model(**inputs)
            else:  # TRL's own way, for the figures it logs
                _, outputs = super().compute_loss(model, inputs, return_outputs=True, **more)
            scores = outputs.logits.squeeze(-1)
            chosen, rejected, *ranked = torch.split(
                scores, [len(target), len(target), *map(len, places)]
            )
            # -q log s(d) - (1 - q) log s(-d) = -log s(d) + (1 - q) d
            gap = chosen - rejected
            losses = weight * ((1 - target) * gap - logsigmoid(gap))
            total = losses.sum() + sum(map(plackett_luce, ranked, places))
            loss = total / (len(losses) + len(places))
            return (loss, outputs) if return_outputs else loss

    return SoftRewardTrainer


def _validation(model: Any, trainer: Any, held: list[dict[str, Any]]) -> dict[str, Any]:
    """Accuracy, temperature and ECE on validation; the temperature scales margins to log-odds."""
    if not held:
        return {"temperature": 1.0, "validation": None}
    margins = _margins(model, trainer, held)
    # The chosen response is called A, so the truth is A; a soft target is so much of either.
    truth = np.full(len(margins), A, dtype=np.int8)
    soft = np.array([row["soft_target"] for row in held])
    temperature = 1.0
    if len(margins) >= _ENOUGH:
        temperature = fit_temperature(
            np.tile(margins, 2), np.append(truth, truth + B - A), np.append(soft, 1 - soft)
        )
    win_probability = expit(temperature * margins)
    return {
        "temperature": temperature,
        "validation": {
            "pairs": len(margins),
            "accuracy": accuracy(win_probability, truth),
            "ece": ece(win_probability, truth),
        },
    }


def _margins(model: Any, trainer: Any, held: list[dict[str, Any]]) -> Any:
    import torch

    model.eval()
    margins: list[float] = []
    for batch in trainer.get_eval_dataloader():
        for name in ("soft_target", "weight", "places"):
            batch.pop(name)
        with torch.no_grad():
            logits = model(**batch).logits.squeeze(-1)
        chosen, rejected = torch.chunk(logits.float(), 2)
        margins.extend((chosen - rejected).tolist())
    return np.array(margins[: len(held)])


def _texts(rows: Sequence[Row]) -> list[str]:
    """Every text once, for a tokenizer to learn from."""
    columns = ("prompt", "chosen", "rejected")
    return list(dict.fromkeys(text for row in rows for text in texts_of(row, *columns)))
