"""Options that several verbs share, so that one word means one thing everywhere."""

from pathlib import Path
from typing import Annotated

import typer

from app.config import Config, load

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a line.")]
ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config", help="The tiebreak.toml to use.", envvar="TIEBREAK_CONFIG", show_default=False
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="The same seed makes the same draws.")]


def configuration(path: Path | None) -> Config:
    """The configuration a verb runs with."""
    return load(path)
