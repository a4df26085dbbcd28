"""AlpacaEval: outputs of models, and what annotators prefer of two of them.

Source: github.com/tatsu-lab/alpaca_eval, README.md ("model_outputs", "annotations.json") and
`annotators/pairwise_evaluator.py` (what a preference may be, and that an `input` is appended to the
instruction); the cards of the data set tatsu-lab/alpaca_eval, whose human annotations have a number
for an annotator. The evaluator draws the order it shows the outputs in and does not write it down.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from db.files.line import Line
from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.presets.alone import Alone, together
from db.imports.presets.preset import Preset, Read, alone, having

_ABOUT = frozenset({"instruction", "input", "dataset", "datasplit"})


def _annotation(row: Row) -> list[Row]:
    choice, confidence = _preference(row.get("preference"))
    opinion: Row = {"choice": choice}
    annotator: Any = row.get("annotator")
    person = isinstance(annotator, int | float) or str(annotator).isdigit()
    name = fields.name({"annotator": int(annotator) if person else annotator}, "annotator")
    pair: Row = {
        "prompt": _prompt(row),
        "response_a": fields.text(row, "output_1"),
        "response_b": fields.text(row, "output_2"),
        "model_a": row.get("generator_1"),
        "model_b": row.get("generator_2"),
        "source": row.get("dataset"),
    }
    if person and choice == "abstain":
        raise BadRow(row.get("preference"), "preference is missing, and a person's is needed")
    if person:
        pair["labels"] = [{"annotator": name, **opinion}]
    else:
        opinion |= {"confidence": confidence, "rationale": _said(row.get("raw_completion"))}
        pair["votes"] = [{"judge": name, "cost_usd": row.get("price_per_example"), **opinion}]
    return [pair]


def _preference(value: Any) -> tuple[str, float | None]:
    """The choice, and how sure it is: a preference between 1 and 2 says how likely output_2 wins.

    0 is what the evaluator gives two equal outputs; -1, null and NaN are an answer that it could
    not read.
    """
    number = fields.number({"preference": value}, "preference", -1, 2) if _there(value) else -1.0
    if number == -1:
        return "abstain", None
    if number in (0, 1.5):
        return "tie", None
    if number is None or number < 1:
        raise BadRow(value, f"preference is {value!r}; it must be 1, 2, or a number between them")
    sure = None if number in (1, 2) else max(number - 1, 2 - number)
    return ("a" if number < 1.5 else "b"), sure


def _there(value: Any) -> bool:
    return value not in (None, "") and not (isinstance(value, float) and math.isnan(value))


def _said(completion: Any) -> str | None:
    """The words of a judge: the completion, or the message of one that came with probabilities."""
    if isinstance(completion, dict):
        message = completion.get("message")
        completion = message.get("content") if isinstance(message, dict) else None
    return completion if isinstance(completion, str) and completion else None


def _prompt(row: Row) -> str:
    asked, more = fields.text(row, "instruction"), fields.optional_text(row, "input")
    return f"{asked}\n\n{more}" if more else asked


def _outputs(lines: Iterable[Line]) -> Iterator[Read]:
    found: list[Alone] = []
    for line in lines:
        try:
            with fields.one_reason():
                prompt, text = _prompt(line.row), fields.text(line.row, "output")
                response = {"text": text, "model": fields.name(line.row, "generator")}
        except BadRow as error:
            yield line, error
            continue
        about = {"prompt": prompt, "source": line.row.get("dataset")}
        found.append(Alone(line, prompt, about, response))
    yield from together(found)


PRESETS = (
    Preset(
        name="alpaca-eval",
        about="annotations: two outputs and which of them an annotator prefers",
        kept="`annotator` with a number as a person's label, any other as a judge's vote with its "
        "words, its price and, of a preference between 1 and 2, its confidence; both generators as "
        "models, `dataset` as source; an answer the evaluator could not read as an abstain",
        refused="a person without a preference",
        columns=_ABOUT
        | {"output_1", "output_2", "generator_1", "generator_2", "annotator", "preference"}
        | {"raw_completion", "price_per_example", "time_per_example"},
        dropped={
            "time_per_example": "how long the request took",
            "datasplit": "a split of the benchmark",
            "raw_completion.logprobs": "probabilities of tokens; the preference is made of them",
        },
        fits=having("instruction", "output_1", "output_2", "preference", "annotator"),
        rows=_annotation,
        example={
            "instruction": "Name a prime.",
            "output_1": "9",
            "output_2": "7",
            "generator_1": "m1",
            "generator_2": "m2",
            "dataset": "numbers",
            "annotator": "alpaca_eval_gpt4",
            "preference": 1.75,
            "raw_completion": "M is right.",
            "price_per_example": 0.001,
            "time_per_example": 0.5,
        },
    ),
    Preset(
        name="alpaca-eval-outputs",
        about="model outputs, of two or more generators or with a reference",
        kept="outputs to one `instruction` together, `generator` as model, `dataset` as source",
        refused="an instruction with one output",
        columns=_ABOUT | {"output", "generator"},
        dropped={"datasplit": "a split of the benchmark"},
        fits=having("instruction", "output", "generator"),
        rows=alone,
        whole=_outputs,
        example={
            "instruction": "Name a prime.",
            "output": "7",
            "generator": "m1",
            "dataset": "numbers",
        },
        beside=({"instruction": "Name a prime.", "output": "9", "generator": "m2"},),
        kind="candidates",
    ),
)
