"""Evaluation and promotion of checkpoints as steps: measured on gold, decided by the gate, written
down whole or not at all. Leaves out the measuring (`evaluate`) and the rules (`gate`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db import checkpoints as stored
from db.datasets import PanelAnswers, gold_pairs, panel_answers
from db.errors import BadInput, Conflict, NotAllowed
from db.events import record
from db.models import Checkpoint, Dataset
from db.session import Database
from db.vocabulary import CheckpointKind
from judges.constitution import Constitution
from trainer import evaluate as measuring
from trainer.dataset import read_manifest, read_split
from trainer.encoding import as_messages, prompt_text
from trainer.evaluate import GoldTable, gold_table
from trainer.gate import Answers, Decision, Effect, decide, right
from trainer.leakage import leaks
from trainer.probes import build, habits

PANEL = "panel consensus"
_GATED = (CheckpointKind.REWARD, CheckpointKind.JUDGE)


@dataclass(frozen=True)
class EvaluateDone:
    """How a checkpoint fares on gold. `table`: rater -> measures; `slices`: slice -> accuracy.

    `probes`: probe -> share right, of the checkpoint and of the bad habit the probe is made for.
    `left_out`: gold pairs whose prompts the checkpoint was trained on, which measure nothing.
    """

    checkpoint: str
    kind: str
    gold: str
    pairs: int
    left_out: int
    table: dict[str, dict[str, Any]]
    slices: dict[str, dict[str, Any]]
    probes: dict[str, dict[str, float]]

    @property
    def summary(self) -> str:
        """One line for people."""
        parts = [f"{name} {_interval(row['accuracy'])}" for name, row in self.table.items()]
        return f"accuracy on {self.pairs} gold pairs: " + "; ".join(parts)


@dataclass(frozen=True)
class PromoteDone:
    """What the gate said. `generation` is set where the checkpoint is in production now."""

    checkpoint: str
    kind: str
    incumbent: str
    verdict: str
    generation: int | None
    reasons: list[str]
    figures: dict[str, Any]

    @property
    def promoted(self) -> bool:
        """Whether it is in production now."""
        return self.generation is not None

    @property
    def summary(self) -> str:
        """One line for people."""
        if self.verdict == "active":
            return f"{self.checkpoint!r} is the active {self.kind} already"
        if not self.promoted:
            return f"refused {self.checkpoint!r}: " + "; ".join(self.reasons)
        return (
            f"{self.verdict} {self.checkpoint!r} as {self.kind} generation {self.generation} over "
            f"{self.incumbent}: " + "; ".join(self.reasons)
        )


@dataclass(frozen=True)
class _Contest:
    """Challenger, incumbent and baselines on the gold that neither was trained on."""

    challenger: Checkpoint
    incumbent: Checkpoint | None
    incumbent_name: str
    gold: GoldTable
    answers: dict[str, Answers]
    slices: dict[str, NDArray[np.bool_]]
    left_out: int


def evaluate(
    database: Database,
    name: str | None = None,
    rules: Constitution | None = None,
    probes: bool = False,
) -> EvaluateDone:
    """Measure a checkpoint (the newest without a name) on gold, beside baselines and incumbent.

    `probes` also asks it pairs transformed so that one bad habit each gets them wrong.
    """
    contest = _contest(database, name, rules, against=None)
    table = {
        rater: measuring.measure(answers, contest.gold)
        for rater, answers in contest.answers.items()
    }
    done = EvaluateDone(
        checkpoint=contest.challenger.name,
        kind=contest.challenger.kind.value,
        gold=contest.gold.hash,
        pairs=len(contest.gold.pairs),
        left_out=contest.left_out,
        table=table,
        slices=measuring.by_slice(contest.answers[contest.challenger.name], contest.gold),
        probes=_probed(contest, rules) if probes else {},
    )
    with database.begin() as session:
        stored.record_evaluation(
            session,
            contest.challenger.id,
            done.gold,
            {
                "table": done.table,
                "slices": done.slices,
                "probes": done.probes,
                "pairs": done.pairs,
            },
        )
    return done


def promote(
    database: Database,
    name: str | None = None,
    rules: Constitution | None = None,
    *,
    effect: Effect | None = None,
    against: str | None = None,
    force: str | None = None,
    actor: str = "tiebreak",
) -> PromoteDone:
    """Make a checkpoint the active one of its kind if the gate lets it; refusals are recorded, too.

    `against` names one judge of the panel to be the incumbent instead of its consensus. `effect`
    is what the router gains with the challenger in the panel. `force` is the reason for promoting
    without the gate's consent. NotAllowed for kinds that have no gate.
    """
    if force is not None and not force.strip():
        raise BadInput("a forced promotion needs its reason; give it with --force REASON")
    with database.read() as session:
        challenger = stored.checkpoint(session, name)
        current = stored.active(session, challenger.kind)
    if current is not None and current.id == challenger.id:
        return _done(challenger, "itself", "active", [], {})
    if challenger.kind not in _GATED and force is None:
        raise NotAllowed(
            f"{challenger.kind.value} {challenger.name!r} has no gate yet; judge it yourself and "
            "promote it with --force REASON"
        )
    decision, over = _decided(database, challenger, rules, effect, against, force)
    verdict = "promoted" if decision.promoted else "refused"
    if force is not None and not decision.promoted:
        verdict = "forced"
    return _write_down(database, challenger, current, verdict, decision, over, force, actor)


def rollback(
    database: Database, kind: CheckpointKind, reason: str, actor: str = "tiebreak"
) -> PromoteDone:
    """Take the active checkpoint of a kind out of production; the one before it comes back."""
    if not reason.strip():
        raise BadInput("a rollback needs its reason; say what went wrong")
    with database.begin() as session:
        current = stored.active(session, kind)
        if current is None:
            raise Conflict(f"no {kind.value} is active, so there is nothing to roll back")
        before = stored.retire(session, current)
        stored.record_decision(session, current, before, "rolled_back", [reason], {})
        payload = {"reason": reason, "now_active": before.name if before else None}
        record(session, actor, "checkpoint.rolled_back", f"checkpoint:{current.name}", payload)
        return _done(
            before or current,
            current.name,
            "rolled_back",
            [reason],
            {},
            generation=before.generation if before else 0,
        )


def history(database: Database, kind: CheckpointKind | None = None) -> list[dict[str, Any]]:
    """Every decision of the gate, oldest first."""
    with database.read() as session:
        names = {c.id: c for c in session.query(Checkpoint)}
        return [
            {
                "at": each.created_at.isoformat(),
                "kind": names[each.checkpoint_id].kind.value,
                "checkpoint": names[each.checkpoint_id].name,
                "generation": names[each.checkpoint_id].generation,
                "verdict": each.verdict,
                "over": names[each.incumbent_id].name if each.incumbent_id else None,
                "reasons": each.reasons,
                "effect": (each.figures.get("human_share") or {}).get("line"),
            }
            for each in stored.decisions(session, kind)
        ]


def _probed(contest: _Contest, rules: Constitution | None) -> dict[str, dict[str, float]]:
    if contest.challenger.settings.get("style") == "prompted":
        raise BadInput("probes are asked on this machine; a prompted judge cannot be probed here")
    found = {}
    bad = habits()
    for name, table in build(contest.gold.pairs).items():
        ours = _answers(contest.challenger, table, rules or Constitution(chapters=()))
        found[name] = {
            contest.challenger.name: float(right(ours.lean_P, table.truth_P).mean()),
            "the bad habit": float(right(bad[name](table), table.truth_P).mean()),
            "items": float(len(table.pairs)),
        }
    return found


def _decided(
    database: Database,
    challenger: Checkpoint,
    rules: Constitution | None,
    effect: Effect | None,
    against: str | None,
    force: str | None,
) -> tuple[Decision, str]:
    if challenger.kind not in _GATED:
        return Decision(False, [f"forced without a gate: {force}"]), "nothing"
    try:
        contest = _contest(database, challenger.name, rules, against)
    except Conflict as error:
        if force is None:
            raise
        return Decision(False, [f"forced without a comparison: {force}", str(error)]), "nothing"
    decision = decide(
        contest.answers[challenger.name],
        contest.answers[contest.incumbent_name],
        contest.gold.truth_P,
        contest.gold.prompt_P,
        contest.slices,
        effect,
    )
    figures = decision.figures | {
        "gold": contest.gold.hash,
        "accuracy": {
            rater: measuring.measure(contest.answers[rater], contest.gold)["accuracy"]
            for rater in (challenger.name, contest.incumbent_name)
        },
    }
    reasons = decision.reasons
    if force is not None and not decision.promoted:
        reasons = [f"forced: {force}", *reasons]
    return Decision(decision.promoted, reasons, figures), contest.incumbent_name


def _write_down(
    database: Database,
    challenger: Checkpoint,
    expected: Checkpoint | None,
    verdict: str,
    decision: Decision,
    over: str,
    force: str | None,
    actor: str,
) -> PromoteDone:
    """Decision, switch and event in one transaction; Conflict if the incumbent changed."""
    with database.begin() as session:
        found = session.get_one(Checkpoint, challenger.id)
        current = stored.active(session, found.kind)
        if (current.id if current else None) != (expected.id if expected else None):
            raise Conflict(
                f"the active {found.kind.value} changed while {found.name!r} was compared; "
                "run promote again"
            )
        stored.record_decision(session, found, current, verdict, decision.reasons, decision.figures)
        if verdict != "refused":
            stored.make_active(session, found)
        record(
            session,
            actor,
            f"checkpoint.{verdict}",
            f"checkpoint:{found.name}",
            {
                "over": over,
                "reasons": decision.reasons,
                "force": force,
                "generation": found.generation,
            },
        )
        return _done(
            found,
            over,
            verdict,
            decision.reasons,
            decision.figures,
            generation=found.generation if verdict != "refused" else 0,
        )


def _contest(
    database: Database, name: str | None, rules: Constitution | None, against: str | None
) -> _Contest:
    with database.read() as session:
        challenger = stored.checkpoint(session, name)
        if challenger.kind not in _GATED:
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
    if not everything:
        raise Conflict("there is no gold yet; freeze some with `tiebreak gold draw`")
    prompts = {p.prompt_hash: p.prompt for p in everything}
    learnt = _learnt(prompts, challenger, dataset) | _learnt(prompts, incumbent, theirs)
    gold = gold_table([p for p in everything if p.prompt_hash not in learnt])
    if not gold.pairs:
        raise Conflict(
            f"all {len(everything)} gold pairs stand in the data {challenger.name!r} was trained "
            "on; freeze gold before the next export"
        )
    rules = rules or Constitution(chapters=())

    def ask(each: Checkpoint) -> Answers:
        if each.name in voted:
            return _voted(each, voted[each.name], gold)
        return _answers(each, gold, rules)

    answers = {challenger.name: ask(challenger)}
    rows = read_split(Path(dataset.path), "train") if dataset else []
    usable = [row for row in rows if row["meta"]["prompt_hash"] not in prompts]
    answers |= measuring.baseline_answers(gold, usable)
    if said.odds:
        answers[against or PANEL] = measuring.panel_table(said, gold)
    if incumbent is not None:
        answers[incumbent.name] = ask(incumbent)
    return _Contest(
        challenger,
        incumbent,
        _incumbent_name(challenger, incumbent, answers, gold, against),
        gold,
        answers,
        measuring.slices_of(gold, said.principles),
        len(everything) - len(gold.pairs),
    )


def _incumbent_name(
    challenger: Checkpoint,
    incumbent: Checkpoint | None,
    answers: Mapping[str, Answers],
    gold: GoldTable,
    against: str | None,
) -> str:
    """Whom to beat: the active checkpoint; for a first judge the panel; else the best baseline."""
    if incumbent is not None and against is None:
        return incumbent.name
    if challenger.kind == CheckpointKind.JUDGE:
        name = against or PANEL
        if name in answers:
            return name
        if against:
            raise BadInput(f"judge {against!r} has no vote on gold; name one that has been asked")
    cheap = [name for name in answers if name not in (challenger.name, PANEL, against)]
    return max(
        cheap, key=lambda name: measuring.measure(answers[name], gold)["accuracy"]["value"] or 0.0
    )


def _voted(checkpoint: Checkpoint, said: PanelAnswers, gold: GoldTable) -> Answers:
    """A prompted judge answers by the votes it has cast on gold."""
    missing = sum(pair.id not in said.odds for pair in gold.pairs)
    if missing:
        raise Conflict(
            f"judge {checkpoint.settings['judge']!r} has not been asked about {missing} of "
            f"{len(gold.pairs)} gold pairs; put it into the panel and run `tiebreak judge`"
        )
    return measuring.panel_table(said, gold)


def _answers(checkpoint: Checkpoint, gold: GoldTable, rules: Constitution) -> Answers:
    folder = Path(checkpoint.path)
    if checkpoint.kind == CheckpointKind.JUDGE:
        return measuring.judge_answers(folder, gold, rules)
    return measuring.reward_answers(folder, gold)


def _learnt(
    gold_prompts: Mapping[str, str], checkpoint: Checkpoint | None, dataset: Dataset | None
) -> set[str]:
    """Gold prompts that are, or nearly are, among those a checkpoint was trained on."""
    if checkpoint is None or dataset is None:
        return set()
    folder = Path(dataset.path)
    threshold = read_manifest(folder)["filters"]["near_duplicate"]
    left_out = set(checkpoint.settings.get("left_out_prompts", ()))
    trained = {
        row["meta"]["prompt_hash"]: prompt_text(as_messages(row["prompt"], "user"))
        for split in ("train", "validation")
        for row in read_split(folder, split)
    }
    return set(
        leaks(gold_prompts, {k: v for k, v in trained.items() if k not in left_out}, threshold)
    )


def _done(
    checkpoint: Checkpoint,
    over: str,
    verdict: str,
    reasons: list[str],
    figures: dict[str, Any],
    generation: int | None = None,
) -> PromoteDone:
    if generation is None:
        generation = checkpoint.generation
    return PromoteDone(
        checkpoint=checkpoint.name,
        kind=checkpoint.kind.value,
        incumbent=over,
        verdict=verdict,
        generation=generation or None,
        reasons=reasons,
        figures=figures,
    )


def _interval(accuracy: Mapping[str, Any]) -> str:
    if accuracy["value"] is None:
        return "undefined"
    if accuracy["low"] is None:
        return f"{accuracy['value']:.3f}"
    return f"{accuracy['value']:.3f} [{accuracy['low']:.3f}, {accuracy['high']:.3f}]"
