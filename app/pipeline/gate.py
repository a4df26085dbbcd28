"""The gate as people read it: one table of raters on the frozen gold."""

from typing import Any

from trainer.registry import EvaluateDone


def gold_rows(done: EvaluateDone) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows: each rater's accuracy with its interval, and the other measures."""
    names = sorted({name for row in done.table.values() for name in row} - {"accuracy"})
    rows = [
        [rater, _cell(row["accuracy"]), *(_cell(row.get(name)) for name in names)]
        for rater, row in done.table.items()
    ]
    return ["rater", "accuracy", *(name.replace("_", " ") for name in names)], rows


def _cell(value: Any) -> str:
    """A measure with its interval where it has one; a dash where there is none."""
    if isinstance(value, dict):
        if value.get("value") is None:
            return "-"
        low, high = value.get("low"), value.get("high")
        inside = f" ({low:.3f} to {high:.3f})" if low is not None and high is not None else ""
        return f"{value['value']:.3f}{inside}"
    if isinstance(value, float):
        return f"{value:.3f}"
    return "-" if value is None else str(value)
