"""Conversations as turns on the screen: what is folded, what is opened, what is left as written."""

import json

from hypothesis import given
from hypothesis import strategies as st

from app.views.turns import Turn, beside, legible, turns
from db.conversation import Spoken

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]


def asked(city, key="c1", name="weather"):
    called = {"name": name, "arguments": json.dumps({"city": city})}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": key, "type": "function", "function": called}],
    }


def found(text, key="c1"):
    return {"role": "tool", "tool_call_id": key, "content": text}


def opened(side):
    return {turn.title: turn.other for turn in side if turn.other is not None}


def test_a_plain_text_is_one_turn_with_the_title_its_reader_gives_it():
    assert turns("Hi", "Prompt") == [Turn("said", "Prompt", "Hi")]
    assert turns(Spoken([{"role": "user", "content": "Hi"}]), "Prompt") == turns("Hi", "Prompt")
    alone = turns(Spoken([{"role": "system", "content": "Hi"}]), "Prompt")
    assert alone == [Turn("said", "System", "Hi")]


def test_every_role_name_call_result_tool_and_other_key_is_a_turn():
    said = Spoken(
        [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Warm?"}], "name": "ada"},
            {**asked("Oslo"), "mood": "calm"},
            found("4C"),
            {"role": "function", "name": "old", "content": '{"a":1}'},
        ],
        TOOLS,
    )
    assert [(turn.drawn, turn.title, turn.text) for turn in turns(said)] == [
        ("folded", "Tools: weather", json.dumps(TOOLS, indent=2)),
        ("said", "Developer", "Be brief."),
        ("said", "User: ada", "Warm?"),
        ("folded", "Call: weather (c1)", '{\n  "city": "Oslo"\n}'),
        ("quoted", "assistant mood", "calm"),
        ("quoted", "Tool result: weather (c1)", "4C"),
        ("quoted", "Function result: old", '{\n  "a": 1\n}'),
    ]


def test_tools_without_names_are_drawn():
    odd = [{"type": "web"}, {"name": "flat"}, {"function": "text"}]
    drawn = turns(Spoken([{"role": "user", "content": "?"}], odd))
    assert drawn[0].title == "Tools: no name, flat, no name"


def test_a_call_whose_arguments_differ_is_opened_with_what_the_other_has():
    one = turns(Spoken([asked("Oslo", "a"), found("4C", "a"), asked("Rome", "b")]))
    two = turns(Spoken([asked("Oslo", "x"), found("9C", "x"), asked("Bari", "y")]))
    left, right = beside([one, two])
    assert opened(left) == {"Call: weather (b)": '{\n  "city": "Bari"\n}'}  # not its id, not (a)
    assert opened(right) == {"Call: weather (y)": '{\n  "city": "Rome"\n}'}


def test_a_call_that_only_one_makes_is_opened_without_marks():
    one = turns(Spoken([asked("Oslo"), asked("Oslo", "d", "search")]))
    left, right = beside([one, turns(Spoken([asked("Oslo")]))])
    assert opened(left) == {"Call: search (d)": ""}
    assert opened(right) == {}
    left, _ = beside([one, turns("a plain answer")])
    assert list(opened(left).values()) == ["", ""]


def test_of_several_responses_a_call_that_not_all_make_is_opened():
    same, other = turns(Spoken([asked("Oslo")])), turns(Spoken([asked("Bari")]))
    assert [len(opened(side)) for side in beside([same, same, other])] == [1, 1, 1]
    assert [len(opened(side)) for side in beside([same, same, same])] == [0, 0, 0]


def test_json_is_drawn_on_lines_only_where_that_says_the_same():
    assert legible('{"a":"\\u00e9"}') == '{\n  "a": "é"\n}'
    for kept in (
        '{"a": 1, "a": 2}',
        '{"a": 1.50}',
        "[1, 2",
        "12",
        '"a"',
        '["\\ud800"]',
        "[" * 9999,
    ):
        assert legible(kept) == kept


@given(st.recursive(st.none() | st.integers() | st.text(), lambda e: st.lists(e)
                    | st.dictionaries(st.text(), e)))  # fmt: skip
def test_what_is_legible_is_the_same_json(value):
    assert json.loads(legible(json.dumps(value))) == value
