"""Where humans come in: batches, routes, tasks, leases, annotators, reviews, adjudications."""

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.models.base import Base
from db.models.content import Pair
from db.types import Hash, Json, JsonDict, JsonList, Key, Name, OptionalTime, Time, word
from db.vocabulary import Choice, LeaseStatus, Role, Route, TaskKind, TaskStatus


class Batch(Base):
    """Pairs routed and delivered together; what a certificate speaks of."""

    __tablename__ = "batches"

    id: Mapped[Key]
    fit_id: Mapped[int] = mapped_column(ForeignKey("consensus_fits.id"))
    policy: Mapped[JsonDict] = mapped_column(comment="the options it was routed with")
    seed: Mapped[int]
    frame_hash: Mapped[Hash] = mapped_column(comment="sha256 of pairs and scores")
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    created_at: Mapped[Time]
    looks: Mapped[dict[str, list[list[float]]] | None] = mapped_column(
        Json, comment="planned ones by stratum: [audits, delta] each"
    )
    given_up_at: Mapped[OptionalTime] = mapped_column(
        comment="before it had a certificate; its answers are ordinary ones since"
    )


class PairRoute(Base):
    """What one batch decided about one pair, and why. An audit is also an accept, seen twice."""

    __tablename__ = "routes"
    __table_args__ = (UniqueConstraint("batch_id", "pair_id"), Index(None, "pair_id"))

    id: Mapped[Key]
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"))
    pair_id: Mapped[int] = mapped_column(ForeignKey("pairs.id"))
    route: Mapped[Route] = mapped_column(word(Route, "route"))
    reasons: Mapped[JsonList]
    priority: Mapped[float]
    score: Mapped[float] = mapped_column(comment="confidence the certificate orders by")
    stratum: Mapped[str] = mapped_column(String(100), default="")
    inclusion_probability: Mapped[float | None] = mapped_column(comment="of the audit draw")


class Certificate(Base):
    """A checkable promise on the errors of one batch; `payload` holds all to check it again."""

    __tablename__ = "certificates"

    id: Mapped[Key]
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"))
    promise: Mapped[str] = mapped_column(String(8))
    payload: Mapped[JsonDict]
    created_at: Mapped[Time]
    withdrawn_at: Mapped[OptionalTime]
    withdrawn_reason: Mapped[str | None] = mapped_column(Text)


class Annotator(Base):
    """A human rater. `subject` is the identity provider's id where sign-in is configured."""

    __tablename__ = "annotators"

    id: Mapped[Key]
    name: Mapped[Name] = mapped_column(unique=True)
    subject: Mapped[str | None] = mapped_column(String(300), unique=True)
    role: Mapped[Role] = mapped_column(word(Role, "role"), default=Role.ANNOTATOR)
    domains: Mapped[list[str]] = mapped_column(Json, default=list)
    paused_reason: Mapped[str | None] = mapped_column(String(300))
    practised_at: Mapped[OptionalTime]
    created_at: Mapped[Time]


class Task(Base):
    """What an annotator claims: one pair, or a ranking of several candidates of one prompt."""

    __tablename__ = "tasks"
    __table_args__ = (
        UniqueConstraint("pair_id", "kind", "batch_id", "for_annotator_id"),
        Index(
            "uq_tasks_shared",
            "pair_id",
            "kind",
            "batch_id",
            unique=True,
            sqlite_where=text("for_annotator_id IS NULL AND batch_id IS NOT NULL"),
            postgresql_where=text("for_annotator_id IS NULL AND batch_id IS NOT NULL"),
        ),
        Index(
            "uq_tasks_shared_unbatched",
            "pair_id",
            "kind",
            unique=True,
            sqlite_where=text("for_annotator_id IS NULL AND batch_id IS NULL"),
            postgresql_where=text("for_annotator_id IS NULL AND batch_id IS NULL"),
        ),
        Index(
            "ix_tasks_queue",
            "status",
            text("priority DESC"),
            "id",
            sqlite_where=text("for_annotator_id IS NULL"),
            postgresql_where=text("for_annotator_id IS NULL"),
        ),
        Index(
            "ix_tasks_personal",
            "for_annotator_id",
            "status",
            text("priority DESC"),
            "id",
            sqlite_where=text("for_annotator_id IS NOT NULL"),
            postgresql_where=text("for_annotator_id IS NOT NULL"),
        ),
        Index(None, "pair_id", "status"),
        CheckConstraint("(pair_id IS NULL) <> (prompt_id IS NULL)", name="pair_or_ranking"),
        CheckConstraint("wanted_reviews >= 1 AND max_reviews >= wanted_reviews", name="reviews"),
    )

    id: Mapped[Key]
    kind: Mapped[TaskKind] = mapped_column(word(TaskKind, "kind"))
    status: Mapped[TaskStatus] = mapped_column(word(TaskStatus, "status"), default=TaskStatus.OPEN)
    pair_id: Mapped[int | None] = mapped_column(ForeignKey("pairs.id"))
    prompt_id: Mapped[int | None] = mapped_column(ForeignKey("prompts.id"))
    candidate_ids: Mapped[list[int] | None] = mapped_column(Json, comment="to rank")
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batches.id"))
    priority: Mapped[float] = mapped_column(default=0.0, comment="higher is sooner")
    domain: Mapped[str | None] = mapped_column(String(100), comment="skill asked for")
    reasons: Mapped[JsonList] = mapped_column(default=list)
    for_annotator_id: Mapped[int | None] = mapped_column(
        ForeignKey("annotators.id"), comment="gold, repeat and practice are one person's"
    )
    wanted_reviews: Mapped[int] = mapped_column(default=1)
    max_reviews: Mapped[int] = mapped_column(default=3)
    created_at: Mapped[Time]
    settled_at: Mapped[OptionalTime]

    pair: Mapped[Pair | None] = relationship()


class Lease(Base):
    """A timed claim. At most one active lease a task and one an annotator, by the database."""

    __tablename__ = "leases"
    __table_args__ = (
        Index(
            "uq_leases_task_active",
            "task_id",
            unique=True,
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
        Index(
            "uq_leases_annotator_active",
            "annotator_id",
            unique=True,
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
        Index(None, "task_id", "annotator_id"),
        Index(None, "annotator_id", "ended_at"),
        Index(
            "ix_leases_active_expiry",
            "expires_at",
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, comment="random, unguessable")
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("annotators.id"))
    status: Mapped[LeaseStatus] = mapped_column(
        word(LeaseStatus, "status"), default=LeaseStatus.ACTIVE
    )
    b_first: Mapped[bool] = mapped_column(comment="True where Response 1 is B")
    claimed_at: Mapped[Time]
    expires_at: Mapped[Time]
    ended_at: Mapped[OptionalTime]
    skip_reason: Mapped[str | None] = mapped_column(String(300))
    ready_at: Mapped[OptionalTime] = mapped_column(
        comment="no answer is taken before; a key held down keeps moving it on"
    )
    revealed_at: Mapped[OptionalTime] = mapped_column(
        comment="when the panel's votes were shown, after the answer"
    )
    post_reveal: Mapped[bool] = mapped_column(
        default=False, comment="the annotator has seen the panel's votes on this pair"
    )
    active_seconds: Mapped[float] = mapped_column(default=0.0, comment="up to `beat_at`")
    beat_at: Mapped[OptionalTime] = mapped_column(comment="last sign of work from the screen")
    draft: Mapped[dict[str, Any] | None] = mapped_column(
        Json, comment="an order half built, for a screen that is reloaded"
    )

    task: Mapped[Task] = relationship()


class Review(Base):
    """An annotator's recorded answer, in stored order. Insert-only; undone by a Retraction."""

    __tablename__ = "reviews"
    __table_args__ = (
        Index(None, "pair_id"),
        Index(None, "annotator_id", "created_at"),
        Index(None, "task_id"),
        CheckConstraint("strength IS NULL OR strength IN (1, 2)", name="strength"),
        CheckConstraint("NOT both_bad OR choice = 'tie'", name="both_bad"),
    )

    id: Mapped[Key]
    pair_id: Mapped[int] = mapped_column(ForeignKey("pairs.id"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("annotators.id"))
    task_id: Mapped[int | None] = mapped_column(
        ForeignKey("tasks.id"), comment="none for an imported label where nothing was open"
    )
    lease_id: Mapped[str | None] = mapped_column(ForeignKey("leases.id"), unique=True)
    kind: Mapped[TaskKind | None] = mapped_column(word(TaskKind, "kind"))
    choice: Mapped[Choice] = mapped_column(word(Choice, "choice"))
    strength: Mapped[int | None]
    both_bad: Mapped[bool] = mapped_column(default=False)
    b_first: Mapped[bool | None] = mapped_column(comment="True where Response 1 was B")
    rationale: Mapped[str | None] = mapped_column(Text)
    reasons: Mapped[list[str] | None] = mapped_column(Json, comment="one-click reasons")
    principles: Mapped[dict[str, str] | None] = mapped_column(Json)
    note: Mapped[str | None] = mapped_column(Text)
    active_seconds: Mapped[float | None]
    score_a: Mapped[float | None] = mapped_column(comment="where the rater scored each response")
    score_b: Mapped[float | None]
    undated: Mapped[bool | None] = mapped_column(
        comment="its row gave no time; created_at is that of the import"
    )
    post_reveal: Mapped[bool] = mapped_column(default=False)
    origin: Mapped[str | None] = mapped_column(String(64), unique=True)
    created_at: Mapped[Time]

    annotator: Mapped[Annotator] = relationship()


class Retraction(Base):
    """An annotator takes a review back; the review stays, and counts no more."""

    __tablename__ = "retractions"

    id: Mapped[Key]
    review_id: Mapped[int] = mapped_column(ForeignKey("reviews.id"), unique=True)
    reason: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[Time]


class RankingRetraction(Base):
    """An annotator takes a ranking back; the ranking stays, and counts no more."""

    __tablename__ = "ranking_retractions"

    id: Mapped[Key]
    ranking_id: Mapped[int] = mapped_column(ForeignKey("rankings.id"), unique=True)
    reason: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[Time]


class Rationale(Base):
    """The reason given after an answer was stored and before the reveal. One a review."""

    __tablename__ = "rationales"

    id: Mapped[Key]
    review_id: Mapped[int] = mapped_column(ForeignKey("reviews.id"), unique=True)
    text: Mapped[str | None] = mapped_column(Text)
    reasons: Mapped[list[str]] = mapped_column(Json, default=list, comment="one-click reasons")
    created_at: Mapped[Time]


class Adjudication(Base):
    """The binding answer where reviews disagree. Insert-only; the newest binds."""

    __tablename__ = "adjudications"
    __table_args__ = (Index(None, "pair_id"),)

    id: Mapped[Key]
    pair_id: Mapped[int] = mapped_column(ForeignKey("pairs.id"))
    task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("annotators.id"))
    choice: Mapped[Choice] = mapped_column(word(Choice, "choice"))
    strength: Mapped[int | None]
    both_bad: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Time]


class Ranking(Base):
    """An order over candidates of one prompt: a list of groups, best first, ties in a group."""

    __tablename__ = "rankings"
    __table_args__ = (
        Index(None, "task_id"),
        Index(None, "prompt_id"),
        Index(None, "annotator_id", "created_at"),
    )

    id: Mapped[Key]
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompts.id"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("annotators.id"))
    task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id"))
    lease_id: Mapped[str | None] = mapped_column(ForeignKey("leases.id"), unique=True)
    groups: Mapped[list[list[int]]] = mapped_column(Json, comment="candidate ids")
    rationale: Mapped[str | None] = mapped_column(Text)
    active_seconds: Mapped[float | None]
    origin: Mapped[str | None] = mapped_column(String(64), unique=True)
    created_at: Mapped[Time]


class ContentFlag(Base):
    """An annotator's warning about a pair, or about candidates to rank: unsafe, personal data."""

    __tablename__ = "content_flags"
    __table_args__ = (
        CheckConstraint("(pair_id IS NULL) <> (prompt_id IS NULL)", name="pair_or_ranking"),
    )

    id: Mapped[Key]
    pair_id: Mapped[int | None] = mapped_column(ForeignKey("pairs.id"))
    prompt_id: Mapped[int | None] = mapped_column(ForeignKey("prompts.id"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("annotators.id"))
    kind: Mapped[str] = mapped_column(String(40))
    note: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[Time]
