"""The verb of the week: cycle."""

from pathlib import Path
from typing import Annotated

import typer

from app.output import progress, show, warn
from app.verbs.options import AsJson, ConfigPath, configuration
from db.errors import BadInput, Unfinished

ALARMS = 3  # exit code of a cycle that finished with alarms
UNFINISHED = 4  # of one that stopped for lack of votes, and goes on when it is run again
WAITS = 5  # of one that waits for audits that people are to answer


def cycle(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done and cost; do nothing.")
    ] = False,
    max_usd: Annotated[
        float | None,
        typer.Option(help="Never spend more on judging; default: [cycle] max_usd.", min=0),
    ] = None,
    inbox: Annotated[
        Path | None, typer.Option(help="Take in what lies here; default: [cycle] inbox.")
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(
            help="Address that is told of alarms and failures.",
            envvar="TIEBREAK_WEBHOOK",
            show_envvar=True,
            show_default=False,
        ),
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Leave an unfinished cycle as it is and begin a new one.")
    ] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Everything once: import, judge, route, merge, export, train, evaluate, gate, report.

    Killed, failed or stopped, it goes on at the step that was not done. Exit 0 fine, 3 finished
    with alarms, 4 stopped because votes are missing, 5 waits for audits to be answered, 1 failed.

    Example: tiebreak cycle --max-usd 20
    """
    from app.pipeline.cycle import plan_cycle, run_cycle

    _check(inbox, webhook)
    settings = configuration(config)
    if dry_run:
        show(plan_cycle(settings, max_usd=max_usd, folder=inbox), as_json)
        return
    try:
        with progress() as report:
            done = run_cycle(
                settings,
                max_usd=max_usd,
                folder=inbox,
                webhook=webhook,
                anew=anew,
                announce=warn,
                progress=report,
            )
    except Unfinished as error:
        warn(f"tiebreak: {error}")
        raise typer.Exit(UNFINISHED) from None
    show(done, as_json)
    for alarm in done.alarms:
        warn(f"alarm: {alarm['sentence']}")
    if done.waits or done.alarms:
        raise typer.Exit(WAITS if done.waits else ALARMS)


def _check(inbox: Path | None, webhook: str | None) -> None:
    """What would show only when something rings, or never. The address is a secret: not shown."""
    if inbox is not None and not inbox.is_dir():
        raise BadInput(f"--inbox {str(inbox)!r} is no folder; make it, or name another")
    if webhook and not webhook.startswith(("http://", "https://")):
        raise BadInput(
            "the webhook's address does not begin with http:// or https://; correct --webhook or "
            "TIEBREAK_WEBHOOK"
        )
