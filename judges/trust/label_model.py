"""The label model: votes, texts and human answers to calibrated probabilities that explain themselves.

Before 5 decided answers it is the cold start. From then on a stack of leave-one-out likelihood
ratios and odd features (stack.py), joined by a boosted partner (partner.py); ties have a model of
their own. Everything is odd in A and B, deterministic, and guarded: where the answers say that the
cold start predicts them better, the cold start is what is given, and `fell_back_` says so.
Leaves out: reading texts (reading.py makes the features), certificates, and what to do about it.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from judges.trust.ballots import MISSING, TIE, A, B, Ballots, Consensus, consensus_of, no_labels
from judges.trust.calibration import log_loss
from judges.trust.cold_start import ColdStart
from judges.trust.evidence import Evidence
from judges.trust.partner import Partner
from judges.trust.stack import Stack
from judges.trust.ties import TieModel, even_features

Floats = NDArray[np.float64]

LEAST_ANSWERS = 5
PARTNER_FROM = 25
_CHUNK = 100_000


@dataclass
class LabelModel:
    """Fits on ballots and human answers (MISSING, A, B or TIE), predicts probabilities of all three.

    Learned: fell_back_ (True where the cold start is given instead), answers_ (decided answers),
    partner_share_ (weight of the boosted partner in the pooled log-odds).
    """

    partner: bool = True

    fell_back_: bool = field(init=False, default=False)
    answers_: int = field(init=False, default=0)
    partner_share_: float = field(init=False, default=0.0)

    def fit(
        self,
        ballots: Ballots,
        labels_P: NDArray[np.int8] | None = None,
        weight_P: Floats | None = None,
    ) -> Self:
        """Learn from all votes and from the answers that are there."""
        labels = no_labels(ballots) if labels_P is None else labels_P
        weight = np.ones(len(ballots)) if weight_P is None else weight_P
        labels = np.where(weight > 0, labels, MISSING).astype(np.int8)
        self._ballots, self._labels, self._weight = ballots, labels, weight
        decided = np.flatnonzero((labels == A) | (labels == B))
        self.answers_, self._cold = len(decided), ColdStart().fit(ballots)
        self.partner_share_, self.fell_back_ = 0.0, False
        self._warm = self.answers_ >= LEAST_ANSWERS
        if self._warm:
            self._fit_warm(ballots, labels, weight, decided)
        self._fit_ties()
        return self

    def predict(self, ballots: Ballots) -> Consensus:
        """Probabilities and contributions; answered pairs of the fit are judged without their own."""
        parts, names = self._parts(ballots)
        if self._warm and not self.fell_back_ and ballots.same_pairs(self._ballots):
            parts[self._decided] = self._own_parts
        logit = parts.sum(axis=1)
        tie = self._ties.predict(even_features(ballots, logit))
        return consensus_of(logit, tie, parts, names)

    def _fit_warm(
        self, ballots: Ballots, labels: NDArray[np.int8], weight: Floats, decided: NDArray[np.int64]
    ) -> None:
        self._evidence = Evidence().fit(ballots, labels, weight)
        own, is_a, own_weight = ballots.take(decided), labels[decided] == A, weight[decided]
        answer = is_a.astype(np.float64)
        columns = self._evidence.columns(own, labels[decided], own_weight)
        groups, discount = self._evidence.groups_, self._evidence.discount_C_
        self._stack = Stack().fit(columns, answer, own_weight, groups, discount)
        parts = self._stack.leave_out_contributions(columns, answer, own_weight)
        boosted = np.zeros(len(decided))
        if self.partner and len(decided) >= PARTNER_FROM:
            self.partner_share_ = 0.4 if len(decided) >= 100 else 0.3
            seen = self._partner_columns(own, columns)
            self._partner = Partner().fit(seen, answer, own_weight)
            boosted = self._partner.out_of_fold(seen, answer, own_weight, own.prompt_P)
        self._decided, self._own_parts = decided, self._pool(parts, boosted)
        warm = log_loss(_sigmoid(self._own_parts.sum(axis=1)), labels[decided])
        cold = log_loss(self._cold.predict(own).lean_P, labels[decided])
        self.fell_back_ = bool(warm > cold)

    def _fit_ties(self) -> None:
        known = self._labels != MISSING
        logit = self._parts(self._ballots.take(known))[0].sum(axis=1)
        if self._warm and not self.fell_back_:
            logit[(self._labels[known] != TIE)] = self._own_parts.sum(axis=1)
        even = even_features(self._ballots.take(known), logit)
        is_tie = (self._labels[known] == TIE).astype(np.float64)
        self._ties = TieModel().fit(even, is_tie, self._weight[known])

    def _parts(self, ballots: Ballots) -> tuple[Floats, tuple[str, ...]]:
        """Contributions of pairs that were not answered, and whose they are."""
        if not self._warm or self.fell_back_:
            cold = self._cold.predict(ballots)
            return np.array(cold.contributions_PC), cold.contributors
        names = (*self._evidence.names_, "partner")
        parts = np.zeros((len(ballots), len(names)))
        for low in range(0, len(ballots), _CHUNK):
            some = ballots.take(np.arange(low, min(low + _CHUNK, len(ballots))))
            columns = self._evidence.columns(some)
            boosted = np.zeros(len(some))
            if self.partner_share_:
                boosted = self._partner.logit(self._partner_columns(some, columns))
            parts[low : low + _CHUNK] = self._pool(self._stack.contributions(columns), boosted)
        return parts, names

    def _pool(self, parts_PC: Floats, boosted_P: Floats) -> Floats:
        share = self.partner_share_
        return np.concatenate([(1 - share) * parts_PC, share * boosted_P[:, None]], axis=1)

    def _partner_columns(self, ballots: Ballots, columns: Floats) -> Floats:
        cold = self._cold.predict(ballots).logit_P
        return np.concatenate([columns, cold[:, None]], axis=1)


def _sigmoid(z: Floats) -> Floats:
    result: Floats = 0.5 * (1.0 + np.tanh(z / 2))
    return result
