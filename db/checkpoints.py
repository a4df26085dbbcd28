"""Trained artefacts and what the gate decided about them: stored, found, activated, rolled back."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.errors import UnknownName
from db.models import Checkpoint, Dataset, Evaluation, GateDecision
from db.types import now
from db.upsert import take_turn
from db.vocabulary import CheckpointKind

_TURN = 7_246_012  # names the turn in which checkpoints are put in production, on PostgreSQL


def in_turn(session: Session) -> None:
    """Wait for other processes that promote or roll back, before the active one is looked up."""
    take_turn(session, _TURN)


def find_checkpoint(session: Session, name: str) -> Checkpoint | None:
    """The checkpoint of that name, if there is one."""
    return session.scalar(select(Checkpoint).where(Checkpoint.name == name))


def checkpoint(
    session: Session, name: str | None, kind: CheckpointKind | None = None
) -> Checkpoint:
    """The checkpoint of that name or, without one, the newest of its kind. UnknownName if none."""
    if name is None:
        query = select(Checkpoint).order_by(Checkpoint.id.desc()).limit(1)
        newest = session.scalar(query.where(Checkpoint.kind == kind) if kind else query)
        if newest is None:
            what = f"{kind.value} checkpoint" if kind else "checkpoint"
            raise UnknownName(f"there is no {what} yet; make one with `tiebreak train`")
        return newest
    found = find_checkpoint(session, name)
    if found is None:
        names = session.scalars(select(Checkpoint.name).order_by(Checkpoint.id))
        raise UnknownName(
            f"checkpoint {name!r} is not known; there is {', '.join(names) or 'none'}"
        )
    return found


def active(session: Session, kind: CheckpointKind) -> Checkpoint | None:
    """The checkpoint in production; None means generation 0 (for judges, the prompted panel)."""
    return session.scalar(
        select(Checkpoint).where(Checkpoint.kind == kind, Checkpoint.active_at.is_not(None))
    )


def in_use(session: Session, name: str | None, kind: CheckpointKind) -> Checkpoint:
    """The named one, else the active one, else the newest of its kind. UnknownName if none."""
    return (active(session, kind) if name is None else None) or checkpoint(session, name, kind)


def record_checkpoint(
    session: Session,
    *,
    name: str,
    kind: CheckpointKind,
    path: str,
    metadata: dict[str, Any],
    dataset: Dataset | None,
    run_id: int | None = None,
) -> Checkpoint:
    """Store a finished checkpoint by what its metadata says."""
    made = Checkpoint(
        name=name,
        kind=kind,
        path=path,
        content_hash=metadata["content_hash"],
        base=metadata["base"],
        dataset_id=dataset.id if dataset else None,
        settings=metadata["recipe"],
        metrics={"validation": metadata.get("validation"), "rows": metadata["rows"]},
        run_id=run_id,
    )
    session.add(made)
    session.flush()
    return made


def record_evaluation(
    session: Session, checkpoint_id: int, gold_hash: str, metrics: dict[str, Any]
) -> Evaluation:
    """Append what was measured on a frozen gold set."""
    made = Evaluation(checkpoint_id=checkpoint_id, gold_hash=gold_hash, metrics=metrics)
    session.add(made)
    session.flush()
    return made


def newest_evaluation(session: Session, checkpoint_id: int, gold_hash: str) -> Evaluation | None:
    """The latest measurement of a checkpoint on that very gold, if there is one."""
    return session.scalar(
        select(Evaluation)
        .where(Evaluation.checkpoint_id == checkpoint_id, Evaluation.gold_hash == gold_hash)
        .order_by(Evaluation.id.desc())
        .limit(1)
    )


def make_active(session: Session, challenger: Checkpoint) -> Checkpoint | None:
    """Put a checkpoint into production as the next generation; returns the one it replaces."""
    incumbent = active(session, challenger.kind)
    if incumbent is not None:
        incumbent.active_at = None
        session.flush()  # one active a kind, by the database: make room first
    highest = session.scalar(
        select(func.max(Checkpoint.generation)).where(Checkpoint.kind == challenger.kind)
    )
    if not challenger.generation:
        challenger.generation = (highest or 0) + 1
    challenger.active_at = now()
    session.flush()
    return incumbent


def retire(session: Session, current: Checkpoint) -> Checkpoint | None:
    """Take a checkpoint out of production and reinstate the one it had replaced, if any."""
    decision = session.scalar(
        select(GateDecision)
        .where(
            GateDecision.checkpoint_id == current.id,
            GateDecision.verdict.in_(("promoted", "forced")),
        )
        .order_by(GateDecision.id.desc())
        .limit(1)
    )
    current.active_at = None
    session.flush()
    replaced = decision.incumbent_id if decision else None
    before = session.get(Checkpoint, replaced) if replaced is not None else None
    if before is not None:
        before.active_at = now()
        session.flush()
    return before


def record_decision(
    session: Session,
    challenger: Checkpoint,
    incumbent: Checkpoint | None,
    verdict: str,
    reasons: list[str],
    figures: dict[str, Any],
) -> GateDecision:
    """Append what the gate said."""
    made = GateDecision(
        checkpoint_id=challenger.id,
        incumbent_id=incumbent.id if incumbent else None,
        verdict=verdict,
        reasons=reasons,
        figures=figures,
    )
    session.add(made)
    session.flush()
    return made


def newest_decision(session: Session, checkpoint_id: int) -> GateDecision | None:
    """The last thing the gate said about a checkpoint, if anything."""
    query = select(GateDecision).where(GateDecision.checkpoint_id == checkpoint_id)
    return session.scalar(query.order_by(GateDecision.id.desc()).limit(1))


def decisions(session: Session, kind: CheckpointKind | None = None) -> list[GateDecision]:
    """Every decision of the gate, oldest first."""
    query = select(GateDecision).order_by(GateDecision.id)
    if kind:
        query = query.join(Checkpoint, Checkpoint.id == GateDecision.checkpoint_id).where(
            Checkpoint.kind == kind
        )
    return list(session.scalars(query))


def since_promotion(session: Session, kind: CheckpointKind) -> list[GateDecision]:
    """What the gate refused of a kind since the one in production changed last, oldest first."""
    refused: list[GateDecision] = []
    for decision in decisions(session, kind):
        refused = [*refused, decision] if decision.verdict == "refused" else []
    return refused


def seat(session: Session, kind: CheckpointKind) -> dict[str, Any]:
    """How the active one takes part, as the decision that let it in says; empty without one."""
    found = active(session, kind)
    if found is None:
        return {}
    query = (
        select(GateDecision)
        .where(GateDecision.checkpoint_id == found.id)
        .where(GateDecision.verdict.in_(("promoted", "forced")))
        .order_by(GateDecision.id.desc())
        .limit(1)
    )
    decision = session.scalar(query)
    told: dict[str, Any] = (decision.figures if decision else {}).get("seat") or {}
    return told
