"""A week in figures, for whoever answers for it: what was delivered, at what price, what stands.

Totals are kept with each cycle, so that a week is the difference of two. Leaves out the page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.gate_settings import GateSettings
from app.pipeline.certificates import list_certificates
from db import cycles
from db.answers import human_work
from db.models import CycleStep, Run
from db.session import Database
from db.status import status


@dataclass(frozen=True)
class Totals:
    """Since the beginning: labels that stand, by who gave them; answers and hours of people; pairs
    under promises that hold, and promises withdrawn.
    """

    by_panel: int = 0
    by_people: int = 0
    answers: int = 0
    hours: float = 0.0
    promised: int = 0
    withdrawn: int = 0


@dataclass(frozen=True)
class Week:
    """One cycle against the one before. usd: calls, and people at `[gate] human_usd_per_hour`.

    usd_a_label: None where no label is new. gate: the verdicts, or which of the three refusals.
    open: questions that wait for people now, and the hours they take at the pace there is.
    """

    number: int
    by_panel: int
    by_people: int
    hours: float
    usd: float
    usd_a_label: float | None
    promised: int
    withdrawn: int
    gate: str
    open: int
    open_hours: float


def totals(database: Database, settings: GateSettings) -> Totals:
    """As everything stands now."""
    with database.read() as session:
        work = human_work(session)
        by_source = cycles.labels_by_source(session)
    each = work.usual_seconds or settings.seconds_per_answer
    given = work.answers + work.adjudications
    made = list_certificates(database)
    held = [one for one in made if one.standing == "holds"]
    gone = [one for one in made if one.standing == "withdrawn"]
    return Totals(
        by_source.get("ensemble", 0),
        sum(n for source, n in by_source.items() if source != "ensemble"),
        given,
        given * each / 3600,
        sum(one.accepted for one in held),
        len(gone),
    )


def week(
    database: Database,
    settings: GateSettings,
    run: Run,
    steps: Sequence[CycleStep],
    before: Mapping[str, Any],
    spent_usd: float,
) -> tuple[Week, Totals]:
    """This cycle's week and the totals it ends with. before: the totals of the cycle before."""
    now, then = totals(database, settings), Totals(**before)
    with database.read() as session:
        figures = status(session)
    hours = max(0.0, now.hours - then.hours)
    labels = max(0, now.by_panel - then.by_panel) + max(0, now.by_people - then.by_people)
    usd = spent_usd + hours * settings.human_usd_per_hour
    open_ = int(figures["tasks_open"])
    pace = now.hours / now.answers if now.answers else settings.seconds_per_answer / 3600
    found = Week(
        cycles.number_of(run),
        now.by_panel - then.by_panel,
        now.by_people - then.by_people,
        hours,
        usd,
        usd / labels if labels else None,
        now.promised,
        now.withdrawn - then.withdrawn,
        _gate(steps),
        open_,
        open_ * pace,
    )
    return found, now


def as_summary(week: Week, totals: Totals) -> dict[str, Any]:
    """What a cycle keeps of its week."""
    return {"week": asdict(week), "totals": asdict(totals)}


def kept(run: Run) -> Week | None:
    """The week a finished cycle kept; None of cycles of before."""
    told = _summary(run).get("week")
    return Week(**told) if told else None


def totals_before(past: Sequence[Run]) -> dict[str, Any]:
    """The totals that the newest finished cycle ended with; empty without one."""
    told = (_summary(run).get("totals") for run in past)
    return next((dict(each) for each in told if each), {})


def _summary(row: Run | CycleStep) -> dict[str, Any]:
    return dict(row.summary or {})


def _gate(steps: Sequence[CycleStep]) -> str:
    figures = {s.name: _summary(s).get("figures", {}) for s in steps}
    told = []
    for verdict in figures.get("gate", {}).get("verdicts", []):
        refused = (verdict.get("figures") or {}).get("refusal") or {}
        told.append(f"{verdict['kind']}: {refused.get('kind') or verdict['verdict']}")
    return "; ".join(told) or "–"
