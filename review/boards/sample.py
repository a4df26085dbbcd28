"""The votes the pages measure on: every pair humans decided, and a draw of the others.

A page must open at a million votes, and its intervals are no narrower for the last of them. What
is said of all pairs is measured on the draw alone, because people saw the hard ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from db.answers import reference
from db.consensus import consensus_of, newest_fit, usable_votes, voted_pairs, voting_versions
from db.session import Database, Session
from db.vote_sample import drawn_pairs, first_votes, last_vote, spread
from judges.trust.vote_matrix import MISSING, Consensus, VoteMatrix
from judges.vote_arrays import VoteTable, read_vote_table, stored_consensus
from review.report.weights import weigh
from review.routing.zones import read_zones

SIZE = 2_000  # pairs; a share is then known within about 2 points, and a page opens in seconds
MOST_DECIDED = 2_000
_WEEK = 7 * 24 * 3600
_MONDAY = 4 * 24 * 3600  # 1970-01-05 was a Monday


@dataclass(frozen=True)
class PanelSample:
    """Votes on P pairs of `voted`. drawn_P: drawn without regard to what anybody said.

    consensus: None where the newest fit lacks a pair. truth_P: gold or what humans decided, MISSING
    where they did not. weight_P: for how many drawn pairs a decided one stands, by its route.
    week_PR: seconds since 1970 of the Monday (UTC) before each judge's first vote, 0 without one.
    """

    voted: int
    vote_table: VoteTable
    consensus: Consensus | None
    truth_P: NDArray[np.int8]
    drawn_P: NDArray[np.bool_]
    weight_P: NDArray[np.float64]
    week_PR: NDArray[np.int64]

    @property
    def vote_matrix(self) -> VoteMatrix:
        """The votes as arrays."""
        return self.vote_table.vote_matrix


def freshness(database: Database) -> int:
    """A number that changes with a new vote; with many votes, when they grow by a hundredth.

    Figures of the panel need no second look while it is the same.
    """
    with database.read() as session:
        newest = last_vote(session)
    step = max(1, newest // 100)
    return newest // step * step


def read_sample(session: Session, size: int = SIZE, decided: int = MOST_DECIDED) -> PanelSample:
    """Read it: about `size` drawn pairs, and up to `decided` of those that humans decided."""
    drawn, voted = drawn_pairs(session, size)
    answers = reference(session)
    wanted = sorted({*drawn, *spread(answers)[:decided]})
    votes = list(usable_votes(session, among=wanted))
    vote_table = read_vote_table(
        voted_pairs(session, among=wanted), votes, voting_versions(session)
    )
    fit = newest_fit(session)
    known = consensus_of(session, fit.id, wanted) if fit is not None else {}
    truth_P = vote_table.labels(answers)
    drawn_P = np.isin(
        np.array(vote_table.pair_ids, dtype=np.int64), np.array(drawn, dtype=np.int64)
    )
    return PanelSample(
        voted=voted,
        vote_table=vote_table,
        consensus=stored_consensus(vote_table, known)
        if set(vote_table.pair_ids) <= set(known)
        else None,
        truth_P=truth_P,
        drawn_P=drawn_P,
        weight_P=_weights(session, vote_table.pair_ids, truth_P, drawn_P),
        week_PR=_weeks(session, vote_table),
    )


def _weights(
    session: Session,
    pair_ids: Sequence[int],
    truth_P: NDArray[np.int8],
    drawn_P: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """For how many of the drawn pairs each decided pair stands, as in the report."""
    zones = read_zones(session, pair_ids)
    known_P = truth_P != MISSING
    return weigh(known_P, zones.drawn_P, zones.zone_P, zones.names, drawn_P).weight_P


def _weeks(session: Session, vote_table: VoteTable) -> NDArray[np.int64]:
    at = first_votes(session, vote_table.pair_ids)
    seconds = [
        [int(at[p, v].timestamp()) if (p, v) in at else 0 for v in vote_table.version_ids]
        for p in vote_table.pair_ids
    ]
    seconds_PR = np.array(seconds, dtype=np.int64).reshape(
        len(seconds), len(vote_table.version_ids)
    )
    monday_PR = (seconds_PR - _MONDAY) // _WEEK * _WEEK + _MONDAY
    return np.where(seconds_PR > 0, monday_PR, 0)
