"""The gate as people meet it: its table on the frozen gold, and what a judge does for the whole."""

from dataclasses import dataclass
from typing import Any

from app.config import Config
from db.errors import Conflict
from trainer.gate import Effect
from trainer.registry import EvaluateDone


@dataclass(frozen=True)
class Measured:
    """What a challenger does to the human share; effect is None where it could not be measured."""

    effect: Effect | None
    line: str


def effect_of(config: Config, name: str | None) -> Measured:
    """The effect of a checkpoint (the newest without a name); nothing for what is no judge."""
    from app.pipeline.effect import measure_effect
    from db.checkpoints import checkpoint
    from db.vocabulary import CheckpointKind

    with config.database.read() as session:
        challenger = checkpoint(session, name)
    if challenger.kind is not CheckpointKind.JUDGE or challenger.active_at is not None:
        return Measured(None, "")
    model, target = config.panel.panel.label_model, config.cycle.target_agreement
    try:
        shares = measure_effect(
            config.database, config.panel.rules, model, challenger.name, target=target
        )
    except Conflict as error:
        return Measured(None, f"the effect on the human share was not measured: {error}")
    return Measured(shares.effect, shares.summary)


_MEASURES = ("accuracy", "length_controlled", "log_loss", "ece", "reversals")


def gold_rows(done: EvaluateDone) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows: each rater's accuracy with its interval, and the other measures."""
    rows = [
        [rater, *(_cell(row.get(name)) for name in _MEASURES)] for rater, row in done.table.items()
    ]
    return ["rater", *(name.replace("_", " ") for name in _MEASURES)], rows


def probe_rows(done: EvaluateDone) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows: each probe, with the share right of the checkpoint and of the bad habit."""
    names = list(dict.fromkeys(name for row in done.probes.values() for name in row))
    rows = [
        [probe, *(_cell(row.get(name)) for name in names)] for probe, row in done.probes.items()
    ]
    return ["probe", *(name.replace("_", " ") for name in names)], rows


def _cell(value: Any) -> str:
    """A measure with its interval where it has one; a dash where there is none."""
    if isinstance(value, dict):
        if value.get("value") is None:
            return "-"
        low, high = value.get("low"), value.get("high")
        inside = f" [{low:.2f}, {high:.2f}]" if low is not None and high is not None else ""
        return f"{value['value']:.3f}{inside}"
    if isinstance(value, float):
        return f"{value:.0f}" if value > 1 and value.is_integer() else f"{value:.3f}"
    return "-" if value is None else str(value)
