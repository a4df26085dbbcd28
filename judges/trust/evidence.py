"""The odd columns the stack weighs: one for each judge, then what all of them say together
(weighed by their consistency, and by Dawid–Skene), text, confidence, text classifier, judges
trained here (by their log-odds, never by their choices) and domains.

Odd means that a column changes its sign when A and B are exchanged, so the whole model does. Scales
are those of all pairs, answered or not. Leaves out: the weights (stacking.py).
"""

from copy import copy
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from judges.trust.cold_start import ColdStart
from judges.trust.confusions import Confusions
from judges.trust.dawid_skene import DawidSkene
from judges.trust.likeness import independence
from judges.trust.patterns import joint_codes, mean_votes, spread
from judges.trust.ratios import Ratios
from judges.trust.reading import LEARNED
from judges.trust.stacking import AGREEMENT, CONSISTENCY, JUDGES, JUDGES_BY_DOMAIN, TRAINED
from judges.trust.vote_matrix import MISSING, VoteMatrix

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
LENGTH, LONGER = "length", "longer"
STRAIGHT = (LENGTH, "style regression", "author", "neighbours")
# Why each number here is what it is: docs/design/label-model-constants.md.
MOST_JUDGES = 12
MOST_DOMAINS = 12
LEAST_IN_DOMAIN = 3
"""Answers from which a domain may speak."""

FARTHEST, BEND, LONGER_BEND = 4.0, 2.0, 3.0
"""Columns in units of their root mean square: straight ones end here, others are tanh(bend x)."""

DOUBT = 1.0
"""Votes that say nothing, mixed into what all judges say together."""

CROWD = 5.0
"""Judges a pair above which more of them add no more: they err together."""


@dataclass
class Evidence:
    """Columns of a set of votes, scaled and named. Learned from all votes and the human answers.

    Learned: names_, groups_, discount_C_ (family discount of the judges' columns, else 0),
    judges_ (the raters with a column of their own), trained_ (those weighed by their log-odds),
    domains_ (those with enough answers).
    """

    names_: tuple[str, ...] = field(init=False, default=())
    groups_: tuple[str, ...] = field(init=False, default=())
    discount_C_: Floats = field(init=False, repr=False)
    judges_: NDArray[np.int64] = field(init=False, repr=False)
    trained_: NDArray[np.int64] = field(init=False, repr=False)
    domains_: NDArray[np.int64] = field(init=False, repr=False)

    def fit(self, vote_matrix: VoteMatrix) -> Self:
        """Learn consistency, confusions and units from the votes alone."""
        own = independence(vote_matrix)
        self.trained_ = vote_matrix.weighed_R
        self._share_R = own[self.trained_]
        vote_matrix = vote_matrix.muted(self.trained_)
        self.cold_start_ = ColdStart().fit(vote_matrix)
        cast = (vote_matrix.codes_PRO != MISSING).any(axis=2).sum(axis=0)
        rank = np.argsort(-cast * self.cold_start_.weight_R_, kind="stable")
        rank = rank[~np.isin(rank, self.trained_)]
        self.judges_ = np.sort(rank[:MOST_JUDGES])
        voices = (vote_matrix.codes_PRO[:, self.judges_] != MISSING).any(axis=2).sum(axis=1)
        own = own[self.judges_]
        crowd = own.sum() / max(len(own), 1) * voices.sum() / max(np.count_nonzero(voices), 1)
        self._discount_R = own * min(1.0, CROWD / max(crowd, 1.0))
        theta = Confusions().fit(vote_matrix).theta_RJ_[self.judges_]
        self._fit_agreement(vote_matrix)
        nothing = np.zeros((0, len(self.judges_)), np.int8)
        self.ratios_ = Ratios().fit(theta, nothing, np.zeros(0, np.int8), np.zeros(0))
        squares = np.einsum(
            "pf,pf->f", vote_matrix.features_PF, vote_matrix.features_PF, dtype=np.float64
        )
        self._unit = np.sqrt(squares / max(len(vote_matrix), 1))
        self._sorted = _sorted_confidence(vote_matrix)
        self.domains_ = np.zeros(0, np.int64)
        self._name(vote_matrix)
        return self

    def answered(
        self, vote_matrix: VoteMatrix, labels_P: NDArray[np.int8], weight_P: Floats
    ) -> Self:
        """A copy that has also learned ratios, and which domains can speak, from human answers."""
        vote_matrix = vote_matrix.muted(self.trained_)
        known = labels_P != MISSING
        codes = joint_codes(vote_matrix.codes_PRO[known][:, self.judges_])
        after = copy(self)
        after.ratios_ = Ratios().fit(
            self.ratios_.theta_RJ_, codes, labels_P[known], weight_P[known]
        )
        seen = np.bincount(vote_matrix.domain_P[known] + 1, minlength=len(vote_matrix.domains) + 1)[
            1:
        ]
        busy = np.argsort(-seen, kind="stable")[:MOST_DOMAINS]
        after.domains_ = np.sort(busy[seen[busy] >= LEAST_IN_DOMAIN])
        if len(after.domains_) < 2:
            after.domains_ = after.domains_[:0]
        after._name(vote_matrix)
        return after

    def columns(
        self,
        vote_matrix: VoteMatrix,
        labels_P: NDArray[np.int8] | None = None,
        weight_P: Floats | None = None,
    ) -> Floats:
        """Columns [pairs, len(names_)]; with labels, each pair's own answer is left out of them."""
        vote_matrix = vote_matrix.muted(self.trained_)
        codes = joint_codes(vote_matrix.codes_PRO[:, self.judges_])
        if labels_P is None or weight_P is None:
            parts = [self.ratios_(codes)]
        else:
            parts = [self.ratios_.leaving_out(codes, labels_P, weight_P)]
        cold = self.cold_start_.contributions(vote_matrix.codes_PRO).sum(axis=1)
        cast = (vote_matrix.codes_PRO != MISSING).sum(axis=(1, 2))
        for together in (cold, self._agreement(vote_matrix)):
            parts.append((together * cast / (cast + DOUBT))[:, None])
        features = self._shaped(vote_matrix)
        parts.append(features)
        parts.append(self._weighed(vote_matrix))
        if self._sorted is not None:
            parts.append(self._by_confidence(vote_matrix, self._sorted))
        inside = vote_matrix.domain_P[:, None] == self.domains_
        parts.append(inside * (cold / self.cold_start_.scale)[:, None])
        if LENGTH in vote_matrix.feature_names:
            length = features[:, vote_matrix.feature_names.index(LENGTH)]
            parts.append(inside * length[:, None])
        votes = mean_votes(vote_matrix.codes_PRO[:, self.judges_])[0]
        parts.append((inside[:, :, None] * votes[:, None, :]).reshape(len(votes), -1))
        result: Floats = np.concatenate(parts, axis=1)
        return result

    @property
    def contributors(self) -> tuple[str, ...]:
        """Names of `contributions`: the columns', but for those of judges by domain, the last."""
        apart = len(self.domains_) * len(self.judges_)
        return self.names_[: len(self.names_) - apart]

    def contributions(self, parts_PC: Floats) -> Floats:
        """Parts of the log-odds by contributor: what a judge says in a domain is that judge's."""
        judges, shared = len(self.judges_), len(self.contributors)
        told = parts_PC[:, :shared].copy()
        by_domain = parts_PC[:, shared:].reshape(len(parts_PC), len(self.domains_), judges)
        told[:, :judges] += by_domain.sum(axis=1)
        return told

    def _fit_agreement(self, vote_matrix: VoteMatrix) -> None:
        """Dawid–Skene on the votes alone: it hears who agrees with whom, which no order tells."""
        some = vote_matrix.take(spread(len(vote_matrix)))
        self._dawid_skene = DawidSkene(max_iterations=50, tolerance=1e-4).fit(some)
        logit = self._dawid_skene.log_odds(some.codes_PRO)
        self._usual = float(np.sqrt(np.mean(logit**2))) if logit.any() else 1.0

    def _agreement(self, vote_matrix: VoteMatrix) -> Floats:
        """Its log-odds in units of their root mean square: untempered, their scale means little."""
        logit = self._dawid_skene.log_odds(vote_matrix.codes_PRO)
        return np.clip(logit / self._usual, -FARTHEST, FARTHEST)

    def _name(self, vote_matrix: VoteMatrix) -> None:
        names = [vote_matrix.raters[r] for r in self.judges_]
        groups = [JUDGES] * len(names)
        names += [CONSISTENCY, AGREEMENT, *vote_matrix.feature_names]
        groups += [CONSISTENCY, AGREEMENT]
        groups += [
            name if name in (*LEARNED, LENGTH) else "style" for name in vote_matrix.feature_names
        ]
        if LENGTH in vote_matrix.feature_names:
            names, groups = [*names, LONGER], [*groups, LONGER]
        names += [vote_matrix.raters[r] for r in self.trained_]
        groups += [TRAINED] * len(self.trained_)
        if self._sorted is not None:
            names, groups = [*names, "confidence"], [*groups, "confidence"]
            names += [f"confidence of {vote_matrix.raters[r]}" for r in self.judges_]
            groups += ["confidence by judge"] * len(self.judges_)
        kinds = ["votes", LENGTH] if LENGTH in vote_matrix.feature_names else ["votes"]
        for kind in kinds:
            names += [f"{kind} in {vote_matrix.domains[d]}" for d in self.domains_]
            groups += [f"{kind} by domain"] * len(self.domains_)
        own = [vote_matrix.raters[r] for r in self.judges_]
        names += [f"{judge} in {vote_matrix.domains[d]}" for d in self.domains_ for judge in own]
        groups += [JUDGES_BY_DOMAIN] * (len(self.domains_) * len(own))
        self.names_, self.groups_ = tuple(names), tuple(groups)
        self.discount_C_ = np.zeros(len(names))
        self.discount_C_[: len(self.judges_)] = self._discount_R

    def _shaped(self, vote_matrix: VoteMatrix) -> Floats:
        """Features in units of their root mean square; style and text classifier level off.

        Length comes twice, straight and levelled off: some people weigh how much longer a response
        is, some only that it is.
        """
        scaled = vote_matrix.features_PF / np.where(self._unit > 0, self._unit, 1.0)
        names = vote_matrix.feature_names
        straight = np.array([name in STRAIGHT for name in names], dtype=bool)
        columns = np.where(straight, np.clip(scaled, -FARTHEST, FARTHEST), np.tanh(BEND * scaled))
        if LENGTH in names:
            longer = np.tanh(LONGER_BEND * scaled[:, names.index(LENGTH)])
            columns = np.concatenate([columns, longer[:, None]], axis=1)
        result: Floats = columns.astype(np.float64)
        return result

    def _weighed(self, vote_matrix: VoteMatrix) -> Floats:
        """Log-odds of each trained judge, by what of it no relative and no copy says, too."""
        if vote_matrix.log_odds_PR is None or not len(self.trained_):
            return np.zeros((len(vote_matrix), len(self.trained_)))
        said = np.nan_to_num(vote_matrix.log_odds_PR[:, self.trained_].astype(np.float64))
        weighed: Floats = np.clip(said, -FARTHEST, FARTHEST) * self._share_R
        return weighed

    def _by_confidence(self, vote_matrix: VoteMatrix, sorted_R: list[Floats32]) -> Floats:
        """Mean over votes of vote × (rank of the rater's own confidence − ½) × 2.

        First of all raters together, then of each that has a column of its own.
        """
        total_PR = np.zeros((len(vote_matrix), len(vote_matrix.raters)))
        cast_PR = np.zeros(total_PR.shape)
        sign = np.array([1.0, -1.0, 0.0, 0.0])[vote_matrix.codes_PRO]
        for rater, known in enumerate(sorted_R):
            if vote_matrix.confidence_PRO is None or len(known) < 2:
                continue
            sure = vote_matrix.confidence_PRO[:, rater]
            usable = np.isfinite(sure) & (vote_matrix.codes_PRO[:, rater] != MISSING)
            low, high = np.searchsorted(known, sure), np.searchsorted(known, sure, side="right")
            said = sign[:, rater] * ((low + high) / len(known) - 1)
            total_PR[:, rater] = np.where(usable, said, 0.0).sum(axis=1)
            cast_PR[:, rater] = usable.sum(axis=1)
        together = total_PR.sum(axis=1) / np.maximum(cast_PR.sum(axis=1), 1)
        own = (total_PR / np.maximum(cast_PR, 1))[:, self.judges_]
        return np.concatenate([together[:, None], own], axis=1)


def _sorted_confidence(vote_matrix: VoteMatrix) -> list[Floats32] | None:
    """Known confidences of each rater in ascending order, or None where nobody gives any."""
    if vote_matrix.confidence_PRO is None:
        return None
    known = []
    for rater in range(len(vote_matrix.raters)):
        sure = vote_matrix.confidence_PRO[:, rater]
        known.append(np.sort(sure[np.isfinite(sure)]))
    return known if any(len(own) and own[0] < own[-1] for own in known) else None
