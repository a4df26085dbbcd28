"""Promotion of checkpoints as steps: decided by the gate, written down whole or not at all.

Leaves out the measuring (`measurement`) and the rules (`gate`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from db import checkpoints as stored
from db.errors import BadInput, Conflict, NotAllowed
from db.events import record
from db.identity import content_hash
from db.models import Checkpoint
from db.session import Database
from db.vocabulary import CheckpointKind
from judges.constitution import Constitution
from trainer.gate import evaluate as measuring
from trainer.gate.comparison import GATED, GateContext, compare, gather
from trainer.gate.evaluate import GoldTable
from trainer.gate.evidence import seen_through, weeks_of
from trainer.gate.panels import Panels, Unpriced
from trainer.gate.rules import Decision, GoldSeen, Joint, as_figures, beside, decide


@dataclass(frozen=True)
class PromoteDone:
    """What the gate said. `generation` is set where the checkpoint is in production now.

    `new` is False where the gate had said so before, on the very same gold, votes and incumbent.
    """

    checkpoint: str
    kind: str
    incumbent: str
    verdict: str
    generation: int | None
    reasons: list[str]
    figures: dict[str, Any]
    new: bool = True

    @property
    def promoted(self) -> bool:
        """Whether it is in production now."""
        return self.generation is not None

    @property
    def summary(self) -> str:
        """One line for people."""
        if self.verdict == "active":
            return f"{self.checkpoint!r} is the active {self.kind} already"
        if self.verdict == "rolled_back":
            back = (
                f"{self.checkpoint!r}, generation {self.generation}, is active again"
                if self.promoted
                else f"no {self.kind} is active now"
            )
            return f"rolled back {self.incumbent!r}: {'; '.join(self.reasons)}; {back}"
        if not self.promoted:
            before = "" if self.new else " before, and nothing has changed"
            return f"refused {self.checkpoint!r}{before}: " + "; ".join(self.reasons)
        return (
            f"{self.verdict} {self.checkpoint!r} as {self.kind} generation {self.generation} over "
            f"{self.incumbent}: " + "; ".join(self.reasons)
        )


def promote(
    database: Database,
    name: str | None = None,
    rules: Constitution | None = None,
    *,
    panels: Panels | Unpriced | None = None,
    against: str | None = None,
    force: str | None = None,
    actor: str = "tiebreak",
) -> PromoteDone:
    """Make a checkpoint the active one of its kind if the gate lets it; refusals are recorded, too.

    `against` names one judge of the panel to be the incumbent instead of its consensus. `panels`
    are those that a judge could make, priced; without them accuracy is what is asked. `force` is
    the reason for promoting without the gate's consent. NotAllowed for kinds that have no gate.
    """
    if force is not None and not force.strip():
        raise BadInput("a forced promotion needs its reason; give it with --force REASON")
    with database.read() as session:
        challenger = stored.checkpoint(session, name)
        current = stored.active(session, challenger.kind)
    if current is not None and current.id == challenger.id:
        return _done(challenger, "itself", "active", [], {})
    if challenger.kind not in GATED and force is None:
        raise NotAllowed(
            f"{challenger.kind.value} {challenger.name!r} has no gate yet; judge it yourself and "
            "promote it with --force REASON"
        )
    context = _context(database, challenger, rules, against, force)
    told = None if panels is None else panels.line
    basis = content_hash(context.basis, told) if isinstance(context, GateContext) else None
    if force is None and basis is not None:
        with database.read() as session:
            said = stored.newest_decision(session, challenger.id)
        if said and said.verdict == "refused" and said.figures.get("basis") == basis:
            over = said.figures["over"]
            return _done(challenger, over, "refused", said.reasons, said.figures, 0, new=False)
    with database.read() as session:
        past = [each.figures for each in stored.since_promotion(session, challenger.kind)]
    decision, over = _decided(challenger, context, panels, past, force)
    if basis is not None:
        decision = replace(decision, figures=decision.figures | {"basis": basis, "over": over})
    verdict = "promoted" if decision.promoted else "refused"
    if force is not None and not decision.promoted:
        verdict = "forced"  # and asked beside all others, as nothing else was shown
        decision = replace(decision, figures=decision.figures | {"seat": {}})
    return _write_down(database, challenger, current, verdict, decision, over, force, actor)


def rollback(
    database: Database, kind: CheckpointKind, reason: str, actor: str = "tiebreak"
) -> PromoteDone:
    """Take the active checkpoint of a kind out of production; the one before it comes back."""
    if not reason.strip():
        raise BadInput("a rollback needs its reason; say what went wrong")
    with database.begin() as session:
        stored.in_turn(session)
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
                "refusal": (each.figures.get("refusal") or {}).get("kind"),
                "effect": (each.figures.get("panels") or {}).get("line"),
            }
            for each in stored.decisions(session, kind)
        ]


def _context(
    database: Database,
    challenger: Checkpoint,
    rules: Constitution | None,
    against: str | None,
    force: str | None,
) -> GateContext | str:
    """The comparison to hold; where a promotion is forced without one, the reason there is none."""
    if challenger.kind not in GATED:
        return f"a {challenger.kind.value} has no gate"
    try:
        return gather(database, challenger.name, rules, against)
    except Conflict as error:
        if force is None:
            raise
        return str(error)


def _decided(
    challenger: Checkpoint,
    context: GateContext | str,
    panels: Panels | Unpriced | None,
    past: Sequence[dict[str, Any]],
    force: str | None,
) -> tuple[Decision, str]:
    if isinstance(context, str):
        return Decision(False, [f"forced without a comparison: {force}", context]), "nothing"
    comparison = compare(context)
    decision = decide(
        comparison.answers[challenger.name],
        comparison.answers[comparison.incumbent_name],
        comparison.gold.truth_P,
        comparison.gold.prompt_P,
        comparison.slices,
        joint=_joint(panels, [pair.id for pair in comparison.gold.pairs]),
        seen=_seen(comparison.gold, seen_through(past)),
        past=weeks_of(past),
    )
    gold = comparison.gold
    apart = beside(comparison.answers, challenger.name, gold.truth_P, gold.prompt_P)
    figures = decision.figures | {
        "gold": gold.hash,
        "beside": {rater: as_figures(difference) for rater, difference in apart.items()},
        "accuracy": {
            rater: measuring.measure(comparison.answers[rater], gold)["accuracy"]
            for rater in (challenger.name, comparison.incumbent_name)
        },
        "too_long": {
            rater: comparison.answers[rater].too_long
            for rater in (challenger.name, comparison.incumbent_name)
        },
    }
    reasons = [
        *decision.reasons,
        *(
            f"{rater} could not read {count} of {len(gold.pairs)} gold pairs whole"
            for rater, count in figures["too_long"].items()
            if count
        ),
    ]
    if force is not None and not decision.promoted:
        reasons = [f"forced: {force}", *reasons]
    return Decision(decision.promoted, reasons, figures), comparison.incumbent_name


def _joint(panels: Panels | Unpriced | None, pair_ids: Sequence[int]) -> Joint | Unpriced | None:
    if not isinstance(panels, Panels):
        return panels
    return Joint(panels, panels.leans(panels.best, pair_ids), panels.leans(0, pair_ids))


def _seen(gold: GoldTable, through: int) -> GoldSeen:
    """Which gold is newer than what earlier decisions saw."""
    ids = np.array([pair.gold_id for pair in gold.pairs], dtype=np.int64)
    return GoldSeen(ids > through, int(ids.max(initial=0)))


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
        stored.in_turn(session)
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


def _done(
    checkpoint: Checkpoint,
    over: str,
    verdict: str,
    reasons: list[str],
    figures: dict[str, Any],
    generation: int | None = None,
    new: bool = True,
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
        new=new,
    )
