"""One measurement of a checkpoint on gold as a step: made once, kept, and told again.

Leaves out what is measured (`evaluate`) and what follows from it (`registry`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from db import checkpoints as stored
from db.datasets import left_out_groups
from db.errors import BadInput
from db.models import Evaluation
from db.session import Database
from db.upsert import take_turn
from judges.constitution import Constitution
from judges.trust.intervals import mean_by_prompt
from trainer.gate import evaluate as measuring
from trainer.gate.comparison import PANEL, Comparison, GateContext, answers_of, compare, gather
from trainer.gate.probes import build, habits
from trainer.gate.rules import as_figures, right
from trainer.gate.slices import Figures, agreement, by_slice

_TURN = 7_246_010  # names the turn in which evaluations are stored, on PostgreSQL


@dataclass(frozen=True)
class EvaluateDone:
    """How a checkpoint fares on gold. `table`: rater -> measures; `slices`: part -> rater -> share.

    `agreement`: expert, all of them or the panel -> rater -> share of the same choice.
    `probes`: probe -> share right, of the checkpoint and of the bad habit the probe is made for.
    `groups`: what cross-validation on the dataset found, where it was run. `left_out`: gold pairs
    whose prompts the checkpoint was trained on, which measure nothing. `new` is False where this
    very measurement was made before.
    """

    checkpoint: str
    kind: str
    gold: str
    pairs: int
    left_out: int
    table: dict[str, dict[str, Any]]
    slices: Figures
    agreement: Figures
    probes: Figures
    groups: list[dict[str, Any]] = field(default_factory=list)
    new: bool = True

    @property
    def summary(self) -> str:
        """One line for people."""
        parts = [f"{name} {_interval(row['accuracy'])}" for name, row in self.table.items()]
        before = "" if self.new else " (measured before, nothing has changed)"
        return f"accuracy on {self.pairs} gold pairs{before}: " + "; ".join(parts) + self._too_long

    @property
    def _too_long(self) -> str:
        told = [
            f"{name} could not read {count} of the pairs whole"
            for name, row in self.table.items()
            if (count := row.get("too_long"))
        ]
        return "".join(f"; {each}" for each in told)


def evaluate(
    database: Database,
    name: str | None = None,
    rules: Constitution | None = None,
    probes: bool = False,
) -> EvaluateDone:
    """Measure a checkpoint (the newest without a name) on gold, beside baselines and incumbent.

    `probes` also asks it pairs transformed so that one bad habit each gets them wrong.
    """
    context = gather(database, name, rules, against=None)
    with database.read() as session:
        known = stored.newest_evaluation(session, context.challenger.id, context.gold.hash)
        groups = left_out_groups(session, context.dataset)
    if known is not None and _same(known, context, probes):
        return _evaluated(context, known.metrics, groups, new=False)
    comparison = compare(context)
    metrics = {
        "basis": context.basis,
        "table": {
            rater: measuring.measure(answers, comparison.gold)
            for rater, answers in comparison.answers.items()
        },
        "slices": by_slice(comparison.answers, comparison.gold, context.said.principles),
        "agreement": agreement(comparison.answers, comparison.gold, context.experts, PANEL),
        "probes": _probed(comparison) if probes else {},
        "pairs": len(comparison.gold.pairs),
    }
    with database.begin() as session:
        take_turn(session, _TURN)
        known = stored.newest_evaluation(session, context.challenger.id, context.gold.hash)
        if known is not None and _same(known, context, probes):  # by another process, meanwhile
            return _evaluated(context, known.metrics, groups, new=False)
        stored.record_evaluation(session, comparison.challenger.id, comparison.gold.hash, metrics)
    return _evaluated(context, metrics, groups, new=True)


def _same(known: Evaluation, context: GateContext, probes: bool) -> bool:
    """Whether a record answers what is asked now."""
    has = bool(known.metrics.get("probes"))
    return known.metrics.get("basis") == context.basis and (has or not probes)


def _evaluated(
    context: GateContext, metrics: Mapping[str, Any], groups: list[dict[str, Any]], new: bool
) -> EvaluateDone:
    told = ("table", "slices", "agreement", "probes")
    return EvaluateDone(
        checkpoint=context.challenger.name,
        kind=context.challenger.kind.value,
        gold=context.gold.hash,
        pairs=len(context.gold.pairs),
        left_out=context.left_out,
        groups=groups,
        new=new,
        **{name: metrics[name] for name in told},
    )


def _probed(comparison: Comparison) -> Figures:
    """Shares right with intervals by prompt: a pair that serves several items counts once."""
    if comparison.challenger.settings.get("style") == "prompted":
        raise BadInput("probes are asked on this machine; a prompted judge cannot be probed here")
    found: Figures = {}
    bad = habits()
    for name, table in build(comparison.gold.pairs).items():
        ours = answers_of(comparison.challenger, table, comparison.context.rules)
        found[name] = {
            rater: as_figures(
                mean_by_prompt(
                    right(win_probability, table.truth_P), table.prompt_P, np.random.default_rng(0)
                )
            )
            for rater, win_probability in (
                (comparison.challenger.name, ours.win_P),
                ("the bad habit", bad[name](table)),
            )
        }
    return found


def _interval(accuracy: Mapping[str, Any]) -> str:
    if accuracy["value"] is None:
        return "undefined"
    if accuracy["low"] is None:
        return f"{accuracy['value']:.3f}"
    return f"{accuracy['value']:.3f} [{accuracy['low']:.3f}, {accuracy['high']:.3f}]"
