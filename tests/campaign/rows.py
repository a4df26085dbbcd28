"""Rows of every kind, mutated: each is stored or rejected with a reason, and none stops another.

Each kind gets good rows in which keys, types, texts and numbers were exchanged by chance. What is
counted must be what was written, a second import must add nothing, and nothing may be raised.
"""

import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, func, select

from db.imports import ImportOptions, Kind, import_files
from db.schema import upgrade
from db.session import Database

KINDS = ("pairs", "candidates", "votes", "labels", "gold", "rankings")
FIRST = 50  # rows by which an import tells the shape of a file
ODD: tuple[Any, ...] = (
    None, "", " ", "\n" * 50, "a" * 5000, "\u202eabc", "[/b]", "\x1b[31m", "null", "NaN", 0, -1,
    1e308, 10**30, 0.1, True, [], {}, [[]], [None], {"a": {"b": []}}, "2026-13-45", "9999-12-31",
    "AB", "Tie", "b ", ["a"], {"role": "user"}, [{"role": "user", "content": None}],
    [{"role": "king", "content": "x"}], "gpt\u0000", "\ud800", "🙂" * 40, "=1+1", "'; DROP TABLE",
)  # fmt: skip


@dataclass(frozen=True)
class Fuzzed:
    """One kind: rows written, stored or known, rejected, and the commonest reasons."""

    kind: str
    rows: int
    rejected: int
    added_again: int
    reasons: tuple[str, ...]


def good(kind: str, number: int) -> dict[str, Any]:
    """A row of a kind that is stored as it is."""
    pair = f"p{number % 200}"
    texts = {"prompt": f"Question {number}?", "response_a": f"one {number}", "response_b": "two"}
    ranked = [{"id": word, "text": f"{word} {number}"} for word in ("one", "two", "three")]
    rows: dict[str, dict[str, Any]] = {
        "pairs": {"pair_id": f"new-{number}", "domain": "law", "model_a": "m", **texts},
        "candidates": {"prompt": texts["prompt"], "responses": ranked},
        "votes": {"pair_id": pair, "judge": f"j{number % 5}", "choice": "a", "order": "ab",
                  "confidence": 0.9, "rationale": "Longer.", "created_at": "2026-01-02T03:04:05Z"},
        "labels": {"pair_id": pair, "annotator": f"ann-{number % 9}", "choice": "b",
                   "rationale": "Right.", "created_at": "2026-01-02T03:04:05Z"},
        "gold": {"pair_id": pair, "choice": "a"},
        "rankings": {"prompt": texts["prompt"], "responses": ranked, "annotator": "ann-1",
                     "ranking": ["one", ["two", "three"]]},
    }  # fmt: skip
    return rows[kind]


def mutated(row: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """The row with some values exchanged, keys lost, or keys nobody knows."""
    found = dict(row)
    for _ in range(draw.randint(0, 3)):
        key = draw.choice(list(found) or ["pair_id"])
        match draw.randint(0, 3):
            case 0:
                found[key] = draw.choice(ODD)
            case 1:
                found.pop(key, None)
            case 2:
                found[draw.choice(["x", "choice", "order", "sample", "prompt"])] = draw.choice(ODD)
            case _:
                found[key] = [found.get(key)] * draw.randint(1, 3)
    return found


def stored(database: Database) -> Counter[str]:
    """Rows by table."""
    known = MetaData()
    with database.connection() as connection:
        known.reflect(connection)
        return Counter(
            {
                name: connection.scalar(select(func.count()).select_from(table)) or 0
                for name, table in known.tables.items()
            }
        )


def fuzz(folder: Path, rows: int, seed: int = 1) -> Iterator[Fuzzed]:
    """Import so many rows of all kinds together, twice, and tell of each kind."""
    draw = random.Random(seed)
    database = Database(f"sqlite:///{folder / 'fuzz.db'}")
    upgrade(database)
    base = folder / "base.jsonl"
    pairs = [good("pairs", n) | {"pair_id": f"p{n}"} for n in range(200)]
    base.write_text("".join(json.dumps(row) + "\n" for row in pairs), encoding="utf-8")
    import_files(database, Kind.PAIRS, [base])
    for kind in KINDS:
        count = rows // len(KINDS)
        file = folder / f"{kind}.jsonl"
        # What a file is, its first rows tell: a column nobody reads among those refuses all of it.
        written = (
            good(kind, n) if n < FIRST else mutated(good(kind, n), draw) for n in range(count)
        )
        file.write_text("".join(json.dumps(row) + "\n" for row in written), encoding="utf-8")
        rejects = folder / f"{kind}.rejects.jsonl"
        done = import_files(database, Kind(kind), [file], ImportOptions(rejects=rejects))
        if done.rows != count:
            raise RuntimeError(f"{kind}: {count} rows written, {done.rows} read")
        told = [json.loads(line)["reason"] for line in rejects.read_text("utf-8").splitlines()]
        if len(told) != done.rejected or not all(told):
            raise RuntimeError(f"{kind}: {done.rejected} rejected, {len(told)} reasons")
        before = stored(database)
        again = ImportOptions(rejects=folder / "again.jsonl")
        import_files(database, Kind(kind), [file], again)
        added = stored(database) - before
        common = Counter(reason[:60] for reason in told).most_common(3)
        yield Fuzzed(
            kind, count, done.rejected, added.total(), tuple(f"{n} {why}" for why, n in common)
        )
    database.dispose()


def main(rows: int = 10_000) -> int:
    """Print the table; 1 where a second import added something."""
    added = 0
    print("| kind | rows | rejected | added by a second import | commonest reasons |")
    print("|---|--:|--:|--:|---|")
    with tempfile.TemporaryDirectory() as folder:
        for one in fuzz(Path(folder), rows):
            told = "; ".join(one.reasons).replace("|", "/").encode("ascii", "backslashreplace")
            print(f"| {one.kind} | {one.rows:,} | {one.rejected:,} | {one.added_again} "
                  f"| {told.decode()} |", flush=True)  # fmt: skip
            added += one.added_again
    return int(added > 0)


if __name__ == "__main__":
    sys.exit(main())
