"""What it costs to claim questions and set money aside durably before they are asked.

    python benchmarks/durability.py sqlite:////tmp/durability.db [--questions 2048]
    python benchmarks/durability.py postgresql://postgres@127.0.0.1/durability

The database must be empty. Each line asks the same questions in blocks of another size: one
transaction claims a block and reserves its money, one stores its votes and settles it. Nobody is
asked, so the milliseconds are the database's alone. The peer is the block of one question.
On SQLite the journals and what waiting for the disk costs are compared, too.
"""

import argparse
import json
import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from db.asking import Slot, release, take_block
from db.judges import judge_version
from db.models import Base, Candidate, Pair, Prompt
from db.reservations import Asked, settle
from db.runs import start_run
from db.session import Database
from db.types import now
from db.upsert import insert_all
from db.vocabulary import Choice, Order, Provider
from db.votes import add_votes

BLOCKS = (1, 8, 64, 512)
BOUND = 5_000_000  # nano-dollars, half a cent


def fill(database: Database, pairs: int) -> None:
    """As many pairs as there are questions."""

    def digest(*parts: object) -> str:
        return sha256(repr(parts).encode()).hexdigest()

    said = [{"role": "user", "content": "Question"}]
    with database.begin() as session:
        prompt = [{"id": 1, "content_hash": digest("p"), "messages": said}]
        insert_all(session, Prompt, prompt)
        answers = [
            {"id": c, "prompt_id": 1, "content_hash": digest("c", c), "text": f"Answer {c}"}
            for c in range(1, 2 * pairs + 1)
        ]
        insert_all(session, Candidate, answers)
        listed = [
            {
                "id": n,
                "prompt_id": 1,
                "candidate_a_id": 2 * n - 1,
                "candidate_b_id": 2 * n,
                "content_hash": digest("pair", n),
            }
            for n in range(1, pairs + 1)
        ]
        insert_all(session, Pair, listed)


def asked(database: Database, questions: int, block: int) -> dict[str, Any]:
    """Claim, reserve, store and settle every question in blocks of this size; milliseconds each."""
    with database.begin() as session:
        run_id = start_run(session, "judge", {"block": block}).id
        version = judge_version(
            session,
            name=f"judge {block}",
            family="benchmark",
            version=str(block),
            provider=Provider.FAKE,
            config={},
        ).id
    claiming = storing = 0.0
    for first in range(1, questions + 1, block):
        slots = [Slot(n, Order.AB, 1) for n in range(first, min(first + block, questions + 1))]
        began = time.perf_counter()
        with database.begin() as session:
            taken = take_block(
                session,
                run_id,
                version,
                [(slot, BOUND) for slot in slots],
                asked=Asked(f"judge {block}", "fake", None),
                lasts=timedelta(minutes=10),
                cap_nanousd=BOUND * questions,
            )
        claimed = time.perf_counter()
        with database.begin() as session:
            add_votes(session, [_vote(slot, version, run_id) for slot in taken.claims])
            release(session, taken.claims.values())
            if taken.reservation_id is not None:
                cost = BOUND * len(taken.claims) // 10
                settle(session, taken.reservation_id, cost, cost)
        claiming += claimed - began
        storing += time.perf_counter() - claimed
    return {
        "block": block,
        "claim_ms": round(1000 * claiming / questions, 3),
        "store_ms": round(1000 * storing / questions, 3),
        "questions_a_second": round(questions / (claiming + storing)),
        "at_most_in_doubt_usd": block * BOUND / 1e9,
    }


def _vote(slot: Slot, version: int, run_id: int) -> dict[str, Any]:
    return {
        "pair_id": slot.pair_id,
        "judge_version_id": version,
        "order": slot.order,
        "sample": slot.sample,
        "choice": Choice.A,
        "raw": "1",
        "cost_nanousd": BOUND // 10,
        "run_id": run_id,
        "created_at": now(),
    }


def journals(folder: Path, commits: int = 500) -> Iterator[dict[str, Any]]:
    """Commits of one small row a second: SQLite's journals, waiting for the disk fully or not."""
    for journal in ("delete", "wal"):
        for waiting in ("full", "normal"):
            path = folder / f"journal-{journal}-{waiting}.db"
            connection = sqlite3.connect(path, isolation_level=None)
            connection.execute(f"PRAGMA journal_mode={journal}")
            connection.execute(f"PRAGMA synchronous={waiting}")
            connection.execute("CREATE TABLE t (x TEXT)")
            began = time.perf_counter()
            for number in range(commits):
                connection.execute("INSERT INTO t VALUES (?)", (f"row {number}",))
            each = (time.perf_counter() - began) / commits
            connection.close()
            for left in folder.glob(f"{path.name}*"):
                left.unlink()
            yield {"journal": journal, "synchronous": waiting, "commit_ms": round(1000 * each, 3)}


def main() -> None:
    """Measure one database, one line a block; on SQLite its journals, too."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("url")
    options.add_argument("--questions", type=int, default=2048)
    chosen = options.parse_args()
    database = Database(chosen.url)
    Base.metadata.create_all(database.engine)
    fill(database, chosen.questions)
    for block in BLOCKS:
        print(json.dumps(asked(database, chosen.questions, block)), flush=True)
    if database.is_sqlite:
        place = Path(chosen.url.removeprefix("sqlite:///")).absolute().parent
        for line in journals(place):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
