"""The cycle's page, for the person who answers for it: one HTML file, no script, no network.

What changed, why something was promoted or was not, what it cost, what to look at. It is written
anew from the stored steps, so it can also be made of a cycle that stopped half-way. Leaves out the
markup, which is in `templates/cycle.html.j2`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.config import Config
from app.pipeline.alarms import counted
from db import cycles
from db.models import CycleStep, Run
from db.whole import write_whole
from judges.trust.intervals import Estimate
from review.html import render
from review.report.charts import strip
from review.report.shapes import Picture

_MARK = {
    "done": "done",
    "skipped": "nothing to do",
    "failed": "failed",
    "stopped": "not finished",
    "running": "stopped here",
}
_HALTED = (cycles.FAILED, cycles.STOPPED)


def write(config: Config, cycle_id: int) -> Path:
    """Write the page of a cycle whole or not at all; where it lies."""
    with config.database.read() as session:
        run = cycles.get(session, cycle_id)
        steps = cycles.steps_of(session, cycle_id)
        facts = cycles.facts(session, cycle_id)
        past = [r for r in cycles.finished(session) if r.id != cycle_id]
    text = page(run, steps, facts, past)
    goal = config.cycle.reports / f"cycle-{cycle_id}.html"
    write_whole(goal, text)
    return goal


@dataclass(frozen=True)
class Measured:
    """One rater on the frozen gold; `figures` are None where they could not be measured."""

    name: str
    rater: str
    accuracy: Estimate
    picture: Picture | None
    ece: float | None
    reversals: float | None


def page(
    run: Run, steps: Sequence[CycleStep], facts: cycles.CycleFacts, past: Sequence[Run]
) -> str:
    """The whole document."""
    told: list[tuple[str, dict[str, Any]]] = [(s.name, dict(s.summary or {})) for s in steps]
    figures = {name: summary.get("figures", {}) for name, summary in told}
    judging = figures.get("judge", {})
    return render(
        "app.pipeline/cycle.html.j2",
        run=run,
        head=_head(run, steps, facts, figures),
        begun=_time(run.started_at),
        failure=next((_line(step) for step in steps if step.status in _HALTED), None),
        facts=facts,
        verdicts=[_verdict(found) for found in figures.get("gate", {}).get("verdicts", [])],
        measured=list(_measured(figures)),
        planned_usd=judging.get("planned_usd"),
        missing=judging.get("missing") or 0,
        steps=[
            (step.name, _MARK.get(step.status, step.status), _seconds(step), _line(step))
            for step in steps
            if step.name != "report"
        ],
        past=[(run.id, _time(run.started_at), *_spent_and_alarms(run)) for run in past],
    )


def _head(
    run: Run, steps: Sequence[CycleStep], facts: cycles.CycleFacts, figures: dict[str, Any]
) -> str:
    failed = next((s for s in steps if s.status in _HALTED), None)
    if failed is not None:
        return f"Cycle {run.id} stopped at “{failed.name}”"
    verdicts = figures.get("gate", {}).get("verdicts", [])
    won = [v["checkpoint"] for v in verdicts if v["verdict"] in ("promoted", "forced")]
    what = f"promoted {', '.join(won)}" if won else "nothing was promoted"
    rang = counted(len(facts.alarms))
    return f"Cycle {run.id}: {what}, {rang}"


def _verdict(found: dict[str, Any]) -> dict[str, Any]:
    """A verdict of the gate; its effect in the panel only where no reason has said it."""
    effect = found.get("effect")
    said = not effect or effect in " ".join(found["reasons"])
    good = found["verdict"] in ("promoted", "forced", "active")
    return found | {"effect": None if said else effect, "good": good}


def _measured(figures: dict[str, Any]) -> Iterator[Measured]:
    for name, measured in figures.get("evaluate", {}).get("tables", {}).items():
        for rater, row in measured["table"].items():
            told = row["accuracy"]
            found = Estimate(told["value"], told["low"], told["high"], told.get("n", 0),
                             str(told.get("why", "")))  # fmt: skip
            picture = strip(found, scale=(0.4, 1.0), width=200, level=0.5)
            yield Measured(name, rater, found, picture, row.get("ece"), row.get("reversals"))


def _spent_and_alarms(run: Run) -> tuple[float, list[str]]:
    told: dict[str, Any] = dict(run.summary or {})
    return float(told.get("spent_usd", 0.0)), [alarm["kind"] for alarm in told.get("alarms", [])]


def _line(step: CycleStep) -> str:
    return str((step.summary or {}).get("line", ""))


def _seconds(step: CycleStep) -> str:
    if step.started_at is None or step.finished_at is None:
        return ""
    took = (step.finished_at - step.started_at).total_seconds()
    return f"{took:.0f} s" if took >= 1 else "< 1 s"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
