"""The label model: votes, texts and human answers to probabilities that explain themselves.

Before 5 decided answers it is the opening: a cold start from the raters' consistency, their
confusions and what the panel itself taught (student, author, rivals). From then on a stack of
leave-one-out likelihood ratios and odd features (stack.py) and a boosted partner (partner.py) join
in by what they are worth on prompts they have not seen (pooling.py); ties have a model of their
own. Everything is odd in A and B, deterministic, and guarded: where the answers say that the
opening predicts them better, the opening is what is given, and `fell_back_` says so.
Leaves out: reading texts (reading.py makes the features), certificates, and what to do about it.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from judges.trust.ballots import MISSING, TIE, A, B, Ballots, Consensus, consensus_of, no_labels
from judges.trust.boosting import Partner
from judges.trust.evidence import Evidence
from judges.trust.mixing import Shares, best_shares, worth
from judges.trust.patterns import joint_codes, mean_votes
from judges.trust.stack import Stack
from judges.trust.ties import TieModel, even_features

Floats = NDArray[np.float64]

LEAST_ANSWERS = 5
PARTNER_FROM = 25
FOLDS = 10
PARTNER_FOLDS = 5
_CHUNK = 100_000


@dataclass
class LabelModel:
    """Fits on ballots and human answers (MISSING, A, B, TIE), predicts probabilities of all three.

    partner: whether the boosted partner joins in. `shares_.opening` is 1 before 5 decided answers.
    Learned: fell_back_ (True where the opening is given instead), answers_ (decided answers),
    shares_ (of opening, stack and boosted partner in the pooled log-odds).
    """

    partner: bool = True

    fell_back_: bool = field(init=False, default=False)
    answers_: int = field(init=False, default=0)
    shares_: Shares = field(init=False, default=Shares(1.0, 0.0, 0.0))

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
        self._decided = np.flatnonzero((labels == A) | (labels == B))
        self.answers_ = len(self._decided)
        self.shares_, self.fell_back_, self._warm = Shares(1.0, 0.0, 0.0), False, False
        self._before = Evidence().fit(ballots)
        self._opening = Stack().open(self._before.groups_, self._before.discount_C_)
        if self.answers_ >= LEAST_ANSWERS:
            self._learn(ballots, labels, weight)
        self._fit_ties()
        return self

    def predict(self, ballots: Ballots) -> Consensus:
        """Probabilities and contributions; answered pairs of the fit judge without their own."""
        parts, names = self._parts(ballots)
        if self._warm and ballots.same_pairs(self._ballots):
            parts[self._decided] = self._own_parts
        logit = parts.sum(axis=1)
        tie = self._ties.predict(even_features(ballots, logit))
        return consensus_of(logit, tie, parts, names)

    def _learn(self, ballots: Ballots, labels: NDArray[np.int8], weight: Floats) -> None:
        self._after = self._before.answered(ballots, labels, weight)
        own = ballots.take(self._decided)
        labels, weight = labels[self._decided], weight[self._decided]
        answer = (labels == A).astype(np.float64)
        columns = self._after.columns(own, labels, weight)
        part = ballots.part_P[self._decided]
        weight = weight * worth(part)
        groups, discount = self._after.groups_, self._after.discount_C_
        self._stack = Stack().fit(columns, answer, weight, groups, discount)
        fold = part % FOLDS
        opening = self._opening.contributions(self._before.columns(own))
        stack = self._stack.out_of_fold(columns, answer, weight, fold)
        boosted = None
        if self.partner and len(own) >= PARTNER_FROM:
            seen = self._partner_columns(own, columns)
            self._partner = Partner().fit(seen, answer, weight)
            boosted = self._partner.out_of_fold(seen, answer, weight, fold % PARTNER_FOLDS)
        self.shares_ = best_shares(opening.sum(axis=1), stack, boosted, answer, weight)
        parts = self._stack.leave_out_contributions(columns, answer, weight)
        boosted = np.zeros(len(own)) if boosted is None else boosted
        self._own_parts = self._pool(opening, parts, boosted)
        excess = weight * (
            _losses(self.shares_.pool(opening.sum(axis=1), stack, boosted), answer)
            - _losses(opening.sum(axis=1), answer)
        )
        self.fell_back_ = bool(excess.sum() > excess.std() * np.sqrt(len(excess)))
        self._warm = not self.fell_back_

    def _fit_ties(self) -> None:
        known = np.flatnonzero(self._labels != MISSING)
        own = self._ballots.take(known)
        logit = self._parts(own)[0].sum(axis=1)
        if self._warm:
            logit[np.isin(known, self._decided)] = self._own_parts.sum(axis=1)
        is_tie = (self._labels[known] == TIE).astype(np.float64)
        self._ties = TieModel().fit(even_features(own, logit), is_tie, self._weight[known])

    def _parts(self, ballots: Ballots) -> tuple[Floats, tuple[str, ...]]:
        """Contributions to pairs that were not answered, and whose they are."""
        names = (*self._after.names_, "partner") if self._warm else self._before.names_
        parts = np.zeros((len(ballots), len(names)))
        for low in range(0, len(ballots), _CHUNK):
            some = ballots.take(np.arange(low, min(low + _CHUNK, len(ballots))))
            parts[low : low + _CHUNK] = (
                self._warm_parts(some)
                if self._warm
                else (self._opening.contributions(self._before.columns(some)))
            )
        return parts, names

    def _warm_parts(self, ballots: Ballots) -> Floats:
        columns = self._after.columns(ballots)
        boosted = np.zeros(len(ballots))
        if self.shares_.partner:
            boosted = self._partner.logit(self._partner_columns(ballots, columns))
        opening = self._opening.contributions(self._opening_columns(ballots, columns))
        return self._pool(opening, self._stack.contributions(columns), boosted)

    def _opening_columns(self, ballots: Ballots, columns: Floats) -> Floats:
        """Columns of the opening: the first of the stack's, with the ratios before any answer."""
        judges, shared = self._before.judges_, len(self._before.names_)
        first = columns[:, :shared].copy()
        codes = joint_codes(ballots.codes_PRO[:, judges])
        first[:, : len(judges)] = self._before.ratios_(codes)
        return first

    def _pool(self, opening_PC: Floats, stack_PC: Floats, boosted_P: Floats) -> Floats:
        """Contributions of the three, the opening's columns being the first of the stack's."""
        shares, shared = self.shares_, opening_PC.shape[1]
        parts = np.concatenate(
            [shares.stack * stack_PC, shares.partner * boosted_P[:, None]], axis=1
        )
        parts[:, :shared] += shares.opening * opening_PC
        return parts

    def _partner_columns(self, ballots: Ballots, columns: Floats) -> Floats:
        """The stack's columns, mean votes for ratios: trees would read off an answer left out."""
        judges = self._after.judges_
        votes = mean_votes(ballots.codes_PRO[:, judges])[0]
        return np.concatenate([votes, columns[:, len(judges) :]], axis=1)


def _losses(logit_L: Floats, is_a_L: Floats) -> Floats:
    """−log of the probability given to each answer."""
    losses: Floats = np.logaddexp(0.0, np.where(is_a_L > 0.5, -logit_L, logit_L))
    return losses
