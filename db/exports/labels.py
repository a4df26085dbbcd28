"""Every pair with its standing label and no text: what an export chooses from.

Leaves out which are chosen (`trainer.export.selection`) and what is written of them
(`db.exports.pairs`).
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import String, Text, and_, cast, false, func, literal, select, type_coerce
from sqlalchemy.orm import Session

from db.exports.columns import DIGITS, ids_in, streamed
from db.models import Pair, Preference, Prompt
from db.vocabulary import Choice, Source

_AT_ONCE = 2000


class Label(NamedTuple):
    """A pair and what it was settled as; the fields of the label are None where nothing is settled.

    `confidence`: probability of the settled choice, in [1/3, 1]. `late`: settled at or after the
    moment that was asked about. `ranking_ids`: orders over several candidates that settled it.
    """

    pair_id: int
    pair_hash: str
    prompt_id: int
    prompt_hash: str
    erased: bool
    domain: str | None
    preference_id: int | None = None
    choice: str | None = None
    strength: int | None = None
    both_bad: bool = False
    source: str | None = None
    task_kind: str | None = None
    batch_id: int | None = None
    confidence: float = 0.0
    ranking_ids: tuple[int, ...] = ()
    late: bool = True


def labels(session: Session, since: datetime | None = None) -> Iterator[Label]:
    """Every pair in order of content: by its prompt's hash, then its own. Memory is flat."""
    label = Preference.__table__.c
    query = (
        select(
            Pair.id,
            Pair.content_hash,
            Prompt.id,
            Prompt.content_hash,
            Prompt.erased_at.is_not(None),
            Pair.domain,
            label.id,
            type_coerce(label.choice, String),
            label.strength,
            func.coalesce(label.both_bad, false()),
            type_coerce(label.source, String),
            label.task_kind,
            label.batch_id,
            label.p_a,
            label.p_tie,
            label.p_b,
            cast(label.ranking_ids, Text),
            label.created_at >= since if since else literal(True),
        )
        .join(Prompt, Prompt.id == Pair.prompt_id)
        .outerjoin(
            Preference, and_(Preference.pair_id == Pair.id, Preference.superseded_at.is_(None))
        )
        .order_by(Prompt.content_hash, Pair.content_hash)
    )
    for row in streamed(session, query, _AT_ONCE):
        *told, p_a, p_tie, p_b, orders, late = row
        sure = round(max(p_a, p_tie, p_b), DIGITS) if p_a is not None else 0.0
        yield Label._make((*told, sure, tuple(ids_in(orders)), bool(late)))


def code_of(choice: str, strength: int | None, both_bad: bool, source: str) -> int:
    """What a label says and who says it, as a number under 64; how sure it is, is no part of it."""
    said = _CHOICES.index(choice) * 3 + (strength or 0)
    return (said * 2 + bool(both_bad)) * 3 + _SOURCES.index(source)


_CHOICES = tuple(choice.value for choice in Choice if choice is not Choice.ABSTAIN)
_SOURCES = tuple(source.value for source in Source)
