"""An audit that is still to be answered, finished in simulation as often as wanted.

By the very rule of the certificate, on believed risks that may be off. Leaves out what is made of
the outcomes (`forecast`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from judges.trust.frame import Frame, draw_audit
from judges.trust.levels import largest_accepted
from judges.trust.looks import Look
from judges.trust.miscalibration import Miscalibration


@dataclass(frozen=True)
class Simulated:
    """Batches with an audit each: human answers, accepted pairs and wrong labels delivered."""

    human_S: NDArray[np.int64]
    accepted_S: NDArray[np.int64]
    wrong_S: NDArray[np.float64]


@dataclass(frozen=True)
class Audit:
    """Audits of one frame in the order of the draw, and what their answers said so far.

    doubt_P: believed risks, safest first. places: ranks of the audits. said: 1 wrong, 0 right, -1
    not answered.
    """

    doubt_P: NDArray[np.float64]
    places: NDArray[np.int64]
    said: NDArray[np.int8]

    @classmethod
    def of(cls, frame: Frame, wrong: Mapping[str, bool], audits: int, seed: int) -> Self:
        """The drawn audits of a frame with the answers there are."""
        order = frame.ranking()
        rank = dict(zip((frame.pair_ids[row] for row in order), range(len(frame)), strict=True))
        drawn = draw_audit(frame, audits, seed)[0]
        return cls(
            1.0 - frame.scores_P[order],
            np.array([rank[pair_id] for pair_id in drawn], np.int64),
            np.array([wrong.get(pair_id, -1) for pair_id in drawn], np.int8),
        )

    def simulate(
        self, looks: Sequence[Look], runs: int, rng: np.random.Generator, **asked: Any
    ) -> Simulated:
        """Finish the audit so often; the look that accepts most decides, as in the certificate."""
        known, size = np.flatnonzero(self.said >= 0), len(self.doubt_P)
        doubt = self.doubt_P[self.places[known]]
        off = Miscalibration.given(doubt, self.said[known] == 1)
        found = Simulated(np.zeros(runs, int), np.zeros(runs, int), np.zeros(runs))
        for run in range(runs):
            risk = off.draw(self.doubt_P, rng)
            places = self.places if len(self.places) else rng.permutation(size)[: looks[-1].audits]
            wrong = rng.random(len(places)) < risk[places]
            wrong[known] = self.said[known] == 1
            accepted = most_accepted(size, places, wrong, looks, **asked)
            inside = places[places < accepted]
            found.accepted_S[run] = accepted
            found.human_S[run] = size - accepted + len(inside)
            found.wrong_S[run] = risk[:accepted].sum() - risk[inside].sum()
        return found


def most_accepted(
    size: int,
    places: NDArray[np.int64],
    wrong: NDArray[np.bool_],
    looks: Sequence[Look],
    **asked: Any,
) -> int:
    """Pairs accepted at the look that accepts most."""
    return max(
        largest_accepted(
            size, places[: look.audits], wrong[: look.audits], delta=look.delta, **asked
        )
        for look in looks
    )
