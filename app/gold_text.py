"""An evaluation in a terminal: the whole gold, its parts, the experts, calibration, probes."""

from collections.abc import Mapping
from typing import Any

from app.output import table
from app.pipeline.gate import gold_rows
from trainer.gate.measurement import EvaluateDone
from trainer.steps import CrossValidated, StepsEvaluated

_MOST = 14  # references told; the others stand in the pool and in --json


def print_evaluation(done: EvaluateDone) -> None:
    """Every table there is something for."""
    columns, rows = gold_rows(done)
    table(f"{done.checkpoint} on {done.pairs} gold pairs", columns, rows)
    _shares("Accuracy on parts of the gold", "part", done.slices)
    _shares("Agreement with the experts and with the panel", "with", _largest(done.agreement))
    _reliability(done)
    found = {f"{g['by'].removeprefix('data_')} {g['group']}": g["accuracy"] for g in done.groups}
    _shares("Trained without it, tested on it (train cross-validate)", "left out", found)
    if done.probes:
        _shares("Probes: share right", "probe", done.probes)


def print_steps(done: StepsEvaluated) -> None:
    """A process model beside who calls every step right."""
    rows = [
        [
            name,
            _cell(row["accuracy"]),
            "" if row["auc"] is None else f"{row['auc']:.3f}",
            f"{row['first_error_found']:.3f}",
        ]
        for name, row in done.table.items()
    ]
    title = f"{done.checkpoint} on {done.steps:,} rated steps it has not seen"
    table(title, ["rater", "step accuracy", "AUC", "first error found"], rows)


def print_groups(done: CrossValidated) -> None:
    """Accuracy on each group by models that never saw it."""
    found = {g["group"]: g["accuracy"] for g in done.groups}
    _shares(f"Trained without it, tested on it: {done.dataset}", "left out", found)


def _shares(title: str, first: str, found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    if not found:
        return
    raters = list(dict.fromkeys(rater for row in found.values() for rater in row))
    rows = []
    for part, row in found.items():
        n = next(iter(row.values()))["n"]
        rows.append([part, f"{n:,}", *(_cell(row.get(rater)) for rater in raters)])
    table(title, [first, "n", *raters], rows)


def _largest(found: Mapping[str, Any]) -> dict[str, Any]:
    """The references with the most answers, in the order they came."""
    size = {name: next(iter(row.values()))["n"] if row else 0 for name, row in found.items()}
    kept = set(sorted(size, key=lambda name: -size[name])[:_MOST])
    return {name: row for name, row in found.items() if name in kept and row}


def _reliability(done: EvaluateDone) -> None:
    bins = done.table[done.checkpoint]["reliability"]
    rows = [
        [
            f"{b['confidence']:.2f}",
            b["pairs"],
            f"{b['accuracy']:.2f} [{b['low']:.2f}, {b['high']:.2f}]",
            _bar(b["accuracy"], b["confidence"]),
        ]
        for b in bins
    ]
    title = f"Reliability of {done.checkpoint}: how often it is right where it is this sure"
    table(title, ["confidence", "pairs", "right", "right █, claimed │"], rows)


def _bar(right: float, claimed: float, width: int = 20) -> str:
    """Shares of [0, 1] as a bar, with a mark where it would end if it were honest."""
    marks = ["█" if i < round(right * width) else "·" for i in range(width)]
    marks[min(round(claimed * width), width - 1)] = "│"
    return "".join(marks)


def _cell(found: Mapping[str, Any] | None) -> str:
    if found is None or found["value"] is None:
        return "-"
    if found["low"] is None:
        return f"{found['value']:.3f}"
    return f"{found['value']:.3f} [{found['low']:.2f}, {found['high']:.2f}]"
