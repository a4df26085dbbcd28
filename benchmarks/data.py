"""What it takes to bring in, settle and write out very many pairs: seconds and memory.

    python benchmarks/data.py [--rows 1000000] [--database URL] [--what import export ...] [--json]

Pairs of 2 KB of made-up words are imported from one JSONL file, voted on by two judges in both
orders, routed, answered by one person each, merged, exported and drawn gold from. Each step runs in
a process of its own, whose peak memory is given. The database (default: SQLite in a temporary
folder) must be empty; the seconds are processor time, a PostgreSQL server's on this machine
included. Peers: `data_peers`, in the same run. Beside import the peer fills a database of its own
(PostgreSQL: the same one, which is then emptied).
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from app.garbage import collect_rarely
from db.session import Database

STEPS = ("import", "route", "merge", "export", "gold")
_SIZES = {"prompt": 400, "response_a": 800, "response_b": 800}  # letters: 2 KB with their names
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Place:
    """Where one step works."""

    url: str
    folder: Path
    rows: int

    @property
    def file(self) -> Path:
        """The rows to import."""
        return self.folder / "pairs.jsonl"


def made_up(rows: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Rows of the project's own pair format, each prompt once."""
    rng = random.Random(seed)
    letters = "aeioubdgklmnprst"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(20_000)]
    for n in range(rows):
        texts = {name: " ".join(rng.choices(words, k=size // 6)) for name, size in _SIZES.items()}
        yield {
            "pair_id": f"pair {n}",
            **texts,
            "model_a": f"model {n % 7}",
            "model_b": f"model {n % 5 + 7}",
            "domain": f"domain {n % 3}",
            "source": "made up",
        }


def write_file(place: Place, _: Database) -> None:
    """The rows, one a line."""
    with place.file.open("w", encoding="utf-8") as stream:
        for row in made_up(place.rows):
            stream.write(json.dumps(row) + "\n")


def import_peer(place: Place, database: Database) -> None:
    """The plain bulk insert."""
    from data_peers import store

    store(database, place.file)


def import_pairs(place: Place, database: Database) -> None:
    """The product's import."""
    from db.imports.importer import Kind, import_files

    done = import_files(database, Kind.PAIRS, [place.file])
    _require(done.counts["new"], place.rows)


def cast_votes(place: Place, database: Database) -> None:
    """Two judges on every pair, in both orders."""
    from db.judges import judge_version
    from db.models import Vote
    from db.types import now
    from db.upsert import chunks, insert_all
    from db.vocabulary import Choice, Order, Provider

    rng = random.Random(1)
    with database.begin() as session:
        versions = [
            judge_version(
                session,
                name=name,
                family=name,
                version=name,
                provider=Provider.RECORDED,
                config={},
            ).id
            for name in ("first judge", "second judge")
        ]

    def row(pair_id: int, version: int, order: Order) -> dict[str, Any]:
        right = (Choice.A, Choice.B)[pair_id * 7919 % 2]
        said = rng.choices((right, Choice.A, Choice.B, Choice.TIE), (6, 1, 1, 1))[0]
        about = {"pair_id": pair_id, "judge_version_id": version, "order": order, "sample": 1}
        return about | {"choice": said, "cost_nanousd": 0, "created_at": now()}

    for part in chunks(_pair_ids(database), 5000):
        with database.begin() as session:
            votes = [row(p, v, o) for p in part for v in versions for o in (Order.AB, Order.BA)]
            insert_all(session, Vote, votes)


def answer(place: Place, database: Database) -> None:
    """One person's answer on every pair."""
    from db.imports.store import annotator_ids
    from db.models import Review
    from db.types import now
    from db.upsert import chunks, insert_all
    from db.vocabulary import Choice

    with database.begin() as session:
        person = annotator_ids(session, {"ann"})["ann"]
    for part in chunks(_pair_ids(database), 5000):
        with database.begin() as session:
            said = [
                {
                    "pair_id": pair_id,
                    "annotator_id": person,
                    "choice": (Choice.A, Choice.B)[pair_id * 7919 % 2],
                    "created_at": now(),
                }
                for pair_id in part
            ]
            insert_all(session, Review, said)


def route(place: Place, database: Database) -> None:
    """The product's route of every pair, without a target."""
    from app.pipeline.route import route_pairs
    from judges.panel import Panel
    from review.routing.router import RouteOptions
    from review.settings import ReviewSettings

    options = RouteOptions.of({"review_share": 0.05})
    done = route_pairs(database, Panel(), options, ReviewSettings())
    _require(done.pairs, place.rows)


def merge(place: Place, database: Database) -> None:
    """The product's merge: every pair has one person's answer and a consensus."""
    from review.merge import merge as merged
    from review.settings import ReviewSettings

    done = merged(database, ReviewSettings())
    _require(done.new, place.rows)


def export(place: Place, database: Database) -> None:
    """The product's export of every label."""
    from trainer.export.selection import ExportOptions
    from trainer.steps.exporting import export as exported

    done = exported(database, place.folder / "export", ExportOptions(), "whole")
    _require(sum(done.rows[name] for name in ("train", "validation", "test")), place.rows)


def export_peer(place: Place, database: Database) -> None:
    """SQL plus pyarrow."""
    from data_peers import write

    write(database, place.folder / "export-peer", place.folder / "export")


def forget_export(place: Place, database: Database) -> None:
    """Take the dataset out of the database, so that gold may be drawn of its prompts."""
    from sqlalchemy import delete

    from db.models import Dataset, DatasetItem

    with database.begin() as session:
        session.execute(delete(DatasetItem))
        session.execute(delete(Dataset))


def gold(place: Place, database: Database) -> None:
    """The product's draw of a tenth of the prompts, their groups found first."""
    from db.gold import draw_gold
    from db.prompts import StoredPrompts
    from judges.alike.groups import group

    with database.begin() as session:
        done = draw_gold(session, 0.1, 7, group(StoredPrompts(session)).of)
    _require(done.settled_pairs, place.rows)


def make_tables(place: Place, database: Database) -> None:
    """The tables, empty: what an earlier step left in them is dropped."""
    from db.models import Base

    if place.url.startswith("sqlite:///"):
        for file in place.folder.glob(f"{Path(place.url).name}*"):
            file.unlink()
    else:
        Base.metadata.drop_all(database.engine)
    Base.metadata.create_all(database.engine)


DOING: dict[str, Callable[[Place, Database], None]] = {
    "write file": write_file,
    "make tables": make_tables,
    "import peer": import_peer,
    "import": import_pairs,
    "cast votes": cast_votes,
    "route": route,
    "answer": answer,
    "merge": merge,
    "export": export,
    "export peer": export_peer,
    "forget export": forget_export,
    "gold": gold,
}


def perform(place: Place, doing: str) -> None:
    """One step here and now, product and peer at the pace of a verb."""
    collect_rarely()
    database = Database(place.url)
    try:
        DOING[doing](place, database)
    finally:
        database.dispose()


def measured(place: Place, doing: str) -> dict[str, float]:
    """One step here and now: its processor seconds, and the peak memory of this process."""
    for module in ("db.imports.importer", "trainer.steps", "data_peers"):  # no work on rows
        import_module(module)
    server = _Server(place.url)
    before = server.seconds()
    own = resource.getrusage(resource.RUSAGE_SELF)
    perform(place, doing)
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime
    seconds = spent + server.seconds() - before
    return {"cpu_s": round(seconds, 2), "peak_mb": round(after.ru_maxrss / 1e3, 1)}


def apart(place: Place, doing: str) -> dict[str, float]:
    """One step in a process of its own."""
    command = [sys.executable, __file__, "--doing", doing, "--database", place.url]
    command += ["--folder", str(place.folder), "--rows", str(place.rows)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    return found


def lines(place: Place, what: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Every figure asked for, in the order of the work."""
    apart(place, "write file")
    peers: dict[str, dict[str, float]] = {}
    apart(place, "make tables")
    if "import" in what:
        peers["import"] = apart(place, "import peer")
        apart(place, "make tables")
    yield from _told(place, what, peers, "import", apart(place, "import"))
    if set(what) == {"import"}:
        return
    apart(place, "cast votes")
    if "route" in what:
        yield from _told(place, what, peers, "route", apart(place, "route"))
    apart(place, "answer")
    if {"merge", "export"} & set(what):
        yield from _told(place, what, peers, "merge", apart(place, "merge"))
    if "export" in what:
        found = apart(place, "export")
        peers["export"] = apart(place, "export peer")
        yield from _told(place, what, peers, "export", found)
        apart(place, "forget export")
    if "gold" in what:
        yield from _told(place, what, peers, "gold", apart(place, "gold"))


def _told(
    place: Place,
    what: tuple[str, ...],
    peers: dict[str, dict[str, float]],
    name: str,
    found: dict[str, float],
) -> Iterator[dict[str, Any]]:
    if name not in what:
        return
    peer = peers.get(name, {}).get("cpu_s")
    yield {
        "what": f"{name} {place.url.split(':')[0].split('+')[0]}",
        "rows": place.rows,
        "cpu_s": found["cpu_s"],
        "peer": peer,
        "ratio": round(found["cpu_s"] / peer, 2) if peer else None,
        "peak_mb": found["peak_mb"],
    }


class _Server:
    """The processor time of a PostgreSQL server on this machine: of all its processes."""

    def __init__(self, url: str) -> None:
        self._parent: int | None = None
        if not url.startswith("sqlite"):
            from sqlalchemy import text

            database = Database(url)
            with database.read() as session:
                backend = session.scalar(text("SELECT pg_backend_pid()"))
            self._parent = _status(Path(f"/proc/{backend}"))[0]
            database.dispose()

    def seconds(self) -> float:
        """So far; 0 without a server."""
        if self._parent is None:
            return 0.0
        total = sum(_status(Path(f"/proc/{self._parent}"))[1:])
        for process in Path("/proc").glob("[0-9]*"):
            found = _status(process)
            if found[0] == self._parent:
                total += found[1]
        return total / _TICKS


def _status(process: Path) -> tuple[int, int, int]:
    """Parent, ticks of its own, and ticks of the children it has waited for."""
    try:
        parts = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0, 0, 0
    return int(parts[1]), int(parts[11]) + int(parts[12]), int(parts[13]) + int(parts[14])


def _pair_ids(database: Any) -> list[int]:
    from sqlalchemy import select

    from db.models import Pair

    with database.read() as session:
        return list(session.scalars(select(Pair.id).order_by(Pair.id)))


def _require(found: int, wanted: int) -> None:
    if found != wanted:
        raise SystemExit(f"{found} rows where {wanted} were expected")


def main() -> None:
    """Measure one database; one line a step."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--database", help="empty; default: SQLite in a temporary folder")
    options.add_argument("--what", nargs="+", choices=STEPS, default=STEPS)
    options.add_argument("--json", action="store_true", help="one object a line")
    options.add_argument("--folder", type=Path, help="where the files go")
    options.add_argument("--doing", choices=DOING, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.doing:
        place = Place(chosen.database, chosen.folder, chosen.rows)
        print(json.dumps(measured(place, chosen.doing)))
        return
    with tempfile.TemporaryDirectory(prefix="tiebreak-data-", dir=chosen.folder) as made:
        url = chosen.database or f"sqlite:///{made}/tiebreak.db"
        for line in lines(Place(url, Path(made), chosen.rows), tuple(chosen.what)):
            told = (
                json.dumps(line) if chosen.json else "  ".join(f"{k} {v}" for k, v in line.items())
            )
            print(told, flush=True)


if __name__ == "__main__":
    main()
