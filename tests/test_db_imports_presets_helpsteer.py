"""HelpSteer: responses rated by people, and preferences between two of them."""

import pytest

from db.files.line import Line
from db.imports.fields import BadRow, Row
from db.imports.presets import named
from db.imports.presets.preset import Read


def rated(prompt: object, response: object, helpfulness: object) -> Row:
    rest = dict.fromkeys(("correctness", "coherence", "complexity", "verbosity"), 2)
    return {"prompt": prompt, "response": response, "helpfulness": helpfulness, **rest}


def together(*rows: Row) -> list[Read]:
    whole = named("helpsteer").whole
    assert whole is not None
    return list(whole([Line("train.jsonl", n, row) for n, row in enumerate(rows, 1)]))


def test_the_responses_of_one_prompt_are_its_candidates_wherever_they_stand() -> None:
    found = together(rated("Prime?", "7", 4), rated("Even?", "8", 3), rated("Prime?", "9", 0))
    good = [(line.number, row) for line, row in found if not isinstance(row, BadRow)]
    assert good == [
        (
            1,
            {
                "prompt": "Prime?",
                "responses": [
                    {"id": "r", "text": "7", "ratings": [{"score": 4.0}]},
                    {"id": "r 2", "text": "9", "ratings": [{"score": 0.0}]},
                ],
            },
        )
    ]
    bad = [(line.number, str(row)) for line, row in found if isinstance(row, BadRow)]
    assert [number for number, _ in bad] == [2]
    assert "only one response to this prompt" in bad[0][1]


def test_marked_turns_are_messages() -> None:
    prompt = "Prime?\n<extra_id_1>Assistant\n7\n<extra_id_1>User\nA larger\n\none?"
    [(_, found)] = together(rated(prompt, "11", 4), rated(prompt, "12", 1))
    assert isinstance(found, dict)
    assert [(m["role"], m["content"]) for m in found["prompt"]] == [
        ("user", "Prime?"),
        ("assistant", "7"),
        ("user", "A larger\n\none?"),
    ]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (rated("Prime?", "7", [4, 3, 4]), "ratings of people without names"),
        (rated("Prime?", "7", None), "helpfulness is None"),
        (rated("Prime?", None, 3), "response is None"),
        (rated("Prime?\n<extra_id_1>Assistant\n7", "9", 3), "end with a turn of the user"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_alone(row: Row, why: str) -> None:
    found = together(row, rated("Odd?", "7", 4), rated("Odd?", "8", 0))
    [bad] = [str(each) for _, each in found if isinstance(each, BadRow)]
    assert why in bad
    assert len(found) == 2


@pytest.mark.parametrize(
    ("said", "choice", "strength"),
    # the card: 3 is much better, 2 better, 1 slightly better; here 2 is much better
    [(-3, "a", 2), (-2, "a", 1), (-1, "a", 1), (0, "tie", None), (1, "b", 1), (3.0, "b", 2)],
)
def test_a_preference_is_a_label(said: float, choice: str, strength: int | None) -> None:
    row: Row = {"prompt": "Prime?", "response_1": "7", "response_2": "9"}
    row |= {"preference_strength": said, "preference_statement": "It is right."}
    row |= {"preference_elaboration": "9 is 3 times 3.", "split": "train"}
    row["all_preferences_unprocessed"] = [{"strength": said, "justification": "Right."}]
    [pair] = named("helpsteer-preference").rows(row)
    assert (pair["response_a"], pair["response_b"]) == ("7", "9")
    [label] = pair["labels"]
    assert (label["choice"], label.get("strength")) == (choice, strength)
    assert label["rationale"] == "It is right. 9 is 3 times 3."
    assert pair["meta"]["all_preferences_unprocessed"] == row["all_preferences_unprocessed"]


@pytest.mark.parametrize("said", [-100, 0.5, None, "much"])
def test_another_strength_is_refused(said: object) -> None:
    row = {"prompt": "?", "response_1": "7", "response_2": "9", "preference_strength": said}
    with pytest.raises(BadRow, match="preference_strength is"):
        named("helpsteer-preference").rows(row)
