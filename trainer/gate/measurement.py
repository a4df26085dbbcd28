"""One measurement of a checkpoint on gold as a step: made once, kept, and told again.

Leaves out what is measured (`evaluate`) and what follows from it (`registry`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from db import checkpoints as stored
from db.errors import BadInput
from db.models import Evaluation
from db.session import Database
from judges.constitution import Constitution
from judges.trust.intervals import mean_by_prompt
from trainer.cross_validation import recorded
from trainer.gate import evaluate as measuring
from trainer.gate.contest import PANEL, Contest, Scene, answers_of, gather, hold
from trainer.gate.probes import build, habits
from trainer.gate.rules import as_figures, right
from trainer.gate.slices import Figures, agreement, by_slice


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
        return f"accuracy on {self.pairs} gold pairs{before}: " + "; ".join(parts)


def evaluate(
    database: Database,
    name: str | None = None,
    rules: Constitution | None = None,
    probes: bool = False,
) -> EvaluateDone:
    """Measure a checkpoint (the newest without a name) on gold, beside baselines and incumbent.

    `probes` also asks it pairs transformed so that one bad habit each gets them wrong.
    """
    scene = gather(database, name, rules, against=None)
    with database.read() as session:
        known = stored.newest_evaluation(session, scene.challenger.id, scene.gold.hash)
        groups = recorded(session, scene.dataset)
    if known is not None and _same(known, scene, probes):
        return _evaluated(scene, known.metrics, groups, new=False)
    contest = hold(scene)
    metrics = {
        "basis": scene.basis,
        "table": {
            rater: measuring.measure(answers, contest.gold)
            for rater, answers in contest.answers.items()
        },
        "slices": by_slice(contest.answers, contest.gold, scene.said.principles),
        "agreement": agreement(contest.answers, contest.gold, scene.experts, PANEL),
        "probes": _probed(contest) if probes else {},
        "pairs": len(contest.gold.pairs),
    }
    with database.begin() as session:
        stored.record_evaluation(session, contest.challenger.id, contest.gold.hash, metrics)
    return _evaluated(scene, metrics, groups, new=True)


def _same(known: Evaluation, scene: Scene, probes: bool) -> bool:
    """Whether a record answers what is asked now."""
    has = bool(known.metrics.get("probes"))
    return known.metrics.get("basis") == scene.basis and (has or not probes)


def _evaluated(
    scene: Scene, metrics: Mapping[str, Any], groups: list[dict[str, Any]], new: bool
) -> EvaluateDone:
    told = ("table", "slices", "agreement", "probes")
    return EvaluateDone(
        checkpoint=scene.challenger.name,
        kind=scene.challenger.kind.value,
        gold=scene.gold.hash,
        pairs=len(scene.gold.pairs),
        left_out=scene.left_out,
        groups=groups,
        new=new,
        **{name: metrics[name] for name in told},
    )


def _probed(contest: Contest) -> Figures:
    """Shares right with intervals by prompt: a pair that serves several items counts once."""
    if contest.challenger.settings.get("style") == "prompted":
        raise BadInput("probes are asked on this machine; a prompted judge cannot be probed here")
    found: Figures = {}
    bad = habits()
    for name, table in build(contest.gold.pairs).items():
        ours = answers_of(contest.challenger, table, contest.scene.rules)
        found[name] = {
            rater: as_figures(
                mean_by_prompt(right(lean, table.truth_P), table.prompt_P, np.random.default_rng(0))
            )
            for rater, lean in (
                (contest.challenger.name, ours.lean_P),
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
