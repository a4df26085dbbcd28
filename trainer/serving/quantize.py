"""Smaller, faster copies of a reward model: bf16, or int8 weights with int8 arithmetic on CPUs.

int8 is symmetric and per output channel: w ≈ s·round(w/s), s = max|w|/127. What it costs is told by
agreement with the original, decision by decision; the temperature is fitted again afterwards.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from db.errors import BadInput
from db.whole import own_folder, publish, sole_writer
from judges.trust.calibration import accuracy, ece, fit_temperature
from judges.trust.vote_matrix import A
from judges.weights import ADAPTER, load
from trainer.bases import quiet_libraries
from trainer.serving.scoring import INT8
from trainer.vocabulary import Precision
from trainer.workspace import METADATA, read_metadata, weights_hash

_ENOUGH = 10


@dataclass(frozen=True)
class Quantized:
    """What a copy costs and saves, on the same held-out pairs; sizes in bytes."""

    path: str
    how: str
    bytes_before: int
    bytes_after: int
    pairs: int
    agreement: float | None
    accuracy_before: float | None
    accuracy_after: float | None
    ece_after: float | None


def quantize(
    folder: Path, target: Path, how: Precision, rows: Sequence[dict[str, Any]]
) -> Quantized:
    """Write the copy by one rename and measure it on preference rows it was not trained on."""
    from trainer.serving.scoring import RewardScorer

    if how not in get_args(Precision):
        raise BadInput(
            f"{how!r} is no way to quantize; choose from {', '.join(get_args(Precision))}"
        )
    original = RewardScorer(folder)
    if original.of_words:
        raise BadInput(
            f"checkpoint {str(folder)!r} weighs words and has no weights to make smaller; serve it "
            "as it is"
        )
    metadata = read_metadata(folder)
    if metadata.get("quantized"):
        raise BadInput(f"checkpoint {str(folder)!r} is quantized already; give the original")
    with sole_writer(target, f"copy {str(target)!r}"), own_folder(target) as place:
        if target.exists():
            raise BadInput(f"{str(target)!r} exists; give a new folder")
        shutil.copytree(folder, place, dirs_exist_ok=True)
        quiet_libraries()
        _WRITERS[how](folder, place)
        metadata |= {"quantized": how, "original": metadata["content_hash"], "temperature": 1.0}
        _write(place, metadata)
        before = _margins(original, rows)
        after = _margins(RewardScorer(place), rows)
        truth = np.full(len(rows), A, dtype=np.int8)
        if len(rows) >= _ENOUGH:
            metadata["temperature"] = fit_temperature(after, truth)
            _write(place, metadata)
        publish(place, target)
    win_probability = _win_probability(after * metadata["temperature"])
    measured = len(rows) > 0
    return Quantized(
        path=str(target),
        how=how,
        bytes_before=_weights_size(folder),
        bytes_after=_weights_size(target),
        pairs=len(rows),
        agreement=float((np.sign(before) == np.sign(after)).mean()) if measured else None,
        accuracy_before=accuracy(_win_probability(before), truth) if measured else None,
        accuracy_after=accuracy(win_probability, truth) if measured else None,
        ece_after=ece(win_probability, truth) if measured else None,
    )


def _write_bf16(folder: Path, partial: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    model = load(AutoModelForSequenceClassification, folder).to(torch.bfloat16)
    _drop_weights(partial)
    model.save_pretrained(partial)


def _write_int8(folder: Path, partial: Path) -> None:
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForSequenceClassification

    model = load(AutoModelForSequenceClassification, folder).float()
    stored = {}
    for name, weight in model.state_dict().items():
        if weight.ndim == 2 and weight.is_floating_point():
            scale = (weight.abs().amax(dim=1, keepdim=True) / 127).clamp(min=1e-12)
            stored[name] = (weight / scale).round().to(torch.int8)
            stored[f"{name}.scale"] = scale
        else:
            stored[name] = weight.clone()
    _drop_weights(partial)
    model.config.save_pretrained(partial)
    save_file(stored, partial / INT8)


_WRITERS = {"bf16": _write_bf16, "int8": _write_int8}


def _margins(scorer: Any, rows: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    """Score of the chosen minus that of the rejected response."""
    sides = [
        (row["prompt"], row[side], row.get("tools"))
        for row in rows
        for side in ("chosen", "rejected")
    ]
    scores: NDArray[np.float64] = scorer.score(sides).reshape(-1, 2)
    return scores[:, 0] - scores[:, 1]


def _win_probability(margin: NDArray[np.float64]) -> NDArray[np.float64]:
    win_probability: NDArray[np.float64] = expit(margin)
    return win_probability


def _write(folder: Path, metadata: dict[str, Any]) -> None:
    metadata["content_hash"] = weights_hash(folder)
    text = json.dumps(metadata, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    (folder / METADATA).write_text(text, encoding="utf-8")


def _drop_weights(folder: Path) -> None:
    for path in folder.glob("*.safetensors*"):
        path.unlink()
    (folder / ADAPTER).unlink(missing_ok=True)


def _weights_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))
