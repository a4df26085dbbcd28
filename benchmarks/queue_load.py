"""The queue under load: many annotators at once, some die, some let their lease run out.

    python benchmarks/queue_load.py sqlite:////tmp/load.db --workers 8 --tasks 2000
    python benchmarks/queue_load.py postgresql://postgres@127.0.0.1/load --workers 50 --tasks 2000

The database must be empty. Every worker is a process that claims, thinks for a moment and answers;
now and then it dies while it holds a pair, sleeps through its lease, skips, undoes or sends an
answer twice. At the end: no pair was held by two, no answer was lost or stored twice, every pair is
decided. The peer in the same run is the same work done by one worker alone.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import time
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from db import annotators
from db.errors import LeaseLost, TiebreakError, Unavailable
from db.models import Base, Candidate, Pair, Prompt, Retraction, Review, Task
from db.session import Database
from db.tasks import NewTask, add_tasks
from db.upsert import insert_all
from db.vocabulary import Choice, TaskKind, TaskStatus
from review import deciding, queue
from review.settings import ReviewSettings
from review.verdict import Answer

RULES = ReviewSettings(
    min_dwell_seconds=0,
    practice_pairs=0,
    gold_rate=0,
    repeat_rate=0,
    rationale_rate=0,
    undo_minutes=10,
)


def rules(lease_seconds: float) -> ReviewSettings:
    """The rules with a lease short enough to run out in a test."""
    return RULES.model_copy(update={"lease_minutes": lease_seconds / 60})


@dataclass
class Load:
    """What happened. `wrong` names what must not happen; it is empty where all is well."""

    workers: int
    tasks: int
    seconds: float = 0.0
    answers_a_second: float = 0.0
    claim_ms: dict[str, float] = field(default_factory=dict)
    deaths: int = 0
    expiries: int = 0
    undone: int = 0
    sent_twice: int = 0
    wrong: list[str] = field(default_factory=list)


def fill(database: Database, tasks: int, workers: int) -> None:
    """Pairs, escalations and people."""

    def digest(*parts: object) -> str:
        return sha256(repr(parts).encode()).hexdigest()

    rows: dict[type[Base], list[dict[str, Any]]] = {Prompt: [], Candidate: [], Pair: []}
    for n in range(1, tasks + 1):
        said = [{"role": "user", "content": f"Question {n}"}]
        rows[Prompt].append({"id": n, "content_hash": digest("p", n), "messages": said})
        for c in (2 * n - 1, 2 * n):
            rows[Candidate].append(
                {"id": c, "prompt_id": n, "content_hash": digest("c", c), "text": f"Answer {c}"}
            )
        rows[Pair].append(
            {
                "id": n,
                "prompt_id": n,
                "candidate_a_id": 2 * n - 1,
                "candidate_b_id": 2 * n,
                "content_hash": digest("pair", n),
            }
        )
    with database.begin() as session:
        for table, listed in rows.items():
            insert_all(session, table, listed)
        add_tasks(
            session,
            (NewTask(TaskKind.ESCALATION, n, priority=n % 97) for n in range(1, tasks + 1)),
        )
        for number in range(workers):
            annotators.ensure(session, f"Person {number}")


def work(url: str, number: int, seed: int, results: Any, chaos: bool, lease_seconds: float) -> None:
    """One annotator until nothing is left; dies with status 9 now and then."""
    settings = rules(lease_seconds)
    database, chance = Database(url), random.Random(f"{seed}:{number}:{time.time_ns()}")
    with database.read() as session:
        found = annotators.by_name(session, f"Person {number}")
    me = found.id if found else 0
    claims: list[float] = []
    said: list[tuple[str, int]] = []
    twice = idle = 0
    while idle < 8:
        began = time.perf_counter()
        try:
            claim = queue.claim(database, me, settings)
        except Unavailable:  # a SQLite lock is not a queue: on a busy machine some wait too long
            continue
        claims.append(time.perf_counter() - began)
        if claim is None:
            idle += 1
            time.sleep(0.3)
            continue
        idle = 0
        turn = chance.random() if chaos else 1.0
        if turn < 0.01:
            results.put(("part", claims, said, twice))
            results.close()
            results.join_thread()
            os.kill(os.getpid(), signal.SIGKILL)
        if turn < 0.03:
            time.sleep(lease_seconds + 0.05)
        try:
            answer = Answer(chance.choice((Choice.A, Choice.B)))
            decided = deciding.decide(database, claim.lease_id, me, answer, settings)
            said.append((decided.lease_id, decided.review_id))
            if turn > 0.9 and chaos:
                again = deciding.decide(database, claim.lease_id, me, answer, settings)
                twice += again.review_id == decided.review_id
            if 0.03 <= turn < 0.05:
                deciding.undo(database, me, settings)
        except (LeaseLost, Unavailable):
            continue
        except TiebreakError as error:
            results.put(("error", repr(error)))
            return
    results.put(("part", claims, said, twice))
    database.dispose()


def run(
    url: str,
    workers: int,
    tasks: int,
    *,
    seed: int = 1,
    chaos: bool = True,
    lease_seconds: float = 1.5,
) -> Load:
    """Fill the empty database, let the workers loose until all is decided, and look.

    lease_seconds: short, so that leases run out; longer where the workers outnumber the cores.
    """
    database = Database(url)
    Base.metadata.create_all(database.engine)
    fill(database, tasks, workers)
    database.dispose()
    load = Load(workers, tasks)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    claims: list[float] = []
    said: list[tuple[str, int]] = []
    twice = 0
    began = time.perf_counter()

    def start(number: int) -> Any:
        process = context.Process(
            target=work, args=(url, number, seed, results, chaos, lease_seconds)
        )
        process.start()
        return process

    running = {number: start(number) for number in range(workers)}
    while running or not results.empty():
        while not results.empty():
            kind, *found = results.get()
            if kind == "error":
                load.wrong.append(found[0])
                continue
            claims += found[0]
            said += found[1]
            twice += found[2]
        for number, process in list(running.items()):
            if process.is_alive():
                continue
            process.join()
            del running[number]
            if process.exitcode != 0:
                load.deaths += 1
                running[number] = start(number)
        time.sleep(0.02)
    load.seconds = time.perf_counter() - began
    load.sent_twice = twice
    _look(Database(url), load, said)
    claims.sort()
    load.claim_ms = {
        "median": round(1000 * claims[len(claims) // 2], 2),
        "p95": round(1000 * claims[int(0.95 * len(claims))], 2),
    }
    load.answers_a_second = round(len(said) / load.seconds, 1)
    return load


_TWO_AT_ONCE = """
    SELECT count(*) FROM leases one JOIN leases two
    ON one.task_id = two.task_id AND one.id < two.id
    WHERE one.claimed_at < two.claimed_at
        AND COALESCE(one.ended_at, one.expires_at) > two.claimed_at
    OR two.claimed_at < one.claimed_at
        AND COALESCE(two.ended_at, two.expires_at) > one.claimed_at
"""


def _look(database: Database, load: Load, said: list[tuple[str, int]]) -> None:
    with database.read() as session:
        if count := session.scalar(text(_TWO_AT_ONCE)):
            load.wrong.append(f"{count} times a pair was held by two")
        stored = {
            row.lease_id: row.id for row in session.execute(select(Review.lease_id, Review.id))
        }
        if lost := [one for one in said if stored.get(one[0]) != one[1]]:
            load.wrong.append(f"{len(lost)} answers were lost")
        load.undone = session.scalar(select(func.count()).select_from(Retraction)) or 0
        load.expiries = session.scalar(text("SELECT count(*) FROM leases WHERE status='expired'"))
        undecided = session.scalar(
            select(func.count()).select_from(Task).where(Task.status != TaskStatus.SETTLED)
        )
        if undecided:
            load.wrong.append(f"{undecided} pairs were never decided")
        taken_back = select(Retraction.review_id)
        double = session.execute(
            select(Review.pair_id)
            .where(Review.id.not_in(taken_back))
            .group_by(Review.pair_id)
            .having(func.count() > 1)
        ).all()
        if double:
            load.wrong.append(f"{len(double)} pairs were decided twice")
    database.dispose()


def main() -> None:
    """Run it from the command line; prints JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--lease-seconds", type=float, default=10.0)
    given = parser.parse_args()
    load = run(given.url, given.workers, given.tasks, lease_seconds=given.lease_seconds)
    print(json.dumps(load.__dict__, indent=2))
    if given.url.startswith("sqlite:///"):
        alone = Path(given.url.removeprefix("sqlite:///") + ".alone")
        alone.unlink(missing_ok=True)
        single = run(f"sqlite:///{alone}", 1, min(given.tasks, 500), chaos=False)
        ratio = load.answers_a_second / single.answers_a_second
        print(f"answers a second, {load.workers} workers over one alone: {ratio:.2f}")


if __name__ == "__main__":
    main()
