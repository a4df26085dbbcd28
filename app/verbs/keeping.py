"""Verbs about keeping and forgetting: backup, restore, people, prompts, retention."""

from pathlib import Path
from typing import Annotated

import typer

from app.output import progress, show, table
from app.verbs.options import AsJson, ConfigPath, configuration

people = typer.Typer(help="Who reviews, and forgetting somebody.", no_args_is_help=True)
prompts = typer.Typer(help="Forgetting texts.", no_args_is_help=True)

Reason = Annotated[str, typer.Option("--reason", help="Why; it stays in the event log.")]
Sure = Annotated[bool, typer.Option("--yes", help="Erase for good; without it, say what would be.")]


def backup(
    file: Annotated[Path, typer.Argument(help="New file, e.g. tiebreak-2026-11-30.tar.")],
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Write the database, its datasets and its checkpoints into one file, while others work.

    Example: tiebreak backup tiebreak-2026-11-30.tar
    """
    from app.pipeline.backup import back_up

    with progress() as report:
        done = back_up(configuration(config), file, report)
    show(done, as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `tiebreak backup` wrote.")],
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Make a project again from a backup, in an empty database; exit 1 where something is amiss.

    Example: tiebreak restore tiebreak-2026-11-30.tar
    """
    from app.pipeline.backup import restore as step

    with progress() as report:
        done = step(configuration(config), file, report)
    show(done, as_json)


@people.command("list")
def list_people(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Everybody who answers or answered, with their role and last answer.

    Example: tiebreak people list
    """
    from db.annotators import last_answers
    from db.annotators import people as everybody

    with configuration(config).database.read() as session:
        last = last_answers(session)
        found = [
            {"name": one.name, "role": one.role.value, "last_answer": last[one.name].isoformat()}
            for one in everybody(session)
        ]
    if as_json:
        show({"people": found}, True)
        return
    rows = [[one["name"], one["role"], one["last_answer"][:10]] for one in found]
    table("People", ["name", "role", "last answer"], rows)


@people.command("erase")
def erase_person(
    name: Annotated[str, typer.Argument(help="Who, as `people list` names them.")],
    reason: Reason,
    yes: Sure = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Give a person a pseudonym everywhere and remove their own words; answers and figures stay.

    Example: tiebreak people erase "Ada Lovelace" --reason "asked for it on 30 November" --yes
    """
    from app.pipeline.erasing import erase_person as step

    show(step(configuration(config).database, name, reason, "cli", sure=yes), as_json)


@prompts.command("erase")
def erase_prompts(
    pairs: Annotated[
        list[str], typer.Argument(help="Pairs by number, pair_id or hash, or hashes of prompts.")
    ],
    reason: Reason,
    yes: Sure = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Remove the texts of these pairs' prompts from the database, and name what still holds them.

    The prompt's other pairs lose their texts too. It cannot be imported again.

    Example: tiebreak prompts erase coding-01:r1:r2 --reason "holds an address" --yes
    """
    from app.pipeline.erasing import erase_prompts as step

    show(step(configuration(config).database, pairs, reason, "cli", sure=yes), as_json)


def retention(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed; remove nothing.")
    ] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Remove raw answers, texts and names that are older than [retention] allows.

    What an erasure left in free pages of a busy database goes, too.

    Example: tiebreak retention --dry-run
    """
    from app.pipeline.erasing import apply_retention

    settings = configuration(config)
    ages, sure = settings.retention, not dry_run
    show(apply_retention(settings.database, ages, "cli", sure=sure, purge=True), as_json)
