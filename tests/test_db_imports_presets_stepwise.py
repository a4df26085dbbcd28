"""PRM800K, Math-Shepherd and TRL's stepwise rows: every rating of every solution."""

from typing import Any

import pytest
from preset_rows import one

from db.imports import steps
from db.imports.fields import BadRow, Row
from db.imports.presets import fitting, named


def step(*ratings: Any, chosen: int | None = 0, human: Any = None, at: int = 1) -> Row:
    return {
        "completions": [
            {"text": f"{at}.{i}", "rating": rating, "flagged": None}
            for i, rating in enumerate(ratings)
        ],
        "human_completion": human,
        "chosen_completion": chosen,
    }


def labelled(*made: Row, reason: str = "solution") -> Row:
    label = {"steps": list(made), "total_time": 1, "finish_reason": reason}
    return {"question": {"problem": "Q"}, "label": label, "labeler": "u"}


def solutions(row: Row) -> list[tuple[list[str], list[Any]]]:
    found = named("prm800k").rows(row)
    assert all(steps.parse(each).labels == tuple(each["ratings"]) for each in found)
    assert {each["prompt"] for each in found} == {"Q"}
    return [(each["steps"], each["ratings"]) for each in found]


def test_each_alternative_ends_a_solution_of_its_own() -> None:
    row = labelled(step(1, -1), step(0, None, chosen=0, at=2), step(1, at=3))
    assert solutions(row) == [
        (["1.1"], [-1]),
        (["1.0", "2.1"], [1, None]),
        (["1.0", "2.0", "3.0"], [1, 0, 1]),
    ]


def test_a_labelling_that_stops_at_an_error_ends_in_its_completions() -> None:
    row = labelled(step(1), step(-1, 0, chosen=None, at=2), reason="found_error")
    assert solutions(row) == [(["1.0", "2.0"], [1, -1]), (["1.0", "2.1"], [1, 0])]


@pytest.mark.parametrize("written", ["by hand", {"text": "by hand", "rating": None}])
def test_a_step_that_the_labeler_wrote_is_right(written: Any) -> None:
    row = labelled(step(-1, chosen=None, human=written), step(1, at=2))
    assert solutions(row) == [(["1.0"], [-1]), (["by hand", "2.0"], [1, 1])]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (labelled(step(1), reason="bad_problem"), "called the problem broken"),
        (labelled(step(None)), "no step is rated"),
        (labelled(), "label.steps must be a list"),
        (labelled(step(2)), "rating is 2"),
        (labelled(step(True)), "rating is True"),
        (labelled(step(1, chosen=3)), "chosen_completion is 3"),
        (labelled(step()), "chosen_completion names no completion"),
        ({"question": None, "label": None}, "must be objects"),
    ],
)
def test_what_prm800k_cannot_say_is_refused(bad: Row, reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        named("prm800k").rows(bad)


def shepherd(*marks: str) -> Row:
    texts = [f"Step {n}: s{n}. " for n in range(1, len(marks) + 1)]
    return {
        "input": "What? " + "\n".join(text + "ки" for text in texts),
        "label": "What? " + "\n".join(t + mark for t, mark in zip(texts, marks, strict=True)),
        "task": "MATH",
    }


def test_marks_stand_where_the_letters_are() -> None:
    row = one("math-shepherd", shepherd("+", "-", "+"))
    assert row == {
        "prompt": "What?",
        "steps": ["Step 1: s1.", "Step 2: s2.", "Step 3: s3."],
        "labels": ["+", "-", "+"],
    }
    assert steps.parse(row).labels == (1, -1, 1)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({**shepherd("+"), "label": "What? Step 1: s1. ?"}, "must have . or - where"),
        ({**shepherd("+"), "input": shepherd("+")["input"] + " more"}, "goes on after the last"),
        ({"input": "No steps ки", "label": "No steps +"}, "must begin with the problem"),
        ({"input": "Step 1: s ки", "label": "Step 1: s +"}, "must begin with the problem"),
        ({"input": "Nothing", "label": "Nothing"}, "must have . or - where"),
        ({"input": "Q", "label": None}, "label is missing"),
    ],
)
def test_what_math_shepherd_cannot_say_is_refused(bad: Row, reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        named("math-shepherd").rows(bad)


def test_rows_of_trl_are_found_by_their_lists() -> None:
    row = {"prompt": "Q", "completions": ["a", "b"], "labels": [True, False]}
    assert fitting(frozenset(row), [row]) is named("trl-stepwise")
    assert steps.parse(one("trl-stepwise", row)).labels == (1, -1)
    with pytest.raises(BadRow, match="must be lists"):
        one("trl-stepwise", {**row, "labels": None})
