"""Verbs that put a reward or process model to use: quantize, serve, best-of."""

from pathlib import Path
from typing import Annotated

import typer

from app.output import progress, require_writable, show, write
from app.verbs.options import AsJson, ConfigPath, configuration
from trainer.vocabulary import Precision, Worth

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


def best_of(
    file: Annotated[Path, typer.Argument(help="Rows with prompt, and solutions or responses.")],
    checkpoint: Annotated[
        str | None,
        typer.Option(help="Name of a process model; default the active or newest one."),
    ] = None,
    by: Annotated[
        Worth, typer.Option(help="What a solution is worth: its lowest step, or their product.")
    ] = "lowest",
    to: Annotated[
        Path | None, typer.Option(help="File of the picks; default FILE.best.jsonl here.")
    ] = None,
    separator: Annotated[
        str, typer.Option(help="What divides a response into steps; \\n is a line break.")
    ] = "\\n",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Pick the best of several solutions to each prompt, step by step, by a process model.

    Example: tiebreak best-of solutions.jsonl --by product
    """
    from trainer.steps import best_of as step

    settings = configuration(config)
    target = to or Path(f"{file.resolve().name}.best.jsonl")
    require_writable(target)
    divider = separator.replace("\\n", "\n")
    with progress() as report:
        done = step(
            settings.database, file, target, checkpoint, by, divider, settings.files, report
        )
    show(done, as_json)


def serve(
    checkpoint: Annotated[
        str | None, typer.Argument(help="A reward or process model; default the reward model.")
    ] = None,
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
    """Score responses, or a process model's steps, over HTTP; requests are batched.

    What it answers stands in /openapi.json; there are /health and /metrics, too.

    It asks for the key in TIEBREAK_SERVE_KEY where that is set, as Authorization: Bearer KEY;
    beyond loopback one is needed.

    Example: tiebreak serve --port 8600
    """
    from trainer.steps import serve as step

    names = tuple(host or ())
    step(configuration(config).database, checkpoint, address, port, folder, names, write)
