"""Detectors: pure checks that turn votes, answers and texts into flags and findings."""

from review.detectors.flag import Finding, FindingKind, Flag, FlagKind
from review.detectors.votes import (
    agreement,
    disagreement,
    disagreement_scores,
    low_confidence,
    no_vote,
    reversal,
    reversed_PR,
    swapped_PR,
    vote_counts,
)

__all__ = [
    "Finding",
    "FindingKind",
    "Flag",
    "FlagKind",
    "agreement",
    "disagreement",
    "disagreement_scores",
    "low_confidence",
    "no_vote",
    "reversal",
    "reversed_PR",
    "swapped_PR",
    "vote_counts",
]
