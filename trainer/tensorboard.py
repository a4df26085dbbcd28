"""Curves for `tensorboard --logdir CHECKPOINTS/runs`: one folder a training, side by side.

Every training writes by the same names, so that runs and methods lie on one chart. What a killed
training wrote after the snapshot it goes on from is hidden. Leaves out what is worth a curve.
"""

from collections.abc import Mapping
from typing import Any

from db.extras import require
from trainer.settings import TrainerSettings
from trainer.workspace import FIRST, Workspace


class Board:
    """The curves of one training. Writes nothing where `[training] tensorboard` is off."""

    def __init__(self, settings: TrainerSettings, work: Workspace) -> None:
        if settings.tensorboard:
            require("tensorboard")
        name = work.name if work.stage == FIRST else f"{work.name}-{work.stage}"
        self.folder = settings.folder / "runs" / name if settings.tensorboard else None
        self._writer: Any = None

    def open(self, step: int) -> None:
        """Begin, or go on after `step`."""
        if self.folder is None or self._writer is not None:
            return
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(self.folder), purge_step=step + 1 if step else None)

    def add(self, step: int, figures: Mapping[str, Any]) -> None:
        """One point of every curve; what is no number has none."""
        if self._writer is None:
            return
        for name, value in figures.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        """Nothing more will come."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def board_callback(board: Board) -> Any:
    """What draws a trainer's log."""
    from transformers import TrainerCallback

    class Draw(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            board.open(state.global_step)

        def on_log(
            self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any
        ) -> None:
            board.add(state.global_step, logs)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            board.close()

    return Draw()
