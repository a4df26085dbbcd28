"""What a promise costs: the whole route to a target error, with recorded answers as the experts'.

    python benchmarks/promise.py FOLDER... [--target 0.02] [--promise g2] [--seeds 3] [--json]

Every seed imports the set into a database of its own, routes it to the target, answers what the
route asks with the recorded reference, merges, and reads the labels back: all by the product's own
verbs. A set's reference is its gold; where a pair has none, the majority of its labels (a draw is a
tie); pairs without a reference or without votes are left out. Once without a human answer (cold)
and once with 200 imported before, of prompts drawn at random; these are charged like any other.
Beside it, on the product's own frame and scores and with the same draw: `believed` accepts what
the probabilities promise, `conformal` what conformal risk control does (a mean, no confidence;
as many audits), `oracle` the largest set in order of the scores whose delivered labels keep the
target, all answers known and no audit paid. One object a line with --json: shares of all pairs that
a human answered (human_share), that were delivered unseen (certified_share) and that were delivered
wrong (true_error), and the share of seeds in which the promise was broken (violated).
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
from folders import rows
from numpy.typing import NDArray
from replay import references, shuffled, write
from sqlalchemy import func, select

from app.config import Config, load
from app.pipeline.frames import frames_of
from app.pipeline.route import route_pairs
from db import batches, consensus, preferences
from db.imports import Kind, import_files
from db.models import PairRoute, Review
from db.pairs import resolve_names
from db.schema import upgrade
from db.session import Database
from db.vocabulary import Choice, Route, Source
from judges.trust.frame import Frame, draw_audit
from judges.trust.levels import SHARES
from review.merge import merge
from review.replay import replay_labels
from review.routing.options import RouteOptions

ANSWERS = (0, 200)
EXPERT = "expert"
DELTA = 0.1
PATHS = ("tiebreak", "believed", "conformal", "oracle")


@dataclass(frozen=True)
class World:
    """One set imported once, to be copied for every run.

    answers: the expert's, as rows of a label file. truth: choice by the database's pair id.
    prompts: the names of the pairs of every prompt.
    """

    name: str
    folder: Path
    answers: Sequence[Mapping[str, str]]
    truth: Mapping[int, Choice]
    prompts: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Outcome:
    """Pairs answered by humans, delivered unseen, delivered wrong, and wrong among the unseen."""

    human: int
    unseen: int
    wrong: int
    wrong_unseen: int

    def measures(self, pairs: int, target: float, promise: str) -> tuple[float, ...]:
        """human_share, certified_share, true_error, and whether the promise was broken."""
        broken = (
            self.wrong > target * pairs + 1e-9
            if promise == "g2"
            else self.wrong_unseen > target * self.unseen + 1e-9
        )
        return self.human / pairs, self.unseen / pairs, self.wrong / pairs, float(broken)


def world(folder: Path, place: Path) -> World:
    """Import the pairs and votes of a set that have a reference; raises ValueError without any."""
    reference = references(rows(folder, "labels"), rows(folder, "gold"))
    voted = {row["pair_id"] for row in rows(folder, "votes")}
    usable = voted & reference.keys()
    pairs = [row for row in rows(folder, "pairs") if row["pair_id"] in usable]
    if not pairs:
        raise ValueError(f"{str(folder)!r} holds no pair with votes and a reference.")
    names = {row["pair_id"] for row in pairs}
    votes = [row for row in rows(folder, "votes") if row["pair_id"] in names]
    answers = [
        {"pair_id": row["pair_id"], "annotator": EXPERT, "choice": reference[row["pair_id"]]}
        for row in pairs
    ]
    config = config_of(place)
    upgrade(Database(config.database_url))
    database = config.database
    import_files(database, Kind.PAIRS, [write(place / "pairs.jsonl", pairs)])
    import_files(database, Kind.VOTES, [write(place / "votes.jsonl", votes)])
    truth: dict[int, Choice] = {}
    with database.read() as session:
        found = resolve_names(session, names)
    for answer in answers:
        pair, choice = found[answer["pair_id"]], Choice(answer["choice"])
        truth.setdefault(pair.pair_id, choice.mirrored() if pair.mirrored else choice)
    database.dispose()
    prompts: dict[Any, list[str]] = defaultdict(list)
    for row in pairs:
        prompts[json.dumps(row["prompt"])].append(row["pair_id"])
    return World(folder.resolve().name, place, answers, truth, list(prompts.values()))


def config_of(place: Path) -> Config:
    """The configuration of a project in that folder, all by default."""
    path = place / "tiebreak.toml"
    path.touch()
    return load(path)


def run(
    start: World, target: float, promise: str, answers: int, questions: int, seed: int
) -> dict[str, Outcome]:
    """One seed: what each path asked and delivered."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "project"
        shutil.copytree(start.folder, place)
        config = config_of(place)
        database = config.database
        if answers:
            known = write(place / "answers.jsonl", drawn(start, answers, seed))
            import_files(database, Kind.LABELS, [known])
        options = RouteOptions(
            target_error=target,
            promise=promise,  # type: ignore[arg-type]
            delta=DELTA,
            seed=seed,
            seed_questions=questions,
        )
        found: dict[str, Outcome] = {}
        while True:
            state = route_pairs(database, config.panel, options, config.review).state
            if not found and state != "seeding":
                found = rivals(database, start.truth, target, promise, seed)
            replayed = replay_labels(database, start.answers)
            if state not in ("seeding", "waiting"):
                break
            if not replayed.answers:
                raise RuntimeError(f"{start.name}: the route waits for answers nobody can give")
        merge(database, config.review)
        found["tiebreak"] = delivered(database, start.truth)
        database.dispose()
    return found


def drawn(start: World, answers: int, seed: int) -> list[Mapping[str, str]]:
    """Answers to pairs of prompts in random order, as many as asked for."""
    names = [name for prompt in shuffled(start.prompts, seed) for name in prompt][:answers]
    said = {row["pair_id"]: row for row in start.answers}
    return [said[name] for name in names]


def delivered(database: Database, truth: Mapping[int, Choice]) -> Outcome:
    """Read the labels back."""
    with database.read() as session:
        labels = preferences.current(session, list(truth))
        human = session.scalar(select(func.count(Review.pair_id.distinct()))) or 0
    wrong = {pair: label.choice != truth[pair] for pair, label in labels.items()}
    unseen = {pair for pair, label in labels.items() if label.source == Source.ENSEMBLE}
    return Outcome(human, len(unseen), sum(wrong.values()), sum(wrong[pair] for pair in unseen))


def rivals(
    database: Database, truth: Mapping[int, Choice], target: float, promise: str, seed: int
) -> dict[str, Outcome]:
    """What other rules would ask and deliver on the frame that was just frozen."""
    with database.read() as session:
        batch = batches.all_batches(session)[-1]
        routes = batches.routes_of(session, batch.id)
        scores = consensus.consensus_of(session, batch.fit_id)
    audits = sum(row.route is Route.AUDIT for row in routes)
    (frame,) = frames_of(routes).values() or [_all(routes)]
    order = frame.ranking()
    ids = [int(frame.pair_ids[row]) for row in order]
    wrong = np.array([scores[pair].choice != truth[pair] for pair in ids])
    audited = np.isin(order, [frame.pair_ids.index(p) for p in draw_audit(frame, audits, seed)[0]])
    sizes = np.arange(len(ids) + 1)
    limit = target * (len(truth) if promise == "g2" else sizes) + 1e-9

    def outcome(size: int, seen: NDArray[np.bool_]) -> Outcome:
        bad = int((wrong & ~seen)[:size].sum())
        unseen = int((~seen)[:size].sum())
        return Outcome(len(truth) - unseen, unseen, bad, bad)

    nobody = np.zeros(len(ids), bool)
    believed = cumulated(1.0 - frame.scores_P[order]) <= limit
    oracle = cumulated(wrong) <= limit
    levels = np.array([0, *(floor(share * len(ids)) for share in SHARES)])
    hits, inside = cumulated(wrong & audited)[levels], cumulated(audited)[levels]
    counted = audits if promise == "g2" else inside
    share = target * (len(truth) / len(ids) if promise == "g2" else 1.0)
    safe = (hits + 1) / (counted + 1) <= share
    return {
        "believed": outcome(int(sizes[believed].max(initial=0)), nobody),
        "conformal": outcome(int(levels[safe].max(initial=0)), audited),
        "oracle": outcome(int(sizes[oracle].max(initial=0)), nobody),
    }


def _all(routes: Sequence[PairRoute]) -> Frame:
    """Every pair of a batch that is too small for a frame of its own, with its confidence."""
    return Frame.of([str(row.pair_id) for row in routes], np.array([row.score for row in routes]))


def cumulated(values: NDArray[Any]) -> NDArray[np.float64]:
    """Sums of the first 0, 1, ... values."""
    return np.concatenate([[0.0], np.cumsum(values)])


def measured(
    start: World, target: float, promise: str, answers: int, questions: int, seeds: int
) -> Iterator[dict[str, Any]]:
    """One line a path: means over seeds."""
    if answers * 2 > len(start.truth):
        return
    runs = [run(start, target, promise, answers, questions, seed) for seed in range(seeds)]
    for path in PATHS:
        table = [one[path].measures(len(start.truth), target, promise) for one in runs]
        human, certified, error, broken = np.mean(table, axis=0).round(4).tolist()
        yield {
            "set": start.name,
            "target": target,
            "promise": promise,
            "path": path,
            "answers": answers,
            "human_share": human,
            "certified_share": certified,
            "true_error": error,
            "violated": broken,
            "seeds": seeds,
        }


def show(line: Mapping[str, Any]) -> str:
    """One line for people."""
    start = f"{line['answers']} answers" if line["answers"] else "cold"
    return (
        f"{line['set']:<18}{line['promise']} at {line['target']:<7.3g}{start:<13}"
        f"{line['path']:<11}human {line['human_share']:.3f}  unseen {line['certified_share']:.3f}"
        f"  error {line['true_error']:.4f}  violated {line['violated']:.2f}"
    )


def main() -> int:
    """Measure every folder, target and promise, and print one line a path."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--target", nargs="+", type=float, default=[0.02])
    parser.add_argument("--promise", nargs="+", default=["g2"], choices=["g1", "g2"])
    parser.add_argument("--questions", type=int, default=0, help="seed questions, where cold")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.seeds < 1:
        parser.error(f"--seeds {asked.seeds!r}: one or more is allowed")
    for folder in asked.folders:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as place:
            try:
                start = world(folder, Path(place))
            except ValueError as error:
                print(error, file=sys.stderr)
                continue
            for target in asked.target:
                for promise in asked.promise:
                    for answers in ANSWERS:
                        found = measured(
                            start, target, promise, answers, asked.questions, asked.seeds
                        )
                        for line in found:
                            print(json.dumps(line) if asked.json else show(line), flush=True)
        print(f"{folder.name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
