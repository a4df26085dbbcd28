"""Which pairs a route may decide anew: those that no batch keeps.

A batch keeps its pairs while a certificate stands for them, and while it waits for its audits under
the very promise that is asked for. Leaves out which batch a pair belongs to (`db.owners`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from db import batches, certificates
from db.models import Batch
from db.owners import SETTLED, Owned, owned
from db.session import Session
from db.tasks import waiting_pairs
from review.routing.options import same_promise


@dataclass(frozen=True)
class Free:
    """Pairs to route: `fresh` without a settled human answer, and `answered` ones in no batch yet.

    joined: of the fresh, those of earlier batches that were too small for a promise.
    """

    fresh: frozenset[int]
    answered: frozenset[int]
    joined: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.fresh or self.answered)

    def __contains__(self, pair_id: int) -> bool:
        return pair_id in self.fresh or pair_id in self.answered


@dataclass(frozen=True)
class _Keeper:
    """What of a batch keeps its pairs from the policy that is asked for."""

    target: bool
    same: bool
    small: bool
    withdrawn: frozenset[str]

    def keeps(self, one: Owned) -> bool:
        """Whether this pair, for which no certificate stands, stays with its batch."""
        if not self.target or not self.same:
            return False
        if one.inclusion_probability is None:
            return not self.withdrawn
        return one.stratum not in self.withdrawn


def free_pairs(
    session: Session,
    pair_ids: Collection[int],
    answered: Collection[int],
    policy: Mapping[str, Any],
) -> Free:
    """Of these pairs, those that a route by this policy decides. answered: settled by humans."""
    mine, keepers, known = owned(session), _keepers(session, policy), set(answered)
    doubted = waiting_pairs(session)
    fresh: set[int] = set()
    settled: set[int] = set()
    small: set[int] = set()
    for pair_id in pair_ids:
        one = mine.get(pair_id)
        keeper = keepers[one.batch_id] if one is not None else None
        kept = one is not None and keeper is not None and (one.standing or keeper.keeps(one))
        if pair_id in known:
            if not kept:
                settled.add(pair_id)
        elif one is None or keeper is None or not kept:
            fresh.add(pair_id)
        elif SETTLED in one.reasons:
            if pair_id not in doubted:
                fresh.add(pair_id)  # its answer was taken back
        elif keeper.small:
            small.add(pair_id)
    if policy.get("target_error") is None:
        return Free(frozenset(fresh), frozenset(settled))
    joined = small if fresh else set()
    return Free(frozenset(fresh | joined), frozenset(settled), frozenset(joined))


def is_seeding(batch: Batch) -> bool:
    """Whether a batch is of seed questions, which are asked before a frame is frozen."""
    asked = batch.policy
    return (
        batch.looks is None
        and asked.get("target_error") is not None
        and bool(asked.get("seed_questions"))
    )


def _keepers(session: Session, policy: Mapping[str, Any]) -> dict[int, _Keeper]:
    made = certificates.all_certificates(session)
    certified = {one.batch_id for one in made}
    withdrawn: dict[int, set[str]] = {}
    for one in made:
        if one.withdrawn_at is not None:
            withdrawn.setdefault(one.batch_id, set()).add(one.payload.get("stratum", ""))
    return {
        batch.id: _Keeper(
            target=batch.policy.get("target_error") is not None and not is_seeding(batch),
            same=same_promise(batch.policy, policy),
            small=batch.looks == {} and batch.id not in certified,
            withdrawn=frozenset(withdrawn.get(batch.id, ())),
        )
        for batch in batches.all_batches(session)
    }
