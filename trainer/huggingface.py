"""What every training has in common: arguments, callbacks, exact resume, curves; no loss."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from db.errors import BadInput
from db.extras import installed
from db.progress import Progress
from trainer.adapters import finished
from trainer.divergence import divergence_callback, generating, require_finite
from trainer.settings import TrainerSettings
from trainer.tensorboard import Board, board_callback
from trainer.workspace import FIRST, Workspace, mark_complete


@dataclass
class Curve:
    """What was logged: one dict a line, with `step` and `epoch`."""

    points: list[dict[str, float]] = field(default_factory=list)


def arguments(
    work: Workspace, settings: TrainerSettings, base: str, validated: bool
) -> dict[str, Any]:
    """Keyword arguments every TrainingArguments of ours is made with."""
    import torch

    _require_installed(settings)
    cpu = not torch.cuda.is_available()
    every = settings.evaluate_every if validated else None
    when = "epoch" if every is None else "steps"
    # The best of the validated states is loaded in the end, so each of them is saved, too.
    timed = {} if every is None else {"eval_steps": _steps(every), "save_steps": _steps(every)}
    named = {} if settings.optimizer is None else {"optim": settings.optimizer}
    return {
        "output_dir": str(work.snapshots),
        "learning_rate": settings.rate(base),
        "num_train_epochs": settings.epochs,
        "per_device_train_batch_size": settings.batch_size,
        "per_device_eval_batch_size": settings.batch_size,
        "gradient_accumulation_steps": settings.gradient_accumulation,
        "warmup_steps": settings.warmup,
        "weight_decay": settings.weight_decay,
        "lr_scheduler_type": settings.scheduler,
        **named,
        **timed,
        "seed": settings.seed,
        "use_cpu": cpu,
        "bf16": settings.bf16 and not cpu,
        "dataloader_pin_memory": not cpu,
        "eval_strategy": when if validated else "no",
        "save_strategy": when,
        "save_total_limit": 2,
        "load_best_model_at_end": validated,
        "metric_for_best_model": "eval_loss" if validated else None,
        "greater_is_better": False if validated else None,
        "restore_callback_states_from_checkpoint": True,
        "logging_strategy": "steps",
        "logging_steps": _steps(settings.log_every),
        "logging_nan_inf_filter": False,  # `trainer.divergence` must see them
        "activation_checkpointing": settings.activation_checkpointing,
        "use_liger_kernel": settings.liger,
        "disable_tqdm": True,
        # `trainer.tensorboard` writes by itself, where trainings stay comparable.
        "report_to": list(settings.report_to) or "none",
        "run_name": work.name,
    }


def configured(kind: Any, **given: Any) -> Any:
    """The arguments of a trainer; BadInput where [training] holds what it does not know."""
    try:
        return kind(**given)
    except (ValueError, ImportError) as error:
        raise BadInput(f"[training] cannot be used: {str(error).splitlines()[0]}") from None


def _steps(every: float) -> float:
    """Steps as transformers counts them: whole numbers, or a share of all below 1."""
    return every if every < 1 else round(every)


def _require_installed(settings: TrainerSettings) -> None:
    """BadInput for what a setting wants and this Python lacks."""
    from transformers.integrations import get_available_reporting_integrations

    if settings.liger and not installed("liger_kernel"):
        raise BadInput("[training] liger is set and liger-kernel is not installed; install it")
    known = get_available_reporting_integrations()
    for name in settings.report_to:
        if name not in known:
            raise BadInput(
                f"[training] report_to {name!r} is not installed; there is "
                f"{', '.join(known) or 'none'}"
            )


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
        saved = time.monotonic()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            every, done = settings.snapshot_every, state.global_step
            late = time.monotonic() - self.saved > 60 * settings.snapshot_minutes
            control.should_save |= late or (every is not None and done % every == 0)
            progress(label, done, state.max_steps)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.saved = time.monotonic()
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


def run(trainer: Any, work: Workspace, settings: TrainerSettings, base: str) -> Any:
    """Train from the newest complete snapshot, or from the start; the model to be published."""
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    with generating():
        trainer.train(resume_from_checkpoint=work.newest_snapshot())
    require_finite(trainer.model)
    model = trainer.accelerator.unwrap_model(trainer.model)
    folder = work.partial if work.stage == FIRST else work.snapshots
    return finished(model, settings, base, folder)
