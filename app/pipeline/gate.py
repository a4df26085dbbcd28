"""The gate as people meet it: its table on the frozen gold, and what a judge does for the whole."""

from collections.abc import Mapping
from typing import Any

from app.config import Config
from db.errors import Conflict
from judges.trust.intervals import undefined
from trainer.gate.measurement import EvaluateDone
from trainer.gate.rules import Effect


def effect_of(config: Config, name: str | None) -> Effect | None:
    """The effect of a judge (the newest checkpoint without a name) on the human share.

    None for what casts no votes, and for the judge in production. Where there is too little gold
    the effect is undefined and says why; the gate then refuses.
    """
    from app.pipeline.effect import measure_effect
    from db.checkpoints import checkpoint
    from db.vocabulary import CheckpointKind

    with config.database.read() as session:
        challenger = checkpoint(session, name)
    if challenger.kind is not CheckpointKind.JUDGE or challenger.active_at is not None:
        return None
    model, target = config.panel.panel.label_model, config.cycle.target_agreement
    try:
        shares = measure_effect(
            config.database, config.panel.rules, model, challenger.name, target=target
        )
    except Conflict as error:
        return Effect(None, None, undefined(str(error)), target)
    return shares.effect


_MEASURES = ("accuracy", "length_controlled", "log_loss", "ece", "reversals")


_RULES = {
    "accuracy_difference": ("accuracy", "higher beyond noise"),
    "reversal_difference": ("reversal rate", "not higher beyond noise"),
    "ece_difference": ("calibration error", "not higher beyond noise"),
}


def gate_rows(figures: Mapping[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows: every difference the gate looked at, with its interval and its rule."""
    rows = [
        [what, _cell(figures[name], sign="+"), rule]
        for name, (what, rule) in _RULES.items()
        if name in figures
    ]
    for name, found in figures.get("worse_slices", {}).items():
        rows.append([f"accuracy on {name}", _cell(found, sign="+"), "not lower beyond noise"])
    share = figures.get("human_share")
    if share:
        what = f"human share at {share['target']:.0%}"
        rows.append([what, _cell(share["change"], sign="+"), "lower beyond noise"])
    return ["challenger minus incumbent", "difference, 95% by prompt", "must be"], rows


def gold_rows(done: EvaluateDone) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows: each rater's accuracy with its interval, and the other measures."""
    rows = [
        [rater, *(_cell(row.get(name)) for name in _MEASURES)] for rater, row in done.table.items()
    ]
    return ["rater", *(name.replace("_", " ") for name in _MEASURES)], rows


def _cell(value: Any, sign: str = "") -> str:
    """A measure with its interval where it has one; a dash where there is none."""
    if isinstance(value, dict):
        if value.get("value") is None:
            return "-"
        low, high = value.get("low"), value.get("high")
        bounds = f" [{low:{sign}.2f}, {high:{sign}.2f}]" if None not in (low, high) else ""
        return f"{value['value']:{sign}.3f}{bounds}"
    if isinstance(value, float):
        return f"{value:.0f}" if value > 1 and value.is_integer() else f"{value:.3f}"
    return "-" if value is None else str(value)
