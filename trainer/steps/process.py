"""A process reward model out of the imported step labels: behind `train process`."""

from typing import Any

from db.gold import gold_set
from db.identity import content_hash
from db.progress import Progress, quiet
from db.session import Database
from db.step_labels import all_solutions
from db.vocabulary import CheckpointKind
from trainer.export.leakage import keep_apart
from trainer.recorded_training import TrainDone, train_and_record
from trainer.settings import TrainerSettings
from trainer.workspace import Workspace


def train_process(
    database: Database,
    settings: TrainerSettings,
    name: str | None = None,
    progress: Progress = quiet,
) -> TrainDone:
    """Train a process reward model on all imported step labels; one group of prompts in five is
    held out.
    """
    from trainer import process_reward

    with database.read() as session:
        everything = all_solutions(session)
        gold = gold_set(session)
    apart = keep_apart({each.prompt: each.messages for each in everything}.items(), gold)
    usable = [each for each in everything if each.prompt not in apart.leaking]
    fifth = [int(apart.groups.of(each.prompt)[:8], 16) % 5 for each in usable]
    held = [each for each, n in zip(usable, fifth, strict=True) if n == 0]
    rest = [each for each, n in zip(usable, fifth, strict=True) if n]

    def fit(work: Workspace) -> dict[str, Any]:
        return process_reward.train(rest or usable, held, work, settings, progress)

    recipe = settings.recipe(settings.base) | {
        "solutions": content_hash([[each.identity, list(each.labels)] for each in usable])
    }
    left_out = len(everything) - len(usable)
    return train_and_record(
        database, None, CheckpointKind.PROCESS, settings, recipe, name, fit, left_out
    )
