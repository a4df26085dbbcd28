"""Takes files in: chunk by chunk, the good rows stored, the bad ones written to a reject file.

Safe to kill and run again: a portion is one transaction, and identity is by content.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy.orm import Session

from db.errors import BadInput
from db.files import Line
from db.gold import barred_from_gold
from db.imports import fields, rows, steps
from db.imports.columns import listed
from db.imports.fields import BadRow, Row
from db.imports.options import ImportOptions, Kind
from db.imports.presets.own import NAME
from db.imports.preview import meaning
from db.imports.reading import Reading, Unit, open_readings
from db.imports.store import Item, Items, store
from db.progress import Progress, quiet
from db.session import Database
from db.upsert import chunks, take_turn
from db.whole import whole_file

_ROWS, _BYTES = 2000, 8_000_000  # of one portion: docs/design/size.md
_SHOWN = 5  # rows of a file that a dry run shows
_TURN = 7_246_002  # names the lock imports queue at, on PostgreSQL


@dataclass
class FileRead:
    """How one file was read: the preset, what its readers say, and what was not read or left out.

    `renamed` are columns read under another name than they have; `first`, of a dry run, what the
    first rows mean.
    """

    file: str
    preset: str
    rows: int = 0
    notes: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    not_read: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    first: list[dict[str, Any]] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """What people should know of it, a line each."""
        if self.preset == NAME and not (self.renamed or self.not_read or self.left_out):
            return self.notes
        said = [f"{self.file}: read as {self.preset}"]
        renamed = [f"{name} as {meant}" for name, meant in self.renamed.items()]
        if renamed:
            said[0] += f" (columns {listed(renamed)})"
        if self.not_read:
            said[0] += f"; not read: {listed(self.not_read)}"
        left = [f"{column} ({why})" for column, why in self.left_out.items()]
        if left:
            said[0] += f"; left out: {listed(left)}"
        return said + self.notes


@dataclass
class Imported:
    """What an import did: counts by name, how each file was read, and where rejected rows went.

    `taken` counts the rows of files of which something was stored or known already.
    """

    kind: str
    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    reject_files: list[str] = field(default_factory=list)
    first_reason: str | None = None
    taken: int = 0
    files: list[FileRead] = field(default_factory=list)
    dry_run: bool = False

    @property
    def useless(self) -> bool:
        """Whether no row could be used, though there were some."""
        return self.rejected > 0 and not self.taken

    @property
    def summary(self) -> str:
        """For people: a line of counts, then one for each file that was not read as it is."""
        told = ", ".join(f"{n:,} {what}" for what, n in self.counts.items() if n) or "nothing new"
        line = f"{self.kind}: {self.rows:,} rows read: {told}"
        if self.dry_run:
            line = f"dry run, nothing was stored; {line}"
        if self.rejected:
            line += f"; {self.rejected:,} rejected"
            line += f", see {', '.join(self.reject_files)}" if self.reject_files else ""
            line += f" (first: {self.first_reason})"
        return "\n".join([line, *(said for file in self.files for said in file.lines)])


class _Undone(Exception):
    """Ends the transaction of a dry run."""


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
    if kind is Kind.STEPS and _rated(files, options):
        options = replace(options, rated=True)
    if kind is Kind.GOLD and options.grouping:
        with database.read() as session:
            options = replace(options, barred=barred_from_gold(session, options.grouping))
    done = Imported(kind.value, dry_run=options.dry_run)
    for reading in open_readings(kind, files, options):
        _import_file(database, kind, reading, options, done, progress)
    return done


def _rated(files: Sequence[str | Path], options: ImportOptions) -> bool:
    """What 0 means in a stepwise file stands in its other rows, so they are looked at before."""
    return steps.holds_ratings(
        row
        for reading in open_readings(Kind.STEPS, files, options)
        for _, rows in reading.units()
        if not isinstance(rows, BadRow)
        for row in rows
    )


def _import_file(
    database: Database,
    kind: Kind,
    reading: Reading,
    options: ImportOptions,
    done: Imported,
    progress: Progress,
) -> None:
    path, before = reading.path, done.rows
    read = FileRead(path.name, reading.preset.name, left_out=reading.left)
    done.files.append(read)
    seen: Counter[int] = Counter()
    with _reject_file(path, options, done) as reject, _transactions(database, options) as begin:
        for units in _portions(reading.units()):
            items, bad = _parsed(units, kind, options, seen)
            if options.dry_run:
                shown = items[: _SHOWN - len(read.first)]
                read.first += [{"line": at.number, "means": meaning(i)} for at, i in shown]
            counts: Counter[str] = Counter()
            with begin() as session:
                for part in chunks(items, _ROWS):
                    added, refused = store(session, [item for _, item in part], options.barred)
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
            done.taken += len(units) - len(bad)
            done.rows = before + reading.rows
            progress(f"{kind} {path.name}", reading.rows, 0)
    done.rows = before + reading.rows
    read.rows, read.notes, read.renamed = reading.rows, reading.notes, reading.read_as
    read.not_read = list(reading.unread)


def _portions(units: Iterable[Unit]) -> Iterator[list[Unit]]:
    portion: list[Unit] = []
    size = 0
    for unit in units:
        portion.append(unit)
        size += unit[0].size
        if len(portion) >= _ROWS or size >= _BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _parsed(
    units: Iterable[Unit], kind: Kind, options: ImportOptions, seen: Counter[int]
) -> tuple[list[tuple[Line, Items]], list[_Reject]]:
    items: list[tuple[Line, Items]] = []
    bad: list[_Reject] = []
    for line, rows_ in units:
        try:
            if isinstance(rows_, BadRow):
                raise rows_
            with fields.one_reason():
                found = [item for row in rows_ for item in items_of(row, kind, options)]
                items.append((line, tuple(_counted(item, seen) for item in found)))
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


def items_of(row: Row, kind: Kind, options: ImportOptions) -> Sequence[Item]:
    """What a row of ours is stored as. Raises BadRow."""
    match kind:
        case Kind.PAIRS:
            return [rows.parse_pair(row, options.annotator)]
        case Kind.CANDIDATES:
            return rows.parse_candidates(
                row, options.pairs_per_prompt, options.seed, options.annotator
            )
        case Kind.VOTES:
            return [rows.parse_vote(row)]
        case Kind.LABELS:
            return [rows.parse_label(row)]
        case Kind.GOLD:
            return [rows.parse_gold(row)]
        case Kind.RANKINGS:
            return [rows.parse_ranking(row)]
        case Kind.STEPS:
            return [steps.parse(row, options.rated)]


@contextmanager
def _transactions(database: Database, options: ImportOptions) -> Iterator[Callable[[], Any]]:
    """A transaction a portion; under `strict` one for the whole file; of a dry run, one that ends
    without having been.
    """

    @contextmanager
    def in_turn() -> Iterator[Session]:
        with database.begin() as session:
            take_turn(session, _TURN)
            yield session

    if options.dry_run:
        with suppress(_Undone), in_turn() as session:
            yield lambda: nullcontext(session)
            raise _Undone
        return
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
            if not options.dry_run:
                stream = stream or stack.enter_context(_opened(target, done))
            done.rejected += 1
            rejected, first = rejected + 1, first or f"line {row.line.number}: {row.reason}"
            done.first_reason = done.first_reason or first
            if stream is not None:
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
