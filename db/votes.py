"""Votes: added once each, and streamed out for whoever fits something on them."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from db.models import Vote
from db.types import now
from db.upsert import chunks, insert_all, insert_new
from db.vocabulary import HELD_BACK, Choice, Order


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


def drop_held_back(session: Session, hold: Collection[str]) -> int:
    """Forget the abstains stored in place of asking that these kinds hold no longer.

    They are missing again, and asked or held by what the texts hold now. Returns how many.
    """
    query = select(Vote.id, Vote.abstain_reason).where(
        Vote.abstain_reason.startswith(HELD_BACK), Vote.raw.is_(None)
    )
    kinds = [kind.replace("_", " ") for kind in hold]
    free = [
        vote_id
        for vote_id, reason in session.execute(query)
        if not any(f" {kind}" in (reason or "") for kind in kinds)
    ]
    for chunk in chunks(free):
        session.execute(delete(Vote).where(Vote.id.in_(chunk)))
    return len(free)


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
