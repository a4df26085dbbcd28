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
from app.pipeline.week import Totals, Week, kept, totals_before, week
from db import cycles
from db.models import CycleStep, Run
from db.whole import write_whole
from judges.trust.intervals import Estimate
from review.html import render
from review.report.charts import Span, spans, strip
from review.report.shapes import Picture

_MARK = {
    "done": "done",
    "skipped": "nothing to do",
    "failed": "failed",
    "stopped": "not finished",
    "running": "stopped here",
}
_WEEKS = 7  # of before, shown beside this one
_HALTED = (cycles.FAILED, cycles.STOPPED)


def write(config: Config, cycle_id: int, now: Week | None = None) -> Path:
    """Write the page of a cycle whole or not at all; where it lies."""
    with config.database.read() as session:
        run = cycles.get(session, cycle_id)
        steps = cycles.steps_of(session, cycle_id)
        facts = cycles.facts(session, cycle_id)
        past = [r for r in cycles.finished(session) if r.id < cycle_id]
    text = page(run, steps, facts, past, now or of_week(config, cycle_id)[0])
    goal = config.cycle.reports / f"cycle-{cycles.number_of(run)}.html"
    write_whole(goal, text)
    return goal


def of_week(config: Config, cycle_id: int) -> tuple[Week, Totals]:
    """What a cycle's week came to, against the one before, and the totals it ends with."""
    with config.database.read() as session:
        run = cycles.get(session, cycle_id)
        steps = cycles.steps_of(session, cycle_id)
        spent = cycles.facts(session, cycle_id).spent_usd
        past = [r for r in cycles.finished(session) if r.id < cycle_id]
    return week(config.database, config.gate, run, steps, totals_before(past), spent)


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
    run: Run,
    steps: Sequence[CycleStep],
    facts: cycles.CycleFacts,
    past: Sequence[Run],
    now: Week | None = None,
) -> str:
    """The whole document."""
    told: list[tuple[str, dict[str, Any]]] = [(s.name, dict(s.summary or {})) for s in steps]
    figures = {name: summary.get("figures", {}) for name, summary in told}
    judging = figures.get("judge", {})
    return render(
        "app.pipeline/cycle.html.j2",
        number=cycles.number_of(run),
        head=_head(run, steps, facts, figures),
        begun=_time(run.started_at),
        failure=next((_line(step) for step in steps if step.status in _HALTED), None),
        facts=facts,
        waits=(run.error or "").removeprefix(cycles.WAITS)
        if (run.error or "").startswith(cycles.WAITS)
        else "",
        weeks=[each for each in (now, *map(kept, past[:_WEEKS])) if each is not None],
        bars=_bars([each for each in (now, *map(kept, past[:_WEEKS])) if each is not None]),
        verdicts=[_verdict(found) for found in figures.get("gate", {}).get("verdicts", [])],
        measured=list(_measured(figures)),
        planned_usd=judging.get("planned_usd"),
        missing=judging.get("missing") or 0,
        steps=[
            (step.name, _MARK.get(step.status, step.status), _seconds(step), _line(step))
            for step in steps
            if step.name != "report"
        ],
        past=[
            (cycles.number_of(run), _time(run.started_at), *_spent_and_alarms(run)) for run in past
        ],
    )


def _bars(weeks: Sequence[Week]) -> Picture | None:
    """Dollars a new label, the oldest week first; None where no two weeks have any."""
    priced = [(f"cycle {w.number}", w.usd_a_label) for w in reversed(weeks)]
    known = [(name, usd) for name, usd in priced if usd is not None]
    if len(known) < 2:
        return None
    rows = [(name, Span(usd, note=f"${usd:.2f}"), "mark") for name, usd in known]
    most = max(usd for _, usd in known) or 1.0
    return spans(rows, scale=(0.0, most), name="dollars a new label", form="${:.2f}")


def _head(
    run: Run, steps: Sequence[CycleStep], facts: cycles.CycleFacts, figures: dict[str, Any]
) -> str:
    number = cycles.number_of(run)
    if (run.error or "").startswith(cycles.WAITS):
        return f"Cycle {number} waits for people"
    failed = next((s for s in steps if s.status in _HALTED), None)
    if failed is not None:
        return f"Cycle {number} stopped at “{failed.name}”"
    verdicts = figures.get("gate", {}).get("verdicts", [])
    won = [v["checkpoint"] for v in verdicts if v["verdict"] in ("promoted", "forced")]
    what = f"promoted {', '.join(won)}" if won else "nothing was promoted"
    rang = counted(len(facts.alarms))
    return f"Cycle {number}: {what}, {rang}"


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
