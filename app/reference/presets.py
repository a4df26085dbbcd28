"""The presets reference: what is read, kept and refused of each published shape of rows."""

import json

from app.reference.recipes import recipes_section
from db.imports.presets import PRESETS
from db.imports.presets.preset import Preset

_HEAD = """# Presets

A preset reads the rows of a published format as they are. `tiebreak import` finds it by the shape
of the rows and names it in its output; `--as NAME` says which one to take. A preset never guesses:
a row that it cannot read is rejected with a sentence, and a column that it leaves is named. What is
in `code` with a dot is a key inside a column.

A score or a rating becomes a choice by one rule: the higher one wins, equal ones are a tie; the
scores are kept with the vote. Opinions of people become labels, signed by the importer where the
row names nobody; opinions of models become votes of that model, never labels.

This page is written by `make reference` from the presets themselves.

| preset | read | kept | refused | not kept |
|---|---|---|---|---|
"""


def presets_page() -> str:
    """The whole page: a table of all presets by name, an example of each, and the recipes."""
    rows = "".join(_row(preset) for preset in PRESETS)
    examples = "".join(_example(preset) for preset in PRESETS)
    return _HEAD + rows + examples + recipes_section()


def _row(preset: Preset) -> str:
    left = [f"`{column}`: {why}" for column, why in sorted(preset.dropped.items())]
    kind = "" if preset.kind == "pairs" else f" (as {preset.kind})"
    cells = (
        f"[`{preset.name}`](#{preset.name}){kind}",
        preset.about,
        preset.kept,
        preset.refused,
        "; ".join(left) or "nothing",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _example(preset: Preset) -> str:
    rows = (preset.example, *preset.beside)
    shown = "\n".join(json.dumps(row, indent=2, ensure_ascii=False) for row in rows)
    return f"\n## {preset.name}\n\n```json\n{shown}\n```\n"
