"""What the panel says: about one pair, for the reveal, and about many, for the gate. Read only."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from db.consensus import consensus_of, newest_fit
from db.models import Consensus, ConsensusFit, Flag, Gold, Judge, JudgeVersion, PairRoute, Vote
from db.probabilities import Probabilities
from db.vocabulary import CANARY_SAMPLE, Choice, Order
from db.voters import current, voters


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
    raw: str | None = None

    @property
    def usable(self) -> bool:
        """Whether it says anything about the pair."""
        return self.choice is not Choice.ABSTAIN


def votes_on(session: Session, pair_id: int) -> list[PanelVote]:
    """Every vote on a pair, by judge and order."""
    rows = session.execute(
        select(
            Judge.name.label("judge"),
            Judge.family,
            Vote.order,
            Vote.sample,
            Vote.choice,
            Vote.strength,
            Vote.confidence,
            Vote.rationale,
            Vote.abstain_reason,
            Vote.raw,
        )
        .join(JudgeVersion, JudgeVersion.id == Vote.judge_version_id)
        .join(Judge, Judge.id == JudgeVersion.judge_id)
        .where(Vote.pair_id == pair_id, Vote.sample < CANARY_SAMPLE)
        .order_by(Judge.name, Vote.order, Vote.sample)
    )
    return [PanelVote(**row._asdict()) for row in rows]


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


@dataclass(frozen=True, slots=True)
class PanelAnswers:
    """What generation 0 said about gold pairs, by pair id.

    p: by the newest consensus, or one judge's votes. reversed_share: of the judges asked in both
    orders, the share that contradicted themselves. principles: those that judges or reviewers
    decided for a or b.
    """

    p: Mapping[int, Probabilities]
    reversed_share: Mapping[int, float]
    principles: Mapping[int, frozenset[str]]


def panel_answers(
    session: Session, pair_ids: Collection[int], judge: str | None = None
) -> PanelAnswers:
    """The panel's consensus and votes on these pairs; with `judge`, that judge's votes alone."""
    votes = session.execute(
        select(Vote, Judge.name)
        .join(JudgeVersion, JudgeVersion.id == Vote.judge_version_id)
        .join(Judge, Judge.id == JudgeVersion.judge_id)
        .where(Vote.pair_id.in_(pair_ids), Vote.choice != Choice.ABSTAIN)
        .where(Vote.sample < CANARY_SAMPLE)
        .where(Vote.judge_version_id.in_(current() if judge else voters()))
        .where(Judge.name == judge if judge else true())
    ).all()
    sides: dict[tuple[int, int], dict[Order, set[Choice]]] = defaultdict(lambda: defaultdict(set))
    counts: dict[int, Counter[Choice]] = defaultdict(Counter)
    principles: dict[int, set[str]] = defaultdict(set)
    for vote, _ in votes:
        sides[vote.pair_id, vote.judge_version_id][vote.order].add(vote.choice)
        counts[vote.pair_id][vote.choice] += 1
        named = vote.principles or {}
        principles[vote.pair_id] |= {name for name, choice in named.items() if choice in ("a", "b")}
    flips: dict[int, list[bool]] = defaultdict(list)
    for (pair_id, _), orders in sides.items():
        if orders.keys() >= {Order.AB, Order.BA}:
            flips[pair_id].append({Choice.A, Choice.B} <= orders[Order.AB] | orders[Order.BA])
    if judge is None:
        fit = newest_fit(session)
        p = consensus_of(session, fit.id, sorted(pair_ids)) if fit is not None else {}
    else:
        p = {pair_id: _shares(each) for pair_id, each in counts.items()}
    return PanelAnswers(
        p,
        {pair_id: sum(each) / len(each) for pair_id, each in flips.items()},
        {pair_id: frozenset(names) for pair_id, names in principles.items()},
    )


def _shares(counts: Counter[Choice]) -> Probabilities:
    """Shares of the votes, each choice smoothed by one third of a vote."""
    a, tie, b = (counts[choice] + 1 / 3 for choice in (Choice.A, Choice.TIE, Choice.B))
    return Probabilities.of_weights(a=a, tie=tie, b=b)
