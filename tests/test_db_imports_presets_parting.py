"""Where two dialogues part, and what is the prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.conversation import Messages
from db.imports.fields import BadRow
from db.imports.presets.parting import parted, parted_texts, separated, with_system


def said(*turns: str) -> Messages:
    """Messages of "u:..." and "a:..." in short."""
    roles = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}
    return [{"role": roles[turn[0]], "content": turn[2:]} for turn in turns]


@pytest.mark.parametrize(
    ("first", "second", "prompt"),
    [
        (said("u:1", "a:x"), said("u:1", "a:y"), said("u:1")),
        (
            said("u:1", "a:x", "u:2", "a:y"),
            said("u:1", "a:x", "u:2", "a:z"),
            said("u:1", "a:x", "u:2"),
        ),
        # they part at the first answer: the rest of either is its response
        (said("u:1", "a:x"), said("u:1", "a:y", "u:2", "a:z"), said("u:1")),
        # they part at a user turn: the answer before it belongs to the responses
        (said("u:1", "a:x", "u:2", "a:y"), said("u:1", "a:x", "u:3", "a:y"), said("u:1")),
        # one is the beginning of the other
        (said("u:1", "a:x"), said("u:1", "a:x", "u:2", "a:y"), said("u:1")),
        (said("s:0", "u:1", "a:x"), said("s:0", "u:1", "a:y"), said("s:0", "u:1")),
    ],
)
def test_the_prompt_is_the_longest_shared_beginning_before_an_answer(
    first: Messages, second: Messages, prompt: Messages
) -> None:
    assert parted(first, second) == (prompt, first[len(prompt) :], second[len(prompt) :])


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (said("u:1", "a:x"), said("u:2", "a:x"), "part at message 1"),
        (said("u:1", "u:2", "a:x"), said("u:1", "a:x"), "part at message 2"),
        (said("u:1", "a:x", "u:2"), said("u:1", "a:y"), "no answer"),
    ],
)
def test_dialogues_without_a_prompt_or_an_answer_are_refused(
    first: Messages, second: Messages, why: str
) -> None:
    with pytest.raises(BadRow, match=why):
        parted(first, second)


turns = st.lists(
    st.tuples(st.sampled_from(["user", "assistant"]), st.sampled_from("xyz")),
    min_size=1,
    max_size=6,
).map(lambda pairs: [{"role": role, "content": text} for role, text in pairs])


@given(turns, turns)
def test_nothing_is_lost_and_both_sides_go_on_with_an_answer(
    first: Messages, second: Messages
) -> None:
    try:
        prompt, one, two = parted(first, second)
    except BadRow:
        return
    assert prompt
    assert prompt + one == first
    assert prompt + two == second
    assert one[0]["role"] == two[0]["role"] == "assistant"
    assert parted(second, first) == (prompt, two, one)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # TRL's own example of an implicit prompt (its documentation of dataset formats)
        ("The sky is blue.", "The sky is green.", ("The sky is", " blue.", " green.")),
        # never inside a word or a number
        ("The sky is blue.", "The sky is black.", ("The sky is", " blue.", " black.")),
        ("2+2 is 42", "2+2 is 43", ("2+2 is", " 42", " 43")),
        ("Q: prime?\nA: 7", "Q: prime?\nA: 9", ("Q: prime?\nA:", " 7", " 9")),
        # scripts without spaces are cut where they part
        ("天空是蓝色", "天空是绿色", ("天空是", "蓝色", "绿色")),
    ],
)
def test_texts_part_at_whole_words(first: str, second: str, expected: tuple[str, str, str]) -> None:
    assert parted_texts(first, second) == expected


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ("Yes", "No", "share no beginning"),
        ("blue", "black", "share no beginning"),
        ("The sky", "The sky is blue", "the beginning of the other"),
    ],
)
def test_texts_without_a_prompt_are_refused(first: str, second: str, why: str) -> None:
    with pytest.raises(BadRow, match=why):
        parted_texts(first, second)


def test_a_prompt_beside_whole_dialogues_is_not_doubled() -> None:
    one, two = said("u:1", "a:x", "u:2", "a:y"), said("u:1", "a:x", "u:2", "a:z")
    start = said("u:1", "a:x", "u:2")
    for prompt in ("1", "2", said("u:1"), start, None, []):
        assert separated(prompt, one, two) == (start, said("a:y"), said("a:z"))


def test_another_prompt_beside_whole_dialogues_is_refused() -> None:
    with pytest.raises(BadRow, match="another text than the messages"):
        separated("3", said("u:1", "a:x"), said("u:1", "a:y"))


def test_a_prompt_that_stands_nowhere_is_missing() -> None:
    with pytest.raises(BadRow, match="prompt is missing"):
        separated(None, said("a:x"), said("a:y"))


@pytest.mark.parametrize("value", [None, 7, [], ["x"], [{"content": "x"}]])
def test_what_is_no_dialogue_is_named_with_its_column(value: object) -> None:
    with pytest.raises(BadRow, match=r"rejected (is|holds) "):
        separated("1", said("a:x"), value)


def test_answers_that_begin_alike_after_a_prompt_stay_whole() -> None:
    call = {"role": "assistant", "content": "", "tool_calls": [{"id": "c1"}]}
    result = {"role": "tool", "tool_call_id": "c1", "content": "4C"}
    one, two = [call, result, *said("a:cold")], [call, result, *said("a:warm")]
    assert separated("Weather?", one, two) == ("Weather?", one, two)


def test_keys_without_a_value_do_not_part_dialogues() -> None:
    padded = [{"role": "user", "content": "1", "tool_calls": None}, *said("a:x")]
    assert separated(None, padded, said("u:1", "a:y")) == (said("u:1"), said("a:x"), said("a:y"))


def test_a_system_column_is_the_first_message() -> None:
    assert with_system("Be brief.", "Hi") == said("s:Be brief.", "u:Hi")
    assert with_system("Be brief.", said("s:Be brief.", "u:Hi")) == said("s:Be brief.", "u:Hi")
    assert with_system("", "Hi") == with_system(None, "Hi") == "Hi"
    with pytest.raises(BadRow, match="differ"):
        with_system("Be brief.", said("s:Be long.", "u:Hi"))
