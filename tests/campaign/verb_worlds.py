"""A small project in which every verb has something to do, and a server that bills each answer.

`VERBS` names every verb of the command line with the words to race and to kill it by; a new verb
must be named here, or in `LEFT_OUT` with the reason.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conftest import fresh_postgres
from cycle_world import ROOT, fill
from protocol_server import Script, Server, serving
from sqlalchemy import func, inspect, select, table, text
from typer.main import get_command

from app.cli import app
from db.models import Base
from db.runs import spent_nanousd
from db.session import Database
from judges.asking import Usage
from judges.prices import Prices

PRICES = Prices(input=1.0, cached=0.1, written=1.25, output=5.0)
TOML = """
[panel]
label_model = "majority"
[[judge]]
name = "detail"
provider = "baseline"
model = "detail"
[[judge]]
name = "paid"
provider = "anthropic"
{paid}
orders = "ab"
concurrency = 4
[[generator]]
name = "writer"
provider = "anthropic"
{paid}
concurrency = 4
[review]
gold_rate = 0
[gate]
gold_serves = 1
gold_least = 1
[training]
judge_base = "words"
base = "tiny"
epochs = 1
max_length = 48
[cycle]
train = ["judge"]
max_usd = 5
missing_votes = 1
gold_share = 0
[retention]
raw_answer_days = 1
"""
PAID = (
    "model = 'm'\nbase_url = '{url}'\nmax_tokens = 100\n"
    "prices = {{ input = 1.0, cached = 0.1, written = 1.25, output = 5.0 }}"
)
CAP = ("--max-usd", "5")
SET = ("--dataset", "set")
VERBS: dict[str, tuple[str, ...]] = {
    "init": (),
    "estimate": (),
    "judge": CAP,
    "generate": ("--prompts", "40", *CAP),
    "revise": ("--responses", "20", "--out", "revised.jsonl", *CAP),
    "route": ("--target-error", "0.1"),
    "merge": (),
    "export": ("sets/raced",),
    "evaluate": (),
    "promote": ("--force", "raced"),
    "rollback": ("judge", "--reason", "raced"),
    "history": (),
    "lineage": (),
    "cycle": (),
    "report": ("--html", "report.html"),
    "status": (),
    "show": ("w1-0",),
    "doctor": (),
    "import pairs": ("pairs-2.jsonl",),
    "import candidates": ("candidates.jsonl",),
    "import votes": ("votes.jsonl",),
    "import labels": ("labels-of-tom.jsonl",),
    "import gold": ("gold-2.jsonl",),
    "import rankings": ("rankings.jsonl",),
    "import steps": ("steps-2.jsonl",),
    "judges list": (),
    "judges bridge": ("paid",),
    "judges accept": ("paid",),
    "judges retire": ("detail",),
    "canaries draw": ("5",),
    "canaries ask": CAP,
    "probe": ("paid", "--pairs", "3", *CAP),
    "batches list": ("--ask",),
    "batches drop": ("1",),
    "principles report": (),
    "principles hold-out": ("worth-its-length", "--judge", "paid", *CAP),
    "escalate rankings": (),
    "replay labels": ("labels-3.jsonl",),
    "gold draw": ("--share", "0.2"),
    "gold ledger": (),
    "gold retire": (),
    "train judge": ("--name", "raced", *SET),
    "certificate list": (),
    "certificate verify": ("1", "--export", "certificate.json"),
    "certificate withdraw": ("1", "--reason", "raced"),
    "money reconcile": ("--billed-usd", "0", "--reason", "raced"),
    "prices list": (),
    "prices check": (),
    "db upgrade": (),
    "backup": ("raced.tar",),
    "restore": ("kept.tar",),
    "people list": (),
    "people erase": ("eva", "--reason", "raced", "--yes"),
    "prompts erase": ("w1-1", "--reason", "raced", "--yes"),
    "retention": (),
}
HEAVY: dict[str, tuple[str, ...]] = {
    "import checkpoint": ("checkpoints/reward", "--kind", "reward", "--name", "brought"),
    "train reward": SET,
    "train policy": ("--method", "dpo", *SET),
    "train process": (),
    "train cross-validate": ("--by", "data_source", *SET),
    "quantize": ("reward", "--to", "copy"),
    "best-of": ("several.jsonl",),
}
"""With torch: a minute each. `train reward --name reward` comes before those that take it."""

LEFT_OUT = {
    "serve": "a server: of two on one port the second is told that it is taken",
    "review": "a server of another program's: of two on one port Streamlit refuses the second",
}
APPENDED = {"runs", "events", "vote_claims", "text_claims", "reservations"}
"""Tables with a row for each try, whatever came of it."""


def verbs(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every verb of the command line."""
    for name, inner in getattr(command or get_command(app), "commands", {}).items():
        if hasattr(inner, "commands"):
            yield from verbs(inner, (*path, name))
        else:
            yield " ".join((*path, name))


@dataclass(frozen=True)
class World:
    """A folder with its database, and the server that its judge and generator ask."""

    folder: Path
    url: str
    server: Server

    @property
    def environ(self) -> dict[str, str]:
        """What a verb finds around it."""
        return {
            "TIEBREAK_DATABASE_URL": self.url,
            "ANTHROPIC_API_KEY": "good",
            "HF_HUB_OFFLINE": "1",
        }

    def counts(self) -> dict[str, int]:
        """Rows of every table that says what came of it."""
        database = Database(self.url)
        with database.read() as session:
            found = {
                table.name: session.scalar(select(func.count()).select_from(table)) or 0
                for table in Base.metadata.sorted_tables
                if table.name not in APPENDED
            }
        database.dispose()
        return found

    def trace(self) -> dict[str, object]:
        """Rows of every table there is but the list of runs, the schema, and every file."""
        database = Database(self.url)
        found: dict[str, object] = {}
        with database.connection() as connection:
            for name in set(inspect(connection).get_table_names()) - {"runs"}:
                rows = connection.execute(select(func.count()).select_from(table(name)))
                found[name] = rows.scalar()
            if "alembic_version" in found:
                found["schema"] = connection.scalar(text("SELECT version_num FROM alembic_version"))
        database.dispose()
        for file in self.folder.rglob("*"):
            if file.is_file() and not file.name.startswith("tiebreak.db"):
                found[str(file)] = hashlib.sha256(file.read_bytes()).digest()
        return found

    def spent(self) -> int:
        """Nano-dollars counted as spent."""
        database = Database(self.url)
        with database.read() as session:
            found = spent_nanousd(session)
        database.dispose()
        return found

    def billed(self) -> int:
        """Nano-dollars of every answer that the server sent."""
        self.server.wait_until_still()
        return sum(
            PRICES.cost(
                Usage(
                    input=usage["input_tokens"],
                    cached=usage["cache_read_input_tokens"],
                    written=usage["cache_creation_input_tokens"],
                    output=usage["output_tokens"],
                )
            )
            for usage in self.server.state.billed.values()
        )


class Starter:
    """Starts verbs by `at_once.py`."""

    def __init__(self) -> None:
        environ = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("at_once.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **environ},
        )
        self._line()

    def run(
        self, world: World, verb: str, words: Sequence[str], count: int = 1,
        kill_after: float | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Exit codes and what was said, and the seconds that it took."""
        asked = {
            "folder": str(world.folder),
            "environ": world.environ,
            "words": [*verb.split(), *words],
            "count": count,
            "kill_after": kill_after,
        }
        if self._process.stdin is None:
            raise RuntimeError("the starter has no input")
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._line())
        return found

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()

    def _line(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError("the starter has ended")
        return line


def built(folder: Path, url: str, starter: Starter, heavy: bool = False) -> None:
    """Fill a folder and its empty database, by the verbs themselves."""
    folder.mkdir(parents=True)
    with serving(Script()) as server:
        world = World(folder, url, server)
        (folder / "tiebreak.toml").write_text(TOML.format(paid=PAID.format(url=server.url)))
        fill(folder, 60, 12)
        fill(folder, 20, 8, seed=2, week=2)
        fill(folder, 150, 0, seed=3, week=3)
        _more(folder)
        steps = [
            ("init", ()), ("import pairs", ("pairs-1.jsonl",)),
            ("import labels", ("labels-1.jsonl",)), ("import gold", ("gold-1.jsonl",)),
            ("judge", ("--only", "detail")), ("route", ("--max-reviews", "10")), ("merge", ()),
            ("export", ("sets/set", "--name", "set")), ("train judge", SET),
            ("import steps", ("steps.jsonl",)), ("canaries draw", ("4",)),
            *([("train reward", ("--name", "reward", *SET))] if heavy else []),
            *([("train process", ("--name", "stepper"))] if heavy else []),
        ]  # fmt: skip
        for verb, words in steps:
            done = starter.run(world, verb, words)
            if done["codes"] != [0]:
                raise RuntimeError(f"{verb}: {done}")
    (folder / "inbox").mkdir()
    shutil.copy(folder / "pairs-2.jsonl", folder / "inbox")


def _more(folder: Path) -> None:
    texts = [f"answer {n}" for n in range(3)]
    asked = {"prompt": "Which bread?", "responses": texts}
    rows: dict[str, list[dict[str, Any]]] = {
        "candidates": [{"prompt": f"q{n}", "responses": texts} for n in range(10)],
        "rankings": [{**asked, "ranking": ["r3", "r1", "r2"], "annotator": "eva"}],
        "votes": [
            {"pair_id": f"w1-{n}", "judge": "recorded", "choice": "a", "order": "ab"}
            for n in range(30)
        ],
        "labels-of-tom": [
            {"pair_id": f"w1-{n}", "annotator": "tom", "choice": "b"} for n in range(30)
        ],
        "votes-3": [
            {"pair_id": row["pair_id"], "judge": judge, "choice": row["choice"], "order": "ab"}
            for row in map(json.loads, (folder / "labels-3.jsonl").read_text().splitlines())
            for judge in ("one", "two")
        ],
        "several": [{"prompt": "s1", "solutions": [["one"], ["two"]]}],
        "steps": _steps(20),
        "steps-2": _steps(30),
    }
    for name, listed in rows.items():
        text = "".join(json.dumps(row) + "\n" for row in listed)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")


def _steps(count: int) -> list[dict[str, Any]]:
    return [
        {"prompt": f"s{n}", "steps": ["one", "two"], "labels": [1, n % 2]} for n in range(count)
    ]


@contextmanager
def copied(
    whole: Path, folder: Path, postgres: tuple[str, str] | None = None, latency: float = 0.02
) -> Iterator[World]:
    """A copy of a world, with a server of its own. postgres: the server and its template;
    latency: seconds of each answer.
    """
    shutil.copytree(whole, folder)
    with serving(Script(latency=latency)) as server:
        (folder / "tiebreak.toml").write_text(TOML.format(paid=PAID.format(url=server.url)))
        if postgres is None:
            yield World(folder, f"sqlite:///{folder}/tiebreak.db", server)
        else:
            with fresh_postgres(*postgres) as url:
                yield World(folder, url, server)
    shutil.rmtree(folder, ignore_errors=True)
