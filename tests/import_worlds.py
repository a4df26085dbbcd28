"""Small files of pairs, votes, labels and gold, and what is stored of them, for import tests."""

import csv
import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from db.imports import Imported, ImportOptions, Kind, import_files
from db.imports.choosing import choose
from db.imports.rows import PairRow, parse_pair
from db.models import Gold, Pair, Review, Vote
from db.session import Database

Row = dict[str, Any]


def pair(name: str, prompt: Any = "Q?", a: Any = "first", b: Any = "second", **more: Any) -> Row:
    return {"pair_id": name, "prompt": prompt, "response_a": a, "response_b": b, **more}


def vote(name: str, choice: str = "a", judge: str = "j", **more: Any) -> Row:
    return {"pair_id": name, "judge": judge, "choice": choice, **more}


def understood(row: Row) -> PairRow:
    """What an import makes of one row of pairs."""
    (found,) = choose("pairs", frozenset(row), [row]).rows(row)
    return parse_pair(found)


def write(path: Path, rows: Iterable[Row]) -> Path:
    """Rows as JSONL, gzip JSONL, CSV or Parquet, by the name of the file."""
    rows = list(rows)
    name = path.name
    if name.endswith(".parquet"):
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif name.endswith(".csv"):
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        data = text.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def take(
    database: Database, kind: str, file: Path, rows: Iterable[Row] | None = None, **options: Any
) -> Imported:
    """Import a file, written from rows where they are given; rejects go beside it."""
    if rows is not None:
        write(file, rows)
    options.setdefault("rejects", Path(f"{file}.rejects.jsonl"))
    return import_files(database, Kind(kind), [file], ImportOptions(**options))


def rejected(file: Path) -> list[Row]:
    lines = Path(f"{file}.rejects.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def stored_pairs(database: Database) -> list[tuple[str, str, str]]:
    """(prompt, A, B) of every pair, in the order they were stored."""
    with database.read() as session:
        pairs = session.scalars(select(Pair).order_by(Pair.id))
        return [(p.prompt.text, p.candidate_a.text, p.candidate_b.text) for p in pairs]


def stored_votes(database: Database) -> list[tuple[int, str, int, str]]:
    """(pair, order, sample, choice) of every vote."""
    with database.read() as session:
        votes = session.scalars(select(Vote).order_by(Vote.pair_id, Vote.order, Vote.sample))
        return [(v.pair_id, v.order.value, v.sample, v.choice.value) for v in votes]


def stored_labels(database: Database) -> list[str]:
    with database.read() as session:
        return [c.value for c in session.scalars(select(Review.choice).order_by(Review.id))]


def stored_gold(database: Database) -> list[str]:
    with database.read() as session:
        return [c.value for c in session.scalars(select(Gold.choice).order_by(Gold.pair_id))]
