"""Nectar: seven answers to a prompt, ranked by GPT-4.

Source: the dataset card of berkeley-nest/Nectar: `prompt` is a text of Human: and Assistant:
paragraphs that ends where the assistant is to answer, `answers` hold answer, model and rank.
"""

from db.imports.fields import BadRow, Row
from db.imports.presets.cells import listed, score_of
from db.imports.presets.preset import Preset, having, only_known
from db.imports.presets.transcripts import asked

_ANSWER = frozenset({"answer", "model", "rank"})


def _rows(row: Row) -> list[Row]:
    answers = [
        only_known(item, _ANSWER, "answers") for item in listed(row.get("answers"), "answers")
    ]
    if len(answers) < 2:
        raise BadRow(len(answers), "answers must hold two or more")
    found: Row = {
        "prompt": asked(row.get("prompt"), "prompt"),
        "responses": [_response(answer, len(answers)) for answer in answers],
    }
    source = row.get("source")
    if source:
        found["source"] = ", ".join(source) if isinstance(source, list) else source
    if row.get("good_natured") is not None:
        found["meta"] = {"good_natured": row["good_natured"]}
    return [found]


def _response(answer: Row, count: int) -> Row:
    rating = {"judge": "gpt-4", "score": count + 1 - score_of(answer, "rank")}
    return {"text": answer.get("answer"), "model": answer.get("model"), "ratings": [rating]}


PRESETS = (
    Preset(
        name="nectar",
        about="`prompt` of Human: and Assistant: paragraphs, `answers` with a model and a rank",
        kept="all answers; each rank as a rating by the judge gpt-4: of n answers the first has "
        "the score n; `good_natured` in `meta`",
        refused="a prompt that does not end with what the human said; an answer without a rank",
        columns=frozenset({"prompt", "answers", "turns", "num_responses", "source"})
        | {"good_natured"},
        dropped={"turns": "the number of turns", "num_responses": "the number of answers"},
        fits=having("prompt", "answers"),
        rows=_rows,
        example={
            "prompt": "\n\nHuman: Name a prime.\n\nAssistant: ",
            "answers": [
                {"answer": "7", "model": "m1", "rank": 1.0},
                {"answer": "9", "model": "m2", "rank": 2.0},
            ],
            "turns": 1,
            "num_responses": 2,
            "source": ["mine"],
            "good_natured": True,
        },
        kind="candidates",
    ),
)
