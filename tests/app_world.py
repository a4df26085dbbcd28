"""A project folder with a filled database, and the app served from it as a user would."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from review_worlds import add_gold, add_votes, digest, escalate

import db.schema
from db.models import Candidate, Pair, Prompt
from db.pairs import NewCandidate, NewPair, add_pairs
from db.session import Database
from db.vocabulary import Choice

ROOT = Path(__file__).resolve().parents[1]

QUICK = """
[review]
min_dwell_seconds = 0.3
gold_rate = 0
repeat_rate = 0
rationale_rate = 0
practice_pairs = 0
"""


def project(folder: Path, review: str = QUICK) -> Database:
    """A folder with a configuration and an empty database at head."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiebreak.toml").write_text(review, encoding="utf-8")
    database = Database(f"sqlite:///{folder / 'tiebreak.db'}")
    db.schema.upgrade(database)
    return database


def add_texts(database: Database, texts: list[tuple[str, str, str]]) -> list[int]:
    """A pair for each (prompt, response A, response B)."""
    made = []
    with database.begin() as session:
        for number, (asked, a, b) in enumerate(texts):
            prompt = Prompt(
                content_hash=digest(f"{number}{asked}"),
                messages=[{"role": "user", "content": asked}],
            )
            session.add(prompt)
            session.flush()
            both = [
                Candidate(prompt_id=prompt.id, content_hash=digest(f"{n}{text}"), text=text)
                for n, text in enumerate((a, b))
            ]
            session.add_all(both)
            session.flush()
            pair = Pair(
                prompt_id=prompt.id,
                candidate_a_id=both[0].id,
                candidate_b_id=both[1].id,
                content_hash=digest(f"pair{number}{asked}"),
            )
            session.add(pair)
            session.flush()
            made.append(pair.id)
    return made


def agent_run(city: str) -> list[dict[str, object]]:
    """Two calls, the second about a city, what they found, and an answer."""
    said: list[dict[str, object]] = []
    for key, where in (("c1", "Oslo"), ("c2", city)):
        called = {"name": "weather", "arguments": json.dumps({"city": where})}
        call = {"id": key, "type": "function", "function": called}
        said.append({"role": "assistant", "content": None, "tool_calls": [call]})
        said.append({"role": "tool", "tool_call_id": key, "content": "4C"})
    return [*said, {"role": "assistant", "content": "It is cold."}]


def add_runs(database: Database) -> list[int]:
    """A pair of two agents that asked about different cities."""
    asked = [
        {"role": "developer", "content": "Use the tool."},
        {"role": "user", "content": [{"type": "text", "text": "Where is it warm?"}], "name": "ada"},
    ]
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
    both = (NewCandidate("", messages=agent_run(city)) for city in ("Rome", "Bari"))
    with database.begin() as session:
        stored = add_pairs(session, [NewPair(asked, *both, tools=tools)])
    return [one.pair_id for one in stored if one]


def queue_of(database: Database, count: int) -> list[int]:
    """`count` escalated pairs; the text of each names its number."""
    pairs = add_texts(
        database,
        [(f"Question number {n}?", f"Answer A to {n}.", f"Answer B to {n}.") for n in range(count)],
    )
    escalate(database, pairs)
    return pairs


def with_practice(database: Database, count: int) -> list[int]:
    """Gold pairs to practise on; the trusted answer is A."""
    pairs = add_texts(
        database, [(f"Practice {n}?", "Right.", "Wrong.") for n in range(1000, 1000 + count)]
    )
    add_gold(database, pairs, Choice.A)
    return pairs


def with_panel(database: Database, pairs: list[int]) -> None:
    """Two judges of one mind on every pair."""
    for pair in pairs:
        add_votes(database, pair, {"judge-x": Choice.A, "judge-y": Choice.A})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(folder: Path, *options: str, port: int | None = None) -> Iterator[str]:
    """The app on loopback; yields its address."""
    port = port or free_port()
    log = (folder / "streamlit.log").open("w")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", str(ROOT / "app" / "main.py")),
            *("--server.port", str(port), "--server.headless", "true"),
            *("--server.fileWatcherType", "none", *options),
        ],
        cwd=folder,
        env=os.environ | {"TIEBREAK_CONFIG": str(folder / "tiebreak.toml")},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1200):
        if process.poll() is not None:
            raise RuntimeError(f"the app ended with {process.returncode}")
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the app does not answer at {address}")
