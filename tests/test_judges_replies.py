"""Odd replies of servers and judges: whatever one holds, it ends no run and stops no other."""
# ruff: noqa: E501 (tables of cases, a row a line)

import json
from collections.abc import Sequence
from typing import Any

import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion
from sqlalchemy import select
from test_judges_steps import add, fake, run, votes
from test_judges_steps_generating import generators, prompts

from db.errors import Unavailable
from db.models import Candidate
from db.session import Database
from db.vocabulary import Choice, Order
from judges import steps, verdicts
from judges.asking import Answer, Lost, Question, Shown
from judges.critique import finds_nothing
from judges.judge_session import meaning
from judges.local import _answer
from judges.providers.anthropic_replies import read_message
from judges.providers.fake import Fake
from judges.providers.openai_replies import read_completion
from judges.providers.replies import understood
from judges.scoring import scored

HOSTILE = {
    "deep": '{"a":[1,' * 500,
    "levels": '{"a":' * 900 + "1" + "}" * 900,
    "digits": '{"verdict":"2","confidence":' + "9" * 400 + "}",
    "escaped half": '{"reasoning":"x\\ud800y","verdict":"2"}',
    "escaped NUL": '{"reasoning":"x\\u0000y","verdict":"2","principles":{"\\u0000":"1","\\udfff":"2"}}',
    "half": "VERDICT: 2 \ud800",
    "NUL": "why\x00not\nVERDICT: 2",
    "NUL alone": "\x00",
    "blank": "\n" * 8000,
}


def test_no_answer_ends_a_run_and_none_is_asked_twice(
    any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(self: Fake, question: Question) -> str:
        """A hostile text on the pairs that have one: keys are pair-order-sample."""
        texts = dict(enumerate(HOSTILE.values(), 1))
        return texts.get(int(question.key.split("-")[0]), "VERDICT: 1")

    monkeypatch.setattr(Fake, "_text", told)
    add(any_database, 12)
    first = run(any_database, fake())
    assert (first.stored, first.missing) == (24, 0)
    assert run(any_database, fake()).stored == 0
    kept = {json.loads(vote.raw or "")["text"] for vote in votes(any_database)}
    for text in HOSTILE.values():
        assert text.replace("\x00", "\ufffd").replace("\ud800", "\ufffd") in kept
    abstains = [vote for vote in votes(any_database) if vote.choice is Choice.ABSTAIN]
    assert all(vote.abstain_reason for vote in abstains)
    assert steps.reparse(any_database).changed == 0


def test_texts_that_no_database_holds_are_stored_as_candidates(any_database: Database) -> None:
    prompts(any_database, 1)
    texts = {"one": "x\x00y", "two": "half \ud800", "three": "fine"}
    made = generators(systems=list(texts), options={"answers": texts})
    assert steps.generate(any_database, made).new == 3
    with any_database.read() as session:
        found = set(session.scalars(select(Candidate.text)))
    assert found == {"x\ufffdy", "half \ufffd", "fine"}


def completion(**changes: Any) -> ChatCompletion:
    body: dict[str, Any] = {
        "id": "1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop",
                     "message": {"role": "assistant", "content": "VERDICT: 2"}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
    }  # fmt: skip
    choice = {k: changes.pop(k) for k in ("message", "finish_reason", "logprobs") if k in changes}
    body["choices"][0] |= choice
    return ChatCompletion.construct(**(body | changes))


def said(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def tokens(*pairs: tuple[Any, Any], top: Any = ()) -> dict[str, Any]:
    return {
        "content": [
            {"token": t, "logprob": p, "bytes": None, "top_logprobs": top} for t, p in pairs
        ]
    }


READABLE = [
    completion(),
    completion(finish_reason="a new reason"),
    completion(finish_reason=["stop"]),
    completion(model=None),
    completion(model=["m"]),
    completion(usage=None),
    completion(usage={"prompt_tokens": "many", "completion_tokens": None}),
    completion(usage={"prompt_tokens": 10**400, "completion_tokens": -5}),
    completion(
        usage={
            "prompt_tokens": 5,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 50},
        }
    ),
    completion(usage="12 tokens"),
    completion(
        message=said([{"type": "text", "text": "VERDICT: "}, {"type": "text", "text": "2"}])
    ),
    completion(logprobs="none"),
    completion(logprobs={"content": "VERDICT: 2"}),
    completion(logprobs={"content": [None]}),
    completion(logprobs=tokens(("VERDICT: ", 0.0), ("2", None))),
    completion(logprobs=tokens(("VERDICT: ", 0.0), ("2", 1e6))),
    completion(logprobs=tokens(("VERDICT: ", 0.0), ("2", float("nan")))),
    completion(logprobs=tokens(("VERDICT: ", 0.0), ("2", -0.1), top=None)),
]


@pytest.mark.parametrize("reply", READABLE)
def test_an_answer_counts_whatever_else_its_reply_holds(reply: ChatCompletion) -> None:
    answer = understood(reply, read_completion)
    assert verdicts.read(answer, Order.AB).choice is Choice.B
    assert answer.usage is None or 0 <= answer.usage.input <= 10**9
    assert verdicts.load(verdicts.dump(answer)).text == "VERDICT: 2"


@pytest.mark.parametrize(
    "message",
    [
        said(5),
        said({"words": "VERDICT: 2"}),
        said([5]),
        said([{"type": "text", "text": 1}]),
        None,
        "x",
    ],
)
def test_a_reply_whose_answer_cannot_be_read_is_kept_whole(message: Any) -> None:
    answer = understood(completion(message=message), read_completion)
    found = verdicts.read(answer, Order.AB)
    assert (found.choice, found.reason) == (Choice.ABSTAIN, "the reply cannot be read")
    assert "ChatCompletion" in answer.text
    meaning(found)


@pytest.mark.parametrize(
    "reply", ["<html>", None, completion(choices=[]), completion(choices=None)]
)
def test_a_reply_without_an_answer_is_lost_and_asked_again(reply: Any) -> None:
    with pytest.raises(Lost, match="holds no answer"):
        understood(reply, read_completion)


def test_the_messages_of_the_other_protocol_are_read_as_bravely() -> None:
    def message(**changes: Any) -> Any:
        body = {"model": "m", "content": [{"type": "text", "text": "VERDICT: 2"}], "stop_reason": "end_turn",
                "usage": {"input_tokens": 3, "output_tokens": 1}}  # fmt: skip
        return Message.construct(**(body | changes))

    thinking = {"type": "thinking", "thinking": "VERDICT: 1"}
    text = {"type": "text", "text": "VERDICT: 2"}
    for odd in (message(), message(usage=None), message(usage={"input_tokens": "x"}), message(stop_reason=["x"]),
                message(model=None), message(content=[thinking, text])):  # fmt: skip
        assert verdicts.read(understood(odd, read_message), Order.AB).choice is Choice.B
    assert (
        understood(message(content=[{"type": "text", "text": None}]), read_message).stop
        == "unreadable"
    )
    with pytest.raises(Lost):
        understood(message(content=None), read_message)


class Stumbling:
    """A judge on this machine that raises for some questions."""

    def __init__(self, *bad: str) -> None:
        self.bad = bad

    def score(self, questions: Sequence[Question]) -> list[Answer]:
        if any(question.key in self.bad for question in questions):
            raise RuntimeError("no such number")
        return [Answer(verdicts.say("1")) for _ in questions]


def test_a_question_a_local_judge_stumbles_over_is_an_abstain_of_that_question() -> None:
    asked = [Question(key, "", "", Shown("", "", "")) for key in "abc"]
    found = [verdicts.read(answer, Order.AB) for answer in scored(Stumbling("b"), asked)]
    assert [one.choice for one in found] == [Choice.A, Choice.ABSTAIN, Choice.A]
    assert found[1].reason == "cannot be checked: RuntimeError: no such number"
    with pytest.raises(Unavailable, match="it can score no question: RuntimeError: no such number"):
        scored(Stumbling(*"abc"), asked)


def test_a_local_judge_that_can_score_nothing_stops_alone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(database, 3)
    monkeypatch.setattr("judges.providers.verifier.Verifier.score", lambda *_: 1 / 0)
    done = run(database, fake(), {"name": "broken", "provider": "verifier"})
    assert (done.stored, done.missing) == (6, 3)
    assert done.problems == (
        "judge 'broken': it can score no question: ZeroDivisionError: division by zero",
    )
    assert run(database, fake()).missing == 0


def test_a_review_of_many_blank_lines_is_read_in_linear_time() -> None:
    assert not finds_nothing("\n" * 200_000 + "x")
    assert finds_nothing("\n\n**Nothing to mend.**\n")


def test_probabilities_that_are_no_numbers_are_an_abstain() -> None:
    row = [float("nan"), 0.5, 0.5]
    assert (
        verdicts.read(_answer(row, 3), Order.AB).reason
        == "cannot be checked: its probabilities are no numbers"
    )
    assert verdicts.read(_answer([0.2, 0.7, 0.1], 3), Order.AB).choice is Choice.B
