"""TRL's stepwise supervision: the steps of a solution, each with a label.

Source: docs/source/dataset_formats.md of huggingface/trl 1.16, "Stepwise supervision": `prompt`,
`completions` (the steps) and `labels` (true where a step is right).
"""

from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.presets.preset import Columns, Preset


def _fits(columns: Columns, row: Row) -> bool:
    return {"prompt", "completions", "labels"} <= columns and isinstance(row.get("labels"), list)


def _solution(row: Row) -> list[Row]:
    if not isinstance(row.get("completions"), list) or not isinstance(row.get("labels"), list):
        raise BadRow(None, "completions and labels must be lists, one entry a step")
    fields.messages(row, "prompt")
    return [{name: row[name] for name in ("prompt", "completions", "labels")}]


PRESETS = (
    Preset(
        name="trl-stepwise",
        about="stepwise supervision: `prompt`, `completions`, `labels`",
        kept="every step and its label",
        refused="a row with more or fewer labels than steps",
        columns=frozenset({"prompt", "completions", "labels"}),
        fits=_fits,
        rows=_solution,
        example={
            "prompt": "2+2*3?",
            "completions": ["2*3 is 6.", "2+6 is 9."],
            "labels": [True, False],
        },
        kind="steps",
    ),
)
