"""From a named dataset to a recorded checkpoint: the steps behind `tiebreak train`.

Gold is checked again here, because it may have been frozen after the export. Leaves out what a
training is (`reward_model`, `judge_training`).
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db import checkpoints as stored
from db.datasets import dataset as find_dataset
from db.errors import BadInput, Diverged
from db.events import record
from db.gold import gold_set
from db.models import Dataset
from db.runs import recorded_run
from db.session import Database
from db.vocabulary import CheckpointKind
from judges.encoding import as_messages
from judges.trust.intervals import Estimate
from trainer.export.dataset import read_manifest, read_split, read_ties
from trainer.export.leakage import keep_apart
from trainer.export.selection import ExportOptions, split_of
from trainer.gate.baselines import LONGER, TFIDF
from trainer.settings import TINY, TrainerSettings
from trainer.workspace import Workspace, exclusive, open_workspace, read_metadata

Row = dict[str, Any]


@dataclass(frozen=True)
class TrainDone:
    """What a training made. `new` is False where this very training was done before.

    out_of_fold: of a judge, how the judges fared that were trained without the prompts they were
    asked about (`trainer.out_of_fold.measured`). distilled: what the panel's beliefs were worth
    (`trainer.distilling.chosen`).
    """

    checkpoint: str
    kind: str
    path: str
    dataset: str
    base: str
    rows: dict[str, int]
    validation: dict[str, float] | None
    new: bool
    out_of_fold: dict[str, Any] | None = None
    distilled: dict[str, Any] | None = None

    @property
    def summary(self) -> str:
        """One line for people, and one on the folds of a judge."""
        held = self.validation or {}
        fared = f", validation accuracy {held['accuracy']:.3f}" if "accuracy" in held else ""
        told = [f"{name} {held[name]:.3f}" for name in (LONGER, TFIDF) if name in held]
        if told:
            beaten = held["accuracy"] > max(held[name] for name in (LONGER, TFIDF))
            verdict = "" if beaten else ": it does not beat them"
            fared += f" ({', '.join(told)}{verdict})"
        folds = f"\n{fold_text(self.out_of_fold)}" if self.out_of_fold is not None else ""
        more = f"\n{distilled_text(self.distilled)}" if self.distilled is not None else ""
        toy = " (a toy: it shows that the path works, and learns next to nothing)"
        done = "trained" if self.new else "already trained"
        return (
            f"{done} {self.kind} {self.checkpoint!r} on {self.rows['train']} rows of "
            f"{self.dataset!r} from {self.base}{toy if self.base == TINY else ''}{fared}"
            f"{self._cut}; it is in {self.path}{more}{folds}"
        )

    @property
    def _cut(self) -> str:
        """What did not fit into the longest sequence, in words."""
        told = {
            "truncated": "lost the beginning of their prompt",
            "cut": "were read in part",
            "dropped": "were left out",
        }
        parts = [f"{self.rows[key]} {what}" for key, what in told.items() if self.rows.get(key)]
        return f"; too long: {', '.join(parts)} (raise max_length)" if parts else ""


@dataclass(frozen=True)
class Material:
    """The rows of a dataset a model may learn from today, and how many gold took out.

    group_of: the group of a prompt, by its hash.
    """

    dataset: Dataset
    folder: Path
    train: list[Row]
    validation: list[Row]
    train_ties: list[Row]
    validation_ties: list[Row]
    left_out_gold: int
    left_out_prompts: list[str]
    group_of: Callable[[str], str] = str


def material(database: Database, name: str | None) -> Material:
    """Read a dataset, checking its hashes, without the prompts that are gold by now."""
    with database.read() as session:
        dataset, gold = find_dataset(session, name), gold_set(session)
    folder = Path(dataset.path)
    manifest = read_manifest(folder)
    if manifest.get("layout", "trl") != "trl":
        raise BadInput(
            f"dataset {dataset.name!r} is laid out for {manifest['layout']}, and training reads "
            "those for trl; export one without --to"
        )
    options = ExportOptions(
        seed=manifest["filters"]["seed"],
        validation=manifest["filters"]["validation"],
        test=manifest["filters"]["test"],
    )
    parts = {"train": read_split(folder, "train"), "validation": read_split(folder, "validation")}
    ties = read_ties(folder)
    parts |= {
        f"{split}_ties": [row for row in ties if _split_of(row, options) == split]
        for split in ("train", "validation")
    }
    prompts = {
        row["meta"]["prompt_hash"]: as_messages(row["prompt"], "user")
        for rows in parts.values()
        for row in rows
    }
    apart = keep_apart(prompts.items(), gold)
    leaking = {key for key in apart.leaking if key in prompts}
    kept = {
        split: [row for row in rows if row["meta"]["prompt_hash"] not in leaking]
        for split, rows in parts.items()
    }
    return Material(
        dataset=dataset,
        folder=folder,
        left_out_gold=sum(map(len, parts.values())) - sum(map(len, kept.values())),
        left_out_prompts=sorted(leaking),
        group_of=apart.groups.of,
        **kept,
    )


def _split_of(row: Row, options: ExportOptions) -> str:
    """The split a tie belongs to; exports of old versions did not say it."""
    meta = row["meta"]
    split: str = meta.get("split") or split_of(meta.get("group") or meta["prompt_hash"], options)
    return split


def train_and_record(
    database: Database,
    given: Material | None,
    kind: CheckpointKind,
    settings: TrainerSettings,
    recipe: dict[str, Any],
    name: str | None,
    fit: Callable[[Workspace], dict[str, Any]],
    left_out_gold: int = 0,
) -> TrainDone:
    """Do a training once: begin or go on, fit, and write the checkpoint into the database.

    `given` is None for trainings that are not on a dataset.
    """
    if given is not None:
        left_out_gold = given.left_out_gold
        recipe = {
            **recipe,
            "dataset": given.dataset.name,
            "dataset_hash": given.dataset.content_hash,
            "left_out_prompts": given.left_out_prompts,
        }
    work = open_workspace(settings.folder, kind.value, recipe, name)
    new = False
    if not work.done:
        with exclusive(work):
            new = not work.done  # another process may have ended it since
            if new:
                with recorded_run(database, f"train {kind.value}", {"checkpoint": work.name}):
                    _fitted(fit, work)
    metadata = read_metadata(work.final)
    record_finished(database, work, kind, metadata, given.dataset if given else None)
    return TrainDone(
        checkpoint=work.name,
        kind=kind.value,
        path=str(work.final),
        dataset=metadata["dataset"],
        base=metadata["base"],
        rows=metadata["rows"] | {"left_out_gold": left_out_gold},
        validation=metadata.get("validation"),
        new=new,
        out_of_fold=metadata.get("out_of_fold"),
        distilled=metadata.get("distilled"),
    )


def distilled_text(found: dict[str, Any]) -> str:
    """What was learnt beside labels or not, and why, in words."""
    what = f"what the panel believes of {found['pairs']} pairs that nobody settled"
    if "with" not in found:
        return f"it also learnt {what}; people decided nothing that would say what that is worth"
    done = "also learnt" if found["taken"] else "did not learn"
    return (
        f"it {done} {what}: out of fold, a judge of words foresees people's answers at log-loss "
        f"{found['with']:.3f} with it and {found['without']:.3f} without, "
        f"{_interval(found['change'])}"
    )


def fold_text(found: dict[str, Any]) -> str:
    """How the judges of the folds fared, in words, or why there are none."""
    if not found["folds"]:
        return (
            "trained without folds (judge_folds 0, or prompts of one group alone): it will be no "
            "witness on the prompts it learnt from"
        )
    whose = {"people": "that people decided", "panel": "that the panel decided alone"}[found["by"]]
    parts = {
        "accuracy": found["accuracy"],
        "log-loss": found["log_loss"],
        "longer wins": found["longer_wins"],
    }
    return (
        f"out of {found['folds']} folds, on {found['pairs']} pairs of {found['prompts']} prompts "
        f"{whose}: " + ", ".join(f"{name} {_interval(each)}" for name, each in parts.items())
    )


def _interval(figures: dict[str, Any]) -> str:
    return str(Estimate(**figures))


def _fitted(fit: Callable[[Workspace], dict[str, Any]], work: Workspace) -> None:
    """Fit. What diverged leaves no snapshot: going on from one would come to the same."""
    try:
        fit(work)
    except Diverged:
        shutil.rmtree(work.partial, ignore_errors=True)
        raise


def record_finished(
    database: Database,
    work: Workspace,
    kind: CheckpointKind,
    metadata: dict[str, Any],
    dataset: Dataset | None,
    event: str = "checkpoint.trained",
) -> None:
    """The row of a finished checkpoint and its event, where a killed run had not written them."""
    told = {"content_hash": metadata["content_hash"], "dataset": metadata["dataset"]}
    with database.begin() as session:
        if stored.find_checkpoint(session, work.name) is not None:
            return
        stored.record_checkpoint(
            session,
            name=work.name,
            kind=kind,
            path=str(work.final),
            metadata=metadata,
            dataset=dataset,
        )
        record(session, "tiebreak", event, f"checkpoint:{work.name}", told)


def choices_of(rows: Sequence[Row]) -> dict[str, str]:
    """Pair id -> settled choice, in stored order."""
    return {row["meta"]["pair_id"]: row["meta"]["choice"] for row in rows}
