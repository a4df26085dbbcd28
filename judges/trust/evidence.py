"""The odd columns the stack weighs: one for each judge, then what all of them say together
(weighed by their consistency, and by Dawid–Skene), text, confidence, student and domains.

Odd means that a column changes its sign when A and B are exchanged, so the whole model does. Scales
are those of all pairs, answered or not. Leaves out: the weights (stack.py).
"""

from copy import copy
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from judges.trust.ballots import MISSING, Ballots
from judges.trust.cold_start import ColdStart
from judges.trust.confusions import Confusions
from judges.trust.dawid_skene import DawidSkene
from judges.trust.patterns import joint_codes, spread
from judges.trust.ratios import Ratios
from judges.trust.reading import LEARNED
from judges.trust.stack import AGREEMENT, CONSISTENCY, JUDGES, family_discount

Floats = NDArray[np.float64]
LENGTH, LONGER = "length", "longer"
STRAIGHT = (LENGTH, "habits", "author", "rivals")
MOST_JUDGES = 12
MOST_DOMAINS = 12
_LEAST_IN_DOMAIN = 3
_CROWD = 5.0
"""Judges a pair above which more of them add no more: they err together."""


@dataclass
class Evidence:
    """Columns of a set of ballots, scaled and named. Learned from all votes and the human answers.

    Learned: names_, groups_, discount_C_ (family discount of the judges' columns, else 0),
    judges_ (the raters with a column of their own), domains_ (those with enough answers).
    """

    names_: tuple[str, ...] = field(init=False, default=())
    groups_: tuple[str, ...] = field(init=False, default=())
    discount_C_: Floats = field(init=False, repr=False)
    judges_: NDArray[np.int64] = field(init=False, repr=False)
    domains_: NDArray[np.int64] = field(init=False, repr=False)

    def fit(self, ballots: Ballots) -> Self:
        """Learn consistency, confusions and units from the votes alone."""
        self.cold_start_ = ColdStart().fit(ballots)
        cast = (ballots.codes_PRO != MISSING).any(axis=2).sum(axis=0)
        rank = np.argsort(-cast * self.cold_start_.weight_R_, kind="stable")
        self.judges_ = np.sort(rank[:MOST_JUDGES])
        voices = (ballots.codes_PRO[:, self.judges_] != MISSING).any(axis=2).sum(axis=1)
        self._voices = float(voices.sum() / max(np.count_nonzero(voices), 1))
        theta = Confusions().fit(ballots).theta_RU_[self.judges_]
        self._fit_agreement(ballots)
        nothing = np.zeros((0, len(self.judges_)), np.int8)
        self.ratios_ = Ratios().fit(theta, nothing, nothing[:, 0], np.zeros(0))
        squares = np.einsum("pf,pf->f", ballots.features_PF, ballots.features_PF, dtype=np.float64)
        self._unit = np.sqrt(squares / max(len(ballots), 1))
        self._sorted = _sorted_confidence(ballots)
        self.domains_ = np.zeros(0, np.int64)
        self._name(ballots)
        return self

    def answered(self, ballots: Ballots, labels_P: NDArray[np.int8], weight_P: Floats) -> Self:
        """A copy that has also learned ratios, and which domains can speak, from human answers."""
        known = labels_P != MISSING
        codes = joint_codes(ballots.codes_PRO[known][:, self.judges_])
        after = copy(self)
        after.ratios_ = Ratios().fit(
            self.ratios_.theta_RU_, codes, labels_P[known], weight_P[known]
        )
        seen = np.bincount(ballots.domain_P[known] + 1, minlength=len(ballots.domains) + 1)[1:]
        busy = np.argsort(-seen, kind="stable")[:MOST_DOMAINS]
        after.domains_ = np.sort(busy[seen[busy] >= _LEAST_IN_DOMAIN])
        if len(after.domains_) < 2:
            after.domains_ = after.domains_[:0]
        after._name(ballots)
        return after

    def columns(
        self,
        ballots: Ballots,
        labels_P: NDArray[np.int8] | None = None,
        weight_P: Floats | None = None,
    ) -> Floats:
        """Columns [pairs, len(names_)]; with labels, each pair's own answer is left out of them."""
        codes = joint_codes(ballots.codes_PRO[:, self.judges_])
        if labels_P is None or weight_P is None:
            parts = [self.ratios_(codes)]
        else:
            parts = [self.ratios_.leaving_out(codes, labels_P, weight_P)]
        cold = self.cold_start_.contributions(ballots.codes_PRO).sum(axis=1)
        cast = (ballots.codes_PRO != MISSING).sum(axis=(1, 2))
        for together in (cold, self._agreement(ballots)):
            parts.append((together * cast / (cast + 1.0))[:, None])
        features = self._shaped(ballots)
        parts.append(features)
        if self._sorted is not None:
            parts.append(self._by_confidence(ballots)[:, None])
        inside = ballots.domain_P[:, None] == self.domains_
        parts.append(inside * (cold / self.cold_start_.scale)[:, None])
        if LENGTH in ballots.feature_names:
            length = features[:, ballots.feature_names.index(LENGTH)]
            parts.append(inside * length[:, None])
        result: Floats = np.concatenate(parts, axis=1)
        return result

    def _fit_agreement(self, ballots: Ballots) -> None:
        """Dawid–Skene on the votes alone: it hears who agrees with whom, which no order tells."""
        some = ballots.take(spread(len(ballots)))
        self._dawid_skene = DawidSkene(max_iterations=50, tolerance=1e-4).fit(some)
        logit = self._dawid_skene.log_odds(some.codes_PRO)
        self._usual = float(np.sqrt(np.mean(logit**2))) if logit.any() else 1.0

    def _agreement(self, ballots: Ballots) -> Floats:
        """Its log-odds in units of their root mean square: untempered, their scale means little."""
        logit = self._dawid_skene.log_odds(ballots.codes_PRO)
        return np.clip(logit / self._usual, -4.0, 4.0)

    def _name(self, ballots: Ballots) -> None:
        names = [ballots.raters[r] for r in self.judges_]
        groups = [JUDGES] * len(names)
        discount = family_discount(tuple(ballots.families[r] for r in self.judges_))
        names += [CONSISTENCY, AGREEMENT, *ballots.feature_names]
        groups += [CONSISTENCY, AGREEMENT]
        groups += [
            name if name in (*LEARNED, LENGTH) else "style" for name in ballots.feature_names
        ]
        if LENGTH in ballots.feature_names:
            names, groups = [*names, LONGER], [*groups, LONGER]
        if self._sorted is not None:
            names, groups = [*names, "confidence"], [*groups, "confidence"]
        kinds = ["votes", LENGTH] if LENGTH in ballots.feature_names else ["votes"]
        for kind in kinds:
            names += [f"{kind} in {ballots.domains[d]}" for d in self.domains_]
            groups += [f"{kind} by domain"] * len(self.domains_)
        self.names_, self.groups_ = tuple(names), tuple(groups)
        self.discount_C_ = np.zeros(len(names))
        self.discount_C_[: len(discount)] = discount * min(1.0, _CROWD / max(self._voices, 1.0))

    def _shaped(self, ballots: Ballots) -> Floats:
        """Features in units of their root mean square; style and student level off.

        Length comes twice, straight and levelled off: some people weigh how much longer a response
        is, some only that it is.
        """
        scaled = ballots.features_PF / np.where(self._unit > 0, self._unit, 1.0)
        names = ballots.feature_names
        straight = np.array([name in STRAIGHT for name in names], dtype=bool)
        columns = np.where(straight, np.clip(scaled, -4.0, 4.0), np.tanh(2.0 * scaled))
        if LENGTH in names:
            longer = np.tanh(3.0 * scaled[:, names.index(LENGTH)])
            columns = np.concatenate([columns, longer[:, None]], axis=1)
        result: Floats = columns.astype(np.float64)
        return result

    def _by_confidence(self, ballots: Ballots) -> Floats:
        """Mean over votes of vote × (rank of the rater's own confidence − ½) × 2."""
        total, cast = np.zeros(len(ballots)), np.zeros(len(ballots))
        if ballots.confidence_PRO is None or self._sorted is None:
            return total
        sign = np.array([1.0, -1.0, 0.0, 0.0])[ballots.codes_PRO]
        for rater, known in enumerate(self._sorted):
            sure = ballots.confidence_PRO[:, rater]
            usable = np.isfinite(sure) & (ballots.codes_PRO[:, rater] != MISSING)
            if len(known) < 2:
                continue
            low, high = np.searchsorted(known, sure), np.searchsorted(known, sure, side="right")
            rank = (low + high) / (2 * len(known))
            total += np.where(usable, sign[:, rater] * (rank - 0.5) * 2, 0.0).sum(axis=1)
            cast += usable.sum(axis=1)
        return total / np.maximum(cast, 1)


def _sorted_confidence(ballots: Ballots) -> list[NDArray[np.float32]] | None:
    """Known confidences of each rater in ascending order, or None where nobody gives any."""
    if ballots.confidence_PRO is None:
        return None
    known = []
    for rater in range(len(ballots.raters)):
        sure = ballots.confidence_PRO[:, rater]
        known.append(np.sort(sure[np.isfinite(sure)]))
    return known if any(len(own) and own[0] < own[-1] for own in known) else None
