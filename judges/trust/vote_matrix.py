"""The table every label model reads, votes of raters on pairs, and what it returns.

Leaves out: where the votes come from (db) and every way of pooling them (the sibling files).
"""

from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

MISSING, A, B, TIE = -1, 0, 1, 2
"""Codes of one choice: no usable answer, first stored response, second stored response, equal."""

AB, BA = 0, 1
"""Axis O: the order in which the two responses were shown."""

_RENAMED = np.array([B, A, TIE, MISSING], dtype=np.int8)  # indexed by code; MISSING is the last


def rename(codes: NDArray[np.int8]) -> NDArray[np.int8]:
    """Exchange the names A and B in an array of choice codes; TIE and MISSING stay."""
    return _RENAMED[codes]


@dataclass(frozen=True)
class VoteMatrix:
    """Votes on P pairs by R raters in two orders, with what is known about the pairs.

    codes_PRO: int8 choice codes in stored order, [pairs, raters, (ab, ba)]; MISSING where there is
        no usable vote. A rater without an order (pointwise) fills both slots.
    raters, families: names along axis R; raters of one family make the same mistakes.
    prompt_P: pairs of one prompt share a number; folds and bootstraps never split a prompt, but
        where there is no other (part_P).
    domain_P: index into `domains`, -1 unknown.
    features_PF: odd features: they change sign when A and B are exchanged. NaN is not allowed.
    even_PF: even features (for example identical texts): unchanged when A and B are exchanged.
    confidence_PRO: the rater's own confidence of each vote, NaN where unknown; any scale.
    orderless_PR: where a vote without an order fills both slots; None where there is none.
    log_odds_PR: calibrated log-odds of A over B by judges trained here, NaN where a rater gives
        none; None where nobody does. The label model weighs such a rater by them, not by its votes.
    """

    codes_PRO: NDArray[np.int8]
    raters: tuple[str, ...]
    families: tuple[str, ...]
    prompt_P: NDArray[np.int64]
    domain_P: NDArray[np.int64]
    domains: tuple[str, ...] = ()
    features_PF: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    feature_names: tuple[str, ...] = ()
    confidence_PRO: NDArray[np.float32] | None = None
    even_PF: NDArray[np.float32] | None = None
    even_names: tuple[str, ...] = ()
    orderless_PR: NDArray[np.bool_] | None = None
    log_odds_PR: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.features_PF.shape == (0, 0):
            object.__setattr__(self, "features_PF", np.zeros((len(self), 0), np.float32))
        pairs, raters = len(self), len(self.raters)
        wanted = {
            "codes_PRO": (self.codes_PRO.shape, (pairs, raters, 2)),
            "families": ((len(self.families),), (raters,)),
            "prompt_P": (self.prompt_P.shape, (pairs,)),
            "domain_P": (self.domain_P.shape, (pairs,)),
            "features_PF": (self.features_PF.shape, (pairs, len(self.feature_names))),
        }
        if self.confidence_PRO is not None:
            wanted["confidence_PRO"] = (self.confidence_PRO.shape, (pairs, raters, 2))
        if self.orderless_PR is not None:
            wanted["orderless_PR"] = (self.orderless_PR.shape, (pairs, raters))
        if self.log_odds_PR is not None:
            wanted["log_odds_PR"] = (self.log_odds_PR.shape, (pairs, raters))
        if self.even_PF is not None:
            wanted["even_PF"] = (self.even_PF.shape, (pairs, len(self.even_names)))
        for name, (got, want) in wanted.items():
            if got != want:
                raise ValueError(
                    f"{name} has shape {got!r} where {want!r} is needed: "
                    "give every pair and every rater exactly one row."
                )
        if (
            pairs
            and raters
            and not (self.codes_PRO.min() >= MISSING and self.codes_PRO.max() <= TIE)
        ):
            raise ValueError(
                f"codes_PRO holds {int(self.codes_PRO.min())!r} to {int(self.codes_PRO.max())!r} "
                "where -1 (missing), 0 (a), 1 (b) and 2 (tie) are allowed: translate choices first."
            )

    def __len__(self) -> int:
        return int(self.codes_PRO.shape[0])

    @property
    def part_P(self) -> NDArray[np.int64]:
        """What folds may not split: the prompt, or the pair where all are of one prompt."""
        alone = len(self) > 1 and bool((self.prompt_P == self.prompt_P[0]).all())
        return np.arange(len(self)) if alone else self.prompt_P

    @property
    def swapped_PR(self) -> NDArray[np.bool_]:
        """Where a rater answered in both orders, so that it can contradict itself."""
        both = (self.codes_PRO != MISSING).all(axis=2)
        return np.asarray(both if self.orderless_PR is None else both & ~self.orderless_PR)

    @property
    def pointwise(self) -> tuple[str, ...]:
        """Raters that score each response alone: all their votes are without an order."""
        if self.orderless_PR is None:
            return ()
        cast = (self.codes_PRO != MISSING).any(axis=2)
        alone = cast.any(axis=0) & ~(cast & ~self.orderless_PR).any(axis=0)
        return tuple(name for name, mine in zip(self.raters, alone, strict=True) if mine)

    @property
    def weighed_R(self) -> NDArray[np.int64]:
        """Raters that give log-odds, as an index."""
        if self.log_odds_PR is None:
            return np.zeros(0, np.int64)
        return np.flatnonzero(np.isfinite(self.log_odds_PR).any(axis=0))

    def muted(self, index_R: NDArray[np.integer], pairs_P: NDArray[np.bool_] | None = None) -> Self:
        """The same without the choices of some raters, on all pairs or those of a mask."""
        if not len(index_R):
            return self
        codes = self.codes_PRO.copy()
        rows = np.arange(len(self)) if pairs_P is None else np.flatnonzero(pairs_P)
        codes[np.ix_(rows, index_R)] = MISSING
        return replace(self, codes_PRO=codes)

    def mirrored(self) -> Self:
        """The same votes with the names A and B exchanged (and so the two orders, too)."""
        confidence = self.confidence_PRO
        return replace(
            self,
            codes_PRO=np.ascontiguousarray(rename(self.codes_PRO)[:, :, ::-1]),
            features_PF=-self.features_PF,
            confidence_PRO=None if confidence is None else confidence[:, :, ::-1].copy(),
            log_odds_PR=None if self.log_odds_PR is None else -self.log_odds_PR,
        )

    def take(self, index_P: NDArray[np.integer] | NDArray[np.bool_]) -> Self:
        """The pairs of an index or mask, in that order."""
        confidence, even, orderless = self.confidence_PRO, self.even_PF, self.orderless_PR
        weighed = self.log_odds_PR
        return replace(
            self,
            codes_PRO=self.codes_PRO[index_P],
            prompt_P=self.prompt_P[index_P],
            domain_P=self.domain_P[index_P],
            features_PF=self.features_PF[index_P],
            confidence_PRO=None if confidence is None else confidence[index_P],
            even_PF=None if even is None else even[index_P],
            orderless_PR=None if orderless is None else orderless[index_P],
            log_odds_PR=None if weighed is None else weighed[index_P],
        )

    def keep_raters(self, index_R: NDArray[np.integer]) -> Self:
        """The votes of some raters only, in the order of the index."""
        confidence, orderless = self.confidence_PRO, self.orderless_PR
        weighed = self.log_odds_PR
        return replace(
            self,
            codes_PRO=self.codes_PRO[:, index_R],
            raters=tuple(self.raters[r] for r in index_R),
            families=tuple(self.families[r] for r in index_R),
            confidence_PRO=None if confidence is None else confidence[:, index_R],
            orderless_PR=None if orderless is None else orderless[:, index_R],
            log_odds_PR=None if weighed is None else weighed[:, index_R],
        )

    def same_pairs(self, other: "VoteMatrix") -> bool:
        """Whether both hold the very same pairs, so that a fitted row must not judge itself."""
        if self is other:
            return True
        return (
            self.raters == other.raters
            and np.array_equal(self.prompt_P, other.prompt_P)
            and np.array_equal(self.codes_PRO, other.codes_PRO)
            and np.array_equal(self.features_PF, other.features_PF)
            and _same(self.log_odds_PR, other.log_odds_PR)
        )


@dataclass(frozen=True)
class Consensus:
    """What a label model says about each pair.

    p_PK: probabilities of A, B and TIE; rows sum to 1.
    logit_P: log-odds of the win probability, log(p_a / p_b); positive speaks for A.
    contributions_PC: the part of each contributor in logit_P (log-odds; rows sum to logit_P), or
        None where a model cannot tell. contributors: their names.
    """

    p_PK: NDArray[np.float64]
    logit_P: NDArray[np.float64]
    contributions_PC: NDArray[np.float64] | None = None
    contributors: tuple[str, ...] = ()

    @property
    def win_P(self) -> NDArray[np.float64]:
        """p_a / (p_a + p_b), what binary metrics and rankings use."""
        win_probability: NDArray[np.float64] = 1.0 / (
            1.0 + np.exp(-np.clip(self.logit_P, -500, 500))
        )
        return win_probability

    @property
    def confidence_P(self) -> NDArray[np.float64]:
        """Probability of the settled choice, in [1/3, 1]."""
        confidence: NDArray[np.float64] = self.p_PK.max(axis=1)
        return confidence

    @property
    def choice_P(self) -> NDArray[np.int8]:
        """The most probable choice of each pair; an exact draw between A and B is a TIE."""
        choice: NDArray[np.int8] = self.p_PK.argmax(axis=1).astype(np.int8)
        drawn = (self.p_PK[:, A] == self.p_PK[:, B]) & (choice != TIE)
        choice[drawn] = TIE
        return choice


def consensus_of(
    logit_P: NDArray[np.float64],
    tie_P: NDArray[np.float64] | float,
    contributions_PC: NDArray[np.float64] | None = None,
    contributors: tuple[str, ...] = (),
) -> Consensus:
    """Consensus from log-odds of the win probability and the probability of a tie."""
    logit = np.clip(np.asarray(logit_P, dtype=np.float64), -40.0, 40.0)
    win_probability = expit(logit)
    other = expit(-logit)  # not 1 - win: exact under exchange of A and B
    tie = np.broadcast_to(np.asarray(tie_P, dtype=np.float64), logit.shape)
    p = np.stack([(1 - tie) * win_probability, (1 - tie) * other, tie], axis=1)
    return Consensus(p, logit, contributions_PC, contributors)


def _same(one: NDArray[np.float32] | None, other: NDArray[np.float32] | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other, equal_nan=True)


class Pooler(Protocol):
    """The one interface of the label model and of all its baselines.

    `fit` learns from the votes alone, or from votes and human answers: `labels_P` holds A, B, TIE
    or MISSING, `weight_P` how much each answer counts (1 by default). `predict` on the fitted
    pairs lets no labelled pair judge itself (leave-one-out).
    """

    def fit(
        self,
        vote_matrix: VoteMatrix,
        labels_P: NDArray[np.int8] | None = None,
        weight_P: NDArray[np.float64] | None = None,
    ) -> Self:
        """Learn from the votes and the answers that are there."""
        ...

    def predict(self, vote_matrix: VoteMatrix) -> Consensus:
        """Probabilities of A, B and TIE for each pair."""
        ...


def no_labels(vote_matrix: VoteMatrix) -> NDArray[np.int8]:
    """An answer vector in which every human answer is missing."""
    return np.full(len(vote_matrix), MISSING, dtype=np.int8)
