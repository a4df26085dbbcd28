"""The append-only event log: who did what to what. Never holds a secret."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Event


def record(
    session: Session, actor: str, kind: str, subject: str, payload: dict[str, Any] | None = None
) -> None:
    """Append one event; `subject` reads like pair:12 or checkpoint:reward-1."""
    session.add(Event(actor=actor, kind=kind, subject=subject, payload=payload or {}))


def history(session: Session, subject: str) -> list[Event]:
    """All events about one subject, oldest first."""
    return list(session.scalars(select(Event).where(Event.subject == subject).order_by(Event.id)))
