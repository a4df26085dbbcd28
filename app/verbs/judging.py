"""Verbs about judges: estimate, judge, canaries, principles."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from app.config import Config
from app.output import progress, show, table, warn
from app.verbs.options import AsJson, ConfigPath, MaxUsd, Seed, configuration, require_cap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from judges.panel import Panel

Tier = Annotated[int | None, typer.Option(help="Only the judges of this tier.", min=1)]
Only = Annotated[list[str] | None, typer.Option("--only", help="Only this judge; may be repeated.")]
Batch = Annotated[
    bool, typer.Option("--batch", help="Through the provider's batches: half price, hours later.")
]


def estimate(
    tier: Tier = None,
    only: Only = None,
    batch: Batch = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """What asking the missing questions would cost: expected, and at most. Asks nobody.

    Where canary pairs are drawn, their next round is told beside it.

    Example: tiebreak estimate --tier 1
    """
    from app.pipeline.bridging import told
    from app.pipeline.panel import current_panel
    from db.types import now
    from judges.lifetimes import endings
    from judges.participants import chosen
    from judges.steps import estimate as step
    from judges.steps import estimate_canaries

    settings = configuration(config)
    panel = current_panel(settings)
    for sentence in endings(chosen(panel, tier, only), now().date()):
        warn(sentence)
    with progress() as report:
        found = step(
            settings.database,
            panel,
            tier=tier,
            names=only,
            batch=batch,
            progress=report,
            beside=settings.folder,
        )
    for each in told(settings.database, panel, settings.folder):
        warn(f"note: {each}")
    again = estimate_canaries(
        settings.database, panel, tier=tier, names=only, beside=settings.folder
    )
    found = replace(found, canaries=again)
    if found.rows and not as_json:
        rows = [
            [r.judge, r.order.value, f"{r.questions:,}", f"${r.expected_usd:,.4f}",
             f"${r.most_usd:,.4f}"]
            for r in found.rows
        ]  # fmt: skip
        table("Estimate", ["judge", "order", "questions", "expected", "at most"], rows)
    show(found, as_json)


def judge(
    max_usd: MaxUsd = None,
    tier: Tier = None,
    only: Only = None,
    batch: Batch = False,
    again: Annotated[
        bool, typer.Option("--reparse", help="Read the stored answers again; asks nobody.")
    ] = False,
    retry: Annotated[
        list[str] | None,
        typer.Option(
            "--retry-abstains",
            help="Ask again what a judge abstained on by accident, for this reason: cut off, "
            "empty, refused, filtered, too long, rejected, read in part, broken off, unreadable, "
            "or all; may be repeated.",
        ),
    ] = None,
    cascade: Annotated[
        bool, typer.Option("--cascade", help="Cheap tiers first; only unsure pairs climb.")
    ] = False,
    stop_at: Annotated[
        float, typer.Option(help="With --cascade: confidence at which a pair is settled.")
    ] = 0.9,
    careful: Annotated[
        bool,
        typer.Option("--careful/--plain", help="With --cascade: ask more of early rungs, or not."),
    ] = True,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Ask every judge of the panel for every vote that is missing, then pool the votes.

    Killed at any moment and run again, it asks nothing again but what was in flight.
    With --cascade the second order, further samples and higher tiers are asked only about pairs
    the pooled votes are not sure of yet.

    Example: tiebreak judge --max-usd 5
    """
    from app.pipeline.bridging import bridge, held_back
    from app.pipeline.panel import enrolled_panel, not_heard
    from db import voters
    from db.errors import BadInput, UnknownName
    from db.pairs import count_pairs
    from db.votes import count_votes
    from judges.participants import chosen
    from judges.steps import fit_consensus, reparse, run_judges

    settings = configuration(config)
    panel = enrolled_panel(settings, warn)
    if again:
        with progress() as report:
            show(reparse(settings.database, progress=report), as_json)
        return
    kinds = _kinds(retry or ())
    require_cap(max_usd, _paid(panel, tier, only))
    if cascade and kinds:
        raise BadInput("--retry-abstains goes without --cascade; run it first, then the cascade")
    if cascade:
        panel = held_back(settings.database, panel, settings.folder)
        _cascade(settings, panel, tier, only, stop_at, careful, max_usd, as_json)
        return
    with progress() as report:
        among = [each.name for each in chosen(panel, tier, only)]
        panel, after = bridge(
            settings.database,
            panel,
            warn,
            among=among,
            max_usd=max_usd,
            progress=report,
            beside=settings.folder,
        )
        asked = [each.name for each in panel.asked if each.name in among]
        if not asked:
            return
        done = run_judges(
            settings.database,
            panel,
            names=asked,
            max_usd=max_usd,
            after=after,
            batch=batch,
            retry=kinds,
            progress=report,
            beside=settings.folder,
        )
    for notice in done.notices:
        warn(f"note: {notice}")
    for problem in done.problems:
        warn(f"problem: {problem}")
    show(done, as_json)
    with settings.database.read() as session:
        votes = count_votes(session)
        pairs = count_pairs(session)
    if not pairs:
        warn("there are no pairs yet; bring some with `tiebreak import pairs FILE`")
    with settings.database.read() as session:
        unheard = voters.unheard(session)
    for name, n in unheard.items():
        warn(
            f"note: on {n:,} pairs judge {name!r} voted in an earlier version alone, which "
            "does not count; asked again it does"
        )
    silent = not_heard(settings)
    for sentence in silent:
        warn(f"note: {sentence}")
    for alarm in done.alarms:
        warn(f"alarm: {alarm}")
    if votes:  # else everything is on its way in a batch
        try:
            pooled = fit_consensus(settings.database, panel.panel.label_model)
        except UnknownName:
            if not (done.alarms or silent):  # else no vote says anything, and it was said why
                raise
        else:
            if not as_json:
                show(pooled, False)
    if done.alarms:
        raise typer.Exit(3)


def _kinds(names: "Sequence[str]") -> "tuple[str, ...]":
    """The kinds of abstains to ask again, by name. Raises BadInput."""
    from db.abstains import KINDS, require_kind

    return tuple(KINDS) if "all" in names else tuple(require_kind(name) for name in names)


def _paid(
    panel: "Panel", tier: int | None = None, names: "Sequence[str] | None" = None
) -> list[str]:
    """Of the judges that would be asked, those whose answers cost."""
    from judges.cost import costs
    from judges.participants import chosen

    return [f"judge {judge.name!r}" for judge in chosen(panel, tier, names) if costs(judge)]


def _cascade(
    settings: Config,
    panel: "Panel",
    tier: int | None,
    only: list[str] | None,
    stop_at: float,
    careful: bool,
    max_usd: float | None,
    as_json: bool,
) -> None:
    from app.pipeline.cascade import cascade as step
    from db.errors import BadInput

    if tier is not None or only:
        raise BadInput("--cascade goes through all tiers; leave out --tier and --only with it")
    with progress() as report:
        done = step(
            settings.database,
            panel,
            stop_at=stop_at,
            careful=careful,
            max_usd=max_usd,
            progress=report,
            beside=settings.folder,
        )
    for notice in done.notices:
        warn(f"note: {notice}")
    for problem in done.problems:
        warn(f"problem: {problem}")
    if not as_json:
        table("Cascade", ["rung", "asked", "votes", "spent", "settled so far"], [
            [r.rung, f"{r.asked:,}", f"{r.votes:,}", f"${r.cost_usd:.4f}", f"{r.settled:,}"]
            for r in done.rungs
        ])  # fmt: skip
    show(done, as_json)


canaries = typer.Typer(
    help="A fixed set of pairs, asked again to notice a judge that has changed.",
    no_args_is_help=True,
)


@canaries.command("draw")
def canaries_draw(
    count: Annotated[int, typer.Argument(help="Pairs; 100 notice most changes, 0 ends the set.")],
    seed: Seed = 7,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Fix the pairs that every judge is asked again; an older set ends, and with it its baseline.

    Example: tiebreak canaries draw 100
    """
    from db.canaries import draw_canaries

    with configuration(config).database.begin() as session:
        drawn = draw_canaries(session, count, seed)
    show(drawn, as_json)


@canaries.command("ask")
def canaries_ask(
    max_usd: MaxUsd = None, config: ConfigPath = None, as_json: AsJson = False
) -> None:
    """Ask every judge one round, twice the first time, and say who answers otherwise than before.

    The answers are no opinions on the pairs: no label rests on them. The weekly cycle asks a round
    by itself. Exit 3 where a judge has changed.

    Example: tiebreak canaries ask --max-usd 1
    """
    from app.pipeline.panel import current_panel
    from judges.steps import ask_canaries

    settings = configuration(config)
    panel = current_panel(settings)
    require_cap(max_usd, _paid(panel))
    with progress() as report:
        done = ask_canaries(
            settings.database, panel, max_usd=max_usd, progress=report, beside=settings.folder
        )
    for notice in done.notices:
        warn(f"note: {notice}")
    for problem in done.problems:
        warn(f"problem: {problem}")
    show(done, as_json)
    if any(test.alarm for test in done.tests):
        raise typer.Exit(3)


principles = typer.Typer(help="What the constitution does in practice.", no_args_is_help=True)


@principles.command("report")
def principles_report(
    judge: Annotated[str | None, typer.Option(help="Only this judge's votes.")] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """How often each principle decides and is broken; which ones clash or say the same.

    Example: tiebreak principles report
    """
    from judges.steps import principle_report

    settings = configuration(config)
    show(principle_report(settings.database, settings.panel, judge), as_json)


@principles.command("hold-out")
def principles_hold_out(
    principle: Annotated[str, typer.Argument(help="Id of the principle to leave out.")],
    judge: Annotated[str, typer.Option(help="The judge to ask without it.")],
    max_usd: MaxUsd = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Ask a judge without one principle, and about it alone: what carries over.

    Example: tiebreak principles hold-out honesty-uncertainty --judge claude --max-usd 2
    """
    from judges.steps import hold_out

    settings = configuration(config)
    require_cap(max_usd, _paid(settings.panel, names=[judge]))
    with progress() as report:
        found = hold_out(
            settings.database,
            settings.panel,
            principle,
            judge,
            max_usd=max_usd,
            progress=report,
            beside=settings.folder,
        )
    show(found, as_json)
