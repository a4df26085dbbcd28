"""Recorded answers given to the open tasks, in queue order, as if their authors sat there."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from db import annotators, reviews, tasks
from db.errors import BadInput
from db.imports import read_rows
from db.imports.fields import BadRow
from db.imports.rows import LabelRow, parse_label
from db.pairs import resolve_names
from db.progress import Progress, quiet
from db.session import Database, Session
from db.types import now
from db.upsert import chunks
from db.vocabulary import TaskStatus
from review.deciding import settle_task

_A_TRANSACTION = 100  # answers; short enough that other writers are not kept waiting


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
    progress: Progress = quiet,
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
