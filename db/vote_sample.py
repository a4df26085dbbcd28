"""A sample of the voted pairs for the pages, which must open at a million votes. Read only.

The sample is drawn by arithmetic on the pair's id: the same pairs at each look, and no table of
them is kept.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.orm import Session

from db.models import Vote
from db.upsert import chunks

_STRIDE, _PRIME = 7919, 1_000_003  # spreads neighbours, which share prompts, over the remainders


def drawn_pairs(session: Session, size: int) -> tuple[list[int], int]:
    """About `size` pairs with votes, all where there are no more; and how many there are."""
    voted = session.scalar(select(func.count(func.distinct(Vote.pair_id)))) or 0
    query = select(Vote.pair_id).distinct().order_by(Vote.pair_id)
    if voted > size:
        spread = (cast(Vote.pair_id, BigInteger) * _STRIDE) % _PRIME
        query = query.where(spread % max(1, round(voted / size)) == 0)
    return list(session.scalars(query)), voted


def first_votes(session: Session, pair_ids: Sequence[int]) -> dict[tuple[int, int], datetime]:
    """When each judge version first voted on each of these pairs, by (pair, version)."""
    found: dict[tuple[int, int], datetime] = {}
    for chunk in chunks(pair_ids):
        rows = session.execute(
            select(Vote.pair_id, Vote.judge_version_id, func.min(Vote.created_at))
            .where(Vote.pair_id.in_(chunk))
            .group_by(Vote.pair_id, Vote.judge_version_id)
        )
        found |= {(pair, version): at for pair, version, at in rows}
    return found


def spread(pair_ids: Iterable[int]) -> list[int]:
    """Pairs in an order that has nothing to do with when they came or who answered them."""
    return sorted(pair_ids, key=lambda pair_id: (pair_id * _STRIDE % _PRIME, pair_id))


def last_vote(session: Session) -> int:
    """The id of the newest vote, 0 where there is none: what a page's figures are as new as."""
    return session.scalar(select(func.max(Vote.id))) or 0
