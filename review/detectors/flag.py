"""What a detector finds: a flag on one pair, or a finding about the whole set. No detector here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FlagKind = Literal[
    "disagreement",
    "reversal",
    "low_confidence",
    "no_vote",
    "self_contradiction",
    "cycle",
    "duplicate_conflict",
    "injection",
    "empty",
    "unseen",
    "private",
    "length_reversal",
    "outlier",
]

FindingKind = Literal[
    "reversal_rate",
    "length_bias",
    "position_bias",
    "self_preference",
]


@dataclass(frozen=True, slots=True)
class Flag:
    """One detector's finding on one pair.

    kind: which check. pair: row of the pair in the arrays the detector was given.
    score: how strong, in [0, 1]; 1 is the strongest. detail: what a person wants to see, JSON-able.
    hard: the pair goes to the front of the review queue whatever the consensus says.
    """

    kind: FlagKind
    pair: int
    score: float
    detail: Mapping[str, Any] = field(default_factory=dict)
    hard: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A statistic of one rater (or of the whole set, subject "*") with its interval.

    value, low, high: estimate and confidence interval, None where undefined; `why` then says why.
    n: observations behind it. alarm: whether it is bad enough to act. advice: what to do.
    """

    kind: FindingKind
    subject: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    alarm: bool = False
    why: str = ""
    advice: str = ""
