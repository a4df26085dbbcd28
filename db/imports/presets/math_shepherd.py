"""Math-Shepherd: solutions whose steps a model's own attempts at finishing them marked + or -.

Source: the card of the data set peiyi9979/Math-Shepherd: `input` is the problem and its steps, each
ended by the letters `ки`; `label` is the same text with + or - in their place. The first step
begins at "Step 1:" (some texts write "step 1:").
"""

import re

from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.presets.preset import Preset, having

_END = "ки"
_FIRST = re.compile(r"\bstep 1:", re.IGNORECASE)


def _solution(row: Row) -> list[Row]:
    text, marked = fields.text(row, "input"), fields.text(row, "label")
    parts = text.split(_END)
    marks, place = [], -1
    for part in parts[:-1]:
        place += len(part) + 1
        marks.append(marked[place : place + 1])
    if not marks or set(marks) - {"+", "-"}:
        raise BadRow(
            "".join(marks)[:80], f"label must have + or - where input has {_END}, at every step"
        )
    if parts[-1].strip():
        raise BadRow(parts[-1][:80], f"input goes on after the last {_END}; a step has no mark")
    first = _FIRST.search(parts[0])
    if first is None or not parts[0][: first.start()].strip():
        raise BadRow(parts[0][:80], 'input must begin with the problem and then "Step 1:"')
    steps = [parts[0][first.start() :], *parts[1:-1]]
    return [
        {
            "prompt": parts[0][: first.start()].strip(),
            "steps": [step.strip() for step in steps],
            "labels": marks,
        }
    ]


PRESETS = (
    Preset(
        name="math-shepherd",
        about="problem, steps and their marks in two texts",
        kept="the problem, each step and its mark",
        refused='a text without "Step 1:", and one whose marks are not at the ends of its steps',
        columns=frozenset({"input", "label", "task"}),
        dropped={"task": "the benchmark that the problem is from"},
        fits=lambda columns, row: (
            having("input", "label")(columns, row) and _END in str(row.get("input"))
        ),
        rows=_solution,
        example={
            "input": "2+2*3? Step 1: 2*3 is 6. ки\nStep 2: 2+6 is 9. ки",
            "label": "2+2*3? Step 1: 2*3 is 6. +\nStep 2: 2+6 is 9. -",
            "task": "GSM8K",
        },
        kind="steps",
    ),
)
