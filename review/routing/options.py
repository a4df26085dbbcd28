"""What the router can be asked for, and what the reasons in its plans mean. No decision here."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import ceil
from typing import Any, Literal

from db.errors import BadInput
from judges.trust.promise import Promise

RANDOM_SHARE = 0.15
"""Chance of a place in the queue to go to a pair drawn at random (docs/design/ordering.md)."""

Ties = Literal["escalate", "apart", "certify"]
"""What happens to pairs that look like ties where a target is set."""
Mode = Literal["agreement", "reviews", "share", "hours", "target"]

REASONS = {
    "no_vote": "no judge gave a usable answer",
    "min_agreement": "fewer of the votes agree than asked for",
    "budget": "among the riskiest pairs the budget of reviews reaches",
    "random": "drawn at random, so that reviews also cover what looks safe",
    "hard": "carries a finding that a human must see",
    "audit": "random blind sample that measures the accepted labels",
    "tie": "looks like a tie; the promise speaks of a and b only",
    "tie_apart": "delivered as a tie, apart from what the promise speaks of",
    "uncertified": "outside the set whose error the audits could bound",
    "awaiting_audit": "accepted or escalated once the audits are answered",
    "after_audits": "goes to humans for certain, once the audits are answered",
    "undecided": "the panel leans to neither side, so no audit could certify it",
    "asked": "somebody was asked or has answered, and nothing is settled yet",
    "too_few": "among too few pairs for a promise, so it is asked",
    "seed": "its answer teaches the panel before a frame is frozen",
    "certified": "inside the certified set",
    "agreed": "enough of the votes agree; no promise is made",
    "within_budget": "less risky than what the budget of reviews reaches; no promise is made",
    "settled": "humans have answered already",
}
"""What each reason code of a plan means, besides the kinds of flags."""

_PROMISED = ("target_error", "delta", "promise", "audits", "tie_ok", "ties", "by_domain")


def same_promise(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two stored policies ask for one and the same promise.

    Another seed, queue or time of an answer is no other promise.
    """
    return all(one.get(name) == other.get(name) for name in _PROMISED)


@dataclass(frozen=True)
class RouteOptions:
    """What the router is asked for. Exactly one of the five modes is set.

    min_agreement: accept where at least this share of the votes agrees.
    max_reviews: human answers to ask for, audits included. review_share: the same as a share.
    hours: working time, at `seconds_per_review` seconds an answer.
    target_error: wrong share to stay under, with probability 1 - delta, by `promise` g1 (among the
        accepted) or g2 (of the whole batch); `audits` answers measure it (None: planned).
    audit_share: share of the accepted pairs audited where no target is set.
    random_share: share of the queue drawn at random. ties: what happens, where a target is set, to
    pairs that look like ties: "escalate", deliver them "apart" without a promise, or "certify" them
    apart. seed_questions: asked before the first frame is frozen, where few answers are known.
    """

    min_agreement: float | None = None
    max_reviews: int | None = None
    review_share: float | None = None
    hours: float | None = None
    seconds_per_review: float | None = None
    target_error: float | None = None
    delta: float = 0.1
    promise: Promise = "g2"
    audits: int | None = None
    audit_share: float = 0.02
    random_share: float = RANDOM_SHARE
    tie_ok: bool = False
    ties: Ties = "escalate"
    seed_questions: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        modes = ("min_agreement", "max_reviews", "review_share", "hours", "target_error")
        given = [name for name in modes if getattr(self, name) is not None]
        if len(given) != 1:
            got = " and ".join(given) or "none of them"
            raise BadInput(f"route got {got}; give exactly one of {', '.join(modes)}")
        bounds: dict[str, tuple[float, float]] = {
            "min_agreement": (0.0, 1.0),
            "max_reviews": (0, float("inf")),
            "review_share": (0.0, 1.0),
            "hours": (0.0, float("inf")),
            "target_error": (0.0, 1.0),
            "delta": (1e-6, 0.5),
            "seed_questions": (0, float("inf")),
            "audits": (0, float("inf")),
            "audit_share": (0.0, 1.0),
            "random_share": (0.0, 1.0),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise BadInput(
                    f"{name} is {value!r}; {low:g} to {high:g} is allowed: "
                    "give a value in that range."
                )
        if self.hours is not None and not (self.seconds_per_review or 0) > 0:
            raise BadInput(
                f"hours is {self.hours!r} but seconds_per_review is {self.seconds_per_review!r}: "
                "give the measured seconds an answer takes, or a number of reviews instead."
            )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "RouteOptions":
        """The options among named values, as a verb or a section of the configuration has them."""
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})

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
