"""PRM800K: solutions whose steps people rated 1, 0 or -1, with alternatives to some steps.

Source: github.com/openai/prm800k, README.md ("Data"). A step has rated `completions`; the one that
the solution goes on with is `chosen_completion`, or a `human_completion`, which a labeler could
write where all were rated -1 and which counts as 1. Each completion that was not gone on with is
the end of a solution of its own, as in `examples/datasets/prm800k.py` of huggingface/trl.
"""

from collections.abc import Iterator
from typing import Any

from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.presets.inner import beyond, objects
from db.imports.presets.preset import Preset

_LEFT_OUT = {
    "question.ground_truth_solution": "a solution without ratings",
    "question.ground_truth_answer": "an answer without ratings",
    "question.pre_generated_steps": "the steps again, and those that nobody rated",
    "question.pre_generated_answer": "an answer without ratings",
    "question.pre_generated_verifier_score": "a score of another model",
    "label.total_time": "the time for all steps together",
    "label.finish_reason": "why the labeler stopped",
    "label.steps.completions.flagged": "a labeler's doubt; the rating beside it is taken",
    "label.steps.human_completion.rating": "what a labeler wrote counts as 1",
    "label.steps.human_completion.flagged": "a labeler's doubt; the rating beside it is taken",
    "label.steps.human_completion.source": "says that a labeler wrote it",
    "label.steps.human_completion.corrected_rating": "what a labeler wrote counts as 1",
}
_INNER = {
    "question": "problem ground_truth_solution ground_truth_answer pre_generated_steps "
    "pre_generated_answer pre_generated_verifier_score",
    "label": "steps total_time finish_reason",
    "label.steps": "completions human_completion chosen_completion",
    "label.steps.completions": "text rating flagged",
    "label.steps.human_completion": "text rating flagged source corrected_rating",
}
_RATINGS = (1, 0, -1, None)


def _solutions(row: Row) -> list[Row]:
    question, label = row.get("question"), row.get("label")
    if not isinstance(question, dict) or not isinstance(label, dict):
        raise BadRow(None, "question and label must be objects")
    if label.get("finish_reason") == "bad_problem":
        raise BadRow("bad_problem", "the labeler called the problem broken; leave the row out")
    prompt = fields.text(question, "problem")
    steps = label.get("steps")
    if not isinstance(steps, list) or not steps:
        raise BadRow(steps, "label.steps must be a list of one or more steps")
    so_far: list[tuple[str, Any]] = []
    found: list[list[tuple[str, Any]]] = []
    for step in steps:
        chosen, others = _completions(step)
        found += [[*so_far, other] for other in others]
        if chosen is None:
            break
        so_far = [*so_far, chosen]
    else:
        found.append(so_far)
    rated = [one for one in found if any(rating is not None for _, rating in one)]
    if not rated:
        raise BadRow(None, "no step is rated")
    return [
        {
            "prompt": prompt,
            "steps": [text for text, _ in one],
            "ratings": [rating for _, rating in one],
        }
        for one in rated
    ]


def _completions(step: Any) -> tuple[tuple[str, Any] | None, list[tuple[str, Any]]]:
    """What a solution goes on with after this step, and the alternatives, each with its rating."""
    if not isinstance(step, dict):
        raise BadRow(step, "a step must be an object")
    offered = [_rated(each) for each in step.get("completions") or []]
    chosen = fields.integer(step, "chosen_completion", None, 0, max(len(offered) - 1, 0))
    if chosen is not None and not offered:
        raise BadRow(chosen, "chosen_completion names no completion of its step")
    if chosen is not None:
        return offered[chosen], offered[:chosen] + offered[chosen + 1 :]
    written = step.get("human_completion")
    if written is None:
        return None, offered
    text = written.get("text") if isinstance(written, dict) else written
    return (fields.text({"human_completion": text}, "human_completion"), 1), offered


def _unread(row: Row) -> Iterator[str]:
    """Keys that are not read, and what a labeler wrote beside the step that was gone on with."""
    yield from beyond(_INNER)(row)
    for step in objects(row, ("label", "steps")):
        if step.get("chosen_completion") is not None and step.get("human_completion") is not None:
            yield "label.steps.human_completion beside chosen_completion"


def _rated(completion: Any) -> tuple[str, Any]:
    if not isinstance(completion, dict):
        raise BadRow(completion, "a completion must be an object with text and rating")
    rating = completion.get("rating")
    if rating not in _RATINGS or isinstance(rating, bool):
        raise BadRow(rating, f"rating is {rating!r}; it must be 1, 0, -1 or null")
    return fields.text(completion, "text"), rating


PRESETS = (
    Preset(
        name="prm800k",
        about="labelled solutions (both phases)",
        kept="every solution from the first step on: the one gone on with, and one for each "
        "alternative, which ends it; ratings 1, 0, -1 and null of all its steps",
        refused="a problem that the labeler called broken; a solution without any rating",
        columns=frozenset(
            {"question", "label", "labeler", "timestamp", "generation"}
            | {"is_quality_control_question", "is_initial_screening_question"}
        ),
        dropped={
            "labeler": "solutions have no signer",
            "timestamp": "when it was submitted",
            "generation": "a round of the collection",
            "is_quality_control_question": "served to every labeler; of several ratings of one "
            "solution the first stays",
            "is_initial_screening_question": "served to every labeler, likewise",
            **_LEFT_OUT,
        },
        inside=_unread,
        fits=lambda columns, row: (
            {"question", "label"} <= columns
            and isinstance(row.get("label"), dict)
            and "steps" in row["label"]
        ),
        rows=_solutions,
        example={
            "labeler": "ada",
            "timestamp": "2026-01-31T12:00:00",
            "generation": None,
            "is_quality_control_question": False,
            "is_initial_screening_question": False,
            "question": {"problem": "2+2*3?", "ground_truth_answer": "8"},
            "label": {
                "steps": [
                    {
                        "completions": [
                            {"text": "2*3 is 6.", "rating": 1, "flagged": None},
                            {"text": "2+2 is 4.", "rating": -1, "flagged": None},
                        ],
                        "human_completion": None,
                        "chosen_completion": 0,
                    },
                    {
                        "completions": [{"text": "2+6 is 8.", "rating": 1, "flagged": None}],
                        "human_completion": None,
                        "chosen_completion": 0,
                    },
                ],
                "total_time": 9000,
                "finish_reason": "solution",
            },
        },
        kind="steps",
    ),
)
