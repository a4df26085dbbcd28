"""Conversations: tools and calls are kept, count for identity, and read as text."""

import json
from pathlib import Path
from typing import Any

import pytest
from import_worlds import stored_pairs, take, understood
from sqlalchemy import select

from db.conversation import Part, parts, prompt_text, response_text
from db.identity import candidate_hash, prompt_hash
from db.imports.fields import BadRow
from db.models import Candidate, Prompt
from db.session import Database


def call(city: str, **more: Any) -> dict[str, Any]:
    """An assistant's message that asks a tool about a city."""
    function = {"name": "weather", "arguments": json.dumps({"city": city})}
    made = {"id": "c1", "type": "function", "function": function}
    return {"role": "assistant", "content": "", "tool_calls": [made], **more}


ASKED = {"role": "user", "content": "How warm is it?"}
FOUND = {"role": "tool", "tool_call_id": "c1", "content": "4C"}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"z": 1, "a": 2}}}]


def test_hashes_of_plain_texts_are_those_of_every_release() -> None:
    """sha256 of ["prompt",[["user","Q?"]]] and of ["candidate","p","x"], as release 0.2.0 had."""
    assert prompt_hash([{"role": "user", "content": "Q?"}]) == (
        "d218832abdf34cc056bbecf7648bba6e5f3bf464129b6af6b33149770b944c80"
    )
    assert candidate_hash("p", "x") == (
        "7e2f30da5b5a40d59e731133f66fe8ea67870788a79d5be352cd42ad5bfa1b79"
    )


@pytest.mark.parametrize(
    "other",
    [
        [{**ASKED, "name": "ada"}],
        [{**ASKED, "content": [{"type": "text", "text": ASKED["content"]}]}],
        [ASKED, call("Oslo"), FOUND],
        [ASKED, call("Rome"), FOUND],
        [ASKED, call("Rome"), {**FOUND, "tool_call_id": "c2"}],
        [ASKED, call("Rome", reasoning_content="hm"), FOUND],
    ],
)
def test_every_key_makes_another_prompt(other: list[dict[str, Any]]) -> None:
    assert prompt_hash(other) != prompt_hash([ASKED])
    assert prompt_hash(other, TOOLS) != prompt_hash(other)
    assert prompt_hash(other) == prompt_hash([dict(reversed(m.items())) for m in other])


def test_runs_that_differ_only_in_an_argument_are_two_responses() -> None:
    row = {"prompt": [ASKED], "tools": TOOLS, "chosen": [call("Oslo")], "rejected": [call("Rome")]}
    pair = understood(row).pair
    assert {pair.a.text, pair.b.text} == {
        'call weather (c1): {"city": "Oslo"}',
        'call weather (c1): {"city": "Rome"}',
    }


def test_messages_and_tools_are_stored_as_they_came(any_database: Database, tmp_path: Path) -> None:
    """Also the order of keys, which chat templates write out."""
    best = [call("Oslo", content=None), FOUND, {"role": "assistant", "content": "4 degrees."}]
    row = {
        "prompt": [{"role": "developer", "content": "Be brief."}, ASKED],
        "tools": json.dumps(TOOLS),
        "response_a": best,
        "response_b": [{"role": "assistant", "content": "Warm."}],
    }
    take(any_database, "pairs", tmp_path / "p.jsonl", [row])
    with any_database.read() as session:
        prompt = session.scalars(select(Prompt)).one()
        stored = {c.text: c.messages for c in session.scalars(select(Candidate))}
    assert json.dumps(prompt.messages) == json.dumps(row["prompt"])
    assert json.dumps(prompt.tools) == json.dumps(TOOLS)
    assert json.dumps(stored.pop(response_text(best))) == json.dumps(best)
    assert stored == {"Warm.": None}
    assert stored_pairs(any_database)[0][1] == response_text(best)


def test_what_a_reader_sees_holds_everything() -> None:
    told = [{**ASKED, "name": "ada", "mood": "cold"}, call("Oslo", content="Let me see."), FOUND]
    assert parts(told, TOOLS) == (
        Part("tools", "", json.dumps(TOOLS)),
        Part("user", "ada", "How warm is it?"),
        Part("other", "user mood", "cold"),
        Part("assistant", "", "Let me see."),
        Part("call", "weather", '{"city": "Oslo"}', "c1"),
        Part("tool", "", "4C", "c1"),
    )
    assert prompt_text([FOUND, ASKED]) == "tool (c1): 4C\n\nuser: How warm is it?"
    assert prompt_text([ASKED]) == ASKED["content"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"role": "user", "content": None}, "content in prompt is missing; it must be a text"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
            "a part of type 'image_url'; only parts of type 'text' can be kept",
        ),
        ({"role": "boss", "content": "x"}, "its role one of system, developer, user"),
        ({"role": "assistant", "tool_calls": "x"}, "tool_calls in prompt is 'x'; it must be a"),
        ({"role": "user", "content": "x", "weight": float("nan")}, "cannot be kept as JSON"),
        ({"role": "user", "content": "x", "by": "a\x00"}, "holds a NUL character"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(message: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        understood({"prompt": [message], "response_a": "a", "response_b": "b"})


def test_whole_dialogues_part_before_the_answers() -> None:
    """The prompt is what both share, up to an answer; the rest of each is its response."""
    again = [ASKED, call("Oslo"), FOUND]
    warm, cold = ({"role": "assistant", "content": said} for said in ("Warm.", "Cold."))
    pair = understood({"chosen": [*again, cold], "rejected": [*again, warm]}).pair
    assert pair.messages == again
    assert {pair.a.text, pair.b.text} == {"Warm.", "Cold."}
    pair = understood({"chosen": [ASKED, cold, ASKED, cold], "rejected": [ASKED, warm]}).pair
    assert pair.messages == [ASKED]
    assert [cold, ASKED, cold] in (pair.a.messages, pair.b.messages)


def test_a_prompt_beside_whole_dialogues_is_not_doubled() -> None:
    turns = [ASKED, {"role": "assistant", "content": "Where?"}, {**ASKED, "content": "Oslo."}]
    warm, cold = ({"role": "assistant", "content": said} for said in ("Warm.", "Cold."))
    whole = {"chosen": [*turns, cold], "rejected": [*turns, warm]}
    for prompt in ("How warm is it?", "Oslo.", turns, turns[:1]):
        assert understood({**whole, "prompt": prompt}).pair.messages == turns
    rule = {"role": "system", "content": "Be brief."}
    assert understood({**whole, "prompt": [rule, *turns]}).pair.messages == [rule, *turns]
    with pytest.raises(BadRow, match="another text than the messages"):
        understood({**whole, "prompt": "Rome."})
