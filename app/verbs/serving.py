"""Verbs that put a reward model to use: quantize, serve."""

from pathlib import Path
from typing import Annotated

import typer

from app.output import show, write
from app.verbs.options import AsJson, ConfigPath, configuration
from trainer.vocabulary import Precision

ModelName = Annotated[
    str | None, typer.Argument(help="Name of a reward model; default the active or newest one.")
]


def quantize(
    checkpoint: ModelName = None,
    how: Annotated[
        Precision, typer.Option(help="bf16 is the safe one; int8 flips decisions.")
    ] = "bf16",
    to: Annotated[Path | None, typer.Option(help="Folder of the copy; default beside it.")] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Write a smaller copy of a reward model and measure what it costs on held-out pairs.

    Example: tiebreak quantize reward-1 --how int8
    """
    from trainer.steps import quantize as step

    show(step(configuration(config).database, checkpoint, how, to), as_json)


def serve(
    checkpoint: ModelName = None,
    folder: Annotated[
        Path | None, typer.Option(help="Serve this folder instead, e.g. a quantized copy.")
    ] = None,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8600,
    host: Annotated[
        list[str] | None,
        typer.Option(help="A name it is reached by, beside its address; may be repeated."),
    ] = None,
    config: ConfigPath = None,
) -> None:
    """Score responses over HTTP; requests are batched; /openapi.json, /health and /metrics.

    It asks for the key in TIEBREAK_SERVE_KEY where that is set, as Authorization: Bearer KEY;
    beyond loopback one is needed.

    Example: tiebreak serve --port 8600
    """
    from trainer.steps import serve as step

    names = tuple(host or ())
    step(configuration(config).database, checkpoint, address, port, folder, names, write)
