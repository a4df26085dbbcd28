"""Who stands against whom on which gold: challenger, incumbent, panel and baselines, answered.

`gather` only reads; its `basis` names everything an outcome depends on, so that nothing is measured
twice. `compare` asks the models. Leaves out what is made of the answers (`trainer.gate.registry`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db import checkpoints as stored
from db.conversation import Messages
from db.errors import BadInput, Conflict
from db.gold import GoldPair, gold_pairs
from db.identity import content_hash
from db.models import Checkpoint, Dataset
from db.opinions import opinions
from db.panel import PanelAnswers, panel_answers
from db.session import Database, Session
from db.vocabulary import CheckpointKind
from judges.constitution import Constitution
from judges.vote_arrays import CODES
from trainer.export.dataset import read_split
from trainer.export.leakage import leaks
from trainer.gate import evaluate as measuring
from trainer.gate.evaluate import GoldTable, gold_table
from trainer.gate.rules import GateAnswers
from trainer.gate.slices import slices_of
from trainer.learnt import learnt_prompts
from trainer.out_of_fold import out_of_fold

PANEL = "panel consensus"
GATED = (CheckpointKind.REWARD, CheckpointKind.JUDGE)
_FORMAT = 2  # of what is measured: a record of an older one is measured anew


@dataclass(frozen=True)
class GateContext:
    """Everything read, and nothing asked yet. `gold` is new to challenger and incumbent.

    experts: annotator -> pair id -> code of the newest blind answer.
    """

    challenger: Checkpoint
    incumbent: Checkpoint | None
    dataset: Dataset | None
    gold: GoldTable
    left_out: int
    said: PanelAnswers
    voted: Mapping[str, PanelAnswers]
    experts: Mapping[str, Mapping[int, int]]
    rules: Constitution
    against: str | None

    @cached_property
    def basis(self) -> str:
        """Hash of all that can change an outcome: models, gold, rules, votes, experts."""
        incumbent = self.incumbent
        return content_hash(
            _FORMAT,
            self.challenger.content_hash,
            [incumbent.name, incumbent.content_hash] if incumbent else None,
            self.dataset.content_hash if self.dataset else None,
            [self.gold.hash, self.left_out],
            [self.rules.version, self.against],
            _panel_parts(self.said),
            [[name, _panel_parts(each)] for name, each in sorted(self.voted.items())],
            [[name, sorted(each.items())] for name, each in sorted(self.experts.items())],
        )


@dataclass(frozen=True)
class Comparison:
    """A context with everybody's answers; `incumbent_name` is the rater to beat."""

    context: GateContext
    incumbent_name: str
    answers: dict[str, GateAnswers]
    slices: dict[str, NDArray[np.bool_]]

    @property
    def challenger(self) -> Checkpoint:
        """Who is measured."""
        return self.context.challenger

    @property
    def gold(self) -> GoldTable:
        """On what."""
        return self.context.gold


def gather(
    database: Database, name: str | None, rules: Constitution | None, against: str | None
) -> GateContext:
    """Read what a comparison needs: the checkpoint (or the newest), whom it meets, usable gold.

    Raises Conflict where there is no gold, or none that both have not learnt from.
    """
    with database.read() as session:
        challenger = stored.checkpoint(session, name)
        if challenger.kind not in GATED:
            raise BadInput(
                f"checkpoint {challenger.name!r} is a {challenger.kind.value}; gold pairs measure "
                "reward models and judges"
            )
        incumbent = stored.active(session, challenger.kind)
        if incumbent is not None and incumbent.id == challenger.id:
            incumbent = None
        dataset = session.get(Dataset, challenger.dataset_id)
        theirs = session.get(Dataset, incumbent.dataset_id) if incumbent else None
        everything = gold_pairs(session)
        ids = [p.id for p in everything]
        said = panel_answers(session, ids, against)
        voted = {
            each.name: panel_answers(session, ids, each.settings["judge"])
            for each in (challenger, incumbent)
            if each is not None and each.settings.get("style") == "prompted"
        }
        experts = _experts(session, set(ids))
    if not everything:
        raise Conflict("there is no gold yet; freeze some with `tiebreak gold draw`")
    prompts = {p.prompt_hash: p.messages for p in everything}
    new = _new_to(everything, challenger, dataset, prompts)
    gold = gold_table(_new_to(new, incumbent, theirs, prompts))
    if not gold.pairs:
        raise Conflict(
            f"all {len(everything)} gold pairs stand in the data {challenger.name!r} was trained "
            "on; freeze gold before the next export"
        )
    return GateContext(
        challenger=challenger,
        incumbent=incumbent,
        dataset=dataset,
        gold=gold,
        left_out=len(everything) - len(gold.pairs),
        said=said,
        voted=voted,
        experts=experts,
        rules=rules or Constitution(chapters=()),
        against=against,
    )


def compare(context: GateContext) -> Comparison:
    """Ask challenger, incumbent and baselines about the gold."""
    gold, challenger, incumbent = context.gold, context.challenger, context.incumbent
    answers = {challenger.name: _ask(challenger, context)}
    rows = read_split(Path(context.dataset.path), "train") if context.dataset else []
    prompts = {p.prompt_hash for p in gold.pairs}
    usable = [row for row in rows if row["meta"]["prompt_hash"] not in prompts]
    answers |= measuring.baseline_answers(gold, usable)
    if context.said.p:
        answers[context.against or PANEL] = measuring.panel_table(context.said, gold)
    if incumbent is not None:
        answers[incumbent.name] = _ask(incumbent, context)
    return Comparison(
        context,
        _incumbent_name(context, answers),
        answers,
        slices_of(gold, context.said.principles),
    )


def answers_of(checkpoint: Checkpoint, gold: GoldTable, rules: Constitution) -> GateAnswers:
    """A model's own answers to pairs."""
    folder = Path(checkpoint.path)
    if checkpoint.kind == CheckpointKind.JUDGE:
        return measuring.judge_answers(folder, gold, rules)
    return measuring.reward_answers(folder, gold)


def _ask(checkpoint: Checkpoint, context: GateContext) -> GateAnswers:
    """Answers; a prompted judge's are the votes it has cast on gold."""
    said = context.voted.get(checkpoint.name)
    if said is None:
        return answers_of(checkpoint, context.gold, context.rules)
    missing = sum(pair.id not in said.p for pair in context.gold.pairs)
    if missing:
        raise Conflict(
            f"judge {checkpoint.settings['judge']!r} has not been asked about {missing} of "
            f"{len(context.gold.pairs)} gold pairs; put it into the panel and run `tiebreak judge`"
        )
    return measuring.panel_table(said, context.gold)


def _incumbent_name(context: GateContext, answers: Mapping[str, GateAnswers]) -> str:
    """Whom to beat: the active checkpoint; for a first judge the panel; else the best baseline."""
    challenger, against = context.challenger, context.against
    if context.incumbent is not None and against is None:
        return context.incumbent.name
    if challenger.kind == CheckpointKind.JUDGE:
        name = against or PANEL
        if name in answers:
            return name
        if against:
            raise BadInput(f"judge {against!r} has no vote on gold; name one that has been asked")

    def accuracy(name: str) -> float:
        value = measuring.measure(answers[name], context.gold)["accuracy"]["value"]
        return float(value or 0.0)

    cheap = [name for name in answers if name not in (challenger.name, PANEL, against)]
    return max(cheap, key=accuracy)


def _experts(session: Session, gold: set[int]) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = {}
    for each in opinions(session, pair_ids=gold):
        found.setdefault(each.annotator, {})[each.pair_id] = CODES[each.choice]
    return found


def _new_to(
    gold: Sequence[GoldPair],
    checkpoint: Checkpoint | None,
    dataset: Dataset | None,
    prompts: Mapping[str, Messages],
) -> list[GoldPair]:
    """Gold of prompts whose group a checkpoint has not learnt from, and pairs that it answers out
    of fold.
    """
    learnt = leaks(prompts, learnt_prompts(checkpoint, dataset))
    if checkpoint is None or not learnt:
        return list(gold)
    said = out_of_fold(Path(checkpoint.path))
    return [pair for pair in gold if pair.prompt_hash not in learnt or pair.pair_hash in said]


def _panel_parts(said: PanelAnswers) -> list[Any]:
    return [
        [[pair, astuple(p)] for pair, p in sorted(said.p.items())],
        sorted(said.reversed_share.items()),
        [[pair, sorted(names)] for pair, names in sorted(said.principles.items())],
    ]
