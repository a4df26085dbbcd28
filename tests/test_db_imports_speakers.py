"""Messages under other names: the same message, however its maker calls its keys and roles."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.imports import fields
from db.imports.fields import BadRow
from db.imports.speakers import CALL, WORDS, told


@given(
    word=st.sampled_from([*WORDS, "alien"]),
    keys=st.sampled_from([("role", "content"), ("from", "value"), ("role", "text")]),
    text=st.text(),
    more=st.dictionaries(st.sampled_from(["name", "weight"]), st.integers()),
)
def test_a_message_told_twice_is_the_same_and_keeps_its_other_keys(
    word: str, keys: tuple[str, str], text: str, more: dict[str, int]
) -> None:
    found = told({keys[0]: word, keys[1]: text, **more})
    assert found == {"role": WORDS.get(word, word), "content": text, **more}
    assert told(found) == found


def test_our_own_names_go_before_others() -> None:
    message = {"role": "user", "content": "Hi", "from": "ada", "text": "hello", "value": 3}
    assert told(message) == message
    call = {"role": "assistant", "content": None, "text": "kept", "tool_calls": [{"id": "c"}]}
    assert told(call) == call


def test_a_call_written_as_json_is_a_call() -> None:
    call = {"name": "weather", "arguments": {"city": "Oslo"}}
    [found] = fields.messages({"x": [{"from": CALL, "value": json.dumps(call)}]}, "x")
    calls = [{"type": "function", "function": call}]
    assert found == {"role": "assistant", "content": "", "tool_calls": calls}
    with pytest.raises(BadRow, match=r"x holds .*no call"):
        fields.messages({"x": [{"from": CALL, "value": "no call"}]}, "x")


def test_a_text_that_holds_messages_under_other_names_is_refused() -> None:
    written = json.dumps([{"from": "human", "value": "Hi"}])
    with pytest.raises(BadRow, match="a text that holds messages"):
        fields.messages({"x": written}, "x")
    data = json.dumps([{"from": "Oslo", "value": 3}])
    assert fields.messages({"x": data}, "x") == [{"role": "user", "content": data}]
