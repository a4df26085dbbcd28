"""What a preset is: one published shape of rows, and how it is read into the importer's own rows.

Two kinds of rows come out. A **pair**: `prompt` (a text or messages), `tools`, `response_a` and
`response_b` (texts or messages), or `chosen` and `rejected` in their place; `model_a`, `model_b`,
`family_a`, `family_b`, `pair_id`, `domain`, `source`, `expected`, `meta` (other columns, kept);
`labels` of people (`annotator`, `choice`, `strength`, `both_bad`, `rationale`, `created_at`,
`active_seconds`) and `votes` of judges (`judge`, `family`, `order`, `sample`, `choice`, `strength`,
`both_bad`, `confidence`, `score_a`, `score_b`, `rationale`, `created_at`, `cost_usd`). A label
or a rating that names nobody is signed by the one who imports. A set of **candidates**:
`prompt_id`, `prompt`, `tools`, `responses` (`id`, `text` or `messages`, `model`, `family`, and
`ratings` of an `annotator` or a `judge`: `score`, higher is better, and `rationale`), `ranking`
with `annotator`, `domain`, `source`, `meta`. Of **steps**: the row that `import steps` takes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from db.files.line import Line
from db.imports.fields import BadRow, Row

Columns = frozenset[str]
KindName = Literal["pairs", "candidates", "votes", "labels", "gold", "rankings", "steps"]
Read = tuple[Line, Row | BadRow]
"""What `whole` gives: a row, or why there is none, beside the line that it came from."""


def _none(columns: Columns, row: Row) -> Columns:
    return frozenset()


def _nothing(row: Row) -> Iterator[str]:
    yield from ()


@dataclass(frozen=True)
class Preset:
    """A published shape of rows. Pure: it never guesses, and what it leaves it names.

    `name` is what `--as` says. `columns` are those that it reads or knowingly passes over; the
    latter stand in `dropped` with the reason, an inner one as `column.key`. `fits` tells by the
    columns of a file and one row whether the row has this shape. `rows` reads one row, and raises
    BadRow with a sentence for what it cannot read. `whole` is there where rows need each other: it
    takes every readable line of all files of one call, whose names may tell them apart, and holds
    them in memory; `rows` is then `alone`.
    `about`, `kept` and `refused` are the table of the documentation; `example` is a row of it, with
    those `beside` it that it needs. `inside` names keys inside columns that are not read.
    """

    name: str
    about: str
    kept: str
    refused: str
    columns: Columns
    fits: Callable[[Columns, Row], bool]
    rows: Callable[[Row], list[Row]]
    example: Row
    beside: tuple[Row, ...] = ()
    dropped: Mapping[str, str] = field(default_factory=dict)
    also: Callable[[Columns, Row], Columns] = _none
    inside: Callable[[Row], Iterator[str]] = _nothing
    whole: Callable[[Iterable[Line]], Iterator[Read]] | None = None
    kind: KindName = "pairs"

    def reads(self, columns: Columns, row: Row) -> Columns:
        """Those of a file's columns that this preset reads, or knowingly passes over."""
        return (self.columns & columns) | self.also(columns, row)


def having(*names: str) -> Callable[[Columns, Row], bool]:
    """`fits` where the columns alone tell."""
    wanted = frozenset(names)
    return lambda columns, _: wanted <= columns


def only_known(item: object, known: Columns, where: str) -> Row:
    """An object inside a row, all of whose keys are known; anything else would be lost in silence.

    Raises BadRow for another value, and for the first key that is not known.
    """
    if not isinstance(item, dict):
        raise BadRow(item, f"{where} holds {item!r:.80}; it must be an object")
    unknown = sorted(
        str(key) for key, value in item.items() if value is not None and key not in known
    )
    if unknown:
        raise BadRow(
            unknown, f"{where} holds {unknown[0]!r}, which would be lost; take it out of the row"
        )
    return item


def alone(row: Row) -> list[Row]:
    """`rows` where rows need each other. Raises BadRow: one row of them says nothing."""
    raise BadRow(None, "rows of this format need each other; give all its files in one call")
