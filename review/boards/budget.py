"""What asking humans buys, for the quality page: agreement against the share of pairs they take."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db import annotators
from db.session import Database
from judges.trust.vote_matrix import Consensus, VoteMatrix
from review.boards.sample import read_sample
from review.report.quality import budget_curve
from review.roles import Action, require

_REPEATS = 200  # draws of the bootstrap: enough for a picture


@dataclass(frozen=True)
class _Measured:
    vote_matrix: VoteMatrix
    consensus: Consensus
    truth_P: NDArray[np.int8]


def budget_board(database: Database, asking_id: int) -> list[dict[str, Any]]:
    """Rows of share asked, agreement and its interval; none without a fit or a decided pair.

    As in the report: decided pairs stand for all pairs of their route, humans count as right, and
    the least sure go to them first. Raises NotAllowed for whom it is not meant.
    """
    with database.read() as session:
        require(annotators.by_id(session, asking_id), Action.SEE_QUALITY)
        sample = read_sample(session)
    if sample.consensus is None:
        return []
    measured = _Measured(sample.vote_matrix, sample.consensus, sample.truth_P)
    rng = np.random.default_rng(7)
    return [
        {
            "share asked": point.share,
            "agreement": point.agreement.value,
            "low": point.agreement.low,
            "high": point.agreement.high,
            "pairs": point.agreement.n,
        }
        for point in budget_curve(measured, sample.weight_P, rng, _REPEATS)
    ]
