"""PandaLM's test set: two responses that three people compared.

Source: github.com/WeOpenML/PandaLM, README.md ("Human-annotated test data") and
`data/compute_metrics.py`: 1 and 2 are the better response, 0 is a tie.
"""

import re
from typing import Any

from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.presets.preset import Columns, Preset

_CHOICES = {0: "tie", 1: "a", 2: "b"}
_ANNOTATOR = re.compile(r"annotator\d+")
_COLUMNS = frozenset({"idx", "cmp_key", "motivation_app", "instruction", "input"})
_COLUMNS |= {"response1", "response2", "annotator1", "annotator2", "annotator3"}


def _pair(row: Row) -> list[Row]:
    asked, more = fields.text(row, "instruction"), fields.optional_text(row, "input")
    people = sorted(n for n in row if _ANNOTATOR.fullmatch(n) and row[n] not in (None, ""))
    if not people:
        raise BadRow(None, "no annotator said anything; leave the row out")
    return [
        {
            "pair_id": None if row.get("idx") is None else f"pandalm:{fields.name(row, 'idx')}",
            "prompt": f"{asked}\n\n{more}" if more else asked,
            "response_a": fields.text(row, "response1"),
            "response_b": fields.text(row, "response2"),
            "domain": row.get("motivation_app") or None,
            "labels": [{"annotator": name, "choice": _choice(row, name)} for name in people],
        }
    ]


def _choice(row: Row, name: str) -> str:
    value: Any = fields.integer(row, name, None, 0, 2)
    return _CHOICES[value]


def _fits(columns: Columns, _: Row) -> bool:
    return {"instruction", "response1", "response2", "annotator1"} <= columns


PRESETS = (
    Preset(
        name="pandalm",
        about="the human-annotated test set",
        kept="the choice of each of `annotator1` to `annotator3` as a label of theirs; `input` as "
        "a part of the prompt, `motivation_app` as domain, `idx` as the pair's id, `pandalm:IDX`",
        refused="a choice that is not 0, 1 or 2",
        columns=_COLUMNS,
        dropped={"cmp_key": "names the two models, not which of them wrote what"},
        fits=_fits,
        rows=_pair,
        example={
            "idx": 7,
            "cmp_key": "m1_m2",
            "motivation_app": "maths",
            "instruction": "Name a prime.",
            "input": "Below ten.",
            "response1": "9",
            "response2": "7",
            "annotator1": 2,
            "annotator2": 2,
            "annotator3": 0,
        },
    ),
)
