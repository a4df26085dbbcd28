"""What every training has in common: arguments, callbacks, exact resume, curves; no loss."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from db.progress import Progress
from trainer.divergence import divergence_callback, generating, require_finite
from trainer.settings import TrainerSettings
from trainer.tensorboard import Board, board_callback
from trainer.workspace import Workspace, mark_complete


@dataclass
class Curve:
    """What was logged: one dict a line, with `step` and `epoch`."""

    points: list[dict[str, float]] = field(default_factory=list)


def arguments(
    work: Workspace, settings: TrainerSettings, base: str, validated: bool
) -> dict[str, Any]:
    """Keyword arguments every TrainingArguments of ours is made with."""
    import torch

    cpu = not torch.cuda.is_available()
    when = "epoch" if validated else "no"
    return {
        "output_dir": str(work.snapshots),
        "learning_rate": settings.rate(base),
        "num_train_epochs": settings.epochs,
        "per_device_train_batch_size": settings.batch_size,
        "per_device_eval_batch_size": settings.batch_size,
        "gradient_accumulation_steps": settings.gradient_accumulation,
        "warmup_steps": settings.warmup,
        "weight_decay": settings.weight_decay,
        "lr_scheduler_type": "cosine",
        "seed": settings.seed,
        "use_cpu": cpu,
        "bf16": settings.bf16 and not cpu,
        "dataloader_pin_memory": not cpu,
        "eval_strategy": when,
        "save_strategy": "epoch",
        "save_total_limit": 2,
        "load_best_model_at_end": validated,
        "metric_for_best_model": "eval_loss" if validated else None,
        "greater_is_better": False if validated else None,
        "restore_callback_states_from_checkpoint": True,
        "logging_strategy": "epoch",
        "logging_nan_inf_filter": False,  # `trainer.divergence` must see them
        "activation_checkpointing": False,
        "disable_tqdm": True,
        "report_to": "none",  # `trainer.tensorboard` writes where trainings stay comparable
    }


def callbacks(
    settings: TrainerSettings,
    work: Workspace,
    validated: bool,
    label: str,
    progress: Progress,
    curve: Curve,
    board: Board | None = None,
) -> list[Any]:
    """Progress, curves, complete-marks for snapshots, and early stopping where validated."""
    from transformers import EarlyStoppingCallback, TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            progress(label, state.global_step, state.max_steps)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}")

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            curve.points = [
                {k: float(v) for k, v in row.items() if isinstance(v, int | float)}
                for row in state.log_history
            ]

    found: list[Any] = [
        Watch(),
        divergence_callback(),
        board_callback(board or Board(settings, work)),
    ]
    return [*found, EarlyStoppingCallback(settings.patience)] if validated else found


def run(trainer: Any, work: Workspace) -> None:
    """Train from the newest complete snapshot, or from the start."""
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    with generating():
        trainer.train(resume_from_checkpoint=work.newest_snapshot())
    require_finite(trainer.model)
