"""Verbs that take data in: one for each kind of rows."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.output import progress, show, warn, write
from app.preview import preview
from app.verbs.options import AsJson, ConfigPath, Seed, configuration
from db.vocabulary import CheckpointKind

imports = typer.Typer(
    help="Take data in; a second import of the same adds nothing. Exit 1 where no row was good.",
    no_args_is_help=True,
)

Files = Annotated[
    list[Path], typer.Argument(help="JSON, JSONL, CSV, Parquet, also packed, or a folder.")
]
As = Annotated[
    str | None,
    typer.Option("--as", help="The preset that reads the rows; default the one that fits them."),
]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        help="What of the file is what: FIELD=COLUMN,..., or the name of a [maps.NAME].",
        show_default=False,
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(help="Pass over this column; may be repeated.", show_default=False),
]
Keep = Annotated[
    list[str] | None,
    typer.Option(help="Keep this column with its pair; may be repeated.", show_default=False),
]
Split = Annotated[
    str | None,
    typer.Option(help="The part to read of a file that has several, or all.", show_default=False),
]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse a file that has any bad row.")]
Rejects = Annotated[
    Path | None,
    typer.Option("--rejects", help="Where bad rows go; default FILE.rejects.jsonl here."),
]


DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the first rows as understood, and store nothing.")
]


def _run(kind: str, given: dict[str, Any]) -> None:
    """Import `files` with the other values a verb was given, by their names."""
    from db.imports import ImportOptions, Kind, import_files
    from judges.relatives import guessed_families

    settings = configuration(given.pop("config"))
    files, as_json, columns = given.pop("files"), given.pop("as_json"), given.pop("columns")
    options: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.items()
        if value is not None
    }
    if columns:
        options["columns"] = settings.column_map(columns, kind)
    told = ImportOptions(limits=settings.files, **options)
    with progress() as report:
        done = import_files(settings.database, Kind(kind), files, told, report)
    show(done, as_json)
    if not as_json:
        for file in done.files:
            if file.first:
                write(preview(file.first))
    if done.kind == "votes" and (guesses := guessed_families(settings.database)):
        warn(guesses)
    if done.useless:
        raise typer.Exit(1)


@imports.command()
def pairs(
    files: Files,
    preset: As = None,
    columns: Map = None,
    ignore: Ignore = None,
    keep: Keep = None,
    split: Split = None,
    annotator: Annotated[str, typer.Option(help="Who signs labels that name nobody.")] = "recorded",
    dry_run: DryRun = False,
    strict: Strict = False,
    rejects: Rejects = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Pairs with what people and judges said of them, in our rows or in a published shape.

    Our rows: prompt, response_a, response_b, or prompt, chosen, rejected.

    Example: tiebreak import pairs pairs.jsonl.gz --dry-run
    """
    _run("pairs", locals())


@imports.command()
def candidates(
    files: Files,
    preset: As = None,
    columns: Map = None,
    ignore: Ignore = None,
    keep: Keep = None,
    split: Split = None,
    annotator: Annotated[
        str, typer.Option(help="Who signs ratings and orders that name nobody.")
    ] = "recorded",
    pairs_per_prompt: Annotated[
        int | None,
        typer.Option("--per-prompt", min=1, help="Pairs drawn of each prompt; default all."),
    ] = None,
    seed: Seed = 7,
    dry_run: DryRun = False,
    strict: Strict = False,
    rejects: Rejects = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Prompts with n responses each, which become pairs, all or a drawn number.

    Example: tiebreak import candidates answers.jsonl --per-prompt 3
    """
    _run("candidates", locals())


@imports.command()
def checkpoint(
    folder: Annotated[Path, typer.Argument(help="Where transformers, TRL or peft saved it.")],
    kind: Annotated[CheckpointKind, typer.Option(help="reward or judge.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the checkpoint; default the folder's.")
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="Base of an adapter, where it is not where it says.")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(min=16, help="Tokens read at most; default all its positions.")
    ] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """A reward model or judge trained elsewhere, to evaluate, promote, serve and ask as any other.

    A classifier with one output, a LoRA adapter with its base, or for a judge a model that writes.

    Example: tiebreak import checkpoint ../models/skywork-0.6b --kind reward
    """
    from trainer.steps import import_checkpoint

    settings = configuration(config)
    done = import_checkpoint(
        settings.database,
        folder,
        kind,
        settings.training,
        settings.panel.rules,
        name,
        base,
        max_length,
    )
    show(done, as_json)


@imports.command()
def votes(
    files: Files,
    columns: Map = None,
    ignore: Ignore = None,
    split: Split = None,
    dry_run: DryRun = False,
    strict: Strict = False,
    rejects: Rejects = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Votes of judges asked elsewhere: pair_id, judge, choice, and order, sample, family.

    Two scores, score_a and score_b, are a choice, too.

    Example: tiebreak import votes votes.jsonl.gz
    """
    _run("votes", locals())


@imports.command()
def labels(
    files: Files,
    columns: Map = None,
    ignore: Ignore = None,
    split: Split = None,
    dry_run: DryRun = False,
    strict: Strict = False,
    rejects: Rejects = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Human opinions, one a row: pair_id, annotator, choice; they count as reviews.

    Example: tiebreak import labels labels.jsonl.gz
    """
    _run("labels", locals())


@imports.command("gold")
def import_gold(
    files: Files,
    columns: Map = None,
    ignore: Ignore = None,
    split: Split = None,
    dry_run: DryRun = False,
    strict: Strict = False,
    rejects: Rejects = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Trusted answers, frozen at once and never trained on: pair_id, choice.

    Example: tiebreak import gold gold.jsonl.gz
    """
    given = locals()
    from judges.alike.groups import group_of

    _run("gold", {**given, "grouping": group_of})


@imports.command()
def rankings(
    files: Files,
    columns: Map = None,
    ignore: Ignore = None,
    split: Split = None,
    dry_run: DryRun = False,
    strict: Strict = False,
    rejects: Rejects = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Orders over responses of one prompt: prompt, responses, ranking, annotator.

    Example: tiebreak import rankings rankings.jsonl
    """
    _run("rankings", locals())


@imports.command()
def steps(
    files: Files,
    preset: As = None,
    columns: Map = None,
    ignore: Ignore = None,
    split: Split = None,
    dry_run: DryRun = False,
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
    _run("steps", locals())
