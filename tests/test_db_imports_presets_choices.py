"""PandaLM's test set, Prodigy's choices, and single responses: small formats of their own."""

from typing import Any

import pytest
from preset_rows import one, whole

from db.imports.fields import BadRow, Row
from db.imports.presets import fitting, named

PANDA: Row = {
    "idx": 7,
    "cmp_key": "m1_m2",
    "instruction": "Q",
    "input": "",
    "response1": "x",
    "response2": "y",
    "annotator1": 1,
    "annotator2": 0,
    "annotator3": 2,
}


def test_three_people_of_pandalm_are_three_labels() -> None:
    pair = one("pandalm", PANDA)
    assert (pair["pair_id"], pair["prompt"], pair["response_b"]) == ("pandalm:7", "Q", "y")
    assert [(x["annotator"], x["choice"]) for x in pair["labels"]] == [
        ("annotator1", "a"),
        ("annotator2", "tie"),
        ("annotator3", "b"),
    ]
    assert one("pandalm", {**PANDA, "input": "more"})["prompt"] == "Q\n\nmore"
    with pytest.raises(BadRow, match="annotator1 is 3"):
        one("pandalm", {**PANDA, "annotator1": 3})
    with pytest.raises(BadRow, match="no annotator said anything"):
        one("pandalm", {name: PANDA[name] for name in ("instruction", "response1", "response2")})


def chosen(*accept: str, options: int = 2, **more: Any) -> Row:
    return {
        "text": "Q",
        "options": [{"id": f"m{n}", "text": f"text {n}"} for n in range(1, options + 1)],
        "accept": list(accept),
        "answer": "accept",
        "_annotator_id": "ada",
        "_timestamp": 0,
        **more,
    }


def test_the_accepted_option_is_better_than_each_other() -> None:
    pairs = named("prodigy").rows(chosen("m2", options=3, user_input="clear"))
    assert [(p["response_a"], p["response_b"]) for p in pairs] == [
        ("text 1", "text 2"),
        ("text 2", "text 3"),
    ]
    assert [p["labels"][0]["choice"] for p in pairs] == ["b", "a"]
    assert pairs[0]["labels"][0] == {
        "annotator": "ada",
        "choice": "b",
        "created_at": "1970-01-01T00:00:00+00:00",
        "rationale": "clear",
    }


def test_of_several_accepted_options_nothing_is_said_but_that_they_beat_the_rest() -> None:
    pairs = named("prodigy").rows(chosen("m1", "m2", options=3))
    assert [(p["response_a"], p["response_b"], p["labels"][0]["choice"]) for p in pairs] == [
        ("text 1", "text 3", "a"),
        ("text 2", "text 3", "a"),
    ]
    [tie] = named("prodigy").rows(chosen("m1", "m2"))
    assert tie["labels"][0]["choice"] == "tie"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (chosen("m1", answer="reject"), "rejected or ignored"),
        (chosen("m1", answer="ignore"), "rejected or ignored"),
        (chosen(), "accept must hold ids of options"),
        (chosen("m9"), "accept must hold ids of options"),
        (chosen("m1", options=1), "two or more responses"),
        (chosen("m1", text=None), "no prompt"),
        (chosen("m1", options=2) | {"options": [{"id": 1, "text": "x"}] * 2}, "the same id"),
    ],
)
def test_a_task_without_a_choice_is_refused(bad: Row, reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        named("prodigy").rows(bad)


def test_responses_to_the_same_prompt_are_candidates_with_their_scores() -> None:
    rows, bad = whole(
        "responses",
        {"prompt": "Q", "response": "x", "model": "m1", "score": 4, "judge": "j"},
        {"prompt": "R", "response": "alone", "model": "m1"},
        {"prompt": "Q", "response": [{"role": "assistant", "content": "y"}], "domain": "d"},
        {"prompt": "Q", "response": "z", "model": "m1", "score": 2, "annotator": "ada"},
        {"prompt": "Q", "response": "w", "score": 2},
        {"prompt": "Q", "response": None},
    )
    assert rows == [
        {
            "prompt": "Q",
            "responses": [
                {"id": "m1", "text": "x", "model": "m1", "ratings": [{"judge": "j", "score": 4}]},
                {"id": "r", "messages": [{"role": "assistant", "content": "y"}]},
                {
                    "id": "m1 2",
                    "text": "z",
                    "model": "m1",
                    "ratings": [{"annotator": "ada", "score": 2}],
                },
            ],
        }
    ]
    assert [reason.split(";")[0] for reason in bad] == [
        "a score needs the judge or the annotator who gave it, and one of them only",
        "response is missing",
        "only one response to this prompt was found",
    ]


def test_the_same_prompt_with_other_tools_is_another_prompt() -> None:
    row = {"prompt": "Q", "response": "x", "tools": [{"type": "function"}]}
    rows, bad = whole("responses", row, {**row, "tools": None})
    assert (rows, len(bad)) == ([], 2)
    with pytest.raises(BadRow, match="rows of this format need each other"):
        named("responses").rows(row)


def test_rows_of_pairs_are_no_single_responses() -> None:
    row = {"prompt": "Q", "response": "x", "chosen": "a", "rejected": "b"}
    assert fitting(frozenset(row), [row]) is not named("responses")
