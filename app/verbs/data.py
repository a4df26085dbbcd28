"""Verbs about data that is here: gold, merge, export."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from app.output import progress, show, table, warn
from app.verbs.options import AsJson, ConfigPath, Seed, configuration
from trainer.vocabulary import Balance, Format, LayoutName

gold = typer.Typer(help="Frozen labels for the gate.", no_args_is_help=True)


@gold.command()
def draw(
    share: Annotated[float, typer.Option(help="Share of the humanly settled prompts.")] = 0.2,
    seed: Seed = 7,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Freeze part of the humanly settled pairs as gold, by whole groups of prompts.

    One conversation at several lengths, and prompts that ask the same in nearly the same words, are
    one group. Groups of which a prompt was exported are passed over.

    Example: tiebreak gold draw --share 0.2 --seed 7
    """
    from db.gold import draw_gold
    from db.prompts import StoredPrompts
    from judges.alike.groups import group

    with configuration(config).database.begin() as session:
        groups = group(StoredPrompts(session))
        drawn = draw_gold(session, share, seed, groups.of)
    for large in groups.large:
        warn(large.told)
    show(drawn, as_json)


@gold.command()
def ledger(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """How many decisions of the gate each part of the gold has served, and what is needed next.

    Example: tiebreak gold ledger
    """
    from app.pipeline.gold import ledger as step

    settings = configuration(config)
    found = step(settings.database, settings.gate.gold_serves, settings.gate.gold_least)
    if not as_json and found.rows:
        rows = [[r.frozen, r.prompts, r.pairs, r.decided, r.served] for r in found.rows]
        table("Gold", ["frozen", "prompts", "pairs", "decided", "decisions served"], rows)
    show(found, as_json)


@gold.command()
def retire(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Turn gold that has served its decisions into ordinary labels, as long as enough stays.

    How many decisions is `[gate] gold_serves`, and enough is `[gate] gold_least`; the weekly cycle
    does the same after its gate.

    Example: tiebreak gold retire
    """
    from app.pipeline.gold import retire as step

    settings = configuration(config)
    gate = settings.gate
    show(step(settings.database, gate.gold_serves, gate.gold_least), as_json)


def merge(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Settle labels: an adjudication goes before a review, a review before the consensus.

    Promises that audits answered since then contradict are withdrawn.

    Example: tiebreak merge
    """
    from app.pipeline.withdrawal import withdraw_broken
    from review.merge import merge as step

    settings = configuration(config)
    with progress() as report:
        done = step(settings.database, settings.review, progress=report)
    for withdrawn in withdraw_broken(settings.database):
        warn(withdrawn.summary)
    show(done, as_json)


def export(
    folder: Annotated[Path, typer.Argument(help="A new folder; its name names the dataset.")],
    to: Annotated[LayoutName, typer.Option(help="For which tool it is laid out.")] = "trl",
    name: Annotated[
        str | None, typer.Option(help="Name of the dataset; default the folder's.")
    ] = None,
    new_since: Annotated[
        str | None, typer.Option(help="Only what changed since this dataset, of the same options.")
    ] = None,
    min_confidence: Annotated[float, typer.Option(help="Of the settled choice.")] = 0.0,
    source: Annotated[
        list[str] | None, typer.Option(help="ensemble, review or adjudication; may be repeated.")
    ] = None,
    domain: Annotated[list[str] | None, typer.Option(help="May be repeated.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Settled at or after.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many pairs.")] = None,
    balance: Annotated[
        Balance | None, typer.Option(help="Equally many of each; ties apart.")
    ] = None,
    format: Annotated[
        Format, typer.Option(help="Messages, or plain strings (trl, kto, sft).")
    ] = "conversational",
    validation: Annotated[float, typer.Option(help="Share of the groups of prompts.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of the groups of prompts.")] = 0.1,
    seed: Seed = 7,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Write the settled labels as an immutable dataset, for trl or another tool.

    Example: tiebreak export datasets/first --min-confidence 0.8 --source review
    """
    from trainer.export.selection import ExportOptions
    from trainer.steps import export as step

    options = ExportOptions(
        min_confidence=min_confidence,
        sources=tuple(source or ()),
        domains=tuple(domain or ()),
        since=since,
        limit=limit,
        balance=balance,
        to=to,
        format=format,
        validation=validation,
        test=test,
        seed=seed,
    )
    show(step(configuration(config).database, folder, options, name, new_since), as_json)
