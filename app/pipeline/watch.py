"""Gathers what the alarms compare: what came since the last cycle against everything before it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.cycle_settings import CycleSettings
from app.pipeline.alarms import (
    FALSE_ALARMS,
    STREAM_TESTS,
    Alarm,
    Stream,
    agreement_falling,
    canary_changed,
    judge_drift,
    overspent,
    promise_withdrawn,
    queue_growing,
    repeats_contradict,
    stream_drift,
)
from app.pipeline.withdrawal import withdraw_broken, withdrawn_since
from db import batches, consensus, cycles, opinions
from db.session import Database
from judges.steps import compare_canaries
from judges.trust.changes import agreement_of_pairs
from judges.trust.drift import drift_cells
from judges.trust.text_features import PairTexts
from judges.trust.vote_matrix import AB, BA, MISSING, TIE, VoteMatrix
from judges.vote_arrays import read_vote_table
from review.settings import ReviewSettings


def watch(
    database: Database,
    settings: CycleSettings,
    boundary: datetime,
    judging: dict[str, Any],
    days: float,
    reviewer_accuracy: float = ReviewSettings().reviewer_accuracy,
) -> list[Alarm]:
    """Every alarm that rings. boundary: from when on things are new. days: since the last cycle.

    All tests of drift and shift of a week share one chance of a false alarm.

    judging: spent_usd, planned_usd, capped and missing of this cycle. Promises that later audits
    contradict are withdrawn first, and told.
    """
    withdraw_broken(database)
    with database.read() as session:
        vote_table = read_vote_table(
            consensus.voted_pairs(session),
            consensus.usable_votes(session),
            consensus.voting_versions(session),
        )
        arrivals = cycles.arrivals(session)
        queue = cycles.queue_since(session, boundary)
        audits = _audits(session, boundary)
        repeats = opinions.repeats(session)
    new_P = np.array([arrivals[p] >= boundary for p in vote_table.pair_ids], dtype=bool)
    asked = steady(vote_table.vote_matrix, new_P)
    level = FALSE_ALARMS / (2 + len(asked) + STREAM_TESTS)
    rang: list[Alarm | None] = [
        overspent(
            judging.get("spent_usd", 0.0),
            judging.get("planned_usd"),
            settings.spend_tolerance,
            bool(judging.get("capped")),
            int(judging.get("missing", 0)),
        ),
        queue_growing(queue.open, queue.created, queue.answered, days, settings.queue_weeks),
        agreement_falling("between the panel and blind audits", *audits, level=level),
        *(promise_withdrawn(made) for made in withdrawn_since(database, boundary)),
        *(repeats_contradict(
            who, [one is not two for one, two in twice], len(repeats), reviewer_accuracy
          ) for who, twice in repeats.items()),
        *(canary_changed(test) for test in compare_canaries(database) if test.alarm),
    ]  # fmt: skip
    if len(vote_table.pair_ids):
        rang += of_votes(vote_table.vote_matrix, asked, new_P, level)
        rang.append(stream_drift(stream_of(vote_table.vote_matrix, vote_table.texts), new_P, level))
    return [alarm for alarm in rang if alarm is not None]


def sides(vote_matrix: VoteMatrix) -> NDArray[np.int8]:
    """One choice of each judge on each pair [P, R]: a tie where its two orders contradict."""
    ab, ba = vote_matrix.codes_PRO[:, :, AB], vote_matrix.codes_PRO[:, :, BA]
    both = np.where(ab == ba, ab, TIE)
    one = np.where(ab == MISSING, ba, ab)
    return np.where((ab == MISSING) | (ba == MISSING), one, both).astype(np.int8)


def steady(vote_matrix: VoteMatrix, new_P: NDArray[np.bool_]) -> list[int]:
    """Judges that voted on at least half of the new pairs, and of the old ones."""
    if not new_P.any() or new_P.all():
        return []
    voted_PR = (vote_matrix.codes_PRO != MISSING).any(axis=2)
    least_R = np.minimum(voted_PR[new_P].mean(axis=0), voted_PR[~new_P].mean(axis=0))
    return np.flatnonzero(least_R >= 0.5).tolist()


def of_votes(
    vote_matrix: VoteMatrix, asked: Sequence[int], new_P: NDArray[np.bool_], level: float
) -> list[Alarm | None]:
    """What the votes of these judges tell: each alone, and all together."""
    if not asked:
        return []
    prompt_P = vote_matrix.prompt_P
    agreed = agreement_of_pairs(sides(vote_matrix)[:, np.array(asked)])
    rang = [agreement_falling("among the judges", agreed, prompt_P, new_P, level)]
    if len(asked) > 1:
        rang += [
            judge_drift(vote_matrix.raters[r], drift_cells(vote_matrix, r), new_P, prompt_P, level)
            for r in asked
        ]
    return rang


def stream_of(vote_matrix: VoteMatrix, texts: PairTexts) -> Stream:
    """What the pairs themselves look like."""
    lengths = [
        len(a or "") + len(b or "")
        for a, b in zip(texts.responses_a, texts.responses_b, strict=True)
    ]
    return Stream(
        prompt_P=vote_matrix.prompt_P,
        domain_P=vote_matrix.domain_P,
        prompt_text_P=[text or "" for text in texts.prompts],
        length_P=np.array(lengths, dtype=np.float64),
    )


def _audits(
    session: Any, boundary: datetime
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Of every answered audit: whether the machine's label agreed, its pair, whether it is new."""
    rows: list[tuple[float, int, bool]] = []
    for batch in batches.all_batches(session):
        answers = batches.audit_progress(session, batch.id).answers
        scores = consensus.consensus_of(session, batch.fit_id, list(answers))
        new = batch.created_at >= boundary
        rows += [
            (float(scores[pair].choice == choice), pair, new)
            for pair, choice in answers.items()
            if pair in scores
        ]
    values, pairs, new_N = zip(*rows, strict=True) if rows else ((), (), ())
    return np.array(values, float), np.array(pairs, np.int64), np.array(new_N, bool)
