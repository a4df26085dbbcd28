"""The step behind `tiebreak merge`: every pair whose evidence settles it gets its label."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from db import gold, opinions, preferences, rankings, tasks
from db.certificates import content_hashes
from db.models import Preference
from db.opinions import Opinion
from db.progress import Progress, quiet
from db.session import Database, Session
from db.types import now
from db.upsert import take_turn
from db.vocabulary import Choice, Source
from judges.trust.reviewers import Answers, fit_reviewers
from judges.trust.vote_matrix import MISSING
from judges.vote_arrays import CODES
from review.settings import ReviewSettings
from review.settle import Label, settle

_TURN = 7_246_005  # names the turn in which labels are settled, on PostgreSQL
_PROVENANCE = ("choice", "strength", "both_bad", "source", "adjudication_id", "task_kind")


@dataclass(frozen=True)
class Merged:
    """What a merge did: labels standing by source, new, changed, withdrawn; and lone doubtful
    reviews that were sent back for a second one."""

    preferences: int
    ensemble: int
    review: int
    adjudication: int
    new: int
    changed: int
    withdrawn: int
    doubtful: int

    @property
    def summary(self) -> str:
        """One line for people."""
        doubt = f"; {self.doubtful} doubtful reviews ask for a second one" if self.doubtful else ""
        return (
            f"merge: {self.preferences} labels stand ({self.ensemble} of the panel, "
            f"{self.review} of reviews, {self.adjudication} of adjudications); {self.new} new, "
            f"{self.changed} changed, {self.withdrawn} withdrawn{doubt}"
        )


def merge(database: Database, settings: ReviewSettings, *, progress: Progress = quiet) -> Merged:
    """Settle every pair whose evidence settles it. Safe to repeat and to kill between chunks."""
    counts: Counter[str] = Counter()
    with database.read() as session:
        orders = list(rankings.chunks(session))
    for chunk in orders:
        with database.begin() as session:
            take_turn(session, _TURN)
            rankings.complete_pairs(session, chunk)
    with database.read() as session:
        accuracy = measured_accuracy(session, settings)
        ids = list(preferences.chunks_of_pairs(session))
    total, done = sum(map(len, ids)), 0
    for chunk in ids:
        with database.begin() as session:
            take_turn(session, _TURN)
            counts += _merge_chunk(session, chunk, settings, accuracy)
        done += len(chunk)
        progress("merging", done, total)
    with database.read() as session:
        standing = preferences.counts_by_source(session)
    return Merged(
        preferences=sum(standing.values()),
        ensemble=standing.get(Source.ENSEMBLE, 0),
        review=standing.get(Source.REVIEW, 0),
        adjudication=standing.get(Source.ADJUDICATION, 0),
        new=counts["new"],
        changed=counts["changed"],
        withdrawn=counts["withdrawn"],
        doubtful=counts["doubtful"],
    )


def _merge_chunk(
    session: Session,
    pair_ids: list[int],
    settings: ReviewSettings,
    accuracy: Mapping[int, float],
) -> Counter[str]:
    counts: Counter[str] = Counter()
    old = preferences.current(session, pair_ids)
    ended: list[int] = []
    rows: list[dict[str, Any]] = []
    at = now()
    for known in preferences.evidence(session, pair_ids):
        outcome = settle(known, settings, accuracy)
        if outcome.doubtful_task is not None and tasks.ask_again(session, outcome.doubtful_task):
            counts["doubtful"] += 1
        elif outcome.doubtful_task is not None:
            outcome = settle(known, settings.model_copy(update={"doubt_below": 0.0}), accuracy)
        if outcome.asks_pair:
            most = settings.reviews_most
            counts["doubtful"] += tasks.ask_pair(
                session, known.pair_id, "ranking_doubted", most=most
            )
        before = old.get(known.pair_id)
        if outcome.label is None:
            if before is not None:
                counts["withdrawn"] += 1
                ended.append(known.pair_id)
            continue
        if before is not None and _same(before, outcome.label):
            continue
        counts["new" if before is None else "changed"] += 1
        if before is not None:
            ended.append(known.pair_id)
        row = asdict(outcome.label)
        row |= row.pop("p")
        lists = {name: list(row[name]) for name in ("review_ids", "ranking_ids")}
        rows.append(row | lists | {"created_at": at})
    preferences.supersede(session, ended, at)
    preferences.add(session, rows)
    return counts


def measured_accuracy(session: Session, settings: ReviewSettings) -> dict[int, float]:
    """Each annotator's accuracy, from hidden gold and from answers others gave too.

    Shrunk towards the settings' assumption, which is worth ten answers. A pair asked as gold
    stands apart from the same pair answered otherwise: its gold may rest on those very answers.
    """
    said = _by_content(session, opinions.opinions(session, opinions.INDEPENDENT))
    free = len(said)
    trusted = gold.gold_labels(session)
    said += _by_content(session, opinions.opinions(session, opinions.CONTROL, trusted))
    people = dict(sorted((one.annotator, one.annotator_id) for one in said))
    place = {annotator_id: n for n, annotator_id in enumerate(people.values())}
    units: dict[tuple[int, bool], int] = {}
    pair_V = [units.setdefault((one.pair_id, n >= free), len(units)) for n, one in enumerate(said)]
    gold_P = np.full(len(units), MISSING, np.int8)
    for unit, one in zip(pair_V[free:], said[free:], strict=True):
        gold_P[unit] = CODES[trusted[one.pair_id]]
    answers = Answers(
        np.array(pair_V, np.int64),
        np.array([place[one.annotator_id] for one in said], np.int64),
        np.array([CODES[one.choice] for one in said], np.int8),
    )
    right = settings.reviewer_accuracy
    accuracy_R = fit_reviewers(
        answers, len(people), len(units), gold_P=gold_P, prior=(10 * right, 10 * (1 - right))
    )
    return {annotator_id: float(accuracy_R[n]) for annotator_id, n in place.items()}


def _by_content(session: Session, said: Iterable[Opinion]) -> list[Opinion]:
    """In the order of what was asked and who said it, so that no sum depends on what came first."""
    found = list(said)
    digest = content_hashes(session, sorted({one.pair_id for one in found}))
    return sorted(found, key=lambda one: (digest[one.pair_id], one.annotator))


def _same(before: Preference, label: Label) -> bool:
    if any(getattr(before, name) != getattr(label, name) for name in _PROVENANCE):
        return False
    if sorted(before.review_ids) != sorted(label.review_ids):
        return False
    if sorted(before.ranking_ids) != sorted(label.ranking_ids):
        return False
    one, two = before.p, label.p
    return all(abs(one.of(choice) - two.of(choice)) < 1e-9 for choice in Choice)
