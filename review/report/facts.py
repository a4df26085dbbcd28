"""What the report is computed from. Leaves out how it is gathered (app) and the arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from judges.trust.intervals import Estimate
from judges.trust.text_features import PairTexts
from judges.trust.vote_matrix import Consensus, VoteMatrix
from review.report.cost import Money
from review.report.oracle import Oracle


@dataclass(frozen=True)
class CertificateFact:
    """A certificate and what was measured since, in shares.

    audit_error: wrong labels among the accepted by its own audits; later_error: by answers it never
    saw, where they were drawn at random or all are known. Both scaled to what the promise speaks
    of. oracle: what the best threshold would have asked; asked: the same in sentences.
    """

    id: int
    batch_id: int
    sentence: str
    promise: str
    promised: float
    holds: bool
    withdrawn: str | None
    audit_error: Estimate
    later_error: Estimate
    oracle: Oracle | None = None
    asked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """Everything the report is computed from. Axis P: pairs with votes, R: judge versions.

    truth_P: the human reference, MISSING where there is none; reference: how many pairs owe it to
    what. zone_P: how a pair came before humans (index into zones, where names may repeat);
    drawn_P: drawn blind out of its zone, so that its answer stands for the zone. opinions_N3: rows
    (pair, person, choice). delivered_P: the settled label, MISSING where it waits; by_human_P: it
    rests on a human answer; apart_P: the reference is independent of the delivered label.
    machine_P: what the machine delivers, or would have delivered where an audit looked; MISSING
    where humans decide. teach_P: the answers a
    fit may learn from, for what each judge adds; never gold. texts: for the length and the authors
    of the responses, whom a judge may favour.
    """

    vote_matrix: VoteMatrix
    consensus: Consensus
    fit: str
    truth_P: NDArray[np.int8]
    reference: Mapping[str, int]
    zone_P: NDArray[np.int64]
    zones: tuple[str, ...]
    opinions_N3: NDArray[np.int64]
    delivered_P: NDArray[np.int8]
    by_human_P: NDArray[np.bool_]
    apart_P: NDArray[np.bool_]
    machine_P: NDArray[np.int8]
    drawn_P: NDArray[np.bool_]
    money: Money
    certificates: tuple[CertificateFact, ...] = ()
    advice: tuple[str, ...] = ()
    teach_P: NDArray[np.int8] | None = None
    texts: PairTexts | None = None
