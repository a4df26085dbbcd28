"""Runs the detectors over a poll and turns what they find into rows."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from judges.pooling import Poll
from judges.trust.ballots import Consensus
from review import detectors
from review.detectors import Finding, Flag


def detect(poll: Poll, consensus: Consensus) -> tuple[list[Flag], list[Finding]]:
    """All findings on pairs, and all about judges and the whole set."""
    ballots = poll.ballots
    flags = [
        *detectors.no_vote(ballots),
        *detectors.disagreement(ballots),
        *detectors.reversal(ballots),
        *detectors.low_confidence(consensus),
    ]
    return flags, []


def flag_rows(
    fit_id: int, pair_ids: Sequence[int], flags: Sequence[Flag], findings: Sequence[Finding]
) -> list[dict[str, Any]]:
    """Rows for the database; a finding has no pair."""
    on_pairs = [
        {
            "fit_id": fit_id,
            "pair_id": pair_ids[flag.pair],
            "kind": flag.kind,
            "subject": str(flag.detail.get("judge", "")),
            "score": flag.score,
            "detail": {**flag.detail, "hard": flag.hard},
        }
        for flag in flags
    ]
    on_raters = [
        {
            "fit_id": fit_id,
            "pair_id": None,
            "kind": finding.kind,
            "subject": finding.subject,
            "score": finding.value or 0.0,
            "detail": asdict(finding),
        }
        for finding in findings
    ]
    return on_pairs + on_raters
