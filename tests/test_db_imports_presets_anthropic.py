"""Dialogues of Human: and Assistant: paragraphs."""

import pytest

from db.imports.fields import BadRow, Row
from db.imports.presets import fitting, named


def human(*turns: str) -> str:
    """A transcript of turns, the human first."""
    who = ("Human", "Assistant")
    return "".join(f"\n\n{who[i % 2]}: {turn}" for i, turn in enumerate(turns))


def read(row: Row) -> Row:
    [pair] = named("anthropic").rows(row)
    return pair


def responses(pair: Row) -> dict[str, list[str]]:
    """What is said of the better and the worse response."""
    choice = pair["labels"][0]["choice"]
    other = "b" if choice == "a" else "a"
    return {
        "better": [m["content"] for m in pair[f"response_{choice}"]],
        "worse": [m["content"] for m in pair[f"response_{other}"]],
    }


def test_dialogues_that_part_at_the_last_turn() -> None:
    pair = read(
        {
            "chosen": human("Name a prime.", "7", "A larger one?", "11"),
            "rejected": human("Name a prime.", "7", "A larger one?", "12"),
        }
    )
    assert [m["content"] for m in pair["prompt"]] == ["Name a prime.", "7", "A larger one?"]
    assert [m["role"] for m in pair["prompt"]] == ["user", "assistant", "user"]
    assert responses(pair) == {"better": ["11"], "worse": ["12"]}


def test_dialogues_that_part_earlier_are_trajectories_whichever_side_is_longer() -> None:
    long, short = human("Name a prime.", "9", "Really?", "No, 11."), human("Name a prime.", "7")
    first, second = (
        read({"chosen": short, "rejected": long}),
        read({"chosen": long, "rejected": short}),
    )
    assert first["prompt"] == second["prompt"] == [{"role": "user", "content": "Name a prime."}]
    assert responses(first) == {"better": ["7"], "worse": ["9", "Really?", "No, 11."]}
    assert responses(second) == {"better": ["9", "Really?", "No, 11."], "worse": ["7"]}


def test_an_empty_last_answer_is_a_response() -> None:
    pair = read({"chosen": human("Hi", "Hello"), "rejected": human("Hi", "")})
    assert responses(pair) == {"better": ["Hello"], "worse": [""]}


def test_a_prompt_column_that_ends_where_the_assistant_answers() -> None:
    row = {"prompt": human("Name a prime.", ""), "chosen": " 7", "rejected": " 9"}
    assert fitting(frozenset(row), [row]) is named("anthropic")
    pair = read(row)
    assert pair["prompt"] == [{"role": "user", "content": "Name a prime."}]
    assert {pair["response_a"], pair["response_b"]} == {"7", "9"}
    assert read({**row, "response": " 7"}) == pair
    with pytest.raises(BadRow, match="response is not the chosen answer"):
        read({**row, "response": " 11"})


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"chosen": human("One?", "1"), "rejected": human("Two?", "2")}, "part at message 1"),
        ({"chosen": human("One?", "1"), "rejected": human("One?", "1")}, "the same"),
        ({"chosen": human("One?", "1", "And?"), "rejected": human("One?", "2")}, "no answer"),
        ({"chosen": human("One?", "1"), "rejected": "One."}, "must begin with Human"),
        ({"transcript": human("One?", "1"), "rating": 4.0}, "there is no pair"),
    ],
)
def test_what_cannot_be_read_is_refused(row: Row, why: str) -> None:
    with pytest.raises(BadRow, match=why):
        named("anthropic").rows(row)


def test_red_team_transcripts_are_known_and_refused() -> None:
    row = {"transcript": human("One?", "1"), "rating": 4.0, "task_description": "x", "tags": []}
    assert fitting(frozenset(row), [row]) is named("anthropic")
