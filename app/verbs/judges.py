"""Verbs about who votes: list, bridge, accept, retire."""

from typing import Annotated

import typer

from app.output import say, show, table
from app.verbs.options import AsJson, ConfigPath, configuration

judges = typer.Typer(help="Judges, their versions, and which of them vote.", no_args_is_help=True)


@judges.command("list")
def judges_list(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Every version of every judge: since when, its votes, whether they count, what changed.

    Of one judge one version votes: the one asked last. Beside it, what `tiebreak probe` showed.

    Example: tiebreak judges list
    """
    from db.versions import versions
    from judges.judge_config import COUNTS

    with configuration(config).database.read() as session:
        found = versions(session, COUNTS)
    if as_json:
        show({"judges": [vars(each) for each in found]}, True)
        return
    if not found:
        say("no judge has been asked or imported yet; run `tiebreak judge`")
        return
    rows = [
        [v.judge, v.version[:7], f"{v.since:%Y-%m-%d}", v.provider, f"{v.votes:,}",
         "yes" if v.votes_count else f"no: {v.why}", v.probe, v.differs]
        for v in found
    ]  # fmt: skip
    columns = ["judge", "version", "since", "provider", "votes", "they count", "probe"]
    table("Judges", [*columns, "what changed"], rows)


@judges.command("bridge")
def judges_bridge(
    name: Annotated[str, typer.Argument(help="A changed judge by its name.")],
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """How the new version of a judge differs from the one that votes, on its sample; asks nobody.

    `tiebreak judge` asks it about the sample. Shares have 95% intervals by prompt.

    Example: tiebreak judges bridge claude
    """
    from app.pipeline.bridging import COLUMNS, shown

    settings = configuration(config)
    found = shown(settings.database, settings.panel, name, settings.folder)
    if not as_json:
        table(f"Judge {name!r}, new against old", list(COLUMNS), found.rows)
    show(found, as_json)


@judges.command("accept")
def judges_accept(
    name: Annotated[str, typer.Argument(help="A changed judge by its name.")],
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Let the new version of a judge be asked about everything from the next `tiebreak judge` on.

    Example: tiebreak judges accept claude
    """
    from app.pipeline.bridging import accept

    settings = configuration(config)
    new = accept(settings.database, settings.panel, name, settings.folder)
    if as_json:
        show({"judge": name, "accepted": True, "changed": new}, True)
    else:
        said = "is accepted as it is configured" if new else "was accepted before"
        say(f"judge {name!r} {said}; `tiebreak judge` asks the rest")


@judges.command("retire")
def judges_retire(
    name: Annotated[str, typer.Argument(help="A judge by its name.")],
    undo: Annotated[bool, typer.Option("--undo", help="Let it be asked and vote again.")] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Let a judge neither vote nor be asked from now on; its votes are kept.

    Example: tiebreak judges retire claude
    """
    from db import voters

    settings = configuration(config)
    configured = any(judge.name == name for judge in settings.panel.judge)
    with settings.database.begin() as session:
        changed = voters.retire(session, name, undo=undo, configured=configured)
    now = "is asked and votes again" if undo else "is retired: it is not asked and does not vote"
    if undo and not configured:
        now = "is retired no longer; it is not configured, so votes it was asked for do not count"
    said = f"judge {name!r} {now}" if changed else f"judge {name!r} stands so already"
    if as_json:
        show({"judge": name, "retired": not undo, "changed": changed}, True)
    else:
        say(f"{said}; route and merge again for what it changes" if changed else said)
