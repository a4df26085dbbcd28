"""A small project with promises: judges that err, people who answer, and what must always hold."""

import json
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, select

from app.config import Config, load
from app.pipeline.certificates import list_certificates, verify, withdraw
from app.pipeline.cycle_steps import CycleContext
from app.pipeline.cycle_steps import route as cycle_route
from app.pipeline.route import Routed, route_pairs
from db import annotators, consensus, opinions, preferences, reviews, tasks
from db.imports import ImportOptions, Kind, import_files
from db.models import Pair, PairName, Retraction, Review, Task
from db.owners import Owned, owned
from db.session import Database
from db.types import now
from db.vocabulary import Choice, Source, TaskKind, TaskStatus
from review.deciding import settle_task
from review.merge import merge
from review.routing.router import RouteOptions

TOML = """
[panel]
label_model = "majority"
[cycle]
target_error = 0.25
"""
ASKED = (TaskKind.ESCALATION, TaskKind.AUDIT)
PEOPLE = ("ada", "bob", "cleo", "dan")


def project(folder: Path, tables: Path) -> Config:
    """A configuration beside a database with all tables and nothing in them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiebreak.toml").write_text(TOML, encoding="utf-8")
    shutil.copy(tables, folder / "tiebreak.db")
    return load(folder / "tiebreak.toml")


@dataclass
class World:
    """One project, what people would say of its pairs, and what was certified so far."""

    folder: Path
    config: Config
    seed: int = 0
    weeks: int = 0
    truth: dict[int, Choice] = field(default_factory=dict)
    certified: dict[int, Owned] = field(default_factory=dict)
    labels: dict[int, Choice] = field(default_factory=dict)
    newest_task: int = 0

    def __post_init__(self) -> None:
        self.database: Database = self.config.database
        self.rng = np.random.default_rng(self.seed)

    def add_week(self, pairs: int = 60, wrong: float = 0.1) -> None:
        """Pairs of a week with three judges, of whom each errs on its own."""
        self.weeks += 1
        names = [f"w{self.weeks}-{n}" for n in range(pairs)]
        truth = [str(self.rng.choice(["a", "b"])) for _ in names]
        self.take(
            Kind.PAIRS,
            [
                {"pair_id": name, "prompt": f"{name}?", "response_a": f"{name} x{n}",
                 "response_b": f"{name} y{n}", "domain": ("law", "code")[n % 2]}
                for n, name in enumerate(names)
            ],
        )  # fmt: skip
        self.vote(dict(zip(names, truth, strict=True)), ("j1", "j2", "j3"), wrong)
        with self.database.read() as session:
            ids = {
                row.external_id: row.pair_id
                for row in session.scalars(select(PairName))
                if row.external_id in names
            }
        self.truth |= {ids[n]: Choice(t) for n, t in zip(names, truth, strict=True)}

    def vote(self, truth: dict[str, str], judges: tuple[str, ...], wrong: float) -> None:
        """Votes in both orders on named pairs."""
        rows = []
        for name, right in truth.items():
            for judge in judges:
                said = {"a": "b", "b": "a"}[right] if self.rng.random() < wrong else right
                rows += [
                    {"pair_id": name, "judge": judge, "order": order, "choice": said}
                    for order in ("ab", "ba")
                ]
        self.take(Kind.VOTES, rows)

    def take(self, kind: Kind, rows: list[dict[str, Any]]) -> None:
        """Import rows as a file of that kind."""
        path = self.folder / f"{kind}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        import_files(self.database, kind, [path], ImportOptions(strict=True))

    def names(self) -> dict[int, str]:
        """Outsiders' id of each pair."""
        with self.database.read() as session:
            return {row.pair_id: row.external_id for row in session.scalars(select(PairName))}

    def route(self, *, by_domain: bool = False, certify_now: bool = False, **asked: Any) -> Routed:
        """`tiebreak route`, and what must hold after it."""
        before = self.answered()
        done = route_pairs(
            self.database, self.config.panel, RouteOptions(**asked), self.config.review,
            by_domain=by_domain, certify_now=certify_now,
        )  # fmt: skip
        self.check_tasks(before)
        self.check_certified()
        return done

    def cycle(self) -> None:
        """The route step of the weekly cycle, and what must hold after it."""
        before = self.answered()
        cycle_route(CycleContext(self.config, 1, 1, now(), None, {}))
        self.check_tasks(before)
        self.check_certified()

    def merge(self) -> None:
        """`tiebreak merge`, and what must hold after it."""
        merge(self.database, self.config.review)
        self.check_labels()

    def answer(self, limit: int, say: str = "right", person: int = 0) -> int:
        """Somebody answers the first open tasks of the queue: right, wrong, tie or abstain."""
        with self.database.begin() as session:
            name = PEOPLE[person % len(PEOPLE)]
            someone = annotators.ensure(session, name).id
            done = 0
            for task in tasks.open_tasks(session):
                if done == limit:
                    break
                pair_id = task.pair_id or 0
                if any(r.annotator_id == someone for r in reviews.of_pair(session, pair_id)):
                    continue
                new = reviews.NewReview(
                    pair_id=pair_id, annotator_id=someone, choice=self.said(pair_id, say),
                    task_id=task.id, kind=task.kind,
                )  # fmt: skip
                reviews.add_review(session, new)
                settle_task(session, tasks.locked(session, task.id), now())
                done += 1
        return done

    def person(self, name: str) -> int:
        """Somebody who answers, by number."""
        with self.database.begin() as session:
            return annotators.ensure(session, name).id

    def said(self, pair_id: int, say: str) -> Choice:
        """What somebody says of a pair."""
        right = self.truth[pair_id]
        return {
            "right": right, "wrong": right.mirrored(), "tie": Choice.TIE, "abstain": Choice.ABSTAIN
        }[say]  # fmt: skip

    def import_labels(self, count: int, say: str, person: int, *, answered: bool) -> None:
        """Labels of a person from elsewhere, on pairs that people had answered, or had not."""
        known = set(self.answered())
        names = self.names()
        free = sorted(p for p in names if (p in known) == answered)
        chosen = self.rng.permutation(np.array(free, np.int64))[:count].tolist()
        if chosen:
            self.take(Kind.LABELS, [
                {"pair_id": names[p], "annotator": PEOPLE[person % len(PEOPLE)],
                 "choice": self.said(p, say).value}
                for p in chosen
            ])  # fmt: skip

    def withdraw_one(self) -> None:
        """Somebody withdraws the newest certificate that holds."""
        held = [c for c in list_certificates(self.database) if c.standing == "holds"]
        if held:
            withdraw(self.database, held[-1].id, "the guideline changed", "eva")
            gone = {p for p, one in self.certified.items() if one.batch_id == held[-1].batch_id}
            self.certified = {p: one for p, one in self.certified.items() if p not in gone}

    def answered(self) -> dict[int, Choice]:
        """What people have settled."""
        with self.database.read() as session:
            return opinions.human_answers(session)

    def check_tasks(self, answered_before: dict[int, Choice]) -> None:
        """New questions are about pairs nobody has settled, and no pair is asked in two tasks."""
        with self.database.read() as session:
            asked = session.execute(
                select(Task.id, Task.pair_id, Task.status).where(Task.kind.in_(ASKED))
            ).all()
        new = [row for row in asked if row.id > self.newest_task]
        assert not {row.pair_id for row in new if row.pair_id in answered_before}
        waits = (TaskStatus.OPEN, TaskStatus.DISPUTED)
        open_ = Counter(row.pair_id for row in asked if row.status in waits)
        assert not {pair: n for pair, n in open_.items() if n > 1}
        self.newest_task = max((row.id for row in asked), default=0)
        self.check_people()

    def check_people(self) -> None:
        """Nobody was asked twice about one pair."""
        with self.database.read() as session:
            taken_back = select(Retraction.review_id)
            twice = session.execute(
                select(Review.pair_id, Review.annotator_id, func.count())
                .where(Review.kind.is_not(None), Review.id.not_in(taken_back))  # not a file's
                .group_by(Review.pair_id, Review.annotator_id)
                .having(func.count() > 1)
            ).all()
        assert twice == []

    def check_certified(self) -> None:
        """What was certified is still certified, by the same batch."""
        with self.database.read() as session:
            mine = owned(session)
        for pair, one in self.certified.items():
            assert mine[pair].certified
            assert (mine[pair].batch_id, mine[pair].fit_id) == (one.batch_id, one.fit_id)
        self.certified = {pair: one for pair, one in mine.items() if one.certified}

    def check_labels(self) -> None:
        """Labels of the panel under a target are certified; certified ones stay as they were."""
        with self.database.read() as session:
            mine = owned(session)
            every = session.scalars(select(Pair.id)).all()
            found = preferences.current(session, every)
            said = {
                fit: consensus.consensus_of(session, fit)
                for fit in {one.fit_id for one in mine.values()}
            }
        for pair, label in found.items():
            one = mine.get(pair)
            if label.source is Source.ENSEMBLE and one is not None and one.target:
                assert one.certified
        for pair, one in mine.items():
            if not one.certified:
                self.labels.pop(pair, None)
                continue
            label = found[pair]
            if label.source is Source.ENSEMBLE:
                assert label.choice is said[one.fit_id][pair].choice
                assert self.labels.get(pair, label.choice) is label.choice
                self.labels[pair] = label.choice
            else:
                self.labels.pop(pair, None)

    def check_certificates(self) -> None:
        """Every certificate computes again, whatever was answered since."""
        for made in list_certificates(self.database):
            found = verify(self.database, str(made.id))
            assert found.ok, found.problems
