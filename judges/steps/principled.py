"""What the principles do, over the stored votes; and what carries over of one that is held out."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from db.errors import BadInput
from db.principles import choices_of, principle_votes
from db.progress import Progress, quiet
from db.session import Database
from db.vocabulary import HOLD_OUT_SAMPLE
from judges import principles
from judges.panel import Panel
from judges.principles import CarryOver, PrincipleReport
from judges.steps.asking import run_judges


def principle_report(database: Database, panel: Panel, judge: str | None = None) -> PrincipleReport:
    """Adherence, conflicts and redundancy over all votes that name principles (of one judge)."""
    with database.read() as session:
        return principles.report(principle_votes(session, judge), panel.rules)


def hold_out(
    database: Database,
    panel: Panel,
    principle: str,
    judge: str,
    *,
    max_usd: float | None = None,
    progress: Progress = quiet,
    environ: Mapping[str, str] | None = None,
    beside: Path | None = None,
) -> CarryOver:
    """Ask a judge without one principle, and its twin about that principle alone; compare.

    The votes of both are stored under names of their own, so asking again costs nothing. They are
    an experiment and no opinions on the pairs: no label rests on them.
    """
    asked = panel.named(judge)
    if not asked.ordered:
        raise BadInput(f"judge {judge!r} reads no constitution; choose one that does")
    twins = principles.held_out(asked, panel.rules, principle)
    both = panel.with_judges(*twins)
    done = run_judges(
        database,
        both,
        names=[twin.name for twin in twins],
        samples=(HOLD_OUT_SAMPLE,),
        max_usd=max_usd,
        progress=progress,
        environ=environ,
        beside=beside,
    )
    with database.read() as session:
        without, only = (choices_of(session, twin.name) for twin in twins)
    found = principles.carried_over(principle, without, only)
    return replace(found, missing=done.missing, cost_usd=done.cost_usd)
