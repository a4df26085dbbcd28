"""The cycle's page, for the person who answers for it: one HTML file, no script, no network.

What changed, why something was promoted or was not, what it cost, what to look at. It is written
anew from the stored steps, so it can also be made of a cycle that stopped half-way.
"""

import os
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from app.config import Config
from db import cycles
from db.models import CycleStep, Run

_MARK = {"done": "done", "skipped": "nothing to do", "failed": "failed", "running": "stopped here"}
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2126; --fine: #5b6570; --line: #d8dde2; --ring: #b3261e;
  --good: #1e6b3a; --paper: #ffffff; --card: #f5f7f8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebee; --fine: #9aa5b0; --line: #39424a;
  --ring: #ff8a80; --good: #7bd69a; --paper: #15191d; --card: #1e242a; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.2rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { margin: .3rem 0; } .fine { color: var(--fine); font-size: .9rem; }
.card { background: var(--card); border-left: 4px solid var(--line);
  padding: .7rem 1rem; margin: .6rem 0; }
.ring { border-left-color: var(--ring); } .good { border-left-color: var(--good); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .93rem; }
th, td { text-align: left; padding: .4rem .7rem .4rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; } .number { text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; } th.number { padding-left: .7rem; }
td.line { overflow-wrap: anywhere; min-width: 16rem; } svg { display: block; }
svg text { fill: var(--fine); font-size: 11px; } .span { stroke: var(--ink); stroke-width: 2; }
.dot { fill: var(--ink); } .axis { stroke: var(--line); }
"""


def write(config: Config, cycle_id: int) -> Path:
    """Write the page of a cycle whole or not at all; where it lies."""
    with config.database.read() as session:
        run = cycles.get(session, cycle_id)
        steps = cycles.steps_of(session, cycle_id)
        facts = cycles.facts(session, cycle_id)
        past = [r for r in cycles.finished(session) if r.id != cycle_id]
    text = page(run, steps, facts, past)
    folder = config.cycle.reports
    folder.mkdir(parents=True, exist_ok=True)
    goal = folder / f"cycle-{cycle_id}.html"
    half = goal.with_name(f".{goal.name}.part")
    half.write_text(text, encoding="utf-8")
    os.replace(half, goal)
    return goal


def page(run: Run, steps: list[CycleStep], facts: cycles.Facts, past: list[Run]) -> str:
    """The whole document."""
    figures = {step.name: dict(step.summary or {}).get("figures", {}) for step in steps}
    parts = [
        _opening(run, steps, facts, figures), _alarms(facts), _verdicts(figures), _gold(figures),
        _money(figures, facts), _steps(steps), _look(facts), _past(past),
    ]  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Tiebreak cycle {run.id}</title>\n<style>{_STYLE}</style></head>\n"
        f"<body><main>\n{''.join(parts)}</main></body></html>\n"
    )


def _opening(run: Run, steps: list[CycleStep], facts: cycles.Facts, figures: dict[str, Any]) -> str:
    failed = next((s for s in steps if s.status == cycles.FAILED), None)
    if failed is not None:
        why = str((failed.summary or {}).get("line", ""))
        head = f"Cycle {run.id} stopped at “{failed.name}”"
        line = f"{escape(why)}. Run <code>tiebreak cycle</code> to go on with this step."
    else:
        verdicts = figures.get("gate", {}).get("verdicts", [])
        won = [v["checkpoint"] for v in verdicts if v["verdict"] in ("promoted", "forced")]
        what = f"promoted {', '.join(won)}" if won else "nothing was promoted"
        rang = f"{len(facts.alarms)} alarms" if facts.alarms else "no alarm"
        head, line = f"Cycle {run.id}: {what}, {rang}", f"${facts.spent_usd:,.4f} spent on judging."
    return (
        f"<header><h1>{escape(head)}</h1><p>{line}</p>"
        f'<p class="fine">Begun {_time(run.started_at)}.</p></header>\n'
    )


def _alarms(facts: cycles.Facts) -> str:
    if not facts.alarms:
        return _section("Alarms", '<div class="card good">Nothing rang.</div>')
    cards = [
        f'<div class="card ring"><p><strong>{escape(a["sentence"])}</strong></p>'
        f"<p>{escape(a['look'])}.</p></div>"
        for a in facts.alarms
    ]
    return _section("Alarms", "".join(cards))


def _verdicts(figures: dict[str, Any]) -> str:
    cards = []
    for verdict in figures.get("gate", {}).get("verdicts", []):
        kind = "good" if verdict["verdict"] in ("promoted", "forced", "active") else "card"
        reasons = "".join(f"<p>{escape(reason)}.</p>" for reason in verdict["reasons"])
        effect = verdict.get("effect")
        if effect and effect in " ".join(verdict["reasons"]):
            effect = None  # a reason has said it
        whole = f'<p class="fine">In the panel: {escape(effect)}.</p>' if effect else ""
        cards.append(
            f'<div class="card {kind}"><p><strong>{escape(verdict["verdict"])}: '
            f"{escape(verdict['kind'])} {escape(verdict['checkpoint'])}</strong></p>"
            f"{reasons}{whole}</div>"
        )
    return _section("Promoted or not, and why", "".join(cards) or "<p>Nothing stood before it.</p>")


def _gold(figures: dict[str, Any]) -> str:
    rows = []
    for name, measured in figures.get("evaluate", {}).get("tables", {}).items():
        for rater, row in measured["table"].items():
            found = row["accuracy"]
            rows.append(
                f"<tr><td>{escape(name)}</td><td>{escape(rater)}</td>"
                f'<td class="number">{_number(found["value"])}</td><td>{_strip(found)}</td>'
                f'<td class="number">{_number(row.get("ece"))}</td>'
                f'<td class="number">{_number(row.get("reversals"))}</td></tr>'
            )
    if not rows:
        return ""
    heads = ["measured for", "rater", "accuracy", "95%, by prompt", "ECE", "reversals"]
    numbers = ("accuracy", "ECE", "reversals")
    head = "".join(f"<th{' class=number' * (h in numbers)}>{h}</th>" for h in heads)
    table = f'<div class="wide"><table><tr>{head}</tr>{"".join(rows)}</table></div>'
    return _section("On the frozen gold", table)


def _money(figures: dict[str, Any], facts: cycles.Facts) -> str:
    judging = figures.get("judge", {})
    planned = judging.get("planned_usd")
    plan = f", planned were ${planned:,.4f}" if planned is not None else ""
    missing = judging.get("missing") or 0
    left = f" {missing:,} votes are missing." if missing else ""
    return _section("What it cost", f"<p>${facts.spent_usd:,.4f} on judging{plan}.{left}</p>")


def _steps(steps: list[CycleStep]) -> str:
    rows = "".join(
        f"<tr><td>{escape(step.name)}</td><td>{_MARK.get(step.status, step.status)}</td>"
        f'<td class="number">{_seconds(step)}</td>'
        f'<td class="line">{escape(str((step.summary or {}).get("line", "")))}</td></tr>'
        for step in steps
        if step.name != "report"
    )
    head = "<tr><th>step</th><th></th><th class=number>took</th><th>what it did</th></tr>"
    return _section("What changed", f'<div class="wide"><table>{head}{rows}</table></div>')


def _look(facts: cycles.Facts) -> str:
    if not facts.look:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in facts.look)
    return _section("What to look at", f"<ul>{items}</ul>")


def _past(past: list[Run]) -> str:
    if not past:
        return ""
    rows = "".join(
        f"<tr><td>{run.id}</td><td>{_time(run.started_at)}</td>"
        f'<td class="number">${float((run.summary or {}).get("spent_usd", 0.0)):,.4f}</td>'  # type: ignore[arg-type]
        f"<td>{_kinds(run)}</td></tr>"
        for run in past
    )
    head = "<tr><th>cycle</th><th>begun</th><th class=number>spent</th><th>alarms</th></tr>"
    return _section("Cycles before", f'<div class="wide"><table>{head}{rows}</table></div>')


def _kinds(run: Run) -> str:
    alarms: Any = (run.summary or {}).get("alarms", [])
    return escape(", ".join(alarm["kind"] for alarm in alarms)) or "none"


def _strip(found: dict[str, Any]) -> str:
    """An accuracy and its interval on a line from 0.4 to 1."""
    if found["value"] is None:
        return escape(str(found.get("why", "")))

    def x(value: float) -> float:
        return 5 + 190 * (min(max(value, 0.4), 1.0) - 0.4) / 0.6

    low, high = found["low"], found["high"]
    span = (
        f'<line class="span" x1="{x(low):.1f}" x2="{x(high):.1f}" y1="8" y2="8"/>'
        if low is not None and high is not None
        else ""
    )
    return (
        f'<svg width="200" height="16" role="img" aria-label="{found["value"]:.3f}">'
        f'<line class="axis" x1="5" x2="195" y1="8" y2="8"/>'
        f'<line class="axis" x1="{x(0.5):.1f}" x2="{x(0.5):.1f}" y1="3" y2="13"/>'
        f'{span}<circle class="dot" cx="{x(found["value"]):.1f}" cy="8" r="4"/></svg>'
    )


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.3f}"


def _seconds(step: CycleStep) -> str:
    if step.started_at is None or step.finished_at is None:
        return ""
    took = (step.finished_at - step.started_at).total_seconds()
    return f"{took:.0f} s" if took >= 1 else "< 1 s"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{title}</h2>{inside}</section>\n"
