"""Detectors: pure checks that turn votes, answers and texts into flags and findings."""

from review.detectors.bias import length_bias, position_bias, reversal_rates, self_preference
from review.detectors.blank import empty, unseen_letters
from review.detectors.cycles import cycles
from review.detectors.duplicates import duplicate_conflict, near_duplicates
from review.detectors.flag import Finding, FindingKind, Flag, FlagKind
from review.detectors.injection import injection, instructions_in
from review.detectors.outliers import length_reversal, outliers, text_measures
from review.detectors.private import private
from review.detectors.selfcheck import self_contradiction
from review.detectors.votes import (
    agreement,
    disagreement,
    disagreement_scores,
    low_confidence,
    no_vote,
    reversal,
    reversed_PR,
    vote_counts,
)

__all__ = [
    "Finding",
    "FindingKind",
    "Flag",
    "FlagKind",
    "agreement",
    "cycles",
    "disagreement",
    "disagreement_scores",
    "duplicate_conflict",
    "empty",
    "injection",
    "instructions_in",
    "length_bias",
    "length_reversal",
    "low_confidence",
    "near_duplicates",
    "no_vote",
    "outliers",
    "position_bias",
    "private",
    "reversal",
    "reversal_rates",
    "reversed_PR",
    "self_contradiction",
    "self_preference",
    "text_measures",
    "unseen_letters",
    "vote_counts",
]
