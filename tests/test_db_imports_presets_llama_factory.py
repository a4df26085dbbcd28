"""LLaMA-Factory's preference and KTO rows, in ShareGPT and in Alpaca form."""

import json

import pytest

from db.files.line import Line
from db.imports.fields import BadRow, Row
from db.imports.presets import fitting, named

CALL = {"name": "weather", "arguments": {"city": "Oslo"}}
TURNS = [
    {"from": "human", "value": "Weather in Oslo?"},
    {"from": "function_call", "value": json.dumps(CALL)},
    {"from": "observation", "value": "4C"},
]


def sharegpt(**more: object) -> Row:
    return {
        "conversations": TURNS,
        "chosen": {"from": "gpt", "value": "4 degrees."},
        "rejected": {"from": "gpt", "value": "Warm."},
        **more,
    }


def test_sharegpt_turns_become_messages_with_calls_and_results() -> None:
    tool = {"name": "weather", "description": "Tells the weather", "parameters": {}}
    row = sharegpt(system="Be brief.", tools=json.dumps([tool]))
    assert fitting(frozenset(row), [row]) is named("llama-factory-sharegpt")
    [pair] = named("llama-factory-sharegpt").rows(row)
    calls = [{"type": "function", "function": CALL}]
    assert pair["prompt"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather in Oslo?"},
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": "4C"},
    ]
    assert pair["tools"] == [{"type": "function", "function": tool}]
    won = pair[f"response_{pair['labels'][0]['choice']}"]
    assert won == [{"role": "assistant", "content": "4 degrees."}]


def test_two_calls_that_differ_in_an_argument_are_two_responses() -> None:
    answers = [
        {
            "from": "function_call",
            "value": json.dumps({"name": "weather", "arguments": {"city": c}}),
        }
        for c in ("Rome", "Oslo")
    ]
    row = sharegpt(conversations=TURNS[:1], chosen=answers[0], rejected=answers[1])
    [pair] = named("llama-factory-sharegpt").rows(row)
    assert pair["response_a"] != pair["response_b"]


def test_messages_in_openai_form_and_unknown_keys_stay() -> None:
    said = [{"role": "user", "content": "Hi", "weight": 0}]
    [pair] = named("llama-factory-sharegpt").rows(sharegpt(conversations=said))
    assert pair["prompt"] == said


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"conversations": [{"from": "robot", "value": "Hi"}]}, "from 'robot'"),
        ({"conversations": [{"from": "function_call", "value": "weather()"}]}, "function_call"),
        ({"conversations": [{"from": "human", "value": None}]}, "must be a text"),
        ({"conversations": []}, "no message"),
        ({"chosen": "4 degrees."}, "chosen is '4 degrees.'"),
        ({"images": ["cat.png"]}, "images holds"),
        ({"videos": ["cat.mp4"]}, "videos holds"),
    ],
)
def test_sharegpt_rows_that_would_lose_something_are_refused(more: Row, why: str) -> None:
    with pytest.raises(BadRow, match=why):
        named("llama-factory-sharegpt").rows(sharegpt(**more))


def alpaca(**more: object) -> Row:
    return {"instruction": "Name one.", "input": "prime", "chosen": "7", "rejected": "9", **more}


def test_alpaca_rows_join_instruction_and_input_after_the_history() -> None:
    row = alpaca(system="Be brief.", history=[["Hi", "Hello"]])
    assert fitting(frozenset(row), [row]) is named("llama-factory-alpaca")
    [pair] = named("llama-factory-alpaca").rows(row)
    assert [(m["role"], m["content"]) for m in pair["prompt"]] == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "Name one.\nprime"),
    ]


def test_an_alpaca_row_without_input_or_history_has_a_text() -> None:
    [pair] = named("llama-factory-alpaca").rows(alpaca(input="", history=[], system=None))
    assert pair["prompt"] == "Name one."
    assert pair[f"response_{pair['labels'][0]['choice']}"] == "7"


def test_older_alpaca_rows_have_both_answers_in_output() -> None:
    row = {"instruction": "Name a prime.", "input": "", "output": ["7", "9"]}
    assert fitting(frozenset(row), [row]) is named("llama-factory-alpaca")
    [pair] = named("llama-factory-alpaca").rows(row)
    assert pair[f"response_{pair['labels'][0]['choice']}"] == "7"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"output": "11"}, "a third answer"),
        ({"history": [["Hi"]]}, "a turn is"),
        ({"chosen": ["7"]}, "must be texts"),
        ({"instruction": None, "input": ""}, "one of them not empty"),
    ],
)
def test_alpaca_rows_that_would_lose_something_are_refused(more: Row, why: str) -> None:
    with pytest.raises(BadRow, match=why):
        named("llama-factory-alpaca").rows(alpaca(**more))


@pytest.mark.parametrize("name", ["llama-factory-alpaca-kto", "llama-factory-sharegpt-kto"])
def test_kto_rows_of_one_prompt_become_pairs(name: str) -> None:
    preset = named(name)
    rows = [preset.example, *preset.beside]
    assert fitting(frozenset(preset.example), rows) is preset
    assert preset.whole is not None
    [(_, pair)] = preset.whole([Line("kto.json", n, row) for n, row in enumerate(rows, 1)])
    assert not isinstance(pair, BadRow)
    won = pair[f"response_{pair['labels'][0]['choice']}"]
    assert won in ("7", [{"role": "assistant", "content": "7"}])


def test_the_demonstration_rows_call_their_columns_messages_and_label() -> None:
    asked = {"role": "user", "content": "Name a prime."}
    rows: list[Row] = [
        {"messages": [asked, {"role": "assistant", "content": text}], "label": good}
        for text, good in (("7", True), ("9", False))
    ]
    preset = named("llama-factory-sharegpt-kto")
    assert fitting(frozenset(rows[0]), rows) is preset
    assert preset.whole is not None
    [(_, pair)] = preset.whole([Line("kto.json", n, row) for n, row in enumerate(rows, 1)])
    assert isinstance(pair, dict)
    assert pair["prompt"] == [asked]
    [(_, bad)] = preset.whole([Line("kto.json", 1, {**rows[0], "kto_tag": False})])
    assert str(bad) == "kto_tag and label both have a value; leave one of them out"


def test_a_conversation_without_an_answer_has_no_tag_to_read() -> None:
    whole = named("llama-factory-sharegpt-kto").whole
    assert whole is not None
    row = {"conversations": TURNS[:1], "kto_tag": True}
    [(_, bad)] = whole([Line("kto.json", 1, row)])
    assert str(bad) == "conversations must end with an answer"
