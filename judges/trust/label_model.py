"""The label model: votes, texts and human answers to probabilities that explain themselves.

Before 5 decided answers it is a cold start from the raters' consistency, their confusions and what
the panel itself taught (style, text classifier, author, neighbours); judges that repeat each other
count once (likeness.py). From then on a stacked logistic regression on leave-one-out likelihood
ratios and odd features (stacking.py) and gradient boosting (boosting.py) join in by what they are
worth on prompts they have not seen (mixing.py); ties have a model of their own. Everything is odd
in A and B, deterministic, and guarded: where the answers say that the cold start predicts them
better, the cold start is what is given, and `fell_back_` says so. Leaves out: reading texts
(reading.py makes the features), certificates, and what to do about it.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from judges.trust.boosting import GradientBoosting
from judges.trust.evidence import Evidence
from judges.trust.mixing import MixingWeights, best_weights, worth
from judges.trust.patterns import joint_codes, mean_votes
from judges.trust.stacking import JUDGES, JUDGES_BY_DOMAIN, StackedLogistic
from judges.trust.ties import TieModel, even_features
from judges.trust.vote_matrix import (
    MISSING,
    TIE,
    A,
    B,
    Consensus,
    VoteMatrix,
    consensus_of,
    no_labels,
)

Floats = NDArray[np.float64]

# Why each number here is what it is: docs/design/label-model-constants.md.
LEAST_ANSWERS = 5
BOOSTING_FROM = 25
FOLDS = 10
BOOSTING_FOLDS = 5
FALL_BACK = 1.0
"""Standard errors by which the answers must be better without what was learned, to do without."""

_CHUNK = 20_000


@dataclass
class LabelModel:
    """Fits on votes and human answers (MISSING, A, B, TIE), predicts probabilities of all three.

    boosting: whether gradient boosting joins in.
    Learned: fell_back_ (True where the cold start is given instead), answers_ (decided answers),
    mixing_weights_ (of cold start, stack and boosting in the pooled log-odds; the cold start alone
    before 5 decided answers).
    """

    boosting: bool = True

    fell_back_: bool = field(init=False, default=False)
    answers_: int = field(init=False, default=0)
    mixing_weights_: MixingWeights = field(init=False, default=MixingWeights(1.0, 0.0, 0.0))

    def fit(
        self,
        vote_matrix: VoteMatrix,
        labels_P: NDArray[np.int8] | None = None,
        weight_P: Floats | None = None,
    ) -> Self:
        """Learn from all votes and from the answers that are there."""
        labels = no_labels(vote_matrix) if labels_P is None else labels_P
        weight = np.ones(len(vote_matrix)) if weight_P is None else weight_P
        labels = np.where(weight > 0, labels, MISSING).astype(np.int8)
        self._vote_matrix, self._labels, self._weight = vote_matrix, labels, weight
        self._decided = np.flatnonzero((labels == A) | (labels == B))
        self.answers_ = len(self._decided)
        self.mixing_weights_, self.fell_back_, self._warm = (
            MixingWeights(1.0, 0.0, 0.0),
            False,
            False,
        )
        self._before = Evidence().fit(vote_matrix)
        self._cold_start = StackedLogistic().open(self._before.groups_, self._before.discount_C_)
        if self.answers_ >= LEAST_ANSWERS:
            with threadpool_limits(limits=1):  # so few rows: threads only wait for each other
                self._learn(vote_matrix, labels, weight)
        self._fit_ties()
        return self

    def predict(self, vote_matrix: VoteMatrix) -> Consensus:
        """Probabilities and contributions; answered pairs of the fit judge without their own."""
        parts, names = self._parts(vote_matrix)
        if self._warm and vote_matrix.same_pairs(self._vote_matrix):
            parts[self._decided] = self._own_parts
        logit = parts.sum(axis=1)
        tie = self._ties.predict(even_features(vote_matrix, logit))
        return consensus_of(logit, tie, parts, names)

    def _learn(self, vote_matrix: VoteMatrix, labels: NDArray[np.int8], weight: Floats) -> None:
        self._after = self._before.answered(vote_matrix, labels, weight)
        own = vote_matrix.take(self._decided)
        labels, weight = labels[self._decided], weight[self._decided]
        answer = (labels == A).astype(np.float64)
        columns = self._after.columns(own, labels, weight)
        part = vote_matrix.part_P[self._decided]
        weight = weight * worth(part)
        groups, discount = self._after.groups_, self._after.discount_C_
        self._stack = StackedLogistic().fit(columns, answer, weight, groups, discount)
        fold = part % FOLDS
        cold_start = self._cold_start.contributions(self._before.columns(own))
        stack = self._stack.out_of_fold(columns, answer, weight, fold)
        boosted = None
        if self.boosting and len(own) >= BOOSTING_FROM:
            seen = self._boosting_columns(own, columns)
            self._boosting = GradientBoosting().fit(seen, answer, weight)
            boosted = self._boosting.out_of_fold(seen, answer, weight, fold % BOOSTING_FOLDS)
        self.mixing_weights_ = best_weights(cold_start.sum(axis=1), stack, boosted, answer, weight)
        parts = self._stack.leave_out_contributions(columns, answer, weight)
        boosted = np.zeros(len(own)) if boosted is None else boosted
        self._own_parts = self._pool(cold_start, parts, boosted)
        excess = weight * (
            _losses(self.mixing_weights_.pool(cold_start.sum(axis=1), stack, boosted), answer)
            - _losses(cold_start.sum(axis=1), answer)
        )
        self.fell_back_ = bool(excess.sum() > FALL_BACK * excess.std() * np.sqrt(len(excess)))
        self._warm = not self.fell_back_

    def _fit_ties(self) -> None:
        known = np.flatnonzero(self._labels != MISSING)
        own = self._vote_matrix.take(known)
        logit = self._parts(own)[0].sum(axis=1)
        if self._warm:
            logit[np.isin(known, self._decided)] = self._own_parts.sum(axis=1)
        is_tie = (self._labels[known] == TIE).astype(np.float64)
        self._ties = TieModel().fit(even_features(own, logit), is_tie, self._weight[known])

    def _parts(self, vote_matrix: VoteMatrix) -> tuple[Floats, tuple[str, ...]]:
        """Contributions to pairs that were not answered, and whose they are."""
        names = self._before.names_
        if self._warm:
            names = (*self._after.contributors, "gradient boosting")
        parts = np.zeros((len(vote_matrix), len(names)))
        for low in range(0, len(vote_matrix), _CHUNK):
            some = vote_matrix.take(np.arange(low, min(low + _CHUNK, len(vote_matrix))))
            parts[low : low + _CHUNK] = (
                self._warm_parts(some)
                if self._warm
                else (self._cold_start.contributions(self._before.columns(some)))
            )
        return parts, names

    def _warm_parts(self, vote_matrix: VoteMatrix) -> Floats:
        columns = self._after.columns(vote_matrix)
        boosted = np.zeros(len(vote_matrix))
        if self.mixing_weights_.boosting:
            boosted = self._boosting.logit(self._boosting_columns(vote_matrix, columns))
        cold_start = self._cold_start.contributions(self._cold_start_columns(vote_matrix, columns))
        return self._pool(cold_start, self._stack.contributions(columns), boosted)

    def _cold_start_columns(self, vote_matrix: VoteMatrix, columns: Floats) -> Floats:
        """Columns of the cold start: the stack's first, with the ratios before any answer."""
        judges, shared = self._before.judges_, len(self._before.names_)
        first = columns[:, :shared].copy()
        codes = joint_codes(vote_matrix.codes_PRO[:, judges])
        first[:, : len(judges)] = self._before.ratios_(codes)
        return first

    def _pool(self, cold_start_PC: Floats, stack_PC: Floats, boosted_P: Floats) -> Floats:
        """Contributions of the three, the cold start's columns being the first of the stack's."""
        weights, shared = self.mixing_weights_, cold_start_PC.shape[1]
        told = self._after.contributions(stack_PC)
        parts = np.concatenate(
            [weights.stack * told, weights.boosting * boosted_P[:, None]], axis=1
        )
        parts[:, :shared] += weights.cold_start * cold_start_PC
        return parts

    def _boosting_columns(self, vote_matrix: VoteMatrix, columns: Floats) -> Floats:
        """The stack's columns, mean votes for ratios: trees would read off an answer left out."""
        votes = mean_votes(vote_matrix.codes_PRO[:, self._after.judges_])[0]
        whole = np.array([group not in (JUDGES, JUDGES_BY_DOMAIN) for group in self._after.groups_])
        return np.concatenate([votes, columns[:, whole]], axis=1)


def _losses(logit_L: Floats, is_a_L: Floats) -> Floats:
    """−log of the probability given to each answer."""
    losses: Floats = np.logaddexp(0.0, np.where(is_a_L > 0.5, -logit_L, logit_L))
    return losses
