"""Verbs that train: reward models, judges, policies, process reward models."""

from typing import Annotated, Any

import typer
from pydantic import ValidationError

from app.output import progress, show
from app.verbs.options import AsJson, ConfigPath, configuration
from db.errors import BadInput
from db.toml import parse_toml
from db.validation import one_sentence
from trainer.settings import TrainerSettings
from trainer.vocabulary import Group, Method, Orders, Style

train = typer.Typer(help="Train models on an exported dataset.", no_args_is_help=True)

DatasetName = Annotated[
    str | None, typer.Option("--dataset", help="Name of an export; default the newest.")
]
Base = Annotated[str | None, typer.Option(help="Folder or hub id, `words`, or `tiny` (a toy).")]
Name = Annotated[str | None, typer.Option(help="Name of the checkpoint; default from the recipe.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="At most this many passes.")]
Values = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Any value of [training] for this once, e.g. patience=3; give it as often as needed.",
    ),
]
Lora = Annotated[bool | None, typer.Option("--lora/--no-lora", help="Train an adapter only.")]


def _changed(settings: TrainerSettings, values: list[str] | None, **given: Any) -> TrainerSettings:
    """The settings with what this command line says; --set is read as tiebreak.toml would be."""
    changes = {name: value for name, value in given.items() if value is not None}
    for each in values or ():
        key, mark, value = each.partition("=")
        if not mark:
            raise BadInput(f"--set {each!r} has no value; write --set KEY=VALUE")
        if key in changes:
            raise BadInput(f"{key!r} is given twice; give it once")
        try:
            changes[key] = parse_toml(f"value = {value}")["value"]
        except BadInput:
            changes[key] = value
    try:
        return TrainerSettings.model_validate(settings.model_dump() | changes)
    except ValidationError as error:
        raise BadInput(f"--set: {one_sentence(error, TrainerSettings)}") from None


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
    rankings: Annotated[
        Orders | None, typer.Option(help="Orders whole, or as pairs worth one answer together.")
    ] = None,
    values: Values = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Train a reward model (Bradley–Terry). Killed and run again, it goes on where it was.

    Example: tiebreak train reward --dataset first
    """
    from trainer.steps import train_reward

    settings = configuration(config)
    training = _changed(
        settings.training,
        values,
        base=base,
        epochs=epochs,
        lora=lora,
        soft=soft,
        rankings=rankings,
    )
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
    style: Annotated[
        Style | None, typer.Option(help="Classify the pair, or write reasons and a verdict.")
    ] = None,
    dpo: Annotated[
        bool | None, typer.Option("--dpo/--no-dpo", help="Generative: then right over wrong.")
    ] = None,
    prompted: Annotated[
        str | None,
        typer.Option(help="Improve this prompted judge by rules from experts' corrections."),
    ] = None,
    values: Values = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Train the next judge on settled preferences, with the question it will be asked.

    Example: tiebreak train judge --dataset first
    """
    from trainer.steps import train_judge, train_prompted

    settings = configuration(config)
    if prompted is not None:
        show(train_prompted(settings.database, settings.training, prompted, dataset, name), as_json)
        return
    training = _changed(
        settings.training,
        values,
        judge_base=base,
        epochs=epochs,
        lora=lora,
        judge_style=style,
        dpo=dpo,
    )
    with progress() as report:
        done = train_judge(settings.database, training, settings.panel.rules, dataset, name, report)
    show(done, as_json)


@train.command()
def policy(
    method: Annotated[Method, typer.Option(help="grpo, rloo and ppo follow a reward model.")],
    dataset: DatasetName = None,
    base: Base = None,
    name: Name = None,
    epochs: Epochs = None,
    lora: Lora = None,
    reward: Annotated[
        str | None, typer.Option(help="Reward model to follow; default the active one.")
    ] = None,
    judged: Annotated[
        str | None, typer.Option(help="A second reward model that tells when the first is gamed.")
    ] = None,
    kl: Annotated[float, typer.Option(min=0, help="Weight of the distance to the base.")] = 0.1,
    updates: Annotated[int, typer.Option(min=1, help="Steps of ppo.")] = 50,
    generations: Annotated[
        int, typer.Option(min=2, help="Responses a prompt, compared by grpo and rloo.")
    ] = 4,
    response_tokens: Annotated[
        int, typer.Option(min=1, help="Longest response of grpo, rloo and ppo.")
    ] = 64,
    values: Values = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Train a policy on a dataset, and stop where the reward and the judge part.

    Example: tiebreak train policy --method dpo --dataset first
    """
    from trainer.policy import PolicyOptions
    from trainer.steps import train_policy

    settings = configuration(config)
    training = _changed(settings.training, values, base=base, epochs=epochs, lora=lora)
    options = PolicyOptions(
        method=method,
        kl=kl,
        generations=generations,
        response_tokens=response_tokens,
        updates=updates,
    )
    with progress() as report:
        done = train_policy(
            settings.database, training, options, dataset, reward, judged, name, report
        )
    show(done, as_json)


@train.command()
def process(
    base: Base = None,
    name: Name = None,
    epochs: Epochs = None,
    values: Values = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Train a process reward model on the imported stepwise labels.

    Example: tiebreak train process
    """
    from trainer.steps import train_process

    settings = configuration(config)
    training = _changed(settings.training, values, base=base, epochs=epochs)
    with progress() as report:
        done = train_process(settings.database, training, name, report)
    show(done, as_json)


@train.command("cross-validate")
def cross_validate(
    by: Annotated[Group, typer.Option(help="What is left out in turn.")] = "data_source",
    dataset: DatasetName = None,
    base: Base = None,
    epochs: Epochs = None,
    values: Values = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Train a reward model without each source or domain, and test it on the one left out.

    Example: tiebreak train cross-validate --by domain
    """
    from trainer.steps import cross_validate as step

    settings = configuration(config)
    training = _changed(settings.training, values, base=base, epochs=epochs)
    with progress() as report:
        done = step(settings.database, training, dataset, by, report)
    if not as_json:
        from app.gold_text import print_groups

        print_groups(done)
    show(done, as_json)
