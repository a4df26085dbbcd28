"""Gold wears out: how many decisions each frozen pair has served, and the retirement of used parts.

A decision of the gate rests on all gold that was frozen before it, new to the challenger or not.
Retired gold teaches like every other label: what people said of it counts again, and an imported
answer becomes a label of the annotator `gold`. Leaves out when parts retire (`app.pipeline.gold`).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.events import record
from db.identity import content_hash
from db.models import Annotator, GateDecision, Gold, Pair, Prompt, Review
from db.opinions import human_answers
from db.upsert import chunks, insert_new
from db.vocabulary import Choice

ANNOTATOR = "gold"
"""Who an imported gold answer is a label of once it has retired."""


@dataclass(frozen=True, slots=True)
class Part:
    """Gold of one prompt. served: decisions that its newest pair has served; decided: pairs whose
    answer is a or b.
    """

    prompt: str
    pair_ids: tuple[int, ...]
    decided: int
    frozen_at: datetime
    served: int


def parts(session: Session) -> list[Part]:
    """All gold by prompt, oldest first."""
    measured = [
        each.created_at
        for each in session.scalars(select(GateDecision).order_by(GateDecision.id))
        if each.figures.get("gold")
    ]
    rows = session.execute(
        select(Prompt.content_hash, Gold.pair_id, Gold.choice, Gold.created_at)
        .join(Pair, Pair.id == Gold.pair_id)
        .join(Prompt, Prompt.id == Pair.prompt_id)
        .order_by(Gold.created_at, Gold.id)
    )
    found: dict[str, list[tuple[int, Choice, datetime]]] = {}
    for prompt, pair_id, choice, at in rows:
        found.setdefault(prompt, []).append((pair_id, choice, at))
    made = []
    for prompt, pairs in found.items():
        newest = max(at for _, _, at in pairs)
        decided = sum(choice is not Choice.TIE for _, choice, _ in pairs)
        served = sum(at >= newest for at in measured)
        made.append(Part(prompt, tuple(p for p, _, _ in pairs), decided, newest, served))
    return sorted(made, key=lambda part: (part.frozen_at, part.prompt))


def retire(session: Session, used: Iterable[Part], actor: str = "tiebreak") -> int:
    """Turn parts into ordinary labels, with an event that names them; how many pairs that were."""
    used = list(used)
    pair_ids = [pair_id for part in used for pair_id in part.pair_ids]
    if not pair_ids:
        return 0
    _label(session, pair_ids)
    for chunk in chunks(pair_ids):
        session.execute(delete(Gold).where(Gold.pair_id.in_(chunk)))
    served = {part.prompt: part.served for part in used}
    record(session, actor, "gold.retired", "gold", {"pairs": pair_ids, "served": served})
    return len(pair_ids)


def _label(session: Session, pair_ids: Collection[int]) -> None:
    """Keep imported answers as labels where people's own answers do not say them."""
    said: dict[int, Choice] = {}
    for chunk in chunks(pair_ids):
        said |= human_answers(session, pair_ids=chunk)
    rows = [
        gold
        for chunk in chunks(pair_ids)
        for gold in session.scalars(select(Gold).where(Gold.pair_id.in_(chunk)))
        if gold.pair_id not in said
    ]
    if not rows:
        return
    annotator = session.scalar(select(Annotator).where(Annotator.name == ANNOTATOR))
    if annotator is None:
        annotator = Annotator(name=ANNOTATOR)
        session.add(annotator)
        session.flush()
    labels = [
        {
            "pair_id": gold.pair_id,
            "annotator_id": annotator.id,
            "choice": gold.choice,
            "created_at": gold.created_at,
            "origin": content_hash("retired gold", gold.pair_id, gold.id),
        }
        for gold in rows
    ]
    insert_new(session, Review, labels, ["origin"])
