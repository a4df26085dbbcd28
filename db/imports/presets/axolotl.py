"""Axolotl's preference rows: a question under one of five names, often with a `system` column.

Source: docs/rlhf.qmd of axolotl and its strategies for DPO, ORPO and KTO (`chat_template.default`
and `argilla_chat`; `chatml` and `llama3`: `argilla`, `icr`, `intel`, `prompt_pairs`, `ultra`;
`zephyr.nectar` is the preset nectar). A `user_defined` strategy is a mapping of columns: `--map`.
"""

from typing import Any

from db.imports.fields import BadRow, Row
from db.imports.presets.beside import BESIDE, beside
from db.imports.presets.cells import MEDIA, no_media, tools_of, yes
from db.imports.presets.parting import separated, with_system
from db.imports.presets.preferred import preferred
from db.imports.presets.preset import Columns, Preset, alone
from db.imports.presets.unpaired import JOINED, SAID, Unpaired, of_row, pairing

_ASKED = ("prompt", "input", "question", "instruction", "messages")
_CHOSEN, _REJECTED = ("chosen", "chosen_response"), ("rejected", "rejected_response")


def _fits(columns: Columns, row: Row) -> bool:
    answered = bool(columns & set(_CHOSEN)) and bool(columns & set(_REJECTED))
    asked = columns & set(_ASKED)
    if not answered or not asked:
        return False
    if "chosen_response" in columns:
        return True
    return "instruction" not in asked and ("system" in columns or "prompt" not in asked)


def _rows(row: Row) -> list[Row]:
    no_media(row)
    prompt, chosen, rejected = separated(
        _one_of(row, _ASKED), _one_of(row, _CHOSEN), _one_of(row, _REJECTED)
    )
    prompt = with_system(row.get("system"), prompt)
    return [preferred(prompt, chosen, rejected, tools=tools_of(row), **beside(row))]


def _fits_single(columns: Columns, row: Row) -> bool:
    asked = columns & set(_ASKED)
    known = {"completion", "label"} <= columns and bool(asked)
    return known and ("system" in columns or "prompt" not in asked)


def _single(row: Row) -> Unpaired:
    prompt = with_system(row.get("system"), _one_of(row, _ASKED))
    return of_row(row, prompt, row.get("completion"), yes(row, "label"))


def _one_of(row: Row, names: tuple[str, ...]) -> Any:
    """The one of these columns that has a value; an input may be empty. Raises BadRow for two."""
    there = [name for name in names if row.get(name) not in (None, "", [])]
    if len(there) > 1:
        raise BadRow(there, f"{there[0]} and {there[1]} both have a value; leave one of them out")
    return row[there[0]] if there else next((row[n] for n in names if row.get(n) == ""), None)


PRESETS = (
    Preset(
        name="axolotl",
        about="preference rows with `system`, and the prompt in `prompt`, `input`, `question`, "
        "`instruction` or `messages`; also `chosen_response` and `rejected_response`",
        kept="the system prompt as first message, all messages, `tools`; chosen as one label",
        refused="a prompt in two columns; a system prompt beside another one; `user_defined` "
        "strategies, which are a `--map`",
        columns=frozenset({*_ASKED, *_CHOSEN, *_REJECTED, "system", "tools"}) | BESIDE | MEDIA,
        fits=_fits,
        rows=_rows,
        example={
            "system": "Answer with a number.",
            "question": "Name a prime.",
            "chosen": "7",
            "rejected": "9",
        },
    ),
    Preset(
        name="axolotl-unpaired",
        about="rows of one response (KTO): the prompt in one of these columns, `system`, "
        "`completion`, `label` true or false",
        kept="the system prompt as first message; each true response beside each false one, as one "
        "label",
        refused="rows of a prompt that has true responses only, or false ones; a response called "
        "both; a prompt in two columns",
        columns=frozenset({*_ASKED, "system", "completion", "label"}) | SAID | MEDIA,
        dropped=JOINED,
        fits=_fits_single,
        rows=alone,
        whole=pairing(_single),
        example={"system": "Be brief.", "question": "Prime?", "completion": "7", "label": True},
        beside=({"system": "Be brief.", "question": "Prime?", "completion": "9", "label": False},),
    ),
)
