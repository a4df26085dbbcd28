"""The room's verbs: merge what is settled, and replay recorded answers into the queue."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from db import annotators, preferences, rankings, reviews, tasks
from db.errors import BadInput
from db.imports import read_rows
from db.imports.fields import BadRow
from db.imports.rows import LabelRow, parse_label
from db.models import Preference
from db.pairs import resolve_names
from db.session import Database, Session
from db.types import now
from db.upsert import chunks
from db.vocabulary import Source, TaskStatus
from judges.pooling import CODES
from judges.trust.ballots import MISSING
from judges.trust.reviewers import Answers, fit_reviewers
from review.deciding import settle as settle_task
from review.merge import Label, settle
from review.settings import ReviewSettings

Progress = Callable[[str, int, int], None]

_A_TRANSACTION = 100
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


def merge(
    database: Database, settings: ReviewSettings, *, progress: Progress | None = None
) -> Merged:
    """Settle every pair whose evidence settles it. Safe to repeat and to kill between chunks."""
    counts: Counter[str] = Counter()
    with database.read() as session:
        orders = list(rankings.chunks(session))
    for chunk in orders:
        with database.begin() as session:
            rankings.complete_pairs(session, chunk)
    with database.read() as session:
        accuracy = measured_accuracy(session, settings)
        ids = list(preferences.chunks_of_pairs(session))
    total, done = sum(map(len, ids)), 0
    for chunk in ids:
        with database.begin() as session:
            counts += _merge_chunk(session, chunk, settings, accuracy)
        done += len(chunk)
        if progress is not None:
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
    rows = preferences.answers(session)
    people = sorted({annotator_id for annotator_id, *_ in rows})
    place = {annotator_id: n for n, annotator_id in enumerate(people)}
    units: dict[tuple[int, bool], int] = {}
    pair_V = [units.setdefault((pair, gold is not None), len(units)) for _, pair, _, gold in rows]
    gold_P = np.full(len(units), MISSING, np.int8)
    for unit, (_, _, _, gold) in zip(pair_V, rows, strict=True):
        if gold is not None:
            gold_P[unit] = CODES[gold]
    answers = Answers(
        np.array(pair_V, np.int64),
        np.array([place[row[0]] for row in rows], np.int64),
        np.array([CODES[row[2]] for row in rows], np.int8),
    )
    right = settings.reviewer_accuracy
    found = fit_reviewers(
        answers, len(people), len(units), gold_P=gold_P, prior=(10 * right, 10 * (1 - right))
    )
    return {annotator_id: float(found.accuracy_R[n]) for annotator_id, n in place.items()}


def _same(before: Preference, label: Label) -> bool:
    if any(getattr(before, name) != getattr(label, name) for name in _PROVENANCE):
        return False
    if list(before.review_ids) != list(label.review_ids):
        return False
    if list(before.ranking_ids) != list(label.ranking_ids):
        return False
    return all(abs(getattr(before, p) - getattr(label, p)) < 1e-9 for p in ("p_a", "p_tie", "p_b"))


@dataclass(frozen=True)
class Replayed:
    """What a replay did with the tasks it looked at."""

    tasks: int
    answers: int
    settled: int
    disputed: int
    without_answer: int
    unknown_pairs: int

    @property
    def summary(self) -> str:
        """One line for people."""
        return (
            f"replay: {self.answers} recorded answers to {self.tasks} open tasks, {self.settled} "
            f"settled, {self.disputed} disputed, {self.without_answer} stay open without one; "
            f"{self.unknown_pairs} recorded pairs are not known here"
        )


def replay_labels(
    database: Database,
    labels: str | Path | Iterable[Mapping[str, Any]],
    *,
    limit: int | None = None,
    share: float | None = None,
    progress: Progress | None = None,
) -> Replayed:
    """Answer the open tasks, in queue order, with recorded labels.

    labels: a file the label import reads, or its rows. limit: tasks to look at; share: of the open
    ones, in (0, 1]. What has no recorded answer stays open; run again it adds nothing twice.
    """
    if share is not None and not 0 < share <= 1:
        raise BadInput(f"share {share!r} must be more than 0 and at most 1")
    if limit is not None and limit < 0:
        raise BadInput(f"limit {limit!r} must be 0 or more")
    rows = read_rows(labels) if isinstance(labels, str | Path) else (dict(r) for r in labels)
    with database.begin() as session:
        recorded, unknown, people = _recorded(session, rows)
        waiting = [task.id for task in tasks.open_tasks(session)]
    ends = [len(waiting)] + ([limit] if limit is not None else [])
    ends += [ceil(share * len(waiting) - 1e-9)] if share is not None else []
    waiting = waiting[: min(ends)]
    counts: Counter[str] = Counter()
    done = 0
    for chunk in chunks(waiting, _A_TRANSACTION):
        with database.begin() as session:
            for task_id in chunk:
                counts += _answer(session, task_id, recorded, people)
        done += len(chunk)
        if progress is not None:
            progress("replaying", done, len(waiting))
    return Replayed(
        tasks=len(waiting),
        answers=counts["answers"],
        settled=counts[TaskStatus.SETTLED],
        disputed=counts[TaskStatus.DISPUTED],
        without_answer=counts["silent"],
        unknown_pairs=unknown,
    )


_Recorded = dict[int, list[tuple[LabelRow, bool]]]  # pair id -> (label, mirrored)


def _recorded(
    session: Session, rows: Iterable[dict[str, Any]]
) -> tuple[_Recorded, int, dict[str, int]]:
    """Labels by pair, how many pairs are not known, and the ids of the people, made if new."""
    by_pair: _Recorded = defaultdict(list)
    unknown: set[str] = set()
    names: set[str] = set()
    number = 0
    for chunk in chunks(rows, 5000):
        parsed: list[LabelRow] = []
        for row in chunk:
            number += 1
            try:
                parsed.append(parse_label(row))
            except BadRow as error:
                raise BadInput(f"label row {number}: {error}; mend the row") from None
        found = resolve_names(session, {label.pair_name for label in parsed})
        for label in parsed:
            pair = found.get(label.pair_name)
            if pair is None:
                unknown.add(label.pair_name)
                continue
            names.add(label.annotator)
            by_pair[pair.pair_id].append((label, pair.mirrored))
    people = {name: annotators.ensure(session, name).id for name in sorted(names)}
    return by_pair, len(unknown), people


def _answer(
    session: Session, task_id: int, recorded: _Recorded, people: Mapping[str, int]
) -> Counter[str]:
    """Give one open task its recorded answers until it asks for no more."""
    counts: Counter[str] = Counter()
    task = tasks.locked(session, task_id)
    if task.status is not TaskStatus.OPEN or task.pair_id is None:
        return counts
    answered = {review.annotator_id for review in reviews.of_pair(session, task.pair_id)}
    for label, mirrored in recorded.get(task.pair_id, ()):
        if task.status is not TaskStatus.OPEN:
            break
        annotator_id = people[label.annotator]
        if annotator_id in answered:
            continue
        choice = label.choice.mirrored() if mirrored else label.choice
        new = reviews.NewReview(
            pair_id=task.pair_id,
            annotator_id=annotator_id,
            choice=choice,
            task_id=task.id,
            kind=task.kind,
            origin=label.origin,
            **label.more,
        )
        if reviews.add_review(session, new) is None:
            continue
        answered.add(annotator_id)
        counts["answers"] += 1
        settle_task(session, task, now())
    counts[task.status] += bool(counts["answers"])
    if not counts["answers"]:
        counts["silent"] += 1
    return counts
