"""Axolotl's preference rows: a question under one of five names, often with a system prompt."""

import pytest

from db.files.line import Line
from db.imports.fields import BadRow, Row
from db.imports.presets import fitting, named


def message(role: str, content: str) -> Row:
    return {"role": role, "content": content}


ASKED = [message("system", "Answer in French."), message("user", "Say hello.")]


@pytest.mark.parametrize("name", ["prompt", "input", "question"])
def test_the_question_has_one_of_several_names(name: str) -> None:
    row = {"system": "Answer in French.", name: "Say hello.", "chosen": "Salut", "rejected": "Hi"}
    assert fitting(frozenset(row), [row]) is named("axolotl")
    [pair] = named("axolotl").rows(row)
    assert pair["prompt"] == ASKED


def test_two_system_prompts_are_two_prompts() -> None:
    french = {"system": "Answer in French.", "prompt": "Say hello.", "chosen": "Bonjour"}
    german = {**french, "system": "Answer in German.", "rejected": "Bonjour", "chosen": "Hallo"}
    [one] = named("axolotl").rows({**french, "rejected": "Hallo"})
    [two] = named("axolotl").rows(german)
    assert one["prompt"] != two["prompt"]


def test_an_empty_system_prompt_is_none() -> None:
    row = {"system": "", "question": "Say hello.", "chosen": "Hello", "rejected": "Bye"}
    [pair] = named("axolotl").rows(row)
    assert pair["prompt"] == "Say hello."


def test_argillas_names_of_the_answers() -> None:
    row = {"instruction": "Say hello.", "chosen_response": "Hello", "rejected_response": "Bye"}
    assert fitting(frozenset(row), [row]) is named("axolotl")
    [pair] = named("axolotl").rows(row)
    assert pair[f"response_{pair['labels'][0]['choice']}"] == "Hello"


def test_the_chat_template_strategy_takes_messages_and_one_answer() -> None:
    row = {"messages": ASKED, "chosen": message("assistant", "Salut"), "rejected": "Hello"}
    assert fitting(frozenset(row), [row]) is named("axolotl")
    [pair] = named("axolotl").rows(row)
    assert pair["prompt"] == ASKED
    assert pair[f"response_{pair['labels'][0]['choice']}"] == [message("assistant", "Salut")]


def test_whole_dialogues_beside_a_prompt_are_not_doubled() -> None:
    asked = message("user", "Say hello.")
    row = {
        "system": "Answer in French.",
        "prompt": "Say hello.",
        "chosen": [asked, message("assistant", "Salut")],
        "rejected": [asked, message("assistant", "Hello")],
    }
    [pair] = named("axolotl").rows(row)
    assert pair["prompt"] == ASKED


def test_messages_beside_a_prompt_are_another_shape() -> None:
    row = {"prompt": "Hi", "messages": ASKED, "chosen": "a", "rejected": "b"}
    assert fitting(frozenset(row), [row]) is named("trl")  # which leaves messages unread


def test_single_responses_of_one_question_and_system_prompt_become_pairs() -> None:
    preset = named("axolotl-unpaired")
    asked = {"system": "Be brief.", "question": "Prime?"}
    rows = [
        {**asked, "completion": "7", "label": True},
        {**asked, "completion": "9", "label": False},
        {**asked, "completion": "8", "label": False, "system": "Be long."},
    ]
    assert fitting(frozenset(rows[0]), rows) is preset
    assert preset.whole is not None
    found = list(preset.whole([Line("kto.jsonl", n, row) for n, row in enumerate(rows, 1)]))
    [pair] = [row for _, row in found if not isinstance(row, BadRow)]
    assert pair["prompt"] == [message("system", "Be brief."), message("user", "Prime?")]
    assert {pair["response_a"], pair["response_b"]} == {"7", "9"}
    assert [line.number for line, row in found if isinstance(row, BadRow)] == [3]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"question": "Say goodbye."}, "prompt and question both have a value"),
        ({"system": 7}, "system is 7"),
        ({"prompt": ASKED, "system": "Answer in German."}, "differ"),
    ],
)
def test_what_would_be_lost_is_refused(more: Row, why: str) -> None:
    with pytest.raises(BadRow, match=why):
        named("axolotl").rows({"prompt": "Say hello.", "chosen": "a", "rejected": "b", **more})
