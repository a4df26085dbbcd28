"""The router: which pairs are accepted, which wait for humans and which are audited blind.

Pure: a consensus, flags and options in, a plan out. Leaves out tasks and the database (`steps`),
the order of the queue (`ordering`), the mathematics of promises (`judges.trust.certificate`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from judges.trust.ballots import MISSING, TIE, Ballots, Consensus
from review.detectors.flag import Flag
from review.detectors.votes import agreement
from review.ordering import hard_mask, queue_order, risk, teaching

Mode = Literal["agreement", "reviews", "share", "hours", "target"]

REASONS = {
    "no_vote": "no judge gave a usable answer",
    "min_agreement": "fewer of the votes agree than asked for",
    "budget": "among the riskiest pairs the budget of reviews reaches",
    "random": "drawn at random, so that reviews also cover what looks safe",
    "hard": "carries a finding that a human must see",
    "audit": "random blind sample that measures the accepted labels",
    "tie": "looks like a tie; the promise speaks of a and b only",
    "uncertified": "outside the set whose error the audits could bound",
    "awaiting_audit": "accepted once the audits certify it",
    "certified": "inside the certified set",
    "agreed": "enough of the votes agree; no promise is made",
    "within_budget": "less risky than what the budget of reviews reaches; no promise is made",
    "settled": "humans have answered already",
}
"""What each reason code of a plan means, besides the kinds of flags."""


@dataclass(frozen=True)
class RouteOptions:
    """What the router is asked for. Exactly one of the five modes is set.

    min_agreement: accept where at least this share of the votes agrees.
    max_reviews: human answers to ask for, audits included. review_share: the same as a share.
    hours: working time, at `seconds_per_review` seconds an answer.
    target_error: wrong share to stay under, with probability 1 - delta, by `promise` g1 (among the
        accepted) or g2 (of the whole batch); `audits` answers measure it (None: planned).
    audit_share: share of the accepted pairs audited where no target is set.
    random_share: share of the queue drawn at random. ties: "escalate" or deliver them "apart".
    """

    min_agreement: float | None = None
    max_reviews: int | None = None
    review_share: float | None = None
    hours: float | None = None
    seconds_per_review: float | None = None
    target_error: float | None = None
    delta: float = 0.1
    promise: Literal["g1", "g2"] = "g2"
    audits: int | None = None
    audit_share: float = 0.02
    random_share: float = 0.15
    tie_ok: bool = False
    ties: Literal["escalate", "apart"] = "escalate"
    seed: int = 0

    def __post_init__(self) -> None:
        modes = ("min_agreement", "max_reviews", "review_share", "hours", "target_error")
        given = [name for name in modes if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"route got {given!r} where exactly one of {', '.join(modes)} is needed: choose one."
            )
        bounds: dict[str, tuple[float, float]] = {
            "min_agreement": (0.0, 1.0),
            "max_reviews": (0, float("inf")),
            "review_share": (0.0, 1.0),
            "hours": (0.0, float("inf")),
            "target_error": (0.0, 1.0),
            "delta": (1e-6, 0.5),
            "audits": (0, float("inf")),
            "audit_share": (0.0, 1.0),
            "random_share": (0.0, 1.0),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ValueError(
                    f"{name} is {value!r}; {low:g} to {high:g} is allowed: give a value in that range."
                )
        if self.hours is not None and not (self.seconds_per_review or 0) > 0:
            raise ValueError(
                f"hours is {self.hours!r} but seconds_per_review is {self.seconds_per_review!r}: "
                "give the measured seconds an answer takes, or a number of reviews instead."
            )

    @property
    def mode(self) -> Mode:
        """Which of the five modes is set."""
        if self.min_agreement is not None:
            return "agreement"
        if self.max_reviews is not None:
            return "reviews"
        if self.review_share is not None:
            return "share"
        return "hours" if self.hours is not None else "target"

    def reviews(self, pairs: int) -> int:
        """Human answers the budget pays for, of `pairs` pairs; all of them where there is none."""
        if self.max_reviews is not None:
            return min(self.max_reviews, pairs)
        if self.review_share is not None:
            return ceil(self.review_share * pairs - 1e-9)
        if self.hours is not None and self.seconds_per_review:
            return min(int(self.hours * 3600 / self.seconds_per_review), pairs)
        return pairs


@dataclass(frozen=True)
class Plan:
    """What happens to each pair.

    route_P: "accept", "escalate" or "audit". reasons: codes of `REASONS` and kinds of flags.
    priority_P: in [0, 1], higher is claimed sooner; audits stand at random places among the rest.
    inclusion_P: probability with which a pair was to be drawn as an audit; 0 for those that could
        not be. seed: draws the very same audits again.
    """

    route_P: NDArray[np.str_]
    reasons: tuple[tuple[str, ...], ...]
    priority_P: NDArray[np.float64]
    inclusion_P: NDArray[np.float64]
    mode: Mode
    seed: int

    def count(self, route: str) -> int:
        """Pairs on one route."""
        return int((self.route_P == route).sum())

    @property
    def human_share(self) -> float:
        """Share of the pairs that ask for a human answer, audits included."""
        return float((self.route_P != "accept").mean()) if len(self.route_P) else 0.0


def route(
    ballots: Ballots,
    consensus: Consensus,
    flags: Sequence[Flag],
    options: RouteOptions,
    *,
    labels_P: NDArray[np.int8] | None = None,
) -> Plan:
    """Decide every pair in one of the modes without a promise: agreement, share, number, hours.

    labels_P: human answers there are already (MISSING where none); those pairs are accepted as
    settled and take part in no draw.
    """
    pairs = len(ballots)
    rng = np.random.default_rng(options.seed)
    settled = np.zeros(pairs, bool) if labels_P is None else labels_P != MISSING
    hard = hard_mask(flags, pairs) & ~settled
    value = risk(consensus, tie_ok=options.tie_ok)
    value = value * (1.0 + teaching(ballots, consensus, labels_P)) / 2.0
    value[settled] = -1.0
    order, by_chance = queue_order(value, hard, rng, random_share=options.random_share)
    order = order[~settled[order]]
    silent = (ballots.codes_PRO == MISSING).all(axis=(1, 2)) & ~settled
    if options.mode == "agreement":
        share, top = agreement(ballots)
        agrees = (share >= (options.min_agreement or 0.0) - 1e-9) & (top != MISSING)
        escalate = ~agrees & ~settled
        audits = ceil(options.audit_share * int((~escalate & ~settled).sum()) - 1e-9)
    else:
        asked, audits = _split_budget(options.reviews(len(order)), len(order), options.audit_share)
        escalate = np.zeros(pairs, bool)
        escalate[order[:asked]] = True
    audited, inclusion = _draw(np.flatnonzero(~escalate & ~settled), audits, pairs, rng)
    routes = np.full(pairs, "accept", dtype="<U8")
    routes[escalate] = "escalate"
    routes[audited] = "audit"
    causes: dict[str, NDArray[np.bool_]] = {
        "settled": settled,
        "no_vote": silent & escalate,
        "hard": hard & escalate,
        "min_agreement": escalate & (options.mode == "agreement"),
        "random": escalate & by_chance & (options.mode != "agreement"),
        "budget": escalate & ~by_chance & (options.mode != "agreement"),
        "audit": audited,
        "agreed": ~escalate & ~audited & ~settled & (options.mode == "agreement"),
        "within_budget": ~escalate & ~audited & ~settled & (options.mode != "agreement"),
    }
    return Plan(
        routes,
        collect_reasons(causes, flags, pairs),
        _priorities(order, audited, rng),
        inclusion,
        options.mode,
        options.seed,
    )


def _split_budget(answers: int, pairs: int, audit_share: float) -> tuple[int, int]:
    """Escalations and audits that together use the budget, audits being a share of the accepted."""
    if answers >= pairs or audit_share >= 1.0:
        return (pairs, 0) if answers >= pairs else (0, answers)
    asked = max(0.0, (answers - audit_share * pairs) / (1.0 - audit_share))
    audits = min(answers, ceil(audit_share * (pairs - asked) - 1e-9))
    return answers - audits, audits


def _draw(
    eligible: NDArray[np.int64], count: int, pairs: int, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """A uniform sample without replacement of the eligible pairs, and everyone's chance to be in."""
    count = min(count, len(eligible))
    audited, inclusion = np.zeros(pairs, bool), np.zeros(pairs)
    if count:
        audited[rng.choice(eligible, size=count, replace=False)] = True
        inclusion[eligible] = count / len(eligible)
    return audited, inclusion


def _priorities(
    order: NDArray[np.int64], audited_P: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Priorities in [0, 1]: the place in the queue, and a random one for every audit."""
    priority = np.zeros(len(audited_P))
    priority[order] = 1.0 - np.arange(len(order)) / max(len(order), 1)
    priority[audited_P] = rng.random(int(audited_P.sum()))
    return priority


def collect_reasons(
    causes: dict[str, NDArray[np.bool_]], flags: Sequence[Flag], pairs: int
) -> tuple[tuple[str, ...], ...]:
    """The codes of every pair: causes first, then the kinds of its flags, each once."""
    reasons: list[list[str]] = [[] for _ in range(pairs)]
    for cause, mask in causes.items():
        for pair in np.flatnonzero(mask):
            reasons[pair].append(cause)
    for flag in flags:
        if flag.kind not in reasons[flag.pair]:
            reasons[flag.pair].append(flag.kind)
    return tuple(tuple(codes) for codes in reasons)


def delivered(consensus: Consensus, ballots: Ballots) -> NDArray[np.bool_]:
    """The frame of a promise: pairs with a usable vote that would be delivered as a or b."""
    voted = (ballots.codes_PRO != MISSING).any(axis=(1, 2))
    return np.asarray(voted & (consensus.choice_P != TIE))
