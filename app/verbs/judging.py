"""Verbs about judges: estimate, judge."""

from typing import Annotated

import typer

from app.output import progress, show, warn
from app.verbs.options import AsJson, ConfigPath, configuration

Tier = Annotated[int | None, typer.Option(help="Only the judges of this tier.", min=1)]
Only = Annotated[list[str] | None, typer.Option("--only", help="Only this judge; may be repeated.")]


def estimate(
    tier: Tier = None,
    only: Only = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """What asking the missing questions would cost: expected, and at most. Asks nobody.

    Example: tiebreak estimate --tier 1
    """
    from app.pipeline.panel import current_panel
    from judges.steps import estimate as step

    settings = configuration(config)
    panel = current_panel(settings)
    show(step(settings.database, panel, tier=tier, names=only), as_json)


def judge(
    max_usd: Annotated[
        float | None, typer.Option(help="Never spend more than this; needed where answers cost.")
    ] = None,
    tier: Tier = None,
    only: Only = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Ask every judge of the panel for every vote that is missing, then pool the votes.

    Killed at any moment and run again, it asks nothing again but what was in flight.

    Example: tiebreak judge --max-usd 5
    """
    from app.pipeline.panel import current_panel
    from judges.steps import fit_consensus, run_judges

    settings = configuration(config)
    panel = current_panel(settings)
    with progress() as report:
        done = run_judges(
            settings.database,
            panel,
            tier=tier,
            names=only,
            max_usd=max_usd,
            progress=report,
            beside=settings.folder,
        )
    for problem in done.problems:
        warn(f"problem: {problem}")
    pooled = fit_consensus(settings.database, panel.panel.label_model)
    show(done, as_json)
    if not as_json:
        show(pooled, False)
