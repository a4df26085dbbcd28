"""Low-rank adapters (Hu et al. 2021): made, kept, and merged into the base where that is wanted.

Leaves out how they are loaded again (`judges.weights`).
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from db.errors import BadInput
from trainer.settings import TINY, TrainerSettings
from trainer.workspace import Workspace

_KEPT = "adapter"
Task = Literal["CAUSAL_LM", "SEQ_CLS", "TOKEN_CLS"]


def lora(settings: TrainerSettings, task: Task, heads: list[str] | None = None) -> Any:
    """The adapter the settings ask for, None without one. Heads are trained and saved whole."""
    if not settings.lora:
        return None
    from peft import LoraConfig

    return LoraConfig(
        task_type=task,
        r=settings.lora_rank,
        lora_alpha=2 * settings.lora_rank,
        lora_dropout=0.0,
        target_modules="all-linear",
        exclude_modules=heads,
        modules_to_save=heads,
    )


def adapted(model: Any, settings: TrainerSettings, task: Task) -> Any:
    """A classifier with the adapter the settings ask for, or as it is."""
    if not settings.lora:
        return model
    from peft import get_peft_model

    heads = [name for name in ("score", "classifier") if hasattr(model, name)]
    if hasattr(getattr(model, "bert", None), "pooler") and model.bert.pooler is not None:
        heads.append("bert.pooler")
    return get_peft_model(model, lora(settings, task, heads))


def require_lasting(settings: TrainerSettings, base: str) -> None:
    """BadInput where an adapter alone would be kept of a base that goes with the training."""
    if settings.lora and not settings.merge and base == TINY:
        raise BadInput("an adapter of 'tiny' has no base to come back to; leave merge at true")


def finished(model: Any, settings: TrainerSettings, base: str, folder: Path) -> Any:
    """What is published of a trained model; an adapter is written into `folder` first.

    Merged weights take the precision the base is stored in.
    """
    if not hasattr(model, "merge_and_unload"):
        return model
    model.save_pretrained(folder / _KEPT)
    if not settings.merge:
        return model
    from transformers import AutoConfig

    stored = AutoConfig.from_pretrained(base).dtype
    whole = model.merge_and_unload()
    return whole.to(stored) if stored is not None else whole


def beside(work: Workspace) -> Callable[[Path], None]:
    """Puts the adapter of a merged model beside it."""

    def put(ready: Path) -> None:
        kept = work.partial / _KEPT
        if kept.is_dir() and (ready / "config.json").is_file():
            shutil.copytree(kept, ready / _KEPT)

    return put
