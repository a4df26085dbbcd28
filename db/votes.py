"""Votes: added once each, and streamed out for whoever fits something on them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import Vote
from db.types import now
from db.upsert import insert_all, insert_new
from db.vocabulary import Choice, Order


@dataclass(frozen=True)
class RecordedVote:
    """A vote made elsewhere, already in stored order. `origin` hashes the row it came from."""

    pair_id: int
    judge_version_id: int
    order: Order
    sample: int
    choice: Choice
    origin: str
    more: dict[str, Any]

    @property
    def slot(self) -> tuple[int, int, Order]:
        """What samples are counted within."""
        return self.pair_id, self.judge_version_id, self.order


@dataclass(frozen=True)
class AddedVotes:
    """How an import of votes went: new ones, ones known before, ones moved to a free sample."""

    added: int
    known: int
    folded: int


def add_recorded(session: Session, arriving: Sequence[RecordedVote]) -> AddedVotes:
    """Store votes made elsewhere. A taken sample number moves to the next free one."""
    origins = {vote.origin for vote in arriving}
    known = set(session.scalars(select(Vote.origin).where(Vote.origin.in_(origins))))
    taken: dict[tuple[int, int, Order], set[int]] = defaultdict(set)
    query = select(Vote.pair_id, Vote.judge_version_id, Vote.order, Vote.sample).where(
        Vote.pair_id.in_({vote.pair_id for vote in arriving}),
        Vote.judge_version_id.in_({vote.judge_version_id for vote in arriving}),
    )
    for pair_id, version_id, order, sample in session.execute(query):
        taken[pair_id, version_id, order].add(sample)
    new: list[RecordedVote] = []
    folded = 0
    for vote in arriving:
        if vote.origin in known:
            continue
        known.add(vote.origin)
        sample = vote.sample
        while sample in taken[vote.slot]:
            sample += 1
        taken[vote.slot].add(sample)
        folded += sample != vote.sample
        new.append(replace(vote, sample=sample))
    insert_all(session, Vote, [_row(vote) for vote in new])
    return AddedVotes(len(new), len(arriving) - len(new), folded)


def add_votes(session: Session, rows: Sequence[dict[str, Any]]) -> int:
    """Store fresh answers; one that is there already is left alone. Returns how many were new."""
    return insert_new(session, Vote, rows, ["pair_id", "judge_version_id", "order", "sample"])


def count_votes(session: Session) -> int:
    """How many votes are stored."""
    return session.scalar(select(func.count()).select_from(Vote)) or 0


def _row(vote: RecordedVote) -> dict[str, Any]:
    return {
        "pair_id": vote.pair_id,
        "judge_version_id": vote.judge_version_id,
        "order": vote.order,
        "sample": vote.sample,
        "choice": vote.choice,
        "origin": vote.origin,
        "created_at": now(),
        **vote.more,
    }
