"""Stepwise rows go in whole: right, wrong, neutral and unrated steps, by the words of the file."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from import_worlds import rejected, take, write

from db.errors import BadInput
from db.imports import Kind, import_files, steps
from db.imports.fields import BadRow
from db.models import StepLabels
from db.session import Database
from db.step_labels import Solution, add_solutions, all_solutions


def row(labels: Any, *, name: str = "labels", prompt: str = "Q") -> dict[str, Any]:
    return {"prompt": prompt, "steps": [f"s{i}" for i in range(len(labels))], name: labels}


@pytest.mark.parametrize(
    ("labels", "read"),
    [
        ([True, False], (1, -1)),
        (["+", "-"], (1, -1)),
        (["true", "False"], (1, -1)),
        ([1, 0.0, "1"], (1, -1, 1)),
        ([1, None], (1, None)),
    ],
)
def test_labels_are_right_and_wrong(labels: list[Any], read: tuple[Any, ...]) -> None:
    assert steps.parse(row(labels)).labels == read


def test_ratings_have_a_middle() -> None:
    assert steps.parse(row([1, 0, -1, None], name="ratings")).labels == (1, 0, -1, None)
    assert steps.parse(row([1, 0, "-1"]), rated=True).labels == (1, 0, -1)


def test_rows_of_trl_are_read() -> None:
    trl = {"prompt": "Q", "completions": ["a", "b"], "labels": [True, False]}
    assert steps.parse(trl) == Solution([{"role": "user", "content": "Q"}], ("a", "b"), (1, -1))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row(["maybe"]), "label 'maybe' is not known; use true or false"),
        (row([0.5]), "label 0.5 is not known"),
        (row([float("nan")]), "label nan is not known"),
        (row([2], name="ratings"), "label 2 is not known; use 1, 0 or -1"),
        (row([None]), "no step is rated"),
        (row([]), "0 steps have 0 labels"),
        ({"prompt": "Q", "steps": ["a", "b"], "labels": [1]}, "2 steps have 1 labels"),
        ({"prompt": "Q"}, "needs prompt, and one of steps or completions; it has prompt"),
        ({**row([1]), "completions": ["s0"]}, "it has steps and completions"),
        ({**row([1]), "ratings": [1]}, "it has ratings and labels"),
        ({**row([1]), "steps": [7]}, "a step is 7; it must be a text"),
        ({**row([1]), "steps": "s0"}, "steps must be a list"),
        ({"steps": ["a"], "labels": [1]}, "prompt is missing"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(bad: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        steps.parse(bad)


def test_one_minus_one_makes_every_zero_of_the_import_neutral(
    any_database: Database, tmp_path: Path
) -> None:
    """The first file has no -1, and is of the same ratings all the same."""
    first = write(tmp_path / "a.jsonl", [row([1, 0], prompt="1"), row([1, None], prompt="2")])
    second = write(tmp_path / "b.jsonl", [row([1, -1], prompt="3")])
    done = take(any_database, "steps", first)
    assert done.summary == "steps: 2 rows read: 2 new, 1 steps not rated"
    with any_database.begin() as session:
        session.query(StepLabels).delete()
    done = import_files(any_database, Kind.STEPS, [first, second])
    assert done.summary == "steps: 3 rows read: 3 new, 1 steps neutral, 1 steps not rated"
    with any_database.read() as session:
        assert {s.messages[0]["content"]: s.labels for s in all_solutions(session)} == {
            "1": (1, 0),
            "2": (1, None),
            "3": (1, -1),
        }


def test_steps_have_the_manners_of_the_other_imports(
    any_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "s.jsonl"
    done = take(any_database, "steps", file, [row([1]), row(["?"]), row([1], prompt="2")])
    assert (done.rows, done.counts["new"], done.rejected) == (3, 2, 1)
    assert [(bad["line"], bad["value"]) for bad in rejected(file)] == [(2, "?")]
    again = take(any_database, "steps", file, [row([1]), row([1], prompt="2")])
    assert (again.counts["new"], again.counts["known already"]) == (0, 2)
    with pytest.raises(BadInput, match=r"line 2: label '\?' is not known"):
        take(any_database, "steps", file, [row([1], prompt="3"), row(["?"])], strict=True)
    with any_database.read() as session:
        assert len(all_solutions(session)) == 2


def test_another_rating_of_a_known_solution_is_counted_and_the_first_stays(
    any_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "s.jsonl"
    done = take(any_database, "steps", file, [row([True]), row([False]), row([True])])
    assert (done.counts["new"], done.counts["known already"]) == (1, 1)
    assert done.counts["known with other ratings, which stay"] == 1
    done = take(any_database, "steps", file, [row([False])])
    assert done.counts["known with other ratings, which stay"] == 1
    with any_database.read() as session:
        assert [s.labels for s in all_solutions(session)] == [(1,)]


def test_true_and_false_as_earlier_versions_stored_them_are_read(any_database: Database) -> None:
    said = Solution([{"role": "user", "content": "Q"}], ("a", "b"), (1, -1))
    with any_database.begin() as session:
        add_solutions(session, [said])
        session.query(StepLabels).update({"labels": [True, False]})
    with any_database.read() as session:
        assert all_solutions(session) == [said]


@given(st.lists(st.sampled_from([1, 0, -1, None]), min_size=1).filter(any))
def test_ratings_are_never_half_kept(labels: list[int | None]) -> None:
    assert steps.parse(row(labels, name="ratings")).labels == tuple(labels)
