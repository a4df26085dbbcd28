"""Options that several verbs share, so that one word means one thing everywhere."""

import getpass
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from app.config import Config, load
from db.errors import BadInput

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a line.")]
ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config", help="The tiebreak.toml to use.", envvar="TIEBREAK_CONFIG", show_default=False
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="The same seed makes the same draws.")]

MaxUsd = Annotated[
    float | None, typer.Option(help="Never spend more than this; needed where answers cost.", min=0)
]


def require_cap(max_usd: float | None, paid: Sequence[str]) -> None:
    """Raise BadInput where somebody who is paid would be asked and nothing caps it."""
    if paid and max_usd is None:
        raise BadInput(f"{paid[0]} costs money and nothing caps it; give --max-usd")


def configuration(path: Path | None) -> Config:
    """The configuration a verb runs with."""
    return load(path)


def user() -> str:
    """Who types, for the event log."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "cli"
