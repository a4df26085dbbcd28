"""The published shapes of rows that are read as they are, and which of them a file has."""

from collections.abc import Sequence

from db.errors import BadInput, UnknownName
from db.imports.fields import Row
from db.imports.presets import (
    alpaca_eval,
    anthropic,
    arena,
    arena_hard,
    argilla,
    axolotl,
    helpsteer,
    label_studio,
    llama_factory,
    math_shepherd,
    mt_bench,
    mt_bench_human,
    nectar,
    oasst,
    openai,
    own_export,
    pandalm,
    prm800k,
    prodigy,
    responses,
    stepwise,
    trl,
    ultrafeedback,
)
from db.imports.presets.preset import Columns, Preset

_FAMILIES = (
    alpaca_eval,
    anthropic,
    arena,
    arena_hard,
    argilla,
    axolotl,
    helpsteer,
    label_studio,
    llama_factory,
    math_shepherd,
    mt_bench,
    mt_bench_human,
    nectar,
    oasst,
    openai,
    own_export,
    pandalm,
    prm800k,
    prodigy,
    responses,
    stepwise,
    trl,
    ultrafeedback,
)
PRESETS: tuple[Preset, ...] = tuple(
    sorted((preset for family in _FAMILIES for preset in family.PRESETS), key=lambda p: p.name)
)


def fitting(
    columns: Columns, first_rows: Sequence[Row], among: Sequence[Preset] | None = None
) -> Preset | None:
    """The preset (of these) that most of the first rows have the shape of; None where none is.

    Of several that fit, the one that reads all the columns the others read, and more. Raises
    BadInput, naming them, where no one does.
    """
    fit = [
        p
        for p in (PRESETS if among is None else among)
        if 2 * sum(p.fits(columns, row) for row in first_rows) > len(first_rows)
    ]
    for preset in fit:
        row, others = first_rows[0], [other for other in fit if other is not preset]
        if all(preset.reads(columns, row) > other.reads(columns, row) for other in others):
            return preset
    if not fit:
        return None
    names = ", ".join(preset.name for preset in fit)
    raise BadInput(f"the rows have the shape of {names}; say which with --as NAME")


def named(name: str) -> Preset:
    """The preset of this name. Raises UnknownName, listing all of them."""
    for preset in PRESETS:
        if preset.name == name:
            return preset
    raise UnknownName(
        f"there is no preset {name!r}; {', '.join(p.name for p in PRESETS)} are known"
    )


def nearest(columns: Columns, among: Sequence[Preset] | None = None) -> Preset | None:
    """The preset (of these) whose columns are most like those: shared ones by all (Jaccard).

    None where no one's example has half its columns there: optional ones tell nothing.
    """
    near = [
        p
        for p in (PRESETS if among is None else among)
        if 2 * len(p.example.keys() & columns) >= len(p.example)
    ]
    like = {p.name: len(p.columns & columns) / len(p.columns | columns) for p in near}
    return max(near, key=lambda p: like[p.name], default=None)
