"""Takes files in: chunk by chunk, the good rows stored, the bad ones written to a reject file.

Safe to kill and run again: a portion is one transaction, and identity is by content.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy.orm import Session

from db.errors import BadInput
from db.files import FileLimits, Line, read_lines
from db.gold import Grouping, barred_from_gold
from db.imports import fields, rows, steps
from db.imports.fields import BadRow
from db.imports.store import Item, store
from db.progress import Progress, quiet
from db.session import Database
from db.upsert import chunks, take_turn
from db.whole import whole_file

_ROWS, _BYTES = 2000, 8_000_000  # of one portion: docs/design/size.md
_TURN = 7_246_002  # names the lock imports queue at, on PostgreSQL


class Kind(StrEnum):
    """What the rows of a file are."""

    PAIRS = "pairs"
    CANDIDATES = "candidates"
    VOTES = "votes"
    LABELS = "labels"
    GOLD = "gold"
    RANKINGS = "rankings"
    STEPS = "steps"


@dataclass(frozen=True)
class ImportOptions:
    """`pairs_per_prompt` draws that many pairs of a candidate set (None: all) by `seed`;
    `annotator` signs labels that come as chosen and rejected; `strict` refuses a file with any
    bad row, storing nothing of it; `rejects` is where bad rows go (None: FILE.rejects.jsonl in
    the current folder); `limits` is how much a file and a row may be; `rated` where 0 among the
    `labels` of a stepwise file is neither right nor wrong; `grouping` tells which prompts are one
    group, so that gold is refused where its group was exported (None: where its prompt was), and
    `barred` are the prompts that may not become gold for that.
    """

    pairs_per_prompt: int | None = None
    seed: int = 7
    annotator: str = "recorded"
    strict: bool = False
    rejects: Path | None = None
    limits: FileLimits = field(default_factory=FileLimits)
    rated: bool = False
    grouping: Grouping | None = None
    barred: Collection[int] = ()


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
    progress: Progress = quiet,
) -> Imported:
    """Import files one after the other. Raises BadInput for a file that cannot be used."""
    options = options or ImportOptions()
    try:
        fields.name({"annotator": options.annotator}, "annotator")
    except BadRow as error:
        raise BadInput(str(error)) from None
    if kind is Kind.STEPS and any(_rated(Path(file), options) for file in files):
        options = replace(options, rated=True)
    if kind is Kind.GOLD and options.grouping:
        with database.read() as session:
            options = replace(options, barred=barred_from_gold(session, options.grouping))
    done = Imported(kind.value)
    for file in files:
        _import_file(database, kind, Path(file), options, done, progress)
    return done


def _rated(path: Path, options: ImportOptions) -> bool:
    """What 0 means in a stepwise file stands in its other rows, so they are looked at before."""
    return steps.holds_ratings(line.row for line in read_lines(path, options.limits))


def _import_file(
    database: Database,
    kind: Kind,
    path: Path,
    options: ImportOptions,
    done: Imported,
    progress: Progress,
) -> None:
    before = done.rows
    seen: Counter[int] = Counter()
    with _reject_file(path, options, done) as reject, _transactions(database, options) as begin:
        for lines in _portions(read_lines(path, options.limits)):
            items, bad = _parsed(lines, kind, options, seen)
            counts: Counter[str] = Counter()
            with begin() as session:
                for part in chunks(items, _ROWS):
                    rows_of = [item for _, item in part]
                    added, refused = store(session, rows_of, options.annotator, options.barred)
                    counts.update(added)
                    bad += [_Reject(part[i][0], value, why) for i, value, why in refused]
            bad.sort(key=lambda r: r.line.number)
            if bad and options.strict:
                raise BadInput(
                    f"{bad[0].line.file} line {bad[0].line.number}: {bad[0].reason}; "
                    "nothing of the file was stored (--strict)"
                )
            for row in bad:
                reject(row)
            done.counts.update(counts)
            done.rows += len(lines)
            progress(f"{kind} {path.name}", done.rows - before, 0)


def _portions(lines: Iterable[Line]) -> Iterator[list[Line]]:
    portion: list[Line] = []
    size = 0
    for line in lines:
        portion.append(line)
        size += line.size
        if len(portion) >= _ROWS or size >= _BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _parsed(
    lines: Iterable[Line], kind: Kind, options: ImportOptions, seen: Counter[int]
) -> tuple[list[tuple[Line, Item]], list[_Reject]]:
    items: list[tuple[Line, Item]] = []
    bad: list[_Reject] = []
    for line in lines:
        try:
            if line.problem:
                raise BadRow(None, line.problem)
            with fields.one_reason():
                items += [(line, _counted(item, seen)) for item in _items(line, kind, options)]
        except BadRow as error:
            bad.append(_Reject(line, error.value, str(error)))
    return items, bad


def _counted(item: Item, seen: Counter[int]) -> Item:
    """A vote without a sample number, told from the rows before it that say the same."""
    if not isinstance(item, rows.VoteRow) or item.numbered:
        return item
    key = int(item.origin[:16], 16)
    seen[key] += 1
    return replace(item, nth=seen[key])


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
        case Kind.STEPS:
            return [steps.parse(line.row, options.rated)]


@contextmanager
def _transactions(database: Database, options: ImportOptions) -> Iterator[Callable[[], Any]]:
    """A transaction a portion; under `strict` one for the whole file."""

    @contextmanager
    def in_turn() -> Iterator[Session]:
        with database.begin() as session:
            take_turn(session, _TURN)
            yield session

    if not options.strict:
        yield in_turn
        return
    with in_turn() as session:
        yield lambda: nullcontext(session)


@contextmanager
def _reject_file(
    path: Path, options: ImportOptions, done: Imported
) -> Iterator[Callable[[_Reject], None]]:
    """Takes rejected rows; their file is there, whole, once the import of this file has ended."""
    target = options.rejects or Path(f"{path.resolve().name}.rejects.jsonl")
    stream: TextIO | None = None
    rejected, first = 0, ""
    with ExitStack() as stack:

        def reject(row: _Reject) -> None:
            nonlocal stream, rejected, first
            stream = stream or stack.enter_context(_opened(target, done))
            done.rejected += 1
            rejected, first = rejected + 1, first or f"line {row.line.number}: {row.reason}"
            done.first_reason = done.first_reason or first
            stream.write(json.dumps(row.record, ensure_ascii=False, default=str) + "\n")
            options.limits.require_few(path, rejected, first)

        yield reject


@contextmanager
def _opened(target: Path, done: Imported) -> Iterator[TextIO]:
    """The reject file, with what this import has written into it before."""
    again = str(target) in done.reject_files
    before = target.read_text(encoding="utf-8") if again else ""
    # Half a surrogate pair is written as the JSON escape that backslashreplace makes of it.
    with whole_file(target, "backslashreplace", "name another place with --rejects") as stream:
        stream.write(before)
        if not again:
            done.reject_files.append(str(target))
        yield stream
