"""The training room's steps: each opens its own transactions and is safe to repeat.

Leaves out how any of it is computed (the files beside this folder).
"""

from trainer.gate.measurement import evaluate
from trainer.gate.registry import history, promote, rollback
from trainer.steps.exporting import ExportDone, export
from trainer.steps.importing import ImportedCheckpoint, import_checkpoint
from trainer.steps.process import (
    BestOfDone,
    StepsEvaluated,
    best_of,
    evaluate_process,
    train_process,
)
from trainer.steps.training import (
    CrossValidated,
    cross_validate,
    train_judge,
    train_policy,
    train_prompted,
    train_reward,
)
from trainer.steps.using import QuantizeDone, quantize, serve

__all__ = [
    "BestOfDone",
    "CrossValidated",
    "ExportDone",
    "ImportedCheckpoint",
    "QuantizeDone",
    "StepsEvaluated",
    "best_of",
    "cross_validate",
    "evaluate",
    "evaluate_process",
    "export",
    "history",
    "import_checkpoint",
    "promote",
    "quantize",
    "rollback",
    "serve",
    "train_judge",
    "train_policy",
    "train_process",
    "train_prompted",
    "train_reward",
]
