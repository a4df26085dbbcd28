"""What comes out: preferences, gold, datasets, checkpoints and how they fared."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base
from db.probabilities import Probabilities
from db.types import Hash, Json, JsonDict, Key, Name, OptionalTime, Time, word
from db.vocabulary import CheckpointKind, Choice, Source


class Preference(Base):
    """A settled label. Superseded, never edited: one current row a pair, by the database."""

    __tablename__ = "preferences"
    __table_args__ = (
        Index(
            "uq_preferences_pair_current",
            "pair_id",
            unique=True,
            sqlite_where=text("superseded_at IS NULL"),
            postgresql_where=text("superseded_at IS NULL"),
        ),
        CheckConstraint("choice <> 'abstain'", name="settled"),
        CheckConstraint("abs(p_a + p_tie + p_b - 1) < 0.000001", name="sums_to_one"),
    )

    id: Mapped[Key]
    pair_id: Mapped[int] = mapped_column(ForeignKey("pairs.id"))
    choice: Mapped[Choice] = mapped_column(word(Choice, "choice"))
    strength: Mapped[int | None]
    both_bad: Mapped[bool] = mapped_column(default=False)
    p_a: Mapped[float]
    p_tie: Mapped[float]
    p_b: Mapped[float]
    source: Mapped[Source] = mapped_column(word(Source, "source"))
    fit_id: Mapped[int | None] = mapped_column(ForeignKey("consensus_fits.id"))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batches.id"))
    adjudication_id: Mapped[int | None] = mapped_column(ForeignKey("adjudications.id"))
    review_ids: Mapped[list[int]] = mapped_column(Json, default=list)
    ranking_ids: Mapped[list[int]] = mapped_column(
        Json, default=list, comment="orders over several candidates that imply it"
    )
    task_kind: Mapped[str | None] = mapped_column(
        String(16), comment="of the reviews it rests on; says who may learn from it"
    )
    created_at: Mapped[Time]
    superseded_at: Mapped[OptionalTime]

    @property
    def p(self) -> Probabilities:
        """Of the three choices."""
        return Probabilities(self.p_a, self.p_tie, self.p_b)


class Gold(Base):
    """A trusted label, frozen, never trained on."""

    __tablename__ = "gold"

    id: Mapped[Key]
    pair_id: Mapped[int] = mapped_column(ForeignKey("pairs.id"), unique=True)
    choice: Mapped[Choice] = mapped_column(word(Choice, "choice"))
    generation: Mapped[int] = mapped_column(default=0, comment="of the judge line when frozen")
    how: Mapped[JsonDict] = mapped_column(comment="drawn with share and seed, or imported from")
    created_at: Mapped[Time]


class Dataset(Base):
    """An immutable export; `content_hash` is of the manifest, which hashes every file."""

    __tablename__ = "datasets"

    id: Mapped[Key]
    name: Mapped[Name] = mapped_column(unique=True)
    path: Mapped[str] = mapped_column(Text)
    content_hash: Mapped[Hash]
    manifest: Mapped[JsonDict]
    created_at: Mapped[Time]


class DatasetItem(Base):
    """Which preference stands in which split of which dataset."""

    __tablename__ = "dataset_items"

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"), primary_key=True)
    preference_id: Mapped[int] = mapped_column(ForeignKey("preferences.id"), primary_key=True)
    split: Mapped[str] = mapped_column(String(16))


class Checkpoint(Base):
    """A trained artefact on disk; `active_at` set on the one in production of its kind."""

    __tablename__ = "checkpoints"
    __table_args__ = (
        UniqueConstraint("kind", "generation", "name"),
        Index(
            "uq_checkpoints_active",
            "kind",
            unique=True,
            sqlite_where=text("active_at IS NOT NULL"),
            postgresql_where=text("active_at IS NOT NULL"),
        ),
    )

    id: Mapped[Key]
    name: Mapped[Name] = mapped_column(unique=True)
    kind: Mapped[CheckpointKind] = mapped_column(word(CheckpointKind, "kind"))
    generation: Mapped[int] = mapped_column(default=0)
    path: Mapped[str] = mapped_column(Text)
    content_hash: Mapped[Hash] = mapped_column(comment="of the weights and configuration")
    base: Mapped[str] = mapped_column(Text)
    dataset_id: Mapped[int | None] = mapped_column(ForeignKey("datasets.id"))
    settings: Mapped[JsonDict]
    metrics: Mapped[JsonDict]
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    active_at: Mapped[OptionalTime]
    created_at: Mapped[Time]


class Evaluation(Base):
    """Measured on a frozen gold set, named by hash, for a checkpoint or a judge version."""

    __tablename__ = "evaluations"

    id: Mapped[Key]
    checkpoint_id: Mapped[int | None] = mapped_column(ForeignKey("checkpoints.id"))
    judge_version_id: Mapped[int | None] = mapped_column(ForeignKey("judge_versions.id"))
    gold_hash: Mapped[Hash]
    metrics: Mapped[JsonDict]
    created_at: Mapped[Time]


class GateDecision(Base):
    """What the gate said about a challenger, or a rollback, and the figures it said it on."""

    __tablename__ = "gate_decisions"

    id: Mapped[Key]
    checkpoint_id: Mapped[int] = mapped_column(ForeignKey("checkpoints.id"))
    incumbent_id: Mapped[int | None] = mapped_column(ForeignKey("checkpoints.id"))
    verdict: Mapped[str] = mapped_column(String(16), comment="promoted|refused|forced|rolled_back")
    reasons: Mapped[list[str]] = mapped_column(Json)
    figures: Mapped[JsonDict]
    created_at: Mapped[Time]
