"""Label Studio: annotations are labels of who completed them, predictions are votes."""

from typing import Any

import pytest
from preset_rows import one

from db.imports.fields import BadRow, Row


def result(value: Row, kind: str = "pairwise", to: str = "answer1,answer2", name: str = "c") -> Row:
    return {"from_name": name, "to_name": to, "type": kind, "value": value}


LEFT, RIGHT = result({"selected": "left"}), result({"selected": "right"})


def by(person: Any, *results: Row, **more: Any) -> Row:
    return {"id": 1, "completed_by": person, "result": list(results), **more}


def task(*annotations: Row, data: Row | None = None, **more: Any) -> Row:
    data = data or {"prompt": "Q", "answer1": "x", "answer2": "y"}
    return {"id": 7, "data": data, "annotations": list(annotations), **more}


def test_every_annotation_is_a_label_with_its_time() -> None:
    pair = one(
        "label-studio",
        task(
            by(3, LEFT, created_at="2026-01-31T12:00:00Z", lead_time=4.5),
            by({"id": 4, "email": "ada@example.org"}, RIGHT),
            by(5, LEFT, was_cancelled=True),
        ),
    )
    assert (pair["pair_id"], pair["prompt"]) == ("label-studio:7", "Q")
    assert (pair["response_a"], pair["response_b"]) == ("x", "y")
    first, second = pair["labels"]
    assert first == {
        "annotator": "3",
        "choice": "a",
        "created_at": "2026-01-31T12:00:00Z",
        "active_seconds": 4.5,
    }
    assert (second["annotator"], second["choice"]) == ("ada@example.org", "b")


@pytest.mark.parametrize(
    ("said", "choice"),
    [("Answer 1", "a"), ("response_b", "b"), ("Right is better", "b"), ("tie", "tie")],
)
def test_a_choice_that_names_a_side_is_a_comparison(said: str, choice: str) -> None:
    results = result({"choices": [said]}, "choices", "prompt")
    [label] = one("label-studio", task(by(3, results)))["labels"]
    assert label["choice"] == choice


def test_neither_is_a_tie_of_two_bad_answers() -> None:
    results = result({"choices": ["Neither"]}, "choices", "prompt")
    [label] = one("label-studio", task(by(3, results)))["labels"]
    assert (label["choice"], label["both_bad"]) == ("tie", True)


def test_all_that_is_said_beside_the_comparison_is_its_rationale() -> None:
    more = [
        result({"text": ["Too long."]}, "textarea", "prompt", "why"),
        result({"choices": ["rude", "wrong"]}, "choices", "prompt", "faults"),
        result({"rating": 2}, "rating", "answer1", "stars"),
    ]
    [label] = one("label-studio", task(by(3, RIGHT, *more)))["labels"]
    assert label["choice"] == "b"
    assert label["rationale"] == "Too long.\nfaults: rude, wrong\nanswer1: 2"


def test_two_ratings_are_the_choice_they_make() -> None:
    stars = [result({"rating": n}, "rating", f"answer{n}", "stars") for n in (1, 2)]
    [label] = one("label-studio", task(by(3, *stars)))["labels"]
    assert (label["choice"], label["rationale"]) == ("b", "answer1: 1\nanswer2: 2")


def test_the_tag_names_the_answers_and_the_template_of_two_texts_is_known() -> None:
    named = result({"selected": "left"}, to="mine,yours")
    pair = one("label-studio", task(by(3, named), data={"prompt": "Q", "mine": "m", "yours": "y"}))
    assert (pair["response_a"], pair["response_b"]) == ("m", "y")
    texts = {"question": "Q", "text1": "one", "text2": "two"}
    pair = one("label-studio", task(by(3, result({"selected": "left"}, to="t1,t2")), data=texts))
    assert (pair["prompt"], pair["response_a"]) == ("Q", "one")


def test_what_else_the_task_holds_is_kept_with_the_pair() -> None:
    data = {"prompt": "Q", "answer1": "x", "answer2": "y", "question": "?", "batch": 3}
    assert one("label-studio", task(by(3, LEFT), data=data))["meta"] == {
        "question": "?",
        "batch": 3,
    }


def test_predictions_are_votes_of_their_model() -> None:
    predicted = {"model_version": "m1", "score": 0.75, "result": [RIGHT]}
    pair = one("label-studio", task(predictions=[predicted]))
    assert pair["votes"] == [{"judge": "m1", "choice": "b", "confidence": 0.75}]
    assert "labels" not in pair


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (task(by(3, LEFT), data={"prompt": "Q", "left": "x"}), "data has left, prompt.*--map"),
        (task(by(3, LEFT), data={"answer1": "x", "answer2": "y"}), "data has no prompt.*--map"),
        (task(by(None, LEFT)), "completed_by is missing"),
        (task(by(3, LEFT, RIGHT)), "2 say which answer is better"),
        (task(by(3, result({"choices": ["Maybe"]}, "choices"))), "0 say which answer"),
        (task(by(3, result({"selected": "up"}))), "'up' does not say which answer"),
        (task(by(3, LEFT, was_cancelled=True)), "every annotation was skipped"),
        ({**task(), "annotations": [5]}, "annotations must be a list of objects"),
        ({**task(), "data": "Q"}, "data must be an object"),
        (task(predictions=[{"result": [LEFT]}]), "model_version is missing"),
    ],
)
def test_what_cannot_be_read_is_refused(bad: Row, reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        one("label-studio", bad)


MINIMAL: Row = {
    "id": 7,
    "prompt": "Q",
    "answer1": "x",
    "answer2": "y",
    "pw": [{"selected": "left"}],
    "annotator": 3,
    "annotation_id": 70,
    "lead_time": 4.5,
}


def test_json_min_is_one_annotation_a_row() -> None:
    pair = one("label-studio-min", MINIMAL)
    assert pair["pair_id"] == "label-studio:7"
    assert pair["labels"] == [
        {"annotator": "3", "choice": "a", "created_at": None, "active_seconds": 4.5}
    ]


def test_json_min_without_one_pairwise_column_is_refused() -> None:
    """A column that happens to hold "1" is no comparison."""
    row = {name: value for name, value in MINIMAL.items() if name != "pw"}
    with pytest.raises(BadRow, match=r"0 of the columns batch hold .*--map choice="):
        one("label-studio-min", {**row, "batch": "1"})
    with pytest.raises(BadRow, match="2 of the columns pw, again hold"):
        one("label-studio-min", {**MINIMAL, "again": MINIMAL["pw"]})
