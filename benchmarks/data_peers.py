"""The plainest way to store pairs and to write them out: what `benchmarks/data.py` compares with.

Storing: rows parsed and hashed as the product does, then handed to the driver in bulk (PostgreSQL:
COPY); nothing is looked up, checked or un-swapped. Writing: one statement a table and its columns
to Parquet by pyarrow, in the schemas of the export beside it; nothing is drawn or left out.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from db.identity import candidate_hash, pair_hash, prompt_hash
from db.session import Database
from db.upsert import chunks

_PORTION = 10_000
_COLUMNS = {
    "prompts": ("id", "content_hash", "messages", "created_at"),
    "candidates": ("id", "prompt_id", "content_hash", "text", "model", "family", "created_at"),
    "pairs": (
        *("id", "prompt_id", "candidate_a_id", "candidate_b_id"),
        *("content_hash", "domain", "source", "created_at"),
    ),
    "pair_names": ("id", "external_id", "pair_id", "mirrored"),
}
Rows = dict[str, list[tuple[Any, ...]]]


def store(database: Database, file: Path) -> None:
    """Every row of a file into the four tables, a portion a transaction."""
    with file.open(encoding="utf-8") as lines:
        for portion in chunks(enumerate(lines, 1), _PORTION):
            _insert(database, _parsed(portion))


def _parsed(lines: list[tuple[int, str]]) -> Rows:
    found: Rows = {name: [] for name in _COLUMNS}
    at = datetime.now(UTC)
    for n, line in lines:
        row = json.loads(line)
        messages = [{"role": "user", "content": row["prompt"]}]
        asked = prompt_hash(messages)
        a, b = (candidate_hash(asked, row[f"response_{side}"]) for side in "ab")
        found["prompts"].append((n, asked, json.dumps(messages, ensure_ascii=False), at))
        for key, digest, side in ((2 * n - 1, a, "a"), (2 * n, b, "b")):
            text, model = row[f"response_{side}"], row[f"model_{side}"]
            found["candidates"].append((key, n, digest, text, model, None, at))
        about = row["domain"], row["source"], at
        found["pairs"].append((n, n, 2 * n - 1, 2 * n, pair_hash(a, b), *about))
        found["pair_names"].append((n, row["pair_id"], n, False))
    return found


def _insert(database: Database, found: Rows) -> None:
    connection = database.engine.raw_connection()
    cursor = connection.cursor()
    if database.is_sqlite:
        cursor.execute("BEGIN")
    for table, rows in found.items():
        columns = _COLUMNS[table]
        if database.is_sqlite:
            at = columns.index("created_at") if "created_at" in columns else len(columns)
            held = [tuple(str(x) if i == at else x for i, x in enumerate(row)) for row in rows]
            places = ",".join("?" * len(columns))
            cursor.executemany(f"INSERT INTO {table} ({','.join(columns)}) VALUES ({places})", held)
        else:
            with cursor.copy(f"COPY {table} ({','.join(columns)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
    if database.is_sqlite:
        cursor.execute("COMMIT")
    else:
        connection.commit()
    connection.close()


_PAIRS = """
SELECT names.external_id, pairs.content_hash, prompts.content_hash, prompts.messages, a.text,
  b.text, a.model, b.model, pairs.domain, pairs.source, said.choice, said.p_a, said.p_tie, said.p_b,
  said.source, said.both_bad, routes.route
FROM pairs JOIN prompts ON prompts.id = pairs.prompt_id
JOIN candidates a ON a.id = pairs.candidate_a_id JOIN candidates b ON b.id = pairs.candidate_b_id
JOIN pair_names names ON names.pair_id = pairs.id
JOIN preferences said ON said.pair_id = pairs.id AND said.superseded_at IS NULL
LEFT JOIN routes ON routes.pair_id = pairs.id
ORDER BY pairs.content_hash
"""
_VOTES = """
SELECT names.external_id AS pair_id, judges.name AS judge, judges.family AS family,
  versions.version AS judge_version, versions.provider AS provider,
  versions.generation AS generation, votes."order", votes.sample, votes.choice, votes.strength,
  votes.both_bad, votes.score_a, votes.score_b, votes.confidence, votes.p_a, votes.rationale,
  votes.abstain_reason
FROM votes JOIN pair_names names ON names.pair_id = votes.pair_id
JOIN judge_versions versions ON versions.id = votes.judge_version_id
JOIN judges ON judges.id = versions.judge_id
JOIN pairs ON pairs.id = votes.pair_id ORDER BY pairs.content_hash
"""
_META = {
    "pair_id": 0,
    "pair_hash": 1,
    "prompt_hash": 2,
    "domain": 8,
    "data_source": 9,
    "choice": 10,
    "p_a": 11,
    "p_tie": 12,
    "p_b": 13,
    "source": 14,
    "both_bad": 15,
    "route": 16,
}


def write(database: Database, folder: Path, like: Path) -> None:
    """The tables of an export of the whole database into `folder`, schemas as in `like`."""
    folder.mkdir()
    wanted = {name: _schema(like / place) for name, place in _PLACES.items()}
    with (
        pq.ParquetWriter(folder / "train.parquet", wanted["train"], compression="zstd") as train,
        pq.ParquetWriter(folder / "pairs.parquet", wanted["pairs"], compression="zstd") as pairs,
    ):
        for _, rows in _selected(database, _PAIRS):
            columns = _pair_columns(database, list(zip(*rows, strict=True)))
            train.write_table(_table(columns, wanted["train"]))
            pairs.write_table(_table(columns, wanted["pairs"]))
    with pq.ParquetWriter(folder / "votes.parquet", wanted["votes"], compression="zstd") as votes:
        for names, rows in _selected(database, _VOTES):
            held = dict(zip(names, zip(*rows, strict=True), strict=True))
            votes.write_table(_table(held, wanted["votes"]))


_PLACES = {"train": "data", "pairs": "pairs", "votes": "votes"}


def _schema(folder: Path) -> pa.Schema:
    return pq.read_schema(sorted(folder.glob("*.parquet"))[0])


def _selected(database: Database, query: str) -> Iterator[tuple[list[str], list[Any]]]:
    connection = database.engine.raw_connection()
    cursor = connection.cursor() if database.is_sqlite else connection.cursor(name="peer")
    cursor.execute(query)
    while rows := cursor.fetchmany(_PORTION):
        yield [column[0] for column in cursor.description], rows
    cursor.close()
    connection.close()


def _pair_columns(database: Database, said: list[Any]) -> dict[str, Any]:
    texts = [json.loads(x) for x in said[3]] if database.is_sqlite else said[3]
    first = [choice == "a" for choice in said[10]]
    best = [[{"role": "assistant", "content": x if up else y}]
            for x, y, up in zip(said[4], said[5], first, strict=True)]  # fmt: skip
    worst = [[{"role": "assistant", "content": y if up else x}]
             for x, y, up in zip(said[4], said[5], first, strict=True)]  # fmt: skip
    meta = {name: said[i] for name, i in _META.items()}
    shown = {"response_a": said[4], "response_b": said[5], "model_a": said[6], "model_b": said[7]}
    return {"prompt": texts, "chosen": best, "rejected": worst, "meta": meta} | shown | meta


def _table(columns: dict[str, Any], schema: pa.Schema) -> pa.Table:
    rows = len(next(iter(columns.values())))
    return pa.Table.from_arrays([_array(columns, f, rows) for f in schema], schema=schema)


def _array(columns: dict[str, Any], field: pa.Field, rows: int) -> pa.Array:
    if field.name not in columns:
        return pa.nulls(rows, field.type)
    if field.name == "meta":
        inner = [_array(columns["meta"], part, rows) for part in field.type]
        return pa.StructArray.from_arrays(inner, fields=list(field.type))
    values = columns[field.name]
    if pa.types.is_boolean(field.type):  # SQLite has none
        values = [None if x is None else bool(x) for x in values]
    return pa.array(values, type=field.type)
