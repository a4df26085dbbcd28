"""What the panel and the gold say about one pair, for the reveal. Read only."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Consensus, ConsensusFit, Flag, Gold, Judge, JudgeVersion, PairRoute, Vote
from db.vocabulary import CANARY_SAMPLE, Choice, Order


@dataclass(frozen=True)
class PanelVote:
    """One judge's vote in one order, in stored order."""

    judge: str
    family: str
    order: Order
    sample: int
    choice: Choice
    strength: int | None
    confidence: float | None
    rationale: str | None
    abstain_reason: str | None

    @property
    def usable(self) -> bool:
        """Whether it says anything about the pair."""
        return self.choice is not Choice.ABSTAIN


def votes_on(session: Session, pair_id: int) -> list[PanelVote]:
    """Every vote on a pair, by judge and order."""
    rows = session.execute(
        select(
            Judge.name,
            Judge.family,
            Vote.order,
            Vote.sample,
            Vote.choice,
            Vote.strength,
            Vote.confidence,
            Vote.rationale,
            Vote.abstain_reason,
        )
        .join(JudgeVersion, JudgeVersion.id == Vote.judge_version_id)
        .join(Judge, Judge.id == JudgeVersion.judge_id)
        .where(Vote.pair_id == pair_id, Vote.sample < CANARY_SAMPLE)
        .order_by(Judge.name, Vote.order, Vote.sample)
    )
    return [PanelVote(*row) for row in rows]


def latest_consensus(session: Session, pair_id: int) -> tuple[Consensus, ConsensusFit] | None:
    """The newest fit's probabilities for a pair, with that fit; None before the first fit."""
    row = session.execute(
        select(Consensus, ConsensusFit)
        .join(ConsensusFit, ConsensusFit.id == Consensus.fit_id)
        .where(Consensus.pair_id == pair_id)
        .order_by(Consensus.fit_id.desc())
        .limit(1)
    ).first()
    return (row[0], row[1]) if row else None


def gold_choice(session: Session, pair_id: int) -> Choice | None:
    """The trusted answer, or None where the pair is not gold."""
    return session.scalar(select(Gold.choice).where(Gold.pair_id == pair_id))


def flags_on(session: Session, pair_id: int) -> Sequence[Flag]:
    """What detectors found about a pair, the newest fit's first."""
    return session.scalars(
        select(Flag).where(Flag.pair_id == pair_id).order_by(Flag.fit_id.desc(), Flag.kind)
    ).all()


def routes_of(session: Session, pair_id: int) -> Sequence[PairRoute]:
    """What each batch decided about a pair, the newest first."""
    return session.scalars(
        select(PairRoute).where(PairRoute.pair_id == pair_id).order_by(PairRoute.id.desc())
    ).all()
