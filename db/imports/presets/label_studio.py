"""Label Studio: tasks with two answers that people compared (JSON and JSON_MIN exports).

Source: labelstud.io/guide/task_format ("data", "annotations", "predictions"), the templates
"Human preference collection" (`prompt`, `answer1`, `answer2`) and "Pairwise comparison" (`text1`,
`text2`), and `converter/utils.py` of github.com/HumanSignal/label-studio-sdk (what JSON_MIN makes
of a result). A Pairwise tag gives `left` or `right`: the first or second name of its `toName`.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from db.imports import fields
from db.imports.fields import BadRow, Row
from db.imports.presets.inner import beyond, objects
from db.imports.presets.preset import Columns, Preset
from db.imports.ratings import better

_SIDES = (("answer1", "answer2"), ("text1", "text2"), ("response1", "response2"))
_PROMPTS = ("prompt", "question", "instruction")
_TASK = frozenset({"id", "data", "annotations", "predictions", "meta", "created_at", "updated_at"})
_TASK |= {"inner_id", "project", "updated_by", "file_upload", "drafts", "total_annotations"}
_TASK |= {"cancelled_annotations", "total_predictions", "comment_count", "comment_authors"}
_TASK |= {"unresolved_comment_count", "last_comment_updated_at", "allow_skip"}
_TASK_ONLY = sorted(_TASK - {"id", "data", "annotations", "predictions", "drafts"})
_MINIMAL = frozenset({"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time"})
_TEXTS = frozenset({name for pair in _SIDES for name in pair} | set(_PROMPTS))
_MINIMAL |= _TEXTS
_ABOUT_RESULT = {
    "from_name": "names a tag of the labelling page",
    "to_name": "names what a tag is about",
    "type": "the kind of a tag",
    "id": "names a result",
    "origin": "whether a person or a model made the result first",
    "readonly": "how a tag is shown",
    "hidden": "how a tag is shown",
    "score": "of one result; that of the whole prediction is read",
    "meta": "a note on where a tag stands",
    "parentID": "names a result",
}
_ABOUT_PERSON = dict.fromkeys(
    ("id", "first_name", "last_name", "username", "initials", "avatar", "phone", "last_activity"),
    "of who annotated, the address is the name, or else the number",
)
_ABOUT_ANNOTATION = dict.fromkeys(
    (
        *("id", "unique_id", "import_id", "task", "project", "updated_at", "updated_by"),
        *("draft_created_at", "result_count", "last_action", "last_created_by", "bulk_created"),
        *("prediction", "parent_prediction", "parent_annotation", "created_username"),
        *("created_ago", "was_postponed"),
    ),
    "how the tool keeps it",
)
_ABOUT_PREDICTION = dict.fromkeys(
    (
        *("id", "task", "project", "created_at", "updated_at", "created_ago", "cluster"),
        *("neighbors", "mislabeling", "model", "model_run"),
    ),
    "how the tool keeps it",
)
_ANNOTATION = "completed_by result was_cancelled ground_truth created_at lead_time "
_INNER = {
    "annotations": _ANNOTATION + " ".join(_ABOUT_ANNOTATION),
    "annotations.completed_by": "email " + " ".join(_ABOUT_PERSON),
    "annotations.result": "value " + " ".join(_ABOUT_RESULT),
    "predictions": "result score model_version " + " ".join(_ABOUT_PREDICTION),
    "predictions.result": "value " + " ".join(_ABOUT_RESULT),
}
_SIDE = re.compile(
    r"(?:the )?(?:answer|response|text|option|output|model)?[ _#]?(1|2|a|b|left|right)"
    r"(?: (?:answer|response|one))?(?: is better)?"
)
_TIES = {"tie": False, "equal": False, "same": False, "both": False, "neither": True}
"""Words of a tie, and whether it says that both are bad."""


def _task(row: Row) -> list[Row]:
    data = row.get("data")
    if not isinstance(data, dict):
        raise BadRow(data, "data must be an object with the prompt and the two answers")
    annotations = _listed(row, "annotations")
    given = [each for each in annotations if not fields.flag(each, "was_cancelled")]
    predictions = _listed(row, "predictions")
    sides = _sides(data, [*given, *predictions])
    pair = _pair(data, sides, data) | {"pair_id": _named(row)}
    labels = [_label(each, sides) for each in given if each.get("result")]
    votes = [_vote(each, sides) for each in predictions if each.get("result")]
    if annotations and not labels:
        raise BadRow(row.get("id"), "every annotation was skipped or is empty; leave the task out")
    return [pair | ({"labels": labels} if labels else {}) | ({"votes": votes} if votes else {})]


def _minimal(row: Row) -> list[Row]:
    """One annotation of JSON_MIN, where data and results stand beside each other.

    Only a Pairwise tag can be told from the data there.
    """
    sides = _sides(row, [])
    names = [name for name in row if name not in _MINIMAL]
    said = [found for name in names if (found := _selected(row[name])) is not None]
    if len(said) != 1:
        raise BadRow(
            names,
            f"{len(said)} of the columns {', '.join(names) or '(none)'} hold what a Pairwise tag "
            "says; say which one does with --map choice=COLUMN:left>a,right>b",
        )
    label = {"annotator": fields.name(row, "annotator"), **_needed(said[0]), **_when(row)}
    known = {name: row[name] for name in _TEXTS & row.keys()}
    return [{**_pair(row, sides, known), "pair_id": _named(row), "labels": [label]}]


def _selected(value: Any) -> Any:
    """What a Pairwise tag says in JSON_MIN; None for any other column."""
    one = value[0] if isinstance(value, list) and len(value) == 1 else None
    return one.get("selected") if isinstance(one, dict) else None


def _named(row: Row) -> str | None:
    """Tasks are numbered, and so is much else; the tool's name before it keeps them apart."""
    number = fields.optional_name(row, "id")
    return None if number is None else f"label-studio:{number}"


def _pair(data: Row, sides: tuple[str, str], all_of_it: Row) -> Row:
    """Prompt and answers; what else there is of `all_of_it` is kept with them."""
    prompt = next((name for name in _PROMPTS if data.get(name) is not None), None)
    if prompt is None:
        keys = ", ".join(sorted(data))
        raise BadRow(None, f"data has no prompt; it has {keys}; say which is it with --map prompt=")
    used = {prompt, *sides}
    meta = {name: value for name, value in all_of_it.items() if name not in used}
    return {
        "prompt": data[prompt],
        "response_a": data[sides[0]],
        "response_b": data[sides[1]],
        "meta": {name: value for name, value in meta.items() if value is not None} or None,
    }


def _sides(data: Row, annotations: list[Row]) -> tuple[str, str]:
    """The names of the two answers: as the Pairwise tag names them, else as the templates do."""
    named = [
        tuple(str(result.get("to_name")).split(","))
        for annotation in annotations
        for result in annotation.get("result") or []
        if isinstance(result, dict)
    ]
    for left, right in [*(pair for pair in named if len(pair) == 2), *_SIDES]:
        if left in data and right in data:
            return left, right
    keys = ", ".join(sorted(data))
    raise BadRow(
        keys,
        f"data has {keys}, and none of answer1/answer2, text1/text2; say which are the two answers "
        "with --map response_a=data.LEFT,response_b=data.RIGHT",
    )


def _label(annotation: Row, sides: tuple[str, str]) -> Row:
    return {
        "annotator": _person(annotation.get("completed_by")),
        **_opinion(annotation, sides),
        **_when(annotation),
    }


def _vote(prediction: Row, sides: tuple[str, str]) -> Row:
    sure = fields.number(prediction, "score", -1e9, 1e9)
    return {
        "judge": fields.name({"model_version": prediction.get("model_version")}, "model_version"),
        **_opinion(prediction, sides),
        "confidence": sure if sure is not None and 0 <= sure <= 1 else None,
    }


def _opinion(annotation: Row, sides: tuple[str, str]) -> Row:
    """The one comparison among the results: of a Pairwise tag, of a choice that names a side, or of
    a rating for each answer. All other results are its rationale.
    """
    results = annotation["result"]
    values = [result.get("value") or {} for result in results]
    found = [i for i, value in enumerate(values) if "selected" in value]
    found = found or [i for i, value in enumerate(values) if _of_choices(value) is not None]
    rated = {
        result.get("to_name"): fields.number(value, "rating", -1e6, 1e6)
        for result, value in zip(results, values, strict=True)
        if "rating" in value
    }
    words = [
        _words(r, v) for i, (r, v) in enumerate(zip(results, values, strict=True)) if i not in found
    ]
    rationale = {"rationale": "\n".join(words)} if words else {}
    if not found and set(rated) == set(sides):
        return {"choice": better(*(rated[side] or 0.0 for side in sides)).value, **rationale}
    if len(found) != 1:
        told = ", ".join(sorted({str(result.get("type")) for result in results}))
        raise BadRow(
            told, f"of the results ({told}) {len(found)} say which answer is better; one must"
        )
    value = values[found[0]]
    return {
        **_needed(value["selected"] if "selected" in value else value["choices"][0]),
        **rationale,
    }


def _words(result: Row, value: Row) -> str:
    """A result beside the comparison, as words: a text as it is, anything else by its name."""
    said = value["text"] if "text" in value else value.get(str(result.get("type")), value)
    texts = said if isinstance(said, list) else [said]
    told = ", ".join(each if isinstance(each, str) else json.dumps(each) for each in texts)
    where = result.get("to_name") if "rating" in value else result.get("from_name")
    return told if "text" in value else f"{where}: {told}"


def _of_choices(value: Row) -> Row | None:
    said = value.get("choices")
    return _choice(said[0]) if isinstance(said, list) and len(said) == 1 else None


def _needed(said: Any) -> Row:
    found = _choice(said)
    if found is None:
        raise BadRow(said, f"{said!r} does not say which answer is better; left and right do")
    return found


def _choice(said: Any) -> Row | None:
    """`left`, `Answer 1`, `response_b`, `tie`; None where that is no side."""
    words = str(said).strip().lower()
    side = _SIDE.fullmatch(words)
    if side is not None:
        return {"choice": "a" if side[1] in ("1", "a", "left") else "b"}
    return {"choice": "tie", "both_bad": _TIES[words]} if words in _TIES else None


def _person(completed_by: Any) -> str:
    """The address of who annotated, where the export tells it, else their number."""
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("email") or completed_by.get("id")
    return fields.name({"completed_by": completed_by}, "completed_by")


def _when(row: Row) -> Row:
    seconds = fields.number(row, "lead_time", 0, 1e9)
    return {"created_at": row.get("created_at"), "active_seconds": seconds}


def _listed(row: Row, name: str) -> list[Row]:
    value = row.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise BadRow(value, f"{name} must be a list of objects; export with their contents")
    return value


def _unread(row: Row) -> Iterator[str]:
    """Keys inside annotations and predictions that are not read, also beside a comparison."""
    yield from beyond(_INNER)(row)
    for of in ("annotations", "predictions"):
        for value in objects(row, (of, "result", "value")):
            if "selected" in value:
                yield from (f"{of}.result.value.{key}" for key in value if key != "selected")


def _unread_minimal(row: Row) -> Iterator[str]:
    """Keys beside what a Pairwise tag says."""
    for name, value in row.items():
        if _selected(value) is not None:
            yield from (f"{name}.{key}" for key in value[0] if key != "selected")


def _fits_minimal(columns: Columns, row: Row) -> bool:
    known = {"annotator", "annotation_id", "lead_time"} <= columns
    return known and any(set(pair) <= columns for pair in _SIDES)


_LEFT_OUT = {
    "updated_at": "when the task was last touched",
    "annotation_id": "names an annotation, as task and annotator do together",
}

PRESETS = (
    Preset(
        name="label-studio",
        about="JSON export of a project in which people compare two answers",
        kept="every annotation as a label of `completed_by` (the address, else the number), with "
        "its time, its `lead_time` and all its other results as the rationale; two ratings as the "
        "choice they make; predictions as votes of their `model_version`; the task's `id` as "
        "`label-studio:ID`; all else of its `data` in `meta`",
        refused="a task without a prompt or without two answers; an annotation that makes no "
        "comparison or several",
        columns=_TASK,
        dropped=dict.fromkeys(_TASK_ONLY, "about the task, not about its answers")
        | {
            "annotations.was_cancelled": "a skipped annotation is left out",
            "annotations.ground_truth": "a label like any other; give gold to `import gold`",
            "drafts": "what was not submitted",
            **{f"annotations.{key}": why for key, why in _ABOUT_ANNOTATION.items()},
            **{f"annotations.completed_by.{key}": why for key, why in _ABOUT_PERSON.items()},
            **{f"annotations.result.{key}": why for key, why in _ABOUT_RESULT.items()},
            **{f"predictions.{key}": why for key, why in _ABOUT_PREDICTION.items()},
            **{f"predictions.result.{key}": why for key, why in _ABOUT_RESULT.items()},
        },
        inside=_unread,
        fits=lambda columns, row: (
            {"data", "annotations"} <= columns and isinstance(row.get("data"), dict)
        ),
        rows=_task,
        example={
            "id": 7,
            "data": {"prompt": "Name a prime.", "answer1": "9", "answer2": "7"},
            "annotations": [
                {
                    "id": 70,
                    "completed_by": {"id": 3, "email": "ada@example.org"},
                    "result": [
                        {
                            "from_name": "comparison",
                            "to_name": "answer1,answer2",
                            "type": "pairwise",
                            "value": {"selected": "right"},
                        }
                    ],
                    "was_cancelled": False,
                    "ground_truth": False,
                    "created_at": "2026-01-31T12:00:00Z",
                    "lead_time": 12.5,
                }
            ],
            "predictions": [],
            "project": 1,
        },
    ),
    Preset(
        name="label-studio-min",
        about="JSON_MIN export of such a project: one annotation a row",
        kept="`annotator`, `lead_time` and the time of each annotation; the task's `id` as "
        "`label-studio:ID`",
        refused="a row in which no column, or several, holds what a Pairwise tag says",
        columns=_MINIMAL,
        also=lambda _, row: frozenset(
            n for n, value in row.items() if _selected(value) is not None
        ),
        dropped=_LEFT_OUT,
        inside=_unread_minimal,
        fits=_fits_minimal,
        rows=_minimal,
        example={
            "id": 7,
            "prompt": "Name a prime.",
            "answer1": "9",
            "answer2": "7",
            "comparison": [{"selected": "right"}],
            "annotator": 3,
            "annotation_id": 70,
            "created_at": "2026-01-31T12:00:00Z",
            "updated_at": "2026-01-31T12:00:00Z",
            "lead_time": 12.5,
        },
    ),
)
