"""OpenAssistant: every prompt of a tree with ranked replies is a ranking under its conversation."""

from typing import Any

import pytest
from preset_rows import whole

from db.imports.fields import BadRow, Row
from db.imports.presets import named


def said(key: str, role: str, *replies: Row, **more: Any) -> Row:
    return {
        "message_id": key,
        "text": f"text {key}",
        "role": role,
        "lang": "en",
        "deleted": False,
        "review_result": True,
        "rank": None,
        "replies": list(replies),
        **more,
    }


def tree(*replies: Row, **more: Any) -> Row:
    return {"message_tree_id": "t", "prompt": said("p", "prompter", *replies, **more)}


TREE = tree(
    said("a", "assistant", rank=1),
    said(
        "b",
        "assistant",
        said(
            "q",
            "prompter",
            said("c", "assistant", rank=0),
            said("d", "assistant", rank=0, model_name="m"),
        ),
        rank=0,
    ),
    said("gone", "assistant", rank=2, deleted=True),
    said("refused", "assistant", rank=3, review_result=False),
    said("unseen", "assistant", rank=4, review_result=None),
    said("unranked", "assistant"),
)


def flat(message: Row, parent: str | None = None) -> list[Row]:
    row = {**message, "parent_id": parent, "message_tree_id": "t"}
    replies = row.pop("replies")
    return [row, *(each for reply in replies for each in flat(reply, message["message_id"]))]


def check(rows: list[Row]) -> None:
    first, second = rows
    assert first["prompt"] == [{"role": "user", "content": "text p"}]
    assert [r["id"] for r in first["responses"]] == ["a", "b"]
    assert (first["ranking"], first["annotator"]) == (["b", "a"], "oasst")
    assert (first["prompt_id"], first["domain"]) == ("p", "en")
    assert second["prompt"] == [
        {"role": "user", "content": "text p"},
        {"role": "assistant", "content": "text b"},
        {"role": "user", "content": "text q"},
    ]
    assert second["ranking"] == [["c", "d"]]  # equal ranks are one group
    assert second["responses"][1]["model"] == "m"


def test_a_tree_is_as_many_rankings_as_it_has_ranked_prompts() -> None:
    check(named("oasst").rows(TREE))


def test_the_table_of_messages_is_the_same_tree() -> None:
    rows, bad = whole("oasst-messages", *reversed(flat(TREE["prompt"])))
    assert bad == []
    by_prompt = {row["prompt_id"]: row for row in rows}
    by_prompt["p"]["responses"].reverse()
    by_prompt["q"]["responses"].reverse()
    by_prompt["q"]["ranking"][0].reverse()
    check([by_prompt["p"], by_prompt["q"]])


def test_nothing_under_a_deleted_message_is_taken() -> None:
    with pytest.raises(BadRow, match="neither deleted nor refused"):
        named("oasst").rows(tree(*TREE["prompt"]["replies"], deleted=True))


def test_a_long_conversation_is_read() -> None:
    node = said("end", "assistant", rank=0)
    for i in range(3000):
        node = said(f"n{i}", "prompter" if i % 2 == 0 else "assistant", node, rank=0)
    rows, bad = whole("oasst-messages", *flat_chain(node))
    assert (rows, bad) == ([], [])


def flat_chain(node: Row) -> list[Row]:
    rows, parent = [], None
    while True:
        rows.append({**node, "parent_id": parent, "replies": None})
        if not node["replies"]:
            return rows
        parent, node = node["message_id"], node["replies"][0]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (tree(said("a", "narrator", rank=0), said("b", "assistant", rank=1)), "role must be"),
        (tree(said("a", "assistant", rank="x"), said("b", "assistant", rank=1)), "rank is 'x'"),
        (tree(said("a", "assistant", rank=0)), "no prompt of the tree has two ranked replies"),
        ({"message_tree_id": "t", "prompt": None}, "prompt must be a message"),
        (tree(text=None), "text is missing"),
    ],
)
def test_what_cannot_be_read_is_refused(bad: Row, reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        named("oasst").rows(bad)


def test_a_message_whose_parent_is_elsewhere_is_refused() -> None:
    row = {**said("a", "assistant"), "parent_id": "nobody"}
    _, bad = whole("oasst-messages", row, {"text": "no id", "parent_id": None})
    assert bad == [
        "message_id is missing",
        "parent_id names no message of the table; import the whole table in one call",
    ]
    with pytest.raises(BadRow, match="rows of this format need each other"):
        named("oasst-messages").rows(row)
