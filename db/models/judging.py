"""Who votes and what came of it: judges, versions, votes, fits, consensus, flags, money."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.models.base import Base
from db.probabilities import Probabilities
from db.types import Hash, Json, JsonDict, JsonList, Key, Money, Name, OptionalTime, Time, word
from db.vocabulary import Choice, Order, Provider


class Judge(Base):
    """A named AI rater."""

    __tablename__ = "judges"

    id: Mapped[Key]
    name: Mapped[Name] = mapped_column(unique=True)
    family: Mapped[Name] = mapped_column(comment="model family; relatives err together")
    created_at: Mapped[Time]
    current_version_id: Mapped[int | None] = mapped_column(
        comment="the version that votes; unset: the newest"
    )
    standing: Mapped[str | None] = mapped_column(
        String(16), comment="configured, history or retired; unset: nobody has said"
    )
    needs_probe: Mapped[bool | None] = mapped_column(
        comment="whether a version votes only once it was probed; unset: no"
    )


class JudgeVersion(Base):
    """A judge as it was when asked: `version` hashes everything that can change its answer."""

    __tablename__ = "judge_versions"
    __table_args__ = (UniqueConstraint("judge_id", "version"),)

    id: Mapped[Key]
    judge_id: Mapped[int] = mapped_column(ForeignKey("judges.id"))
    version: Mapped[Hash]
    provider: Mapped[Provider] = mapped_column(word(Provider, "provider"))
    model: Mapped[str | None] = mapped_column(String(300))
    prompt_version: Mapped[str | None] = mapped_column(String(64))
    constitution_version: Mapped[str | None] = mapped_column(String(64))
    generation: Mapped[int] = mapped_column(default=0, comment="0 is the prompted panel")
    checkpoint_id: Mapped[int | None] = mapped_column(ForeignKey("checkpoints.id"))
    config: Mapped[JsonDict]
    created_at: Mapped[Time]

    judge: Mapped[Judge] = relationship()


class ProbeOutcome(Base):
    """What a probe of a judge version showed. Insert-only; the newest of a version counts."""

    __tablename__ = "probe_outcomes"
    __table_args__ = (Index(None, "judge_version_id", "id"),)

    id: Mapped[Key]
    judge_version_id: Mapped[int] = mapped_column(ForeignKey("judge_versions.id"))
    edition: Mapped[int] = mapped_column(comment="of the changes that were made")
    verdict: Mapped[str] = mapped_column(String(16), comment="passed, failed or not visible")
    suffices: Mapped[bool] = mapped_column(comment="whether it votes where a probe is required")
    pairs: Mapped[int]
    report: Mapped[JsonDict] = mapped_column(comment="figures of every change")
    created_at: Mapped[Time]


class Vote(Base):
    """One judge, one pair, one order, one sample. Insert-only, in stored order."""

    __tablename__ = "votes"
    __table_args__ = (
        UniqueConstraint("pair_id", "judge_version_id", "order", "sample"),
        Index(None, "judge_version_id", "pair_id"),
        CheckConstraint("strength IS NULL OR strength IN (1, 2)", name="strength"),
        CheckConstraint("NOT both_bad OR choice = 'tie'", name="both_bad"),
        CheckConstraint("(choice = 'abstain') = (abstain_reason IS NOT NULL)", name="abstain"),
        CheckConstraint("sample >= 1", name="sample"),
    )

    id: Mapped[Key]
    pair_id: Mapped[int] = mapped_column(ForeignKey("pairs.id"))
    judge_version_id: Mapped[int] = mapped_column(ForeignKey("judge_versions.id"))
    order: Mapped[Order] = mapped_column(word(Order, "order"))
    sample: Mapped[int] = mapped_column(default=1)
    choice: Mapped[Choice] = mapped_column(word(Choice, "choice"))
    strength: Mapped[int | None]
    both_bad: Mapped[bool] = mapped_column(default=False)
    confidence: Mapped[float | None] = mapped_column(comment="the rater's own, in [0, 1]")
    p_a: Mapped[float | None] = mapped_column(comment="from token probabilities, stored order")
    score_a: Mapped[float | None] = mapped_column(comment="where the rater scored each response")
    score_b: Mapped[float | None]
    rationale: Mapped[str | None] = mapped_column(Text)
    principles: Mapped[dict[str, str] | None] = mapped_column(
        Json, comment="principle id -> choice, stored order"
    )
    abstain_reason: Mapped[str | None] = mapped_column(String(200))
    out_of_fold: Mapped[bool | None] = mapped_column(
        comment="true: by a model blind to the prompt; false: by a judge that learnt from it"
    )
    raw: Mapped[str | None] = mapped_column(Text, comment="the answer as it came, to parse again")
    input_tokens: Mapped[int | None]
    cached_tokens: Mapped[int | None]
    output_tokens: Mapped[int | None]
    cost_nanousd: Mapped[Money] = mapped_column(default=0)
    seconds: Mapped[float | None]
    origin: Mapped[str | None] = mapped_column(
        String(64), unique=True, comment="hash of the imported row, so that it is taken once"
    )
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    created_at: Mapped[Time]


class VoteClaim(Base):
    """A question some process is about to ask, so that no other asks it too."""

    __tablename__ = "vote_claims"
    __table_args__ = (UniqueConstraint("pair_id", "judge_version_id", "order", "sample"),)

    id: Mapped[Key]
    pair_id: Mapped[int] = mapped_column(ForeignKey("pairs.id"))
    judge_version_id: Mapped[int] = mapped_column(ForeignKey("judge_versions.id"))
    order: Mapped[Order] = mapped_column(word(Order, "order"))
    sample: Mapped[int]
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    expires_at: Mapped[Time]


class TextClaim(Base):
    """A text some process is about to ask for, so that no other asks for it too."""

    __tablename__ = "text_claims"
    __table_args__ = (UniqueConstraint("kind", "subject", "source"),)

    id: Mapped[Key]
    kind: Mapped[str] = mapped_column(String(60), comment="of the event that will note it")
    subject: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(300), comment="the label of who writes")
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    expires_at: Mapped[Time]


class Reservation(Base):
    """Money set aside durably before requests leave; unsettled it counts as spent.

    What is settled or still set aside beyond `paid_nanousd` may have been billed, or not.
    """

    __tablename__ = "reservations"
    __table_args__ = (Index(None, "run_id"),)

    id: Mapped[Key]
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    judge_version_id: Mapped[int | None] = mapped_column(ForeignKey("judge_versions.id"))
    reserved_nanousd: Mapped[Money]
    settled_nanousd: Mapped[int | None] = mapped_column(BigInteger)
    paid_nanousd: Mapped[Money] = mapped_column(
        default=0, comment="of it, what answers that came in have cost"
    )
    asked: Mapped[str | None] = mapped_column(String(200), comment="name of the judge or generator")
    provider: Mapped[str | None] = mapped_column(String(40))
    model: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[Time]
    settled_at: Mapped[OptionalTime]


class BatchJob(Base):
    """A provider's batch job, written down before it is sent and closed once collected."""

    __tablename__ = "batch_jobs"

    id: Mapped[Key]
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    judge_version_id: Mapped[int] = mapped_column(ForeignKey("judge_versions.id"))
    provider_job_id: Mapped[str | None] = mapped_column(String(200), unique=True)
    requests: Mapped[JsonList] = mapped_column(comment="[{custom_id, pair_id, order, sample}]")
    state: Mapped[str] = mapped_column(String(16), default="prepared")
    reservation_id: Mapped[int | None] = mapped_column(ForeignKey("reservations.id"))
    created_at: Mapped[Time]
    collected_at: Mapped[OptionalTime]


class ConsensusFit(Base):
    """One fit of the label model over the votes of its day. Insert-only."""

    __tablename__ = "consensus_fits"

    id: Mapped[Key]
    model: Mapped[Name]
    version: Mapped[Hash] = mapped_column(comment="hash of model, settings, votes and labels used")
    settings: Mapped[JsonDict]
    raters: Mapped[JsonList] = mapped_column(comment="per judge version: learned reliability")
    n_pairs: Mapped[int]
    n_votes: Mapped[int]
    n_labels: Mapped[int]
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    created_at: Mapped[Time]


class Consensus(Base):
    """The label model's output for one pair in one fit; the three probabilities sum to 1."""

    __tablename__ = "consensus"
    __table_args__ = (
        Index(None, "pair_id", "fit_id"),
        CheckConstraint("abs(p_a + p_tie + p_b - 1) < 0.000001", name="sums_to_one"),
    )

    fit_id: Mapped[int] = mapped_column(ForeignKey("consensus_fits.id"), primary_key=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("pairs.id"), primary_key=True)
    p_a: Mapped[float]
    p_tie: Mapped[float]
    p_b: Mapped[float]
    contributions: Mapped[dict[str, float] | None] = mapped_column(
        Json, comment="log-odds of lean by judge and feature"
    )

    @property
    def p(self) -> Probabilities:
        """Of the three choices."""
        return Probabilities(self.p_a, self.p_tie, self.p_b)


class Flag(Base):
    """A detector's finding in one fit; about a pair, or about a judge or the whole set."""

    __tablename__ = "flags"
    __table_args__ = (
        UniqueConstraint("fit_id", "pair_id", "kind", "subject"),
        Index(None, "pair_id"),
    )

    id: Mapped[Key]
    fit_id: Mapped[int] = mapped_column(ForeignKey("consensus_fits.id"))
    pair_id: Mapped[int | None] = mapped_column(ForeignKey("pairs.id"))
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(200), default="", comment="a judge, or nothing")
    score: Mapped[float]
    detail: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[Time]
