"""A model trained elsewhere becomes a checkpoint: the step behind `tiebreak import checkpoint`."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.errors import BadInput
from db.session import Database
from db.vocabulary import CheckpointKind
from judges.constitution import Constitution
from judges.prompts import VERSION
from judges.weights import ADAPTER
from trainer.card import model_card
from trainer.recorded_training import record_finished
from trainer.settings import TrainerSettings
from trainer.workspace import (
    METADATA,
    Workspace,
    exclusive,
    open_workspace,
    publish_model,
    read_metadata,
    weights_hash,
)


@dataclass(frozen=True)
class ImportedCheckpoint:
    """What was recorded; `new` is False where this very folder was imported before."""

    checkpoint: str
    kind: str
    style: str
    path: str
    base: str
    max_length: int
    new: bool

    @property
    def summary(self) -> str:
        """One line for people."""
        asked = {
            "pointwise": ", asked for a score of each response",
            "scoring": ", asked for an output of each verdict",
            "generative": ", asked to write its verdict",
        }.get(self.style, "")
        done = "imported" if self.new else "already imported"
        return (
            f"{done} {self.kind} {self.checkpoint!r} (base {self.base}{asked}; reads up to "
            f"{self.max_length:,} tokens); it is in {self.path}"
        )


def import_checkpoint(
    database: Database,
    folder: Path,
    kind: CheckpointKind,
    settings: TrainerSettings,
    rules: Constitution,
    name: str | None = None,
    base: str | None = None,
    max_length: int | None = None,
) -> ImportedCheckpoint:
    """Copy a model from a folder into the checkpoints and record it, once.

    An adapter is merged into its base (`base` where it does not know the place) and kept beside.
    `max_length`: tokens read at most, by default as many as the model has positions.
    """
    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        raise BadInput(f"{str(folder)!r} is no folder; give the one the model was saved into")
    recipe = {
        "imported": str(folder),
        "files": weights_hash(folder),
        "base": base,
        "max_length": max_length,
    }
    work = open_workspace(settings.folder, kind.value, recipe, name or folder.name)
    if work.final == folder:
        raise BadInput(f"{str(folder)!r} is where its copy would lie; give it another --name")
    new = False
    if not work.done:
        with exclusive(work):
            new = not work.done
            if new:
                _copy(folder, kind, work, settings, rules)
    metadata = read_metadata(work.final)
    record_finished(database, work, kind, metadata, None, "checkpoint.imported")
    return ImportedCheckpoint(
        checkpoint=work.name,
        kind=kind.value,
        style=metadata["style"],
        path=str(work.final),
        base=metadata["base"],
        max_length=metadata["max_length"],
        new=new,
    )


def _copy(
    folder: Path,
    kind: CheckpointKind,
    work: Workspace,
    settings: TrainerSettings,
    rules: Constitution,
) -> None:
    """Read, check and write the checkpoint; what a checkpoint of another project says stays."""
    from trainer.elsewhere import read

    wanted = work.recipe["max_length"]
    found = read(folder, kind, work.recipe["base"])
    told = read_metadata(folder) if (folder / METADATA).is_file() else {}
    written = settings.reasoning_tokens if found.style == "generative" else 0
    length = wanted or told.get("max_length") or found.length - written
    if length + written > found.length:
        raise BadInput(
            f"--max-length {length} is more than the {found.length - written} tokens that "
            f"{str(folder)!r} reads"
        )
    metadata: dict[str, Any] = {
        "kind": kind.value,
        "style": found.style,
        "base": found.base,
        "dataset": "elsewhere",
        "imported": str(folder),
        "max_length": length,
        "reasoning_tokens": written,
        "instructions": told.get("instructions", settings.judge_instructions),
        "template": VERSION,
        "constitution": rules.version,
        "temperature": told.get("temperature", 1.0),
        "rows": {},
        "curve": [],
        "validation": None,
    }

    def beside(ready: Path) -> None:
        if (folder / ADAPTER).is_file():
            (ready / "adapter").mkdir()
            for each in folder.glob("adapter_*"):
                shutil.copy2(each, ready / "adapter")

    card = model_card(work.name, metadata)
    publish_model(work, found.model, found.tokenizer, metadata, card, beside)
