"""Prompts and responses as tokens: what is more than words reaches the chat template unchanged."""

import json
from typing import Any

from db.conversation import Spoken, prompt_text, response_text
from judges.encoding import as_messages, encode
from trainer.encoding import asked_text, said_text, texts_of

CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"type": "function", "function": {"name": "weather", "arguments": {"c": 1}}}],
}
RESULT = {"role": "tool", "name": "weather", "content": "4C"}
DONE = {"role": "assistant", "content": "4 degrees."}
ASKED = {"role": "user", "content": "Weather?"}
TOOLS = [{"type": "function", "function": {"name": "weather"}}]


class Template:
    """A tokenizer whose chat template writes what it was given as JSON, a token a letter."""

    chat_template = "json"

    def apply_chat_template(
        self, messages: list[Any], tools: Any, **_: Any
    ) -> dict[str, list[int]]:
        """The letters of the JSON."""
        return {"input_ids": [*map(ord, json.dumps([messages, tools]))]}


class Letters:
    """A tokenizer without a template or special tokens, a token a letter."""

    chat_template = None
    eos_token_id = None

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": [*map(ord, text)]}

    def num_special_tokens_to_add(self, pair: bool) -> int:
        """None."""
        return 0


def test_a_template_is_given_messages_and_tools_as_they_are() -> None:
    made = encode(Template(), [ASKED], [CALL, RESULT, DONE], 10_000, TOOLS)
    assert json.loads("".join(map(chr, made.ids))) == [[ASKED, CALL, RESULT, DONE], TOOLS]
    assert not made.cut


def test_a_tokenizer_without_a_template_reads_what_people_read() -> None:
    made = encode(Letters(), [ASKED], [CALL, RESULT, DONE], 10_000, TOOLS)
    said = "".join(map(chr, made.ids))
    assert said == str(prompt_text([ASKED], TOOLS)) + str(response_text([CALL, RESULT, DONE]))
    plain = encode(Letters(), [ASKED, DONE, ASKED], [DONE], 10_000)
    assert "".join(map(chr, plain.ids)) == "Weather?\n\n4 degrees.\n\nWeather?4 degrees."


def test_rows_read_alike_whatever_they_hold() -> None:
    row = {"prompt": [ASKED], "chosen": [CALL, RESULT, DONE], "rejected": "Warm.", "tools": TOOLS}
    asked, said = asked_text(row), said_text(row["chosen"])
    assert isinstance(asked, Spoken)
    assert asked.tools == TOOLS
    assert as_messages(said, "assistant") == [CALL, RESULT, DONE]
    assert said_text(row["rejected"]) == "Warm."
    assert texts_of(row, "prompt", "chosen", "rejected") == [
        "Weather?", 'call weather: {"c": 1}', "tool weather: 4C", "4 degrees.", "Warm.",
    ]  # fmt: skip
