"""Verbs about money: reconcile."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from app.output import show, warn
from app.verbs.options import AsJson, ConfigPath, configuration, user
from db.errors import BadInput

money = typer.Typer(help="What was spent, beside what was billed.", no_args_is_help=True)


@money.command()
def reconcile(
    file: Annotated[
        Path | None, typer.Argument(help="The provider's own costs, CSV or JSON; or --billed-usd.")
    ] = None,
    billed_usd: Annotated[
        float | None, typer.Option(help="What the provider's page says was billed.", min=0)
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="Where the figure comes from; needed with --billed-usd.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option(help="The bill is of this judge or generator alone.")
    ] = None,
    provider: Annotated[str | None, typer.Option(help="... of this provider alone.")] = None,
    model: Annotated[str | None, typer.Option(help="... of this model alone.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="The bill begins here, UTC; default as the file.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="It ends before this, UTC; default as the file, or now.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Who says so; default the user of this machine.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be freed; change nothing.")
    ] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Free money in doubt (kills, answers that never came) that a bill shows was not billed.

    What answers have cost stays counted, and so does what a run at work or a batch may cost.

    Example: tiebreak money reconcile --billed-usd 3.21 --provider anthropic --reason "usage page"
    """
    from app.bills import read_bill
    from db.reconciling import Scope, reconcile
    from db.runs import cap_of

    if (file is None) == (billed_usd is None):
        raise BadInput("give the provider's file or --billed-usd: one of them tells the bill")
    if sum(one is not None for one in (judge, provider, model)) > 1:
        raise BadInput("--judge, --provider and --model each say whose bill it is; give one")
    since, until = _utc(since), _utc(until)
    if file is not None:
        if judge is not None:
            raise BadInput("a provider's file speaks of models and not of judges; give --model")
        bill = read_bill(file, model, since, until)
        nano, since, until = bill.nanousd, since or bill.first, until or bill.after
        reason = reason or f"{file.name}: {bill.rows} rows"
        if bill.credits:
            warn(f"{bill.credits} credits in {file} are left out: what they give back was billed")
    else:
        nano = cap_of(billed_usd) or 0
    if not (reason and reason.strip()):
        raise BadInput("--billed-usd needs a --reason: where the figure comes from")
    scope = Scope(judge, provider, model, since, until)
    with configuration(config).database.begin() as session:
        done = reconcile(session, scope, nano, by or user(), reason.strip(), dry_run=dry_run)
    show(done, as_json)


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
