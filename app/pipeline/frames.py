"""The frozen frames of a batch with their planned looks, read back from what was stored with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from db.models import Batch, PairRoute
from db.vocabulary import Route
from judges.trust.frame import Frame, draw_audit
from judges.trust.looks import Look


@dataclass(frozen=True)
class Stratum:
    """One frame of a batch: what it may spend, its looks, and how many audits are asked so far."""

    name: str
    frame: Frame
    looks: tuple[Look, ...]
    delta: float
    seed: int
    asked: int

    @property
    def look(self) -> int:
        """The number of the look whose audits are asked, from 1."""
        return next(n for n, look in enumerate(self.looks, 1) if look.audits >= self.asked)

    def drawn(self, look: int) -> tuple[int, ...]:
        """The pairs a look counts, in the order of their draw."""
        audits = self.looks[look - 1].audits
        return tuple(int(pair) for pair in draw_audit(self.frame, audits, self.seed)[0])


def frames_of(rows: Sequence[PairRoute]) -> dict[str, Frame]:
    """The frozen frames of a batch, as its stored routes hold them."""
    members: dict[str, list[PairRoute]] = {}
    for row in rows:
        if row.inclusion_probability is not None:
            members.setdefault(row.stratum, []).append(row)
    return {
        name: Frame.of([str(r.pair_id) for r in inside], np.array([r.score for r in inside]))
        for name, inside in members.items()
    }


def strata_of(batch: Batch, rows: Sequence[PairRoute]) -> dict[str, Stratum]:
    """The strata of a batch that was routed to a target."""
    frames = frames_of(rows)
    asked = dict.fromkeys(frames, 0)
    for row in rows:
        if row.route is Route.AUDIT and row.inclusion_probability is not None:
            asked[row.stratum] += 1
    found = {}
    for name, frame in frames.items():
        looks, delta = _looks(batch.policy, batch.looks, name, len(frames), asked[name])
        found[name] = Stratum(name, frame, looks, delta, batch.seed, asked[name])
    return found


def _looks(
    policy: Mapping[str, float],
    stored: Mapping[str, Sequence[Sequence[float]]] | None,
    name: str,
    strata: int,
    asked: int,
) -> tuple[tuple[Look, ...], float]:
    """Looks and delta of one stratum. Up to release 0.2.0 none were stored: one at all audits."""
    if stored is None:
        delta = policy["delta"] / strata
        return (Look(asked, delta / policy.get("looks", 1)),), delta
    looks = tuple(Look(int(audits), delta) for audits, delta in stored[name])
    return looks, sum(look.delta for look in looks)
