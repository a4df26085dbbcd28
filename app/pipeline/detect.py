"""Runs the detectors over a vote table and turns what they find into rows."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.opinions import Opinion
from db.vocabulary import Choice
from judges.trust.vote_matrix import MISSING, A, B, Consensus
from judges.vote_arrays import CODES, VoteTable
from review import detectors
from review.detectors import Finding, Flag

_CODE = CODES | {Choice.ABSTAIN: MISSING}


def detect(
    vote_table: VoteTable,
    consensus: Consensus,
    labels_P: NDArray[np.int8],
    answers: Sequence[Opinion] = (),
) -> tuple[list[Flag], list[Finding]]:
    """All findings on pairs, and all about judges and the whole set.

    `labels_P` are the human answers there are; `answers` every single one, to find people who
    contradict themselves.
    """
    vote_matrix, texts = vote_table.vote_matrix, vote_table.texts
    named = (texts.prompts, texts.responses_a, texts.responses_b)
    settled_P = np.where(labels_P != MISSING, labels_P, consensus.choice_P)
    strongest = _strongest(vote_table, consensus)
    flags = [
        *detectors.no_vote(vote_matrix),
        *detectors.disagreement(vote_matrix),
        *detectors.reversal(vote_matrix, strongest=strongest),
        *detectors.low_confidence(consensus),
        *detectors.length_reversal(consensus),
        *detectors.injection(texts.responses_a, texts.responses_b, texts.prompts),
        *detectors.empty(texts.responses_a, texts.responses_b),
        *detectors.unseen_letters(texts.responses_a, texts.responses_b),
        *detectors.private(*named),
        *detectors.cycles(texts.responses_a, texts.responses_b, vote_matrix.prompt_P, settled_P),
        *detectors.duplicate_conflict(*named, settled_P),
        *detectors.outliers(detectors.text_measures(*named)),
        *_contradictions(vote_table, answers),
    ]
    return flags, _findings(vote_table, labels_P)


def _findings(vote_table: VoteTable, labels_P: NDArray[np.int8]) -> list[Finding]:
    """What is true of whole judges, with intervals by prompt; the same seed, the same intervals."""
    vote_matrix, texts = vote_table.vote_matrix, vote_table.texts
    rng = np.random.default_rng(0)
    length_a, length_b = (
        np.array([len(text or "") for text in side])
        for side in (texts.responses_a, texts.responses_b)
    )
    return [
        *detectors.reversal_rates(vote_matrix, rng),
        *detectors.position_bias(vote_matrix, rng),
        *detectors.length_bias(vote_matrix, length_a, length_b, rng, labels_P),
        *detectors.self_preference(vote_matrix, texts.authors_a, texts.authors_b, rng, labels_P),
    ]


def _strongest(vote_table: VoteTable, consensus: Consensus) -> int | None:
    """The judge that agrees most with the consensus, on at least 30 pairs."""
    choice_PO = consensus.choice_P[:, None]
    best: tuple[float, int] | None = None
    for r in range(len(vote_table.vote_matrix.raters)):
        codes_PO = vote_table.vote_matrix.codes_PRO[:, r]
        cast = np.isin(codes_PO, (A, B))
        if cast.any(axis=1).sum() >= 30:
            share = float((codes_PO == choice_PO)[cast].mean())
            best = max(best or (share, r), (share, r))
    return None if best is None else best[1]


def _contradictions(vote_table: VoteTable, answers: Sequence[Opinion]) -> list[Flag]:
    row = {pair_id: p for p, pair_id in enumerate(vote_table.pair_ids)}
    known = [answer for answer in answers if answer.pair_id in row]
    people = sorted({answer.annotator for answer in known})
    return detectors.self_contradiction(
        np.array([row[a.pair_id] for a in known], dtype=np.int64),
        np.array([people.index(a.annotator) for a in known], dtype=np.int64),
        np.array([_CODE[a.choice] for a in known], dtype=np.int8),
        people,
        time_V=np.array([a.at.timestamp() for a in known], dtype=np.float64),
    )


def flag_rows(
    fit_id: int, pair_ids: Sequence[int], flags: Sequence[Flag], findings: Sequence[Finding]
) -> Iterator[dict[str, Any]]:
    """Rows for the database: the strongest flag of a pair, kind and subject; findings."""
    strongest: dict[tuple[int, str, str], Flag] = {}
    for flag in flags:
        key = (flag.pair, flag.kind, str(flag.detail.get("judge", "")))
        if key not in strongest or strongest[key].score < flag.score:
            strongest[key] = flag
    for (pair, kind, subject), flag in strongest.items():
        yield {
            "fit_id": fit_id,
            "pair_id": pair_ids[pair],
            "kind": kind,
            "subject": subject,
            "score": float(flag.score),
            "detail": {**flag.detail, "hard": flag.hard},
        }
    for finding in findings:
        yield {
            "fit_id": fit_id,
            "pair_id": None,
            "kind": finding.kind,
            "subject": finding.subject,
            "score": finding.value or 0.0,
            "detail": asdict(finding),
        }
