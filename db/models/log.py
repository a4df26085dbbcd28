"""What happened: runs of verbs, cycle steps and the append-only event log."""

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base
from db.types import Json, JsonDict, Key, OptionalTime, Time, word
from db.vocabulary import RunStatus


class Run(Base):
    """One run of a verb, with what it was asked, may spend, and did."""

    __tablename__ = "runs"

    id: Mapped[Key]
    verb: Mapped[str] = mapped_column(String(40))
    options: Mapped[JsonDict]
    status: Mapped[RunStatus] = mapped_column(word(RunStatus, "status"), default=RunStatus.RUNNING)
    host: Mapped[str] = mapped_column(String(200), default="")
    pid: Mapped[int | None]
    process: Mapped[str | None] = mapped_column(
        String(80), comment="boot and start of its process, which its number alone does not tell"
    )
    cap_nanousd: Mapped[int | None] = mapped_column(
        BigInteger, comment="hard spending cap of this run"
    )
    summary: Mapped[dict[str, object] | None] = mapped_column(Json)
    error: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[Time]
    finished_at: Mapped[OptionalTime]


class CycleStep(Base):
    """One step of one weekly cycle; a failed cycle resumes at its first step not done."""

    __tablename__ = "cycle_steps"
    __table_args__ = (UniqueConstraint("run_id", "name"),)

    id: Mapped[Key]
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(16), default="waiting")
    summary: Mapped[dict[str, object] | None] = mapped_column(Json)
    started_at: Mapped[OptionalTime]
    finished_at: Mapped[OptionalTime]


class Event(Base):
    """Append-only: who did what to what. Never holds a secret."""

    __tablename__ = "events"
    __table_args__ = (Index(None, "kind", "id"), Index(None, "subject", "id"))

    id: Mapped[Key]
    at: Mapped[Time]
    actor: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(200), comment="e.g. pair:12")
    payload: Mapped[JsonDict]
