"""What a pair is called outside, and which of its responses is A there.

The stored order is that of the row that came first; an export has an order that no arrival changes.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from db.among import among
from db.models import Candidate, Pair, PairName


class Named(NamedTuple):
    """A pair under the first of its outsiders' ids, with A and B as that id has them; one without
    an id under the start of its hash, with the response of the smaller hash as A.

    turned: whether A and B are exchanged against the stored order. names: every id, and whether it
    has A and B exchanged against the first.
    """

    name: str
    turned: bool
    names: tuple[tuple[str, bool], ...] = ()


def named(session: Session, pair_ids: Collection[int]) -> dict[int, Named]:
    """Each of these pairs."""
    ids: dict[int, list[tuple[str, bool]]] = defaultdict(list)
    query = select(PairName.pair_id, PairName.external_id, PairName.mirrored)
    for pair_id, name, mirrored in session.execute(
        query.where(among(session, PairName.pair_id, pair_ids))
    ):
        ids[pair_id].append((name, mirrored))
    found = {}
    for pair_id, names in ids.items():
        names.sort()
        first, turned = names[0]
        others = tuple([(name, mirrored != turned) for name, mirrored in names])
        found[pair_id] = Named(first, turned, others)
    return found | _unnamed(session, [pair_id for pair_id in pair_ids if pair_id not in found])


def _unnamed(session: Session, pair_ids: Collection[int]) -> dict[int, Named]:
    if not pair_ids:
        return {}
    a, b = aliased(Candidate), aliased(Candidate)
    query = (
        select(Pair.id, Pair.content_hash, a.content_hash > b.content_hash)
        .join(a, a.id == Pair.candidate_a_id)
        .join(b, b.id == Pair.candidate_b_id)
        .where(among(session, Pair.id, pair_ids))
    )
    return {
        pair_id: Named(digest[:16], bool(turned))
        for pair_id, digest, turned in session.execute(query)
    }
