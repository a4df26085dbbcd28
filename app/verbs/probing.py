"""The verb that probes a judge."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.output import progress, say, show, table, warn
from app.verbs.options import AsJson, ConfigPath, MaxUsd, configuration, require_cap

if TYPE_CHECKING:
    from judges.probe_report import ProbeReport


def probe(
    judge: Annotated[str, typer.Argument(help="A judge by its name, or a trained one.")],
    pairs: Annotated[
        int, typer.Option(help="Pairs to ask about; fewer than 100 show little.", min=1)
    ] = 100,
    max_usd: MaxUsd = None,
    shown: Annotated[
        bool, typer.Option("--show", help="What its probes showed so far; asks nobody.")
    ] = False,
    estimated: Annotated[
        bool, typer.Option("--estimate", help="What is missing of it would cost; asks nobody.")
    ] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Change pairs in ways whose effect is known, and see whether a judge falls for one of them.

    Each change stands beside a placebo of like size. A pair costs up to 15 questions. With
    `require_probe = true` under [panel] a judge that failed, or was not probed, is asked and does
    not vote. Exit 3 where it failed.

    Example: tiebreak probe claude --max-usd 5
    """
    from app.pipeline.panel import panel_for
    from judges.cost import costs
    from judges.steps.probing import askable, estimate_probe
    from judges.steps.probing import probe as step

    settings = configuration(config)
    if shown:
        _show(settings.database, judge, as_json)
        return
    panel = panel_for(settings, judge)
    asked = askable(panel, judge)
    if estimated:
        found = estimate_probe(settings.database, panel, judge, pairs=pairs, beside=settings.folder)
        show(found, as_json)
        return
    require_cap(max_usd, [f"judge {judge!r}"] if costs(asked) else [])
    with progress() as report:
        done = step(
            settings.database, panel, judge, pairs=pairs, max_usd=max_usd, progress=report,
            beside=settings.folder,
        )  # fmt: skip
    for notice in done.notices:
        warn(f"note: {notice}")
    for problem in done.problems:
        warn(f"problem: {problem}")
    if as_json:
        show({**vars(done), "report": _figures(done.report)}, True)
    else:
        if not done.missing:
            _table(judge, done.report)
        show(done, False)
        if done.kept and panel.panel.require_probe:
            say("this panel requires probes: route and merge again for what it changes")
    if done.kept and done.report.verdict == "failed":
        raise typer.Exit(3)


def _show(database: Any, judge: str, as_json: bool) -> None:
    from db.errors import UnknownName
    from db.probes import outcomes
    from db.versions import silenced
    from judges.probe_report import ProbeReport

    with database.read() as session:
        found = [each for each in outcomes(session).values() if each.judge == judge]
        silent = silenced(session).get(judge)
    if not found:
        raise UnknownName(f"judge {judge!r} was not probed yet; run `tiebreak probe {judge}`")
    reports = [ProbeReport.of_figures(each.report) for each in found]
    if as_json:
        versions = [
            {"version": each.version, "at": each.at, **_figures(report)}
            for each, report in zip(found, reports, strict=True)
        ]
        show({"judge": judge, "does_not_vote": silent, "probes": versions}, True)
        return
    for each, report in zip(found, reports, strict=True):
        _table(f"{judge}, version {each.version[:7]}", report)
        say(f"probed {each.at:%Y-%m-%d} on {each.pairs:,} pairs: {each.why}")
        for line in report.lines:
            say(line)
    if silent:
        say(f"judge {judge!r} does not vote: {silent}")


def _figures(report: "ProbeReport") -> dict[str, Any]:
    return {
        "verdict": report.verdict, "suffices": report.suffices, **report.as_figures(),
        "lines": report.lines,
    }  # fmt: skip


def _table(title: str, report: "ProbeReport") -> None:
    """Flips under each change and under its placebo, and the difference of the rates in points."""
    rows = [
        [
            row.change, row.effect, f"{row.pairs:,}", f"{row.left_out:,}", f"{row.flips:,}",
            f"{row.placebo_flips:,}", row.told, row.verdict,
        ]
        for row in report.rows
    ]  # fmt: skip
    columns = ["change", "known effect", "pairs", "left out", "flips", "placebo's", "points more"]
    table(f"Probe of {title}", [*columns, "verdict"], rows)
