"""The frozen frames of a batch, read back from the routes that were stored with it."""

from collections.abc import Sequence

import numpy as np

from db.models import PairRoute
from judges.trust.frame import Frame


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
