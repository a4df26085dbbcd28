"""The odd columns the stack weighs: one for each judge, then text, confidence, student and domains.

Odd means that a column changes its sign when A and B are exchanged, so the whole model does. Scales
are those of all pairs, answered or not. Leaves out: the weights (stack.py).
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from judges.trust.ballots import MISSING, Ballots
from judges.trust.cold_start import ColdStart
from judges.trust.confusions import Confusions
from judges.trust.patterns import joint_codes, mean_votes
from judges.trust.ratios import Ratios
from judges.trust.reading import LEARNED
from judges.trust.stack import JUDGES, family_discount

Floats = NDArray[np.float64]
MOST_JUDGES = 12
MOST_DOMAINS = 12
_LEAST_IN_DOMAIN = 3


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

    def fit(self, ballots: Ballots, labels_P: NDArray[np.int8], weight_P: Floats) -> Self:
        """Learn confusions from all votes, ratios and domains from the answered pairs."""
        self._cold = ColdStart().fit(ballots)
        self._confusions = Confusions().fit(ballots)
        cast = (ballots.codes_PRO != MISSING).any(axis=2).sum(axis=0)
        rank = np.argsort(-cast * self._cold.weight_R_, kind="stable")
        self.judges_ = np.sort(rank[:MOST_JUDGES])
        answered = labels_P != MISSING
        codes = joint_codes(ballots.codes_PRO[answered][:, self.judges_])
        theta = self._confusions.theta_RU_[self.judges_]
        self._ratios = Ratios().fit(theta, codes, labels_P[answered], weight_P[answered])
        features = ballots.features_PF.astype(np.float64)
        self._unit = (
            np.sqrt(np.mean(features**2, axis=0)) if len(features) else features.sum(axis=0)
        )
        self._sorted = _sorted_confidence(ballots)
        seen = np.bincount(ballots.domain_P[answered] + 1, minlength=len(ballots.domains) + 1)[1:]
        busy = np.argsort(-seen, kind="stable")[:MOST_DOMAINS]
        self.domains_ = np.sort(busy[seen[busy] >= _LEAST_IN_DOMAIN])
        if len(self.domains_) < 2:
            self.domains_ = self.domains_[:0]
        self.answers_D_ = seen
        self._name(ballots)
        return self

    def columns(
        self,
        ballots: Ballots,
        labels_P: NDArray[np.int8] | None = None,
        weight_P: Floats | None = None,
    ) -> Floats:
        """Columns [pairs, len(names_)]; with labels, each pair's own answer is left out of them."""
        codes = joint_codes(ballots.codes_PRO[:, self.judges_])
        if labels_P is None or weight_P is None:
            parts = [self._ratios(codes)]
        else:
            parts = [self._ratios.leaving_out(codes, labels_P, weight_P)]
        cold = self._cold.predict(ballots).logit_P / self._cold.scale
        if len(self.judges_) < len(ballots.raters):
            parts.append(self._others(ballots)[:, None])
        features = ballots.features_PF / np.where(self._unit > 0, self._unit, 1.0)
        parts.append(np.clip(features, -4.0, 4.0))
        if self._sorted is not None:
            parts.append(self._by_confidence(ballots)[:, None])
        inside = ballots.domain_P[:, None] == self.domains_
        parts.append(inside * cold[:, None])
        if "length" in ballots.feature_names:
            length = features[:, ballots.feature_names.index("length")]
            parts.append(inside * length[:, None])
        result: Floats = np.concatenate(parts, axis=1)
        return result

    def cold(self, ballots: Ballots) -> ColdStart:
        """The cold start fitted on the same votes."""
        return self._cold

    def _name(self, ballots: Ballots) -> None:
        names = [ballots.raters[r] for r in self.judges_]
        groups = [JUDGES] * len(names)
        discount = family_discount(tuple(ballots.families[r] for r in self.judges_))
        if len(self.judges_) < len(ballots.raters):
            names, groups = [*names, "other judges"], [*groups, "other judges"]
        names += ballots.feature_names
        for name in ballots.feature_names:
            groups.append(name if name in (*LEARNED, "length") else "style")
        if self._sorted is not None:
            names, groups = [*names, "confidence"], [*groups, "confidence"]
        kinds = ["votes", "length"] if "length" in ballots.feature_names else ["votes"]
        for kind in kinds:
            names += [f"{kind} in {ballots.domains[d]}" for d in self.domains_]
            groups += [f"{kind} by domain"] * len(self.domains_)
        self.names_, self.groups_ = tuple(names), tuple(groups)
        self.discount_C_ = np.zeros(len(names))
        self.discount_C_[: len(discount)] = discount

    def _others(self, ballots: Ballots) -> Floats:
        """Mean vote of the raters without a column of their own."""
        rest = np.setdiff1d(np.arange(len(ballots.raters)), self.judges_)
        mean, cast = mean_votes(ballots.codes_PRO[:, rest])
        result: Floats = mean.sum(axis=1) / np.maximum(cast.sum(axis=1), 1)
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
