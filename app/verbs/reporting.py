"""Verbs about what is true now: report, certificate."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.output import say, show, table, warn
from app.verbs.options import AsJson, ConfigPath, Seed, configuration

certificate = typer.Typer(
    help="Promises on batches: list, compute again, withdraw.", no_args_is_help=True
)


def report(
    html: Annotated[
        Path | None, typer.Option(help="Write it as one HTML file with pictures, too.")
    ] = None,
    human_usd_per_hour: Annotated[float, typer.Option(help="What an hour costs.", min=0)] = 30.0,
    seconds_per_answer: Annotated[
        float | None, typer.Option(help="Time of one human answer; default: as measured.", min=0.1)
    ] = None,
    seed: Seed = 7,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Judge alone, ensemble, one human, hybrid: agreement, speed and cost of this very project.

    Example: tiebreak report --html report.html
    """
    from app.pipeline.report import ReportOptions
    from app.pipeline.report import report as step

    settings = configuration(config)
    options = ReportOptions(human_usd_per_hour, seconds_per_answer, seed)
    done = step(settings.database, settings.panel, options)
    if html is not None:
        from db.whole import write_whole
        from review.report.page import page

        write_whole(html, page(done))
        warn(f"written to {html}")
    if as_json:
        show(done, True)
    else:
        from app.report_text import print_report

        print_report(done)


@certificate.command("list")
def list_(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Every certificate, and whether it holds, promises nothing, or was withdrawn.

    Example: tiebreak certificate list
    """
    from app.pipeline.certificates import list_certificates

    found = list_certificates(configuration(config).database)
    if as_json:
        show({"certificates": found}, True)
        return
    if not found:
        say("no certificate was made yet; `tiebreak route --target-error 0.05` asks for one")
        return
    rows: list[list[Any]] = [
        [c.id, c.batch_id, c.standing, f"{c.target:.1%}", f"{c.accepted:,}/{c.size:,}",
         f"{c.wrong:,}/{c.audits:,}", c.sentence]
        for c in found
    ]  # fmt: skip
    columns = ["id", "batch", "standing", "target", "accepted", "wrong audits", "in words"]
    table("Certificates", columns, rows)


@certificate.command()
def verify(
    what: Annotated[str, typer.Argument(help="Number of a certificate, or an exported file.")],
    export: Annotated[
        Path | None, typer.Option(help="Write all that an outsider needs to this file.")
    ] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Compute a certificate again from its frame and audits; exit 1 where it does not hold.

    An exported file is checked from its own content alone; no project is needed.

    Example: tiebreak certificate verify 1 --export certificate-1.json
    """
    from app.pipeline.certificates import verify as step

    from_file = Path(what).is_file() or not what.isdigit()
    done = step(None if from_file else configuration(config).database, what, export)
    show(done, as_json)
    if not done.ok:
        raise typer.Exit(1)


@certificate.command()
def withdraw(
    certificate_id: Annotated[int, typer.Argument(metavar="ID", help="Number of a certificate.")],
    reason: Annotated[str, typer.Option(help="Why it no longer holds.")],
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Say that a certificate no longer holds; it stays, with the reason.

    Example: tiebreak certificate withdraw 1 --reason "gpt-4 was replaced on Monday"
    """
    from app.pipeline.certificates import withdraw as step

    database = configuration(config).database
    show(step(database, certificate_id, reason, actor="cli"), as_json)
