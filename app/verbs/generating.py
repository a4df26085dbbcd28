"""Verbs that make responses: generate, revise."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.output import progress, require_writable, show, warn
from app.verbs.options import AsJson, ConfigPath, MaxUsd, Seed, configuration, require_cap
from judges.vocabulary import Design

if TYPE_CHECKING:
    from judges.generation import GeneratorConfig


def _paid(generators: "Sequence[GeneratorConfig]") -> list[str]:
    from judges.cost import costs

    return [f"generator {one.name!r}" for one in generators if costs(one.asked_at(None))]


def generate(
    max_usd: MaxUsd = None,
    prompts: Annotated[int | None, typer.Option(help="Only the first so many prompts.")] = None,
    design: Annotated[Design, typer.Option(help="Pairs to form afterwards.")] = "all",
    each: Annotated[int, typer.Option(help="Pairs a candidate, for random.", min=1)] = 3,
    seed: Seed = 7,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Ask every [[generator]] for responses to the stored prompts, and form pairs of them.

    The swiss design pairs neighbours by their standing so far: judge, then generate again.

    Example: tiebreak generate --design swiss --max-usd 5
    """
    from judges.steps import form_pairs
    from judges.steps import generate as step

    settings = configuration(config)
    require_cap(max_usd, _paid(settings.generators))
    with progress() as report:
        done = step(
            settings.database,
            settings.generators,
            prompts=prompts,
            max_usd=max_usd,
            hold=settings.panel.panel.hold_private,
            progress=report,
        )
    if design != "none":
        made = form_pairs(settings.database, design, each=each, seed=seed)
        done = replace(done, pairs=made)
    for notice in done.notices:
        warn(f"note: {notice}")
    show(done, as_json)


def revise(
    by: Annotated[str | None, typer.Option(help="The [[generator]] that revises.")] = None,
    rounds: Annotated[int, typer.Option(help="Times over.", min=1)] = 1,
    responses: Annotated[int | None, typer.Option(help="Only the first so many.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write the revisions as a supervised data set (JSONL).")
    ] = None,
    max_usd: MaxUsd = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Let a model criticise responses by the constitution and rewrite them; keeps the chain.

    Example: tiebreak revise --rounds 2 --out revisions.jsonl --max-usd 5
    """
    from judges.steps import revise as step
    from judges.steps import write_revisions

    settings = configuration(config)
    reviser = settings.generator(by)
    require_cap(max_usd, _paid([reviser]))
    if out is not None:  # before anything is paid for
        require_writable(out)
    with progress() as report:
        done = step(
            settings.database,
            reviser,
            settings.panel.rules,
            rounds=rounds,
            responses=responses,
            max_usd=max_usd,
            hold=settings.panel.panel.hold_private,
            progress=report,
        )
    if out is not None:
        warn(f"{write_revisions(settings.database, out):,} revisions written to {out}")
    for notice in done.notices:
        warn(f"note: {notice}")
    show(done, as_json)
