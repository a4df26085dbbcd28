"""TRL's preference rows: explicit, implicit and unpaired."""

import json

import pytest

from db.files.line import Line
from db.imports.fields import BadRow, Row
from db.imports.presets import fitting, named
from db.imports.presets.preset import Read

PRIME = {"role": "user", "content": "Name a prime."}


def answer(text: str) -> Row:
    return {"role": "assistant", "content": text}


def won(pair: Row) -> object:
    """The response that the one label prefers."""
    [label] = pair["labels"]
    return pair[f"response_{label['choice']}"]


def test_texts_stay_texts_and_chosen_wins_on_a_side_drawn_by_content() -> None:
    rows = [{"prompt": f"{n}?", "chosen": "yes", "rejected": "no"} for n in range(40)]
    pairs = [pair for row in rows for pair in named("trl").rows(row)]
    assert [won(pair) for pair in pairs] == ["yes"] * 40
    sides = {pair["labels"][0]["choice"] for pair in pairs}
    assert sides == {"a", "b"}  # all on one side: 2 ** -39


def test_a_text_and_its_message_draw_the_same_side() -> None:
    [texts] = named("trl").rows({"prompt": "Name a prime.", "chosen": "7", "rejected": "9"})
    [messages] = named("trl").rows(
        {"prompt": [PRIME], "chosen": [answer("7")], "rejected": [answer("9")]}
    )
    assert texts["labels"] == messages["labels"]


def test_tools_calls_and_unknown_keys_are_kept() -> None:
    tool = {"type": "function", "function": {"name": "weather"}}
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "c1"}], "weight": 0}
    row = {"prompt": [PRIME], "chosen": [call], "rejected": [answer("9")], "tools": [tool]}
    [pair] = named("trl").rows(row)
    assert pair["tools"] == [tool]
    assert won(pair) == [call]
    [same] = named("trl").rows({**row, "tools": json.dumps([tool])})
    assert same["tools"] == [tool]


def test_what_stands_beside_the_texts_is_kept() -> None:
    row = {"prompt": "Name a prime.", "chosen": "7", "rejected": "9", "annotator": "ada"}
    row |= {"id": "q17", "source": "mine", "chosen_model": "m1", "rejected_model": "m2"}
    row |= {"score_chosen": 8.5, "score_rejected": 3, "rationale": "9 is 3 times 3."}
    [pair] = named("trl").rows(row)
    assert (pair["pair_id"], pair["source"]) == ("q17", "mine")
    [label] = pair["labels"]
    assert (label["annotator"], label["rationale"]) == ("ada", "9 is 3 times 3.")
    assert pair[f"model_{label['choice']}"] == "m1"
    assert pair["meta"] == {"score_chosen": 8.5, "score_rejected": 3}


def test_a_prompt_column_beside_whole_dialogues_is_not_doubled() -> None:
    turns = [PRIME, answer("7"), {"role": "user", "content": "A larger one?"}]
    row = {"prompt": "Name a prime.", "chosen": [*turns, answer("11")]}
    [pair] = named("trl").rows({**row, "rejected": [*turns, answer("12")]})
    assert pair["prompt"] == turns
    assert won(pair) == [answer("11")]


def test_an_implicit_prompt_is_the_shared_beginning() -> None:
    preset = named("trl-implicit")
    [texts] = preset.rows({"chosen": "The sky is blue.", "rejected": "The sky is green."})
    assert texts["prompt"] == "The sky is"
    assert won(texts) == " blue."
    [dialogues] = preset.rows({"chosen": [PRIME, answer("7")], "rejected": [PRIME, answer("9")]})
    assert dialogues["prompt"] == [PRIME]
    assert won(dialogues) == [answer("7")]


def test_texts_without_a_prompt_are_not_cut_unasked() -> None:
    row = {"prompt": None, "chosen": "Yes, it is", "rejected": "Yes, but no"}
    with pytest.raises(BadRow, match=r"prompt is missing; .*--as trl-implicit"):
        named("trl").rows(row)
    turns = {"chosen": [PRIME, answer("7")], "rejected": [PRIME, answer("9")]}
    [pair] = named("trl").rows({"prompt": None, **turns})
    assert pair["prompt"] == [PRIME]


def test_pictures_are_refused_by_name_and_empty_columns_of_them_are_not() -> None:
    row = {"prompt": "What is this?", "chosen": "A cat.", "rejected": "A dog."}
    assert named("trl").rows({**row, "images": []})
    with pytest.raises(BadRow, match="images holds"):
        named("trl").rows({**row, "images": ["cat.png"]})


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"prompt": "?", "chosen": "7", "rejected": "9"}, "trl"),
        ({"chosen": "A prime is 7", "rejected": "A prime is 9"}, "trl-implicit"),
        ({"prompt": "?", "completion": "7", "label": True}, "trl-unpaired"),
        (
            {"chosen": "\n\nHuman: ?\n\nAssistant: 7", "rejected": "\n\nHuman: ?\n\nAssistant: 9"},
            "anthropic",
        ),
    ],
)
def test_the_shape_tells_which(row: Row, name: str) -> None:
    found = fitting(frozenset(row), [row])
    assert found is not None
    assert found.name == name


def test_texts_beside_an_unknown_column_may_lack_their_prompt() -> None:
    row = {"chosen": "Yes, it is", "rejected": "Yes, but no", "trajectory": "Is 7 prime?"}
    assert fitting(frozenset(row), [row]) is None


def paired(*rows: Row) -> list[Read]:
    whole = named("trl-unpaired").whole
    assert whole is not None
    return list(whole([Line("kto.jsonl", n, row) for n, row in enumerate(rows, 1)]))


def single(completion: object, label: object, **more: object) -> Row:
    return {"prompt": "Name a prime.", "completion": completion, "label": label, **more}


def test_true_responses_of_a_prompt_stand_beside_false_ones() -> None:
    found = paired(single("7", True), single("9", False), single("11", "true"), single("8", 0))
    rows = [row for _, row in found if not isinstance(row, BadRow)]
    # two true ones by two false ones
    both = {(won(row), *({row["response_a"], row["response_b"]} - {won(row)})) for row in rows}
    assert both == {("7", "9"), ("7", "8"), ("11", "9"), ("11", "8")}
    assert [line.number for line, _ in found] == [1, 1, 3, 3]  # the line of the true response


def test_annotators_are_not_mixed() -> None:
    found = paired(single("7", True, annotator="ada"), single("9", False, annotator="bob"))
    assert [str(row) for _, row in found if isinstance(row, BadRow)] == [
        "all responses of its prompt are good: there is no pair",
        "all responses of its prompt are bad: there is no pair",
    ]


def test_a_row_that_says_nothing_is_refused_alone() -> None:
    found = paired(
        single("7", True),
        single("7", False),
        single("9", False),
        single("11", None),
        single(None, True),
    )
    told = {line.number: str(row) for line, row in found}
    assert told == {
        1: "the same response is called good and bad",
        2: "the same response is called good and bad",
        4: "label is None; it must be true or false",
        5: "the response is None; it must be a text or a list of messages",
    }


def test_the_same_response_said_twice_is_one() -> None:
    [(line, row)] = paired(single("7", True), single([answer("7")], True), single("9", False))
    assert line.number == 1
    assert won(row) == "7" if not isinstance(row, BadRow) else False
