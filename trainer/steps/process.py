"""Stepwise labels in, a process reward model out: behind `import steps` and `train process`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.erased_prompts import ERASED, erased_among
from db.errors import BadInput
from db.files import FileLimits, read_lines
from db.gold import gold_set
from db.identity import content_hash
from db.imports.fields import BadRow, one_reason
from db.progress import Progress, quiet
from db.session import Database
from db.step_labels import add_solutions, all_solutions
from db.upsert import chunks
from db.vocabulary import CheckpointKind
from trainer.recorded_training import TrainDone, train_and_record
from trainer.settings import TrainerSettings
from trainer.workspace import Workspace


@dataclass(frozen=True)
class ImportedSteps:
    """How an import of stepwise labels went."""

    file: str
    new: int
    known: int
    rejected: list[str]

    @property
    def summary(self) -> str:
        """One line for people."""
        rejected = f"{len(self.rejected)} rejected"
        if self.rejected:
            rejected += f", the first: {self.rejected[0]}"
        return f"{self.new} solutions imported, {self.known} known, {rejected}"


def import_steps(
    database: Database, file: Path, strict: bool = False, limits: FileLimits | None = None
) -> ImportedSteps:
    """Import stepwise labels (`prompt`, `steps`, `labels`) from JSONL, Parquet or CSV, once each.

    A row that cannot be used is counted with its reason and the others are kept; `strict` refuses
    the whole file at the first one.
    """
    from trainer.process_reward import parse

    good, bad = [], []
    limits = limits or FileLimits()
    for line in read_lines(file, limits):
        try:
            if line.problem:
                raise BadInput(line.problem)
            with one_reason():
                good.append(parse(line.row))
        except (BadInput, BadRow) as error:
            if strict:
                raise BadInput(f"{line.file} line {line.number}: {error}") from None
            bad.append(f"{line.file} line {line.number}: {error}")
            limits.require_few(file, len(bad), bad[0])
    with database.begin() as session:
        gone = erased_among(session, {each.prompt for each in good})
        kept = [each for each in good if each.prompt not in gone]
        new = sum(add_solutions(session, chunk) for chunk in chunks(kept))
    bad += [f"{each.prompt[:16]}: {ERASED}" for each in good if each.prompt in gone]
    return ImportedSteps(str(file), new, len(kept) - new, bad)


def train_process(
    database: Database,
    settings: TrainerSettings,
    name: str | None = None,
    progress: Progress = quiet,
) -> TrainDone:
    """Train a process reward model on all imported step labels; one prompt in five is held out."""
    from trainer import process_reward

    with database.read() as session:
        everything = all_solutions(session)
        gold = gold_set(session)
    usable = [each for each in everything if each.prompt not in gold.prompts]
    held = [each for each in usable if int(each.prompt[:8], 16) % 5 == 0]
    rest = [each for each in usable if int(each.prompt[:8], 16) % 5]

    def fit(work: Workspace) -> dict[str, Any]:
        return process_reward.train(rest or usable, held, work, settings, progress)

    recipe = settings.recipe(settings.base) | {
        "solutions": content_hash([[each.identity, list(each.labels)] for each in usable])
    }
    left_out = len(everything) - len(usable)
    return train_and_record(
        database, None, CheckpointKind.PROCESS, settings, recipe, name, fit, left_out
    )
