"""Rows of OpenAI's preference fine-tuning."""

import pytest

from db.imports.fields import BadRow, Row
from db.imports.presets import named

CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def row(**more: object) -> Row:
    return {
        "input": {"messages": [{"role": "user", "content": "Weather in Oslo?"}], "tools": [TOOL]},
        "preferred_output": [{"role": "assistant", "content": None, "tool_calls": [CALL]}],
        "non_preferred_output": [{"role": "assistant", "content": "Warm."}],
        **more,
    }


def test_messages_tools_and_calls_are_kept_and_the_preferred_output_wins() -> None:
    [pair] = named("openai").rows(row())
    assert pair["prompt"] == [{"role": "user", "content": "Weather in Oslo?"}]
    assert pair["tools"] == [TOOL]
    [label] = pair["labels"]
    assert "annotator" not in label  # the importer signs it
    won = pair[f"response_{label['choice']}"]
    assert won == [{"role": "assistant", "content": None, "tool_calls": [CALL]}]


def test_an_output_of_several_messages_is_one_response() -> None:
    said = [
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "4C"},
        {"role": "assistant", "content": "4 degrees."},
    ]
    [pair] = named("openai").rows(row(preferred_output=said))
    assert said in (pair["response_a"], pair["response_b"])


def test_no_tools_and_an_empty_list_of_tools_are_the_same() -> None:
    asked = {"messages": [{"role": "user", "content": "Hi"}], "tools": []}
    [pair] = named("openai").rows(row(input=asked))
    assert "tools" not in pair


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"preferred_output": []}, "preferred_output must be a list"),
        ({"input": {"messages": [], "audio": {"format": "wav"}}}, "'audio', which would be lost"),
        ({"preferred_output": row()["non_preferred_output"]}, "the same"),
    ],
)
def test_what_cannot_be_read_is_refused(more: Row, why: str) -> None:
    with pytest.raises(BadRow, match=why):
        named("openai").rows(row(**more))
