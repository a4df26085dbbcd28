"""Claims on texts that are no votes: which of them this run asks for, and nobody else meanwhile.

As `db.asking` does for votes: claimed, with money set aside, in one transaction. A text that was
asked for has left an event of its kind.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from db.generation import noted
from db.models import TextClaim
from db.reservations import Asked, in_turn, room_under, set_aside
from db.types import now
from db.upsert import chunks, table_of


@dataclass(frozen=True, slots=True)
class TextKey:
    """One text: the kind of the event that will note it, what it is about, and who writes it."""

    kind: str
    subject: str
    source: str


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Texts that are ours to ask for, with their claims, and the money set aside for them.

    `short` is true where the cap left no room beyond the first `considered` texts.
    """

    claims: dict[TextKey, int]
    reservation_id: int | None
    short: bool
    considered: int


def take_texts(
    session: Session,
    run_id: int,
    bounds: Sequence[tuple[TextKey, int]],
    *,
    asked: Asked,
    lasts: timedelta,
    job: int | None = None,
    cap_nanousd: int | None = None,
) -> TextBlock:
    """Claim texts of one source of answers and set money aside for them, as far as nobody else has
    them, they are not there yet, and the cap allows. bounds: the most each can cost.
    """
    in_turn(session)
    claims = _claim(session, run_id, [key for key, _ in bounds], now() + lasts)
    room = room_under(session, job or run_id, cap_nanousd)
    granted: dict[TextKey, int] = {}
    total = considered = 0
    for key, bound in bounds:
        if key in claims:
            if room is not None and total + bound > room:
                break
            granted[key] = claims[key]
            total += bound
        considered += 1
    release_texts(session, [claim for key, claim in claims.items() if key not in granted])
    reservation = set_aside(session, run_id, total, asked)
    return TextBlock(granted, reservation, considered < len(bounds), considered)


def release_texts(session: Session, claim_ids: Iterable[int]) -> None:
    """Give claims back, asked or not."""
    for chunk in chunks(claim_ids):
        session.execute(delete(TextClaim).where(TextClaim.id.in_(chunk)))


def renew_texts(session: Session, claim_ids: Iterable[int], lasts: timedelta) -> None:
    """Let claims stand for `lasts` from now: their texts are still being asked for."""
    for chunk in chunks(claim_ids):
        held = update(TextClaim).where(TextClaim.id.in_(chunk))
        session.execute(held.values(expires_at=now() + lasts))


def _claim(
    session: Session, run_id: int, keys: Sequence[TextKey], expires_at: datetime
) -> dict[TextKey, int]:
    rows: list[dict[str, Any]] = [
        {
            "kind": key.kind,
            "subject": key.subject,
            "source": key.source,
            "run_id": run_id,
            "expires_at": expires_at,
        }
        for key in keys
    ]
    if not rows:
        return {}
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgres_insert
    table = table_of(TextClaim)
    fresh = insert(table)
    claiming = fresh.on_conflict_do_update(
        index_elements=["kind", "subject", "source"],
        set_={"run_id": fresh.excluded.run_id, "expires_at": fresh.excluded.expires_at},
        where=table.c.expires_at < now(),
    ).returning(table.c.id, table.c.kind, table.c.subject, table.c.source)
    found = session.connection().execute(claiming, rows)
    claims = {TextKey(*key): claim_id for claim_id, *key in found}
    done = {
        TextKey(kind, subject, source)
        for kind in {key.kind for key in claims}
        for subject, source in noted(session, kind, [key.subject for key in claims])
    }
    release_texts(session, [claim for key, claim in claims.items() if key in done])
    return {key: claim for key, claim in claims.items() if key not in done}
