"""Verbs about trained models: evaluate, promote, rollback, history, lineage."""

from typing import Annotated, Any

import typer

from app.output import show, write
from app.verbs.options import AsJson, ConfigPath, configuration
from db.vocabulary import CheckpointKind

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

    A process model is measured on the labelled steps it has not seen.

    Example: tiebreak evaluate judge-1
    """
    from db.checkpoints import checkpoint as find
    from trainer.gate.measurement import evaluate as step
    from trainer.steps import evaluate_process

    settings = configuration(config)
    with settings.database.read() as session:
        found = find(session, checkpoint)
    if found.kind is CheckpointKind.PROCESS:
        measured = evaluate_process(settings.database, found.name)
        if not as_json:
            from app.gold_text import print_steps

            print_steps(measured)
        show(measured, as_json)
        return
    done = step(settings.database, checkpoint, settings.panel.rules, probes=probes)
    if not as_json:
        from app.gold_text import print_evaluation

        print_evaluation(done)
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
    from app.gate_text import in_words
    from app.output import say, table
    from app.pipeline.gate import gate_rows, panel_rows, panels_of
    from trainer.gate.registry import promote as step

    settings = configuration(config)
    priced = panels_of(settings, checkpoint) if force is None else None
    done = step(
        settings.database,
        checkpoint,
        settings.panel.rules,
        panels=priced,
        against=against,
        force=force,
    )
    if done.figures and not as_json:
        columns, rows = panel_rows(done.figures)
        if rows:
            table("what labels cost with it, on gold and audits; changes on gold", columns, rows)
        table(f"{done.checkpoint} against {done.incumbent}", *gate_rows(done.figures))
        for sentence in in_words(done):
            if sentence != done.summary:
                say(sentence)
    show(done, as_json)
    if done.verdict == "refused":
        raise typer.Exit(1)


def rollback(
    kind: Annotated[CheckpointKind, typer.Argument(help="Of which kind.")],
    reason: Annotated[str, typer.Option(help="What went wrong.")],
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Take the active checkpoint out of production; the one before it comes back.

    Example: tiebreak rollback judge --reason "answers ties too often"
    """
    from trainer.gate.registry import rollback as step

    show(step(configuration(config).database, kind, reason), as_json)


def history(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Every decision of the gate, oldest first.

    Example: tiebreak history
    """
    from trainer.gate.registry import history as step

    decisions = step(configuration(config).database)
    if as_json:
        show({"decisions": decisions}, True)
        return
    if not decisions:
        write("nothing was decided yet; `tiebreak promote` asks the gate")
    for one in decisions:
        write(f"{one['at'][:16]}  {one['kind']} {one['checkpoint']}  {_said(one)}")
        for reason in one["reasons"]:
            write(f"    {reason}")
        if one["effect"] and one["effect"] not in " ".join(one["reasons"]):
            write(f"    {one['effect']}")


def _said(one: dict[str, Any]) -> str:
    """A decision in words: over or against whom, or back to whom."""
    if one["verdict"] == "rolled_back":
        return f"rolled back to {one['over'] or 'none'}"
    against = {"promoted": "over", "forced": "over"}.get(one["verdict"], "against")
    return f"{one['verdict']} {against} {one['over']}" if one["over"] else str(one["verdict"])


def lineage(
    checkpoint: CheckpointName = None,
    pair: Annotated[
        str | None,
        typer.Option(help="The other way: what learnt from this pair (number, name or hash)."),
    ] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Where a checkpoint comes from: base, dataset, labels, people, judges, and the gate's words.

    Example: tiebreak lineage judge-1
    """
    from db.checkpoints import checkpoint as find
    from db.errors import BadInput
    from trainer import lineage as tree

    if pair is not None and checkpoint is not None:
        raise BadInput(
            f"a checkpoint ({checkpoint!r}) and --pair {pair!r} are two questions; ask one"
        )
    with configuration(config).database.read() as session:
        if pair is not None:
            show(tree.learners(session, pair), as_json)
        else:
            show(tree.lineage(session, find(session, checkpoint)), as_json)
