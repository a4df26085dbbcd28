"""A training that diverged is no training: its numbers are looked at as they come, and at the end.

Leaves out what diverged trainings leave behind (`trainer.recorded_training` clears it away).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import Any

from db.errors import Diverged

_WATCHED = ("loss", "eval_loss", "grad_norm", "reward", "kl")
_WAY_OUT = (
    "nothing was recorded as trained; lower learning_rate, raise warmup or batch_size, or look for "
    "rows that are not what they should be"
)


def require_finite_figures(step: int, figures: Mapping[str, Any]) -> None:
    """Diverged where a loss, a gradient or a reward of this step is no number."""
    for name in _WATCHED:
        value = figures.get(name)
        if isinstance(value, int | float) and not isfinite(value):
            raise Diverged(f"training diverged at step {step} ({name} is {value}): {_WAY_OUT}")


def require_finite(model: Any) -> None:
    """Diverged where a trained weight is no number."""
    for name, weight in model.named_parameters():
        if weight.requires_grad and not bool(weight.isfinite().all()):
            raise Diverged(f"training diverged ({name!r} holds what is no number): {_WAY_OUT}")


@contextmanager
def generating() -> Iterator[None]:
    """Diverged where a policy has no probabilities left to draw its next token from."""
    try:
        yield
    except RuntimeError as error:
        if "probability tensor contains" not in str(error):
            raise
        told = "the policy's probabilities are no numbers"
        raise Diverged(f"training diverged ({told}): {_WAY_OUT}") from None


def divergence_callback() -> Any:
    """What looks at the figures of a trainer's log."""
    from transformers import TrainerCallback

    class Look(TrainerCallback):  # type: ignore[misc]
        def on_log(
            self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any
        ) -> None:
            require_finite_figures(state.global_step, logs)

    return Look()
