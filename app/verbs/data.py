"""Verbs about data: import, gold, merge, export."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from app.output import progress, show, warn
from app.verbs.options import AsJson, ConfigPath, Seed, configuration
from trainer.vocabulary import Balance, Format, LayoutName

imports = typer.Typer(
    help="Take data in; a second import of the same adds nothing. Exit 1 where no row was good.",
    no_args_is_help=True,
)
gold = typer.Typer(help="Frozen labels for the gate.", no_args_is_help=True)

Files = Annotated[list[Path], typer.Argument(help="JSON, JSONL, CSV, Parquet or a folder.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse a file that has any bad row.")]
Rejects = Annotated[
    Path | None,
    typer.Option("--rejects", help="Where bad rows go; default FILE.rejects.jsonl here."),
]


def _run(kind: str, files: list[Path], config: Path | None, as_json: bool, **options: Any) -> None:
    from db.imports import ImportOptions, Kind, import_files
    from judges.relatives import guessed_families

    settings = configuration(config)
    options["limits"] = settings.files
    with progress() as report:
        done = import_files(settings.database, Kind(kind), files, ImportOptions(**options), report)
    show(done, as_json)
    if done.kind == "votes" and (guesses := guessed_families(settings.database)):
        warn(guesses)
    if done.rejected and done.rejected == done.rows:
        raise typer.Exit(1)


@imports.command()
def pairs(
    files: Files,
    annotator: Annotated[
        str, typer.Option(help="Who signs labels that come as chosen and rejected.")
    ] = "recorded",
    strict: Strict = False,
    rejects: Rejects = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Pairs: prompt, response_a, response_b, or prompt, chosen, rejected.

    Example: tiebreak import pairs pairs.jsonl.gz
    """
    _run("pairs", files, config, as_json, annotator=annotator, strict=strict, rejects=rejects)


@imports.command()
def candidates(
    files: Files,
    per_prompt: Annotated[
        int | None, typer.Option(min=1, help="Pairs drawn of each prompt; default all.")
    ] = None,
    seed: Seed = 7,
    strict: Strict = False,
    rejects: Rejects = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Prompts with n responses each, which become pairs, all or a drawn number.

    Example: tiebreak import candidates answers.jsonl --per-prompt 3
    """
    _run(
        "candidates", files, config, as_json,
        pairs_per_prompt=per_prompt, seed=seed, strict=strict, rejects=rejects,
    )  # fmt: skip


@imports.command()
def votes(
    files: Files,
    strict: Strict = False,
    rejects: Rejects = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Votes of judges asked elsewhere: pair_id, judge, choice, and order, sample, family.

    Example: tiebreak import votes votes.jsonl.gz
    """
    _run("votes", files, config, as_json, strict=strict, rejects=rejects)


@imports.command()
def labels(
    files: Files,
    strict: Strict = False,
    rejects: Rejects = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Human opinions, one a row: pair_id, annotator, choice; they count as reviews.

    Example: tiebreak import labels labels.jsonl.gz
    """
    _run("labels", files, config, as_json, strict=strict, rejects=rejects)


@imports.command("gold")
def import_gold(
    files: Files,
    strict: Strict = False,
    rejects: Rejects = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Trusted answers, frozen at once and never trained on: pair_id, choice.

    Example: tiebreak import gold gold.jsonl.gz
    """
    from judges.alike.groups import group_of

    _run("gold", files, config, as_json, strict=strict, rejects=rejects, grouping=group_of)


@imports.command()
def rankings(
    files: Files,
    strict: Strict = False,
    rejects: Rejects = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Orders over responses of one prompt: prompt, responses, ranking, annotator.

    Example: tiebreak import rankings rankings.jsonl
    """
    _run("rankings", files, config, as_json, strict=strict, rejects=rejects)


@imports.command()
def steps(
    files: Files,
    strict: Strict = False,
    rejects: Rejects = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Solutions in steps: prompt, steps (or completions), and labels or ratings.

    Labels are true and false, 1 and 0, or + and -. Ratings are 1, 0 and -1, where 0 is neither
    right nor wrong; so are the labels of files that hold a -1. Null is a step that nobody rated.

    Example: tiebreak import steps steps.jsonl
    """
    _run("steps", files, config, as_json, strict=strict, rejects=rejects)


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
