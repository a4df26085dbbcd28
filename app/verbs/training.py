"""Verbs about models: train, evaluate, promote."""

from typing import Annotated, Any

import typer

from app.output import progress, show
from app.verbs.options import AsJson, ConfigPath, configuration

train = typer.Typer(help="Train models on an exported dataset.", no_args_is_help=True)

DatasetName = Annotated[
    str | None, typer.Option("--dataset", help="Name of an export; default the newest.")
]
Base = Annotated[str | None, typer.Option(help="Folder, hub id or `tiny`; default as configured.")]
Name = Annotated[str | None, typer.Option(help="Name of the checkpoint; default from the recipe.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="At most this many passes.")]
Lora = Annotated[bool | None, typer.Option("--lora/--no-lora", help="Train an adapter only.")]


def _changed(settings: Any, **given: Any) -> Any:
    return settings.model_copy(update={k: v for k, v in given.items() if v is not None})


@train.command()
def reward(
    dataset: DatasetName = None,
    base: Base = None,
    name: Name = None,
    epochs: Epochs = None,
    lora: Lora = None,
    soft: Annotated[
        bool | None, typer.Option("--soft/--hard", help="Train on p_a instead of choices.")
    ] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Train a reward model (Bradley–Terry). Killed and run again, it goes on where it was.

    Example: tiebreak train reward --dataset first --base tiny
    """
    from trainer.steps import train_reward

    settings = configuration(config)
    training = _changed(settings.training, base=base, epochs=epochs, lora=lora, soft=soft)
    with progress() as report:
        done = train_reward(settings.database, training, dataset, name, report)
    show(done, as_json)


@train.command()
def judge(
    dataset: DatasetName = None,
    base: Base = None,
    name: Name = None,
    epochs: Epochs = None,
    lora: Lora = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Train the next judge on settled preferences, with the question it will be asked.

    Example: tiebreak train judge --dataset first
    """
    from trainer.steps import train_judge

    settings = configuration(config)
    training = _changed(settings.training, judge_base=base, epochs=epochs, lora=lora)
    with progress() as report:
        done = train_judge(settings.database, training, settings.panel.rules, dataset, name, report)
    show(done, as_json)


def evaluate(
    checkpoint: Annotated[str, typer.Argument(help="Name of a checkpoint.")],
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Measure a checkpoint on the frozen gold, beside the baselines.

    Example: tiebreak evaluate judge-1
    """
    from trainer.steps import evaluate as step

    settings = configuration(config)
    with progress() as report:
        done = step(settings.database, settings.training, checkpoint, progress=report)
    show(done, as_json)


def promote(
    checkpoint: Annotated[str, typer.Argument(help="Name of a checkpoint.")],
    force: Annotated[
        str | None, typer.Option(help="Promote against the gate, for this reason.")
    ] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Make a checkpoint the active one, if it beats the incumbent on gold; exit 1 where refused.

    Example: tiebreak promote judge-1
    """
    from trainer.steps import promote as step

    settings = configuration(config)
    done = step(settings.database, settings.training, checkpoint, force=force)
    show(done, as_json)
    if not done.promoted:
        raise typer.Exit(1)
