"""The frame of a promise: the pairs it speaks of with their scores, frozen before the audit.

Its hash binds a certificate to these very pairs and scores. Leaves out the tests (`levels`).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Frame:
    """The pairs a promise speaks of, frozen before the audit is drawn.

    pair_ids: sorted. scores_P: higher is safer; must not have seen the audit's answers.
    """

    pair_ids: tuple[str, ...]
    scores_P: NDArray[np.float64]

    @classmethod
    def of(cls, pair_ids: Sequence[str], scores_P: NDArray[np.float64]) -> Self:
        """Sort the pairs by id; refuse doubled ids and scores that are no numbers."""
        scores = np.asarray(scores_P, dtype=np.float64)
        if scores.shape != (len(pair_ids),):
            raise ValueError(
                f"scores have shape {scores.shape!r} where {(len(pair_ids),)!r} is needed: "
                "give every pair one score."
            )
        if not np.isfinite(scores).all():
            raise ValueError(
                f"score {scores[~np.isfinite(scores)][0]!r} is no number: "
                "give every pair a finite one."
            )
        order = sorted(range(len(pair_ids)), key=pair_ids.__getitem__)
        ids = tuple(pair_ids[row] for row in order)
        for one, other in pairwise(ids):
            if one == other:
                raise ValueError(f"pair {one!r} is in the frame twice: give every pair once.")
        return cls(ids, scores[order])

    def __len__(self) -> int:
        return len(self.pair_ids)

    def sha256(self) -> str:
        """Hash of the sorted pair ids and the exact bits of their scores."""
        digest = hashlib.sha256()
        for pair_id, score in zip(self.pair_ids, self.scores_P.tolist(), strict=True):
            digest.update(f"{json.dumps(pair_id)}\t{score.hex()}\n".encode())
        return digest.hexdigest()

    def ranking(self) -> NDArray[np.int64]:
        """Rows from the safest to the least safe; equal scores by the hash of their id.

        The hash mixes equal scores, so that no id scheme decides what is accepted.
        """
        tickets = [hashlib.sha256(pair_id.encode()).digest()[:8] for pair_id in self.pair_ids]
        mixed = np.frombuffer(b"".join(tickets), dtype=">u8").astype(np.uint64)
        return np.lexsort((mixed, -self.scores_P))


def draw_audit(frame: Frame, audits: int, seed: int) -> tuple[tuple[str, ...], float]:
    """Pairs to audit, uniform without replacement, in random order, and the inclusion probability.

    The same frame, count and seed always give the same pairs.
    """
    if not 0 <= audits <= len(frame):
        raise ValueError(
            f"{audits!r} audits of {len(frame)!r} pairs: ask for 0 to {len(frame)} of them."
        )
    drawn = np.random.default_rng(seed).permutation(len(frame))[:audits]
    return tuple(frame.pair_ids[row] for row in drawn), audits / max(len(frame), 1)
