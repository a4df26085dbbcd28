"""A process reward model out of the imported step labels, measured on those it has not seen, and
put to use: behind `train process`, `evaluate` and `best-of`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db import checkpoints as stored
from db.errors import BadInput, Conflict
from db.files import FileLimits
from db.gold import gold_set
from db.identity import content_hash
from db.models import Checkpoint
from db.progress import Progress, quiet
from db.session import Database
from db.step_labels import Solution, all_solutions
from db.upsert import take_turn
from db.vocabulary import CheckpointKind
from trainer.export.leakage import keep_apart
from trainer.recorded_training import TrainDone, train_and_record
from trainer.settings import TrainerSettings
from trainer.vocabulary import Worth
from trainer.workspace import Workspace

_TURN = 7_246_010  # names the turn in which evaluations are stored, on PostgreSQL


def train_process(
    database: Database,
    settings: TrainerSettings,
    name: str | None = None,
    progress: Progress = quiet,
) -> TrainDone:
    """Train a process reward model on all imported step labels but those of gold prompts.

    Of ten groups of prompts one chooses the stopping point and one is left for `evaluate`.
    """
    from trainer import process_reward

    with database.read() as session:
        everything = all_solutions(session)
        gold = gold_set(session)
    apart = keep_apart({each.prompt: each.messages for each in everything}.items(), gold)
    usable = [each for each in everything if each.prompt not in apart.leaking]
    tenth = [int(apart.groups.of(each.prompt)[:8], 16) % 10 for each in usable]
    held = [each for each, n in zip(usable, tenth, strict=True) if n == 0]
    rest = [each for each, n in zip(usable, tenth, strict=True) if n > 1]

    def fit(work: Workspace) -> dict[str, Any]:
        return process_reward.train(rest or usable, held if rest else [], work, settings, progress)

    recipe = settings.recipe(settings.base) | {
        "solutions": content_hash([[each.identity, list(each.labels)] for each in usable])
    }
    left_out = len(everything) - len(usable)
    return train_and_record(
        database, None, CheckpointKind.PROCESS, settings, recipe, name, fit, left_out
    )


@dataclass(frozen=True)
class StepsEvaluated:
    """How a process model fares on solutions it neither learnt nor was stopped by.

    table: rater -> accuracy by step with its interval by prompt, AUC, and the share of solutions
    whose first wrong step was found exactly. `every step is right` is the rater to beat.
    """

    checkpoint: str
    kind: str
    solutions: int
    steps: int
    table: dict[str, dict[str, Any]]
    new: bool = True

    @property
    def summary(self) -> str:
        """One line for people."""
        before = "" if self.new else " (measured before, nothing has changed)"
        parts = [
            f"{name} {_interval(row['accuracy'])}, first error found {row['first_error_found']:.3f}"
            for name, row in self.table.items()
        ]
        return (
            f"steps told right on {self.steps} rated steps of {self.solutions} solutions{before}: "
            + "; ".join(parts)
        )


def evaluate_process(database: Database, name: str) -> StepsEvaluated:
    """Measure a process model on the labelled solutions it has not seen, beside "every step is
    right" and the active process model. Conflict where there are none.
    """
    from trainer import process_reward
    from trainer.step_scorer import StepScorer

    with database.read() as session:
        challenger = stored.checkpoint(session, name, CheckpointKind.PROCESS)
        active = stored.active(session, CheckpointKind.PROCESS)
        everything = all_solutions(session)
    rivals = [challenger, *([active] if active and active.id != challenger.id else [])]
    seen = set().union(*(_seen(each) for each in rivals))
    fresh = [each for each in everything if each.prompt not in seen]
    if not any(process_reward.is_rated(each) for each in fresh):
        raise Conflict(
            f"every labelled solution was seen by {' or '.join(each.name for each in rivals)}; "
            "import some to other prompts"
        )
    basis = content_hash([[s.identity, list(s.labels)] for s in fresh], [r.name for r in rivals])
    with database.read() as session:
        known = stored.newest_evaluation(session, challenger.id, basis)
    if known is not None:
        return _told(challenger, fresh, known.metrics, new=False)
    table = {
        each.name: process_reward.measure_steps(StepScorer(Path(each.path)), fresh)
        for each in rivals
    }
    table[process_reward.ALWAYS] = process_reward.measure_always_right(fresh)
    steps = sum(process_reward.rated(each) for each in fresh)
    metrics = {"table": table, "pairs": steps, "unit": "rated steps"}
    with database.begin() as session:
        take_turn(session, _TURN)
        if stored.newest_evaluation(session, challenger.id, basis) is None:
            stored.record_evaluation(session, challenger.id, basis, metrics)
    return _told(challenger, fresh, metrics, new=True)


def _told(
    challenger: Checkpoint, fresh: Sequence[Solution], metrics: dict[str, Any], new: bool
) -> StepsEvaluated:
    return StepsEvaluated(
        challenger.name, "process", len(fresh), metrics["pairs"], metrics["table"], new
    )


def _seen(checkpoint: Checkpoint) -> set[str]:
    """Prompts it learnt from or that chose its stopping point."""
    from trainer.process_reward import PROMPTS

    path = Path(checkpoint.path) / PROMPTS
    if not path.is_file():
        raise BadInput(
            f"process model {checkpoint.name!r} does not say which prompts it has seen; train it "
            "again with this version"
        )
    told: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    return {*told["learnt"], *told["validated"]}


def _interval(accuracy: dict[str, Any]) -> str:
    if accuracy["low"] is None:
        return f"{accuracy['value']:.3f}"
    return f"{accuracy['value']:.3f} [{accuracy['low']:.3f}, {accuracy['high']:.3f}]"


@dataclass(frozen=True)
class BestOfDone:
    """Which solution of each row is best, by which model and rule, and where that is written."""

    checkpoint: str
    rule: Worth
    path: str
    rows: int
    solutions: int
    cut: int
    rejected: int
    first_reason: str | None
    notes: list[str]

    @property
    def summary(self) -> str:
        """For people: a line, and one for what a reader passed over."""
        by = "lowest step" if self.rule == "lowest" else "product of the steps"
        line = (
            f"picked the best of {self.solutions:,} solutions to {self.rows:,} prompts by the {by} "
            f"({self.checkpoint}); they are in {self.path}"
        )
        if self.cut:
            line += (
                f"; {self.cut:,} solutions are longer than the model reads, and each step beyond "
                "counts .5"
            )
        if self.rejected:
            line += f"; {self.rejected:,} rows left out (first: {self.first_reason})"
        return "\n".join([line, *self.notes])


def best_of(
    database: Database,
    file: Path,
    target: Path,
    name: str | None = None,
    rule: Worth = "lowest",
    separator: str = "\n",
    limits: FileLimits | None = None,
    progress: Progress = quiet,
) -> BestOfDone:
    """Pick the best solution of each row of a file by a process model: the named one, the active
    one, or the newest. `separator` divides a response that is a text into steps.
    """
    from trainer.best_of import pick
    from trainer.step_scorer import StepScorer

    if not separator:
        raise BadInput("an empty separator divides nothing; give the text between two steps")
    with database.read() as session:
        chosen = stored.in_use(session, name, CheckpointKind.PROCESS)
    scorer = StepScorer(Path(chosen.path))
    told = pick(scorer, file, target, rule, separator, limits or FileLimits(), progress)
    return BestOfDone(chosen.name, rule, str(target), **vars(told))
