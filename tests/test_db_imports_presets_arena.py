"""Chatbot Arena: battles with whole conversations, and the competition's table."""

import json

import pytest

from db.imports.fields import BadRow, Row
from db.imports.presets import fitting, named


def turns(*texts: str) -> list[Row]:
    """Messages of the user and the assistant in turn."""
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]


def battle(a: object, b: object, winner: str = "model_a", **more: object) -> Row:
    row: Row = {"question_id": "q17", "model_a": "m1", "model_b": "m2", "winner": winner}
    row |= {"conversation_a": a, "conversation_b": b, "turn": 1, "anony": True}
    return {**row, "judge": "arena_user_5", "tstamp": 1700000000.0, **more}


def read(row: Row) -> Row:
    assert fitting(frozenset(row), [row]) is named("arena")
    [pair] = named("arena").rows(row)
    return pair


@pytest.mark.parametrize(
    ("winner", "choice", "both_bad"),
    [
        ("model_a", "a", False),
        ("model_b", "b", False),
        ("tie", "tie", False),
        ("tie (bothbad)", "tie", True),
        ("both_bad", "tie", True),
    ],
)
def test_the_vote_is_a_label_of_the_user(winner: str, choice: str, both_bad: bool) -> None:
    pair = read(battle(turns("Prime?", "7"), turns("Prime?", "9"), winner, language="English"))
    [label] = pair["labels"]
    assert (label["choice"], label.get("both_bad", False)) == (choice, both_bad)
    assert label["annotator"] == "arena_user_5"
    assert label["created_at"] == "2023-11-14T22:13:20+00:00"  # 1.7e9 seconds after 1970
    assert (pair["pair_id"], pair["model_a"], pair["model_b"]) == ("q17", "m1", "m2")
    assert pair["meta"] == {"turn": 1, "anony": True, "language": "English"}


def test_the_prompt_is_the_first_question_and_the_rest_are_the_responses() -> None:
    a, b = turns("Prime?", "7", "Larger?", "11"), turns("Prime?", "9", "Larger?", "12")
    pair = read(battle(a, b))
    assert pair["prompt"] == turns("Prime?")
    assert (pair["response_a"], pair["response_b"]) == (a[1:], b[1:])


def test_answers_that_are_alike_belong_to_the_prompt() -> None:
    a, b = turns("Prime?", "7", "Larger?", "11"), turns("Prime?", "7", "Larger?", "12")
    assert read(battle(a, b))["prompt"] == turns("Prime?", "7", "Larger?")


def test_conversations_as_json_texts_with_counts_of_tokens() -> None:
    a = [{**message, "num_tokens": 3} for message in turns("Prime?", "7")]
    row = battle(json.dumps(a), json.dumps(turns("Prime?", "9")), judge_hash="f00", judge=None)
    pair = read(row)
    assert pair["response_a"] == turns("Prime?", "7")[1:]
    assert pair["labels"][0]["annotator"] == "f00"


def part(text: str | None, image: str | None = None) -> list[Row]:
    kind = "text" if image is None else "image"
    return [{"type": kind, "text": text, "image": image, "mimeType": None}]


def newer(*, order: int = 1, full: list[Row] | None = None) -> Row:
    """A row of the releases whose messages are lists of parts."""
    a = [{"role": "user", "content": part("Prime?")}, {"role": "assistant", "content": part("7")}]
    b = [a[0], {"role": "assistant", "content": part("9")}]
    turn = {"user": a[0], "model_side_a": a[1], "model_side_b": b[1]}
    row: Row = {"id": "c4", "model_a": "m1", "model_b": "m2", "winner": "both_bad"}
    row |= {"conversation_a": a, "conversation_b": b, "timestamp": "2025-07-01T12:00:00Z"}
    row |= {"evaluation_session_id": "s1", "evaluation_order": order, "is_code": False}
    return row | {"full_conversation": [*(full or []), turn], "conv_metadata": {"bold": 0}}


def test_parts_of_text_are_texts() -> None:
    pair = read(newer())
    assert pair["prompt"] == turns("Prime?")
    assert pair["response_a"] == turns("Prime?", "7")[1:]
    assert pair["pair_id"] == "c4"
    assert "annotator" not in pair["labels"][0]
    assert pair["labels"][0]["created_at"] == "2025-07-01T12:00:00Z"
    assert pair["meta"]["evaluation_session_id"] == "s1"


def test_a_vote_after_others_of_its_session_is_refused() -> None:
    before = {"user": turns("Odd?")[0]}
    before |= {side: turns("", "5")[1] for side in ("model_side_a", "model_side_b")}
    with pytest.raises(BadRow, match="follows others of its session"):
        named("arena").rows(newer(order=2, full=[before]))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (battle(turns("Prime?", "7"), turns("Odd?", "7")), "part at message 1"),
        (battle(turns("Prime?", "7"), turns("Prime?", "7")), "the same"),
        (battle(turns("Prime?", "7"), turns("Prime?", "9"), "A"), "winner is 'A'"),
        (battle("Prime?", turns("Prime?", "9")), "holds no list"),
        (battle(turns("Prime?", "7"), turns("Prime?", "9"), tstamp="noon"), "tstamp is 'noon'"),
    ],
)
def test_what_cannot_be_read_is_refused(row: Row, why: str) -> None:
    with pytest.raises(BadRow, match=why):
        named("arena").rows(row)


def test_pictures_are_refused() -> None:
    row = newer()
    row["conversation_a"][0] = {"role": "user", "content": part("What?", "cat.png")}
    with pytest.raises(BadRow, match="more than one text"):
        named("arena").rows(row)


def table(prompt: object, a: object, b: object, *flags: object) -> Row:
    row: Row = {"id": 1, "model_a": "m1", "model_b": "m2"}
    row |= {"prompt": prompt, "response_a": a, "response_b": b}
    names = ("winner_model_a", "winner_model_b", "winner_tie")
    return row | dict(zip(names, flags, strict=True))


def test_cells_with_json_lists_are_conversations() -> None:
    row = table('["Prime?","Larger?"]', '["7","11"]', '["7","12"]', 1, 0, 0)
    assert fitting(frozenset(row), [row]) is named("arena-table")
    [pair] = named("arena-table").rows(row)
    assert pair["prompt"] == turns("Prime?", "7", "Larger?")
    assert pair["response_a"] == [{"role": "assistant", "content": "11"}]
    assert pair["labels"] == [{"choice": "a"}]
    assert pair["pair_id"] == 1


@pytest.mark.parametrize(
    ("flags", "choice"), [((0, 1, 0), "b"), (("0", "0", "1"), "tie"), ((1.0, 0.0, 0.0), "a")]
)
def test_the_winner_is_the_one_flag(flags: tuple[object, ...], choice: str) -> None:
    [pair] = named("arena-table").rows(table(["Prime?"], ["7"], ["9"], *flags))
    assert pair["labels"][0]["choice"] == choice


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (table('["Prime?"]', '["7"]', "9", 1, 0, 0), "must be a list"),
        (table('["Prime?"]', '["7"]', "nine", 1, 0, 0), "holds no list"),
        (table('["Prime?"]', "[null]", '["9"]', 1, 0, 0), "without a text"),
        (table('["Prime?","And?"]', '["7"]', '["9","11"]', 1, 0, 0), "another number of turns"),
        (table('["Prime?"]', '["7"]', '["9"]', 1, 1, 0), "must be 1"),
        (table('["Prime?"]', '["7"]', '["9"]', 1, None, 0), "winner_model_b is None"),
    ],
)
def test_a_row_of_the_table_that_cannot_be_read_is_refused(row: Row, why: str) -> None:
    with pytest.raises(BadRow, match=why):
        named("arena-table").rows(row)
