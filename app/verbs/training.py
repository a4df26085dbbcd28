"""Verbs about models: train, evaluate, promote."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from app.output import progress, show, warn
from app.verbs.options import AsJson, ConfigPath, configuration

train = typer.Typer(help="Train models on an exported dataset.", no_args_is_help=True)

DatasetName = Annotated[
    str | None, typer.Option("--dataset", help="Name of an export; default the newest.")
]
Base = Annotated[str | None, typer.Option(help="Folder, hub id or `tiny`; default as configured.")]
Name = Annotated[str | None, typer.Option(help="Name of the checkpoint; default from the recipe.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="At most this many passes.")]
Lora = Annotated[bool | None, typer.Option("--lora/--no-lora", help="Train an adapter only.")]


class Style(StrEnum):
    """The two kinds of trained judges."""

    SCORING = "scoring"
    GENERATIVE = "generative"


class Method(StrEnum):
    """How a policy is trained."""

    SFT = "sft"
    DPO = "dpo"
    KTO = "kto"
    GRPO = "grpo"
    RLOO = "rloo"
    PPO = "ppo"


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
        judge_base=base,
        epochs=epochs,
        lora=lora,
        judge_style=style.value if style else None,
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
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Train a policy on a dataset, and stop where the reward and the judge part.

    Example: tiebreak train policy --method dpo --dataset first
    """
    from trainer.policy import PolicyOptions
    from trainer.steps import train_policy

    settings = configuration(config)
    training = _changed(settings.training, base=base, epochs=epochs, lora=lora)
    options = PolicyOptions(method=method.value, kl=kl, updates=updates)
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
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Train a process reward model on the imported stepwise labels.

    Example: tiebreak train process
    """
    from trainer.steps import train_process

    settings = configuration(config)
    training = _changed(settings.training, base=base, epochs=epochs)
    with progress() as report:
        done = train_process(settings.database, training, name, report)
    show(done, as_json)


class By(StrEnum):
    """What is left out, one after the other."""

    SOURCE = "data_source"
    DOMAIN = "domain"


@train.command("cross-validate")
def cross_validate(
    by: Annotated[By, typer.Option(help="What is left out in turn.")] = By.SOURCE,
    dataset: DatasetName = None,
    base: Base = None,
    epochs: Epochs = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Train a reward model without each source or domain, and test it on the one left out.

    Example: tiebreak train cross-validate --by domain
    """
    from trainer.steps import cross_validate as step

    settings = configuration(config)
    training = _changed(settings.training, base=base, epochs=epochs)
    with progress() as report:
        done = step(settings.database, training, dataset, by.value, report)
    show(done, as_json)


CheckpointName = Annotated[
    str | None, typer.Argument(help="Name of a checkpoint; default the newest.")
]


def evaluate(
    checkpoint: CheckpointName = None,
    probes: Annotated[
        bool, typer.Option("--probes", help="Also ask pairs transformed to catch bad habits.")
    ] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Measure a checkpoint on the frozen gold, beside the baselines and the incumbent.

    Example: tiebreak evaluate judge-1
    """
    from app.output import table
    from app.pipeline.gate import gold_rows, probe_rows
    from trainer.registry import evaluate as step

    settings = configuration(config)
    done = step(settings.database, checkpoint, settings.panel.rules, probes=probes)
    if not as_json:
        columns, rows = gold_rows(done)
        table(f"{done.checkpoint} on {done.pairs} gold pairs", columns, rows)
        if done.probes:
            columns, rows = probe_rows(done)
            table("Probes: share right", columns, rows)
    show(done, as_json)


def promote(
    checkpoint: CheckpointName = None,
    force: Annotated[
        str | None, typer.Option(help="Promote against the gate, for this reason.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="This judge is the incumbent, not the panel's consensus.")
    ] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Make a checkpoint the active one, if it beats the incumbent on gold; exit 1 where refused.

    Example: tiebreak promote judge-1
    """
    from app.pipeline.gate import Measured, effect_of
    from trainer.registry import promote as step

    settings = configuration(config)
    effect = Measured(None, "") if force else effect_of(settings, checkpoint)
    done = step(
        settings.database,
        checkpoint,
        settings.panel.rules,
        effect=effect.effect,
        against=against,
        force=force,
    )
    if effect.line:
        warn(effect.line)
    show(done, as_json)
    if done.verdict == "refused":
        raise typer.Exit(1)


class Kind(StrEnum):
    """Kinds of checkpoints."""

    REWARD = "reward"
    JUDGE = "judge"
    POLICY = "policy"
    PROCESS = "process"


def rollback(
    kind: Annotated[Kind, typer.Argument(help="Of which kind.")],
    reason: Annotated[str, typer.Option(help="What went wrong.")],
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Take the active checkpoint out of production; the one before it comes back.

    Example: tiebreak rollback judge --reason "answers ties too often"
    """
    from db.vocabulary import CheckpointKind
    from trainer.registry import rollback as step

    show(step(configuration(config).database, CheckpointKind(kind.value), reason), as_json)


def history(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Every decision of the gate, oldest first.

    Example: tiebreak history
    """
    from trainer.registry import history as step

    decisions = step(configuration(config).database)
    if as_json:
        show(decisions, True)
        return
    for one in decisions:
        over = one["over"] or "what stood before it"
        print(f"{one['at'][:16]}  {one['kind']} {one['checkpoint']}  {one['verdict']} over {over}")
        for reason in one["reasons"]:
            print(f"    {reason}")
