"""What is judged: prompts, candidates, pairs and the names outsiders call pairs by."""

from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.conversation import Messages, Tools, prompt_text
from db.models.base import Base
from db.types import BigKey, Hash, Json, JsonText, Key, LongText, Name, OptionalTime, Time


class Prompt(Base):
    """The conversation to answer, and the tools it may call."""

    __tablename__ = "prompts"

    id: Mapped[Key]
    content_hash: Mapped[Hash] = mapped_column(unique=True)
    messages: Mapped[Messages] = mapped_column(JsonText)
    tools: Mapped[Tools | None] = mapped_column(
        JsonText, comment="what may be called, as JSON schemas"
    )
    expected: Mapped[dict[str, Any] | None] = mapped_column(
        Json, comment="outcome a verifier checks: {kind: exact|regex|json_schema|arithmetic, ...}"
    )
    created_at: Mapped[Time]
    erased_at: Mapped[OptionalTime] = mapped_column(
        comment="its texts are gone since; the hash stays, so that they do not come back"
    )

    candidates: Mapped[list["Candidate"]] = relationship(back_populates="prompt")

    @property
    def text(self) -> str:
        """The conversation as one text; a single plain message is itself."""
        return prompt_text(self.messages, self.tools)


class Candidate(Base):
    """One response to one prompt. The same said for the same prompt is the same candidate."""

    __tablename__ = "candidates"
    __table_args__ = (UniqueConstraint("prompt_id", "content_hash"),)

    id: Mapped[Key]
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompts.id"))
    content_hash: Mapped[Hash]
    text: Mapped[LongText]
    messages: Mapped[Messages | None] = mapped_column(
        JsonText, comment="where it is more than one plain message; `text` is how they read"
    )
    model: Mapped[str | None] = mapped_column(String(200), comment="generator, where known")
    family: Mapped[str | None] = mapped_column(String(200), comment="generator's model family")
    parent_id: Mapped[int | None] = mapped_column(
        ForeignKey("candidates.id"), comment="the response this one revises"
    )
    critique: Mapped[str | None] = mapped_column(Text, comment="why the parent was revised")
    created_at: Mapped[Time]

    prompt: Mapped[Prompt] = relationship(back_populates="candidates")


class Pair(Base):
    """A prompt with candidates A and B in stored order; the unit of work.

    `content_hash` is the same for the mirrored pair, so a mirror is recognised, not stored.
    A and B may be the same candidate where two systems gave the same text.
    """

    __tablename__ = "pairs"
    __table_args__ = (Index(None, "prompt_id"), Index(None, "domain", "id"))

    id: Mapped[Key]
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompts.id"))
    candidate_a_id: Mapped[int] = mapped_column(ForeignKey("candidates.id"))
    candidate_b_id: Mapped[int] = mapped_column(ForeignKey("candidates.id"))
    content_hash: Mapped[Hash] = mapped_column(unique=True)
    domain: Mapped[str | None] = mapped_column(String(100))
    source: Mapped[str | None] = mapped_column(String(200), comment="the data set it came from")
    kept: Mapped[dict[str, Any] | None] = mapped_column(
        Json, comment="columns of its file that were to be kept"
    )
    created_at: Mapped[Time]

    prompt: Mapped[Prompt] = relationship()
    candidate_a: Mapped[Candidate] = relationship(foreign_keys=[candidate_a_id])
    candidate_b: Mapped[Candidate] = relationship(foreign_keys=[candidate_b_id])


class PairName(Base):
    """An outsider's id for a pair; `mirrored` where that id has A and B exchanged."""

    __tablename__ = "pair_names"
    __table_args__ = (Index(None, "pair_id"),)

    id: Mapped[Key]
    external_id: Mapped[Name] = mapped_column(unique=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("pairs.id"))
    mirrored: Mapped[bool]


class StepLabels(Base):
    """A solution in steps with a rating each, for process rewards.

    1 is right, -1 wrong, 0 neither, null not rated; true and false, as once stored, are 1 and -1.
    """

    __tablename__ = "step_labels"

    id: Mapped[Key]
    prompt_id: Mapped[int] = mapped_column(BigKey, ForeignKey("prompts.id"))
    content_hash: Mapped[Hash] = mapped_column(unique=True)
    steps: Mapped[list[str]] = mapped_column(Json)
    labels: Mapped[list[bool | int | None]] = mapped_column(Json)
    created_at: Mapped[Time]
