"""Which preset reads the rows of a file: ours, a published one, or none, with the way out."""

from collections.abc import Sequence

from db.errors import BadInput
from db.imports.columns import listed
from db.imports.fields import Row
from db.imports.presets import PRESETS, fitting, named, nearest
from db.imports.presets.own import MARKS, NAME, OWN
from db.imports.presets.preset import Columns, Preset


def choose(kind: str, columns: Columns, rows: Sequence[Row], name: str | None = None) -> Preset:
    """The preset for rows that are imported as this kind; `name` forces one.

    Raises UnknownName for a name that is not known, and BadInput where several fit, where another
    verb reads these rows, and where none does; columns and the nearest preset are named.
    """
    own = OWN[kind]
    if name is not None:
        found = own if name == NAME else named(name)
        if found.kind != kind:
            raise BadInput(
                f"rows of {name} are {found.kind}; read them with `tiebreak import {found.kind}`"
            )
        return found
    if not columns:
        return own
    published = fitting(columns, rows, [p for p in PRESETS if p.kind == kind])
    if any(own.fits(columns, row) and not _is_of(published, row) for row in rows):
        return own
    if published is not None:
        return published
    for other in _elsewhere(kind, columns, rows):
        what = other.kind if other.name == NAME else f"{other.kind} as {other.name} has them"
        raise BadInput(f"the rows are {what}; read them with `tiebreak import {other.kind}`")
    if MARKS[kind] & columns:
        return own
    there = listed(dict.fromkeys(name for row in rows for name in row if name in columns))
    near = nearest(columns, [p for p in PRESETS if p.kind == kind] or PRESETS)
    maybe = f"; nearest is {near.name}, say --as {near.name} if they are that" if near else ""
    raise BadInput(
        f"rows with these columns are not known: {there}{maybe}; or say which column is what, as "
        f"in --map '{_EXAMPLES.get(kind, 'pair_id=COLUMN')}'"
    )


def readable(kind: str, name: str | None = None) -> Columns:
    """The columns that the presets of a kind read, or that the one of this name does."""
    if name is not None and name != NAME:
        return named(name).columns
    presets = [OWN[kind], *(preset for preset in PRESETS if preset.kind == kind)]
    return frozenset(column for preset in presets for column in preset.columns)


_EXAMPLES = {
    "pairs": "prompt=COLUMN,response_a=COLUMN,response_b=COLUMN,choice=COLUMN:VALUE>a,VALUE>b",
    "candidates": "prompt=COLUMN,responses=COLUMN",
    "rankings": "prompt=COLUMN,responses=COLUMN,ranking=COLUMN",
    "steps": "prompt=COLUMN,steps=COLUMN,labels=COLUMN",
}


def _is_of(preset: Preset | None, row: Row) -> bool:
    """Whether this very row has the shape of a preset, whatever else is in its file."""
    there = frozenset(name for name, value in row.items() if value is not None)
    return preset is not None and preset.fits(there, row)


def _elsewhere(kind: str, columns: Columns, rows: Sequence[Row]) -> list[Preset]:
    """Presets of other kinds that most of the rows have the shape of."""
    others = [p for p in (*OWN.values(), *PRESETS) if p.kind != kind]
    return [p for p in others if 2 * sum(p.fits(columns, row) for row in rows) > len(rows)]
