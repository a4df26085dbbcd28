"""UltraFeedback: four responses to an instruction, rated by GPT-4, and the pairs made of them.

Source: the dataset cards of openbmb/UltraFeedback (`completions` with `overall_score`, `critique`
and `annotations` of four aspects), HuggingFaceH4/ultrafeedback_binarized (`score_chosen`,
`score_rejected`, `messages`) and argilla/ultrafeedback-binarized-preferences-cleaned
(`chosen-rating`, `chosen-model`). All ratings are GPT-4's, so they are votes of that judge.
"""

from db.imports.fields import BadRow, Row
from db.imports.presets.cells import listed, score_of
from db.imports.presets.parting import separated
from db.imports.presets.preferred import preferred
from db.imports.presets.preset import Columns, Preset, having, only_known

_JUDGE = "gpt-4"
_COMPLETION = frozenset(
    {"annotations", "critique", "custom_system_prompt", "fine-grained_score", "model"}
    | {"overall_score", "principle", "response"}
)
_BINARIZED = frozenset({"prompt", "prompt_id", "chosen", "rejected", "messages"}) | {
    "score_chosen",
    "score_rejected",
}
_CLEANED = frozenset({"source", "prompt", "chosen", "rejected"}) | {
    f"{side}-{what}" for side in ("chosen", "rejected") for what in ("rating", "model")
}


def _candidates(row: Row) -> list[Row]:
    completions = listed(row.get("completions"), "completions")
    if len(completions) < 2:
        raise BadRow(len(completions), "completions must hold two or more")
    found: Row = {
        "prompt": row.get("instruction"),
        "responses": [_response(item) for item in completions],
        "source": row.get("source"),
        "meta": {k: row[k] for k in ("correct_answers", "incorrect_answers") if row.get(k)} or None,
    }
    return [{name: value for name, value in found.items() if value is not None}]


def _response(item: object) -> Row:
    completion = only_known(item, _COMPLETION, "completions")
    response: Row = {"text": completion.get("response"), "model": completion.get("model")}
    if completion.get("overall_score") is not None:
        rating = {"judge": _JUDGE, "score": score_of(completion, "overall_score")}
        if completion.get("critique"):
            rating["rationale"] = completion["critique"]
        response["ratings"] = [rating]
    return response


def _binarized(row: Row) -> list[Row]:
    """Of either data set; they name scores and models in their own ways."""
    prompt, chosen, rejected = separated(row.get("prompt"), row.get("chosen"), row.get("rejected"))
    told = row.get("messages")
    if told is not None and told != row["chosen"]:
        raise BadRow(None, "messages are not the chosen dialogue again, so they would be lost")
    cleaned = row.get("chosen-rating") is not None or row.get("rejected-rating") is not None
    names = ("chosen-rating", "rejected-rating") if cleaned else ("score_chosen", "score_rejected")
    return [
        preferred(
            prompt,
            chosen,
            rejected,
            models=(row.get("chosen-model"), row.get("rejected-model")),
            vote={"judge": _JUDGE},
            scores=(score_of(row, names[0]), score_of(row, names[1])),
            source=row.get("source"),
            meta=None if row.get("prompt_id") is None else {"prompt_id": row["prompt_id"]},
        )
    ]


def _fits_binarized(columns: Columns, row: Row) -> bool:
    return columns >= _BINARIZED or columns >= _CLEANED - {"source"}


PRESETS = (
    Preset(
        name="ultrafeedback",
        about="`instruction` and `completions` with a model, a response and an `overall_score`",
        kept="all responses; each overall score with its critique as a rating by the judge gpt-4; "
        "reference answers in `meta`",
        refused="fewer than two completions, a score that is no number, keys of a completion that "
        "are not known",
        columns=frozenset({"source", "instruction", "models", "completions"})
        | {"correct_answers", "incorrect_answers"},
        dropped={
            "models": "the same names stand in `completions`",
            "completions.annotations": "ratings of single aspects; the overall score is kept",
            "completions.fine-grained_score": "the mean of the single aspects",
            "completions.custom_system_prompt": "differs between the responses, so it is no part "
            "of the prompt they share",
            "completions.principle": "the name of that system prompt",
        },
        fits=having("instruction", "completions"),
        rows=_candidates,
        example={
            "source": "mine",
            "instruction": "Name a prime.",
            "models": ["m1", "m2"],
            "completions": [
                {
                    "model": "m1",
                    "response": "7",
                    "overall_score": 9.0,
                    "critique": "Right.",
                    "annotations": {"helpfulness": {"Rating": "5", "Rationale": "Right."}},
                },
                {"model": "m2", "response": "9", "overall_score": 2.0, "critique": "9 is 3 * 3."},
            ],
        },
        kind="candidates",
    ),
    Preset(
        name="ultrafeedback-binarized",
        about="pairs of it: `chosen` and `rejected` dialogues with `score_chosen` and "
        "`score_rejected`, or with `chosen-rating` and `chosen-model`",
        kept="a vote of the judge gpt-4 with both scores, equal ones are a tie; `prompt_id` in "
        "`meta`",
        refused="a pair without scores, or whose rejected response has the higher one; messages "
        "that are not the chosen dialogue again",
        columns=_BINARIZED | _CLEANED,
        dropped={"messages": "the chosen dialogue again"},
        fits=_fits_binarized,
        rows=_binarized,
        example={
            "prompt": "Name a prime.",
            "prompt_id": "5d1f",
            "chosen": [
                {"role": "user", "content": "Name a prime."},
                {"role": "assistant", "content": "7"},
            ],
            "rejected": [
                {"role": "user", "content": "Name a prime."},
                {"role": "assistant", "content": "9"},
            ],
            "messages": [
                {"role": "user", "content": "Name a prime."},
                {"role": "assistant", "content": "7"},
            ],
            "score_chosen": 9.0,
            "score_rejected": 2.0,
        },
    ),
)
