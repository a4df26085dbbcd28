"""Verbs about humans: route, escalate, review, replay."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from app.output import progress, show, warn
from app.verbs.options import AsJson, ConfigPath, Seed, configuration
from judges.trust.promise import Promise
from review.routing.options import RouteOptions, Ties

replay = typer.Typer(help="Answer open tasks from a recording.", no_args_is_help=True)
escalate = typer.Typer(help="Ask humans in another form.", no_args_is_help=True)


def route(
    context: typer.Context,
    min_agreement: Annotated[
        float | None, typer.Option(help="Accept where this share of the votes agrees; no promise.")
    ] = None,
    max_reviews: Annotated[int | None, typer.Option(help="Human answers to ask for.")] = None,
    review_share: Annotated[float | None, typer.Option(help="The same, as a share.")] = None,
    hours: Annotated[float | None, typer.Option(help="The same, as working hours.")] = None,
    target_error: Annotated[
        float | None, typer.Option(help="Promise at most this share of wrong labels.")
    ] = None,
    delta: Annotated[
        float, typer.Option(help="Risk that a promise is broken.")
    ] = RouteOptions.delta,
    promise: Annotated[
        Promise, typer.Option(help="What a target speaks of.")
    ] = RouteOptions.promise,
    audits: Annotated[
        int | None, typer.Option(help="Blind audits for a target; default: planned.")
    ] = None,
    audit_share: Annotated[
        float, typer.Option(help="Share of the accepted audited where no target is set.")
    ] = RouteOptions.audit_share,
    ties: Annotated[Ties, typer.Option(help="Likely ties, with a target.")] = RouteOptions.ties,
    tie_ok: Annotated[
        bool, typer.Option("--tie-ok", help="An audited tie is not an error.")
    ] = False,
    by: Annotated[Literal["domain"] | None, typer.Option(help="One promise for each.")] = None,
    seed_questions: Annotated[
        int, typer.Option(min=0, help="Ask so many first, where few answers are known.")
    ] = RouteOptions.seed_questions,
    certify_now: Annotated[
        bool, typer.Option("--certify-now", help="Do not wait for open audits or seed questions.")
    ] = False,
    seconds_per_review: Annotated[
        float | None, typer.Option(help="Time of one answer; default: as measured.")
    ] = None,
    seed: Seed = 7,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; store and ask nothing.")
    ] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Pool the votes, flag what is odd, and accept, escalate or audit every pair.

    Give one of --min-agreement, --max-reviews, --review-share, --hours, --target-error.
    With a target it asks for blind audits and nothing else. Run it again once they are answered:
    then it certifies, and asks people about the rest alone. What is certified stays.

    Example: tiebreak route --target-error 0.03 --delta 0.1 --by domain
    """
    from app.pipeline.panel import enrolled_panel, not_heard
    from app.pipeline.route import route_pairs
    from db.errors import BadInput
    from db.reviews import median_seconds

    settings = configuration(config)
    if hours is not None and seconds_per_review is None:
        with settings.database.read() as session:
            seconds_per_review = median_seconds(session)
        if seconds_per_review is None:
            raise BadInput(
                f"--hours {hours} needs the time of an answer, and none was measured yet; "
                "add e.g. --seconds-per-review 60"
            )
    try:
        options = RouteOptions.of(context.params | {"seconds_per_review": seconds_per_review})
    except ValueError as error:
        raise BadInput(str(error)) from None
    if not dry_run:
        enrolled_panel(settings, warn)
    for sentence in not_heard(settings):
        warn(f"note: {sentence}")
    with progress() as report:
        done = route_pairs(
            settings.database,
            settings.panel,
            options,
            settings.review,
            by_domain=by == "domain",
            certify_now=certify_now,
            dry_run=dry_run,
            announce=warn,
            progress=report,
        )
    show(done, as_json)


@escalate.command()
def rankings(
    prompts: Annotated[
        int | None, typer.Option(help="Ask for at most this many; default: all that are worth it.")
    ] = None,
    candidates: Annotated[int, typer.Option(help="At most this many to put in order, 3 to 5.")] = 4,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Put one order over several responses in the place of the disputed pairs among them.

    After `route`: prompts where two or more pairs of three or more responses wait for humans. It
    never asks more of people, and run again it adds nothing that waits already.

    Example: tiebreak escalate rankings --prompts 50 --candidates 4
    """
    from review.rankings import ask_for_rankings

    settings = configuration(config)
    done = ask_for_rankings(settings.database, prompts=prompts, candidates=candidates)
    show(done, as_json)


def review(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8501,
    address: Annotated[
        str, typer.Option(help="Address to listen on; others than loopback need sign-in.")
    ] = "127.0.0.1",
    config: ConfigPath = None,
) -> None:
    """Serve the review app, where experts decide the open tasks.

    Example: tiebreak review --port 8501
    """
    from app.serve import serve

    serve(configuration(config), address, port)


@replay.command()
def labels(
    files: Annotated[list[Path], typer.Argument(help="Recorded labels, as for import labels.")],
    limit: Annotated[
        int | None, typer.Option(help="Answer at most this many tasks.", min=0)
    ] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Answer the open tasks, in queue order, as the annotators of the recording did.

    What has no recorded answer stays open.

    Example: tiebreak replay labels labels.jsonl --limit 100
    """
    from db.files import read_rows
    from review.replay import replay_labels

    settings = configuration(config)
    rows = [row for file in files for row in read_rows(file, settings.files)]
    with progress() as report:
        done = replay_labels(settings.database, rows, limit=limit, progress=report)
    show(done, as_json)
