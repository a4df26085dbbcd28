"""Verbs about batches at providers: list, drop."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.output import show, table
from app.verbs.options import AsJson, ConfigPath, configuration, user

if TYPE_CHECKING:
    from judges.steps.batches import BatchRow

batches = typer.Typer(help="Batches at providers.", no_args_is_help=True)


@batches.command("list")
def batches_list(
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask each provider how far it is; costs nothing.")
    ] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """The batches on their way, and those that stop a judge's further ones: whose, since when.

    Example: tiebreak batches list --ask
    """
    from judges.steps import list_batches

    settings = configuration(config)
    found = list_batches(settings.database, settings.panel, every=every, ask=ask)
    if found.rows and not as_json:
        rows = [_cells(row) for row in found.rows]
        names = ["id", "judge", "at the provider", "sent (UTC)", "questions", "counted", "state"]
        table("Batches", [*names, "in words"], rows)
    show(found, as_json)


@batches.command("drop")
def batches_drop(
    batch: Annotated[str, typer.Argument(help="Its number, or its provider's id.")],
    billed_usd: Annotated[
        float | None,
        typer.Option(help="What it was billed; default: all that was set aside counts.", min=0),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Who says so; default the user of this machine.")
    ] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Give a batch up: cancelled at its provider where possible, its questions are asked again.

    Its money stays counted as spent, unless --billed-usd or `money reconcile` knows better. Of a
    batch that was refused, it says that the cause is mended: batches are sent again.

    Example: tiebreak batches drop 3
    """
    from judges.steps import drop_batch

    settings = configuration(config)
    done = drop_batch(
        settings.database, settings.panel, batch, actor=by or user(), billed_usd=billed_usd
    )
    show(done, as_json)


def _cells(row: "BatchRow") -> list[object]:
    job = row.job
    state = f"{job.state}, stops the judge" if row.stops else job.state
    sent = f"{job.sent_at:%Y-%m-%d %H:%M}"
    figures = [f"{job.questions:,}", f"${job.counted_usd:,.4f}"]
    said = row.at_provider or job.why or ""
    return [job.id, job.judge, job.provider_id or "", sent, *figures, state, said]
