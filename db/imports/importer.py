"""Takes files in: chunk by chunk, the good rows stored, the bad ones written to a reject file.

Safe to kill and run again: a chunk is one transaction, and identity is by content.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from db.errors import BadInput
from db.files import Line, read_lines
from db.imports import rows
from db.imports.fields import BadRow
from db.imports.store import Item, store
from db.session import Database
from db.upsert import chunks

Progress = Callable[[str, int, int], None]


class Kind(StrEnum):
    """What the rows of a file are."""

    PAIRS = "pairs"
    CANDIDATES = "candidates"
    VOTES = "votes"
    LABELS = "labels"
    GOLD = "gold"
    RANKINGS = "rankings"


@dataclass(frozen=True)
class ImportOptions:
    """`pairs_per_prompt` draws that many pairs of a candidate set (None: all) by `seed`;
    `annotator` signs labels that come as chosen and rejected; `strict` refuses a file with any
    bad row, storing nothing of it; `rejects` is where bad rows go (None: beside the file).
    """

    pairs_per_prompt: int | None = None
    seed: int = 7
    annotator: str = "recorded"
    strict: bool = False
    rejects: Path | None = None


@dataclass
class Imported:
    """What an import did: counts by name, and where rejected rows were written."""

    kind: str
    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    reject_files: list[str] = field(default_factory=list)
    first_reason: str | None = None

    @property
    def summary(self) -> str:
        """One line for people."""
        told = ", ".join(f"{n:,} {what}" for what, n in self.counts.items() if n) or "nothing new"
        line = f"{self.kind}: {self.rows:,} rows read: {told}"
        if self.rejected:
            line += f"; {self.rejected:,} rejected, see {', '.join(self.reject_files)}"
            line += f" (first: {self.first_reason})"
        return line


@dataclass(frozen=True)
class _Reject:
    line: Line
    value: Any
    reason: str

    @property
    def record(self) -> dict[str, Any]:
        return {
            "file": self.line.file,
            "line": self.line.number,
            "value": self.value,
            "reason": self.reason,
            "row": self.line.row,
        }


def import_files(
    database: Database,
    kind: Kind,
    files: Sequence[str | Path],
    options: ImportOptions | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Import files one after the other. Raises BadInput for a file that cannot be used."""
    done = Imported(kind.value)
    for file in files:
        _import_file(database, kind, Path(file), options or ImportOptions(), done, progress)
    return done


def _import_file(
    database: Database,
    kind: Kind,
    path: Path,
    options: ImportOptions,
    done: Imported,
    progress: Progress | None,
) -> None:
    before = done.rows
    with _reject_file(path, options, done) as reject, _transactions(database, options) as begin:
        for lines in chunks(read_lines(path), 500):
            items, bad = _parsed(lines, kind, options)
            with begin() as session:
                counts, refused = store(session, [item for _, item in items], options.annotator)
            bad += [_Reject(items[i][0], value, why) for i, value, why in refused]
            if bad and options.strict:
                first = min(bad, key=lambda r: r.line.number)
                raise BadInput(
                    f"{first.line.file} line {first.line.number}: {first.reason}; "
                    "nothing of the file was stored (--strict)"
                )
            for row in sorted(bad, key=lambda r: r.line.number):
                reject(row)
            done.counts.update(counts)
            done.rows += len(lines)
            if progress is not None:
                progress(f"{kind} {path.name}", done.rows - before, 0)


def _parsed(
    lines: Iterable[Line], kind: Kind, options: ImportOptions
) -> tuple[list[tuple[Line, Item]], list[_Reject]]:
    items: list[tuple[Line, Item]] = []
    bad: list[_Reject] = []
    for line in lines:
        try:
            if line.problem:
                raise BadRow(None, line.problem)
            items += [(line, item) for item in _items(line, kind, options)]
        except BadRow as error:
            bad.append(_Reject(line, error.value, str(error)))
    return items, bad


def _items(line: Line, kind: Kind, options: ImportOptions) -> Sequence[Item]:
    match kind:
        case Kind.PAIRS:
            return [rows.parse_pair(line.row)]
        case Kind.CANDIDATES:
            return rows.parse_candidates(line.row, options.pairs_per_prompt, options.seed)
        case Kind.VOTES:
            return [rows.parse_vote(line.row)]
        case Kind.LABELS:
            return [rows.parse_label(line.row)]
        case Kind.GOLD:
            return [rows.parse_gold(line.row)]
        case Kind.RANKINGS:
            return [rows.parse_ranking(line.row)]


@contextmanager
def _transactions(database: Database, options: ImportOptions) -> Iterator[Callable[[], Any]]:
    """A transaction a chunk; under `strict` one for the whole file."""
    if not options.strict:
        yield database.begin
        return
    with database.begin() as session:

        @contextmanager
        def same() -> Iterator[Session]:
            yield session

        yield same


@contextmanager
def _reject_file(
    path: Path, options: ImportOptions, done: Imported
) -> Iterator[Callable[[_Reject], None]]:
    target = options.rejects or Path(f"{path.name}.rejects.jsonl")
    stream = None

    def reject(row: _Reject) -> None:
        nonlocal stream
        if stream is None:
            stream = target.open(
                "w" if str(target) not in done.reject_files else "a", encoding="utf-8"
            )
            done.reject_files.append(str(target))
        done.rejected += 1
        done.first_reason = done.first_reason or f"line {row.line.number}: {row.reason}"
        stream.write(json.dumps(row.record, ensure_ascii=False, default=str) + "\n")

    try:
        yield reject
    finally:
        if stream is not None:
            stream.close()
