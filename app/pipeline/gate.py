"""The gate as people meet it: its table on the frozen gold, and what a judge does for the whole."""

from collections.abc import Mapping
from typing import Any

from app.config import Config
from db.errors import Conflict
from trainer.gate.measurement import EvaluateDone
from trainer.gate.panels import Panels, Unpriced


def panels_of(config: Config, name: str | None) -> Panels | Unpriced | None:
    """The panels a judge (the newest checkpoint without a name) could make, priced.

    None for what casts no votes, and for the judge in production. Where there is too little gold
    nothing is priced and the reason is said; the gate then refuses.
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
        return measure_effect(
            config.database,
            config.panel.rules,
            model,
            challenger.name,
            settings=config.gate,
            target=target,
        )
    except Conflict as error:
        return Unpriced(str(error))


_MEASURES = ("accuracy", "length_controlled", "log_loss", "ece", "reversals")


_RULES = {
    "accuracy_difference": ("accuracy", "higher beyond doubt"),
    "reversal_difference": ("reversal rate", "not higher beyond noise"),
    "ece_difference": ("calibration error", "not higher beyond noise"),
}


def gate_rows(figures: Mapping[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows: every difference the gate looked at, with its interval and its rule."""
    joint = "panels" in figures
    rows = [
        [
            what,
            _cell(figures[name], sign="+"),
            "a figure only" if joint and what == "accuracy" else rule,
        ]
        for name, (what, rule) in _RULES.items()
        if name in figures
    ]
    for name, found in figures.get("worse_slices", {}).items():
        rows.append([f"accuracy on {name}", _cell(found, sign="+"), "not lower beyond noise"])
    return ["challenger minus incumbent", "difference, 95% by prompt", "must be"], rows


def panel_rows(figures: Mapping[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows: the panels that were priced, today's first; none where none was."""
    told = figures.get("panels") or {}
    columns = [
        "panel", f"humans for {told.get('target', 0):.0%}", "calls, 1,000 pairs",
        "price, 1,000 pairs", "price against today's, 95%", "log-loss against today's, 95%",
        "not worse",
    ]  # fmt: skip
    rows = [
        [
            row["panel"], f"{row['human_share']:.1%}", f"${1000 * row['calls_usd']:,.2f}",
            f"${1000 * row['usd']:,.2f}", _span(row["usd_change"], 1000, 2),
            _span(row["log_loss_change"], 1, 3), "yes" if row["not_worse"] else "not shown",
        ]
        for row in told.get("table", ())
    ]  # fmt: skip
    for row in rows[:1]:
        row[4:] = ["", "", ""]
    return columns, rows


def _span(change: Mapping[str, float], times: float, digits: int) -> str:
    value, low, high = (times * change[name] for name in ("value", "low", "high"))
    return f"{value:+,.{digits}f} [{low:+,.{digits}f}, {high:+,.{digits}f}]"


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
