"""Replies of every dialect: where the answer stands, how it ended, and how likely its verdict was."""
# ruff: noqa: E501 (tables of cases, a row a line)

import json
import math
from typing import Any

import pytest
from anthropic.types import Message
from hypothesis import given
from hypothesis import strategies as st
from test_judges_replies import completion, said

from db.vocabulary import Choice, Order
from judges import verdicts
from judges.asking import Answer
from judges.providers.anthropic_replies import read_message
from judges.providers.endings import category_of, stop_of
from judges.providers.openai_replies import read_completion
from judges.providers.replies import understood

OWN = json.dumps(
    {"reasoning": "r", "verdict": "2", "strength": "much", "both_bad": False, "confidence": 80}
)
DRAFT = OWN.replace('"2"', '"1"')


def answer(content: Any, **more: Any) -> Answer:
    changes = {name: more.pop(name) for name in ("finish_reason", "logprobs") if name in more}
    return understood(completion(message=said(content, **more), **changes), read_completion)


CONTENTS: dict[str, Any] = {
    "parts": [{"type": "thinking", "thinking": [{"type": "text", "text": DRAFT}]}, {"type": "text", "text": OWN}],
    "output parts": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": DRAFT}]}, {"type": "output_text", "text": OWN}],
    "a thought of Gemini's": [{"text": DRAFT, "thought": True}, {"text": OWN}],
    "unknown parts": [{"type": "audio", "id": "x"}, {"type": "text", "text": OWN}, {"type": "new", "text": DRAFT}],
    "texts": [OWN],
    "one part": {"type": "text", "text": OWN},
    "an object": json.loads(OWN),
    "marked": f"<think>{DRAFT}</think>{OWN}",
}  # fmt: skip


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_content_of_every_form_is_read(content: Any) -> None:
    found = answer(content)
    assert (found.stop, verdicts.read(found, Order.AB).choice) == ("end", Choice.B)
    assert DRAFT not in found.text
    assert "thought" not in str(content) or found.thinking == DRAFT


@pytest.mark.parametrize(
    "field",
    [
        {"reasoning_content": DRAFT},
        {"reasoning": DRAFT},
        {"reasoning_details": [{"type": "reasoning.text", "text": DRAFT}]},
        {"thinking": DRAFT},
    ],
)
def test_thinking_beside_the_content_is_kept_apart(field: dict[str, Any]) -> None:
    found = answer(OWN, **field)
    assert (found.text, found.thinking) == (OWN, DRAFT)
    assert verdicts.load(verdicts.dump(found)).thinking == DRAFT


def test_an_object_of_the_schema_taken_for_thinking_is_the_answer() -> None:
    for content in (None, "", "\n"):
        assert answer(content, reasoning_content=OWN) == answer(OWN)
    for thought in (
        f"So: {OWN}",
        "VERDICT: 2",
        '{"verdict": "2"}',
        OWN + DRAFT,
        OWN[:-1] + ', "x": 1}',
    ):
        found = answer("", reasoning_content=thought)
        assert (found.text, found.thinking) == ("", thought)
        assert verdicts.read(found, Order.AB).reason == "no answer: it only thought"
    assert answer("VERDICT: 1", reasoning_content=OWN).text == "VERDICT: 1"


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("stop", "end"), ("end_turn", "end"), ("eos", "end"), ("weird", "end"), (None, "end"), (["stop"], "end"), ("STOP", "end"),
        ("length", "length"), ("MAX_TOKENS", "length"), ("model_length", "length"), ("FinishReason.MAX_TOKENS", "length"),
        ("content_filter", "filter"), ("SAFETY", "filter"), ("RECITATION", "filter"), ("sensitive", "filter"), ("guardrail_intervened", "filter"),
        ("refusal", "refusal"), ("error", "failed"), ("abort", "failed"), ("insufficient_system_resource", "failed"), ("pause_turn", "failed"),
    ],
)  # fmt: skip
def test_how_an_answer_ended_is_known_in_every_dialect(reason: Any, stop: str) -> None:
    assert stop_of(reason) == stop
    found = answer(OWN, finish_reason=reason)
    assert found.stop == stop
    assert (verdicts.read(found, Order.AB).choice is Choice.B) == (stop == "end")


CATEGORIES: list[tuple[dict[str, Any], str]] = [
    ({"content_filter_results": {"hate": {"filtered": False, "severity": "safe"}, "violence": {"filtered": True, "severity": "high"}}}, "violence"),
    ({"content_filter_results": {"jailbreak": {"filtered": True, "detected": True}}}, "jailbreak"),
    ({"safety_ratings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH", "blocked": True},
                         {"category": "HARM_CATEGORY_HATE_SPEECH", "probability": "LOW", "blocked": False}]}, "harassment"),
    ({"error": {"code": 403, "message": "flagged", "metadata": {"reasons": ["self-harm", "violence"]}}}, "self-harm, violence"),
]  # fmt: skip


@pytest.mark.parametrize(("told", "category"), CATEGORIES)
def test_a_filter_says_what_it_is_for(told: dict[str, Any], category: str) -> None:
    reply = completion(message=said(""), finish_reason="content_filter")
    for name, value in told.items():
        setattr(reply.choices[0], name, value)
    found = understood(reply, read_completion)
    assert found.category == category
    kept = verdicts.load(verdicts.dump(found))
    assert verdicts.read(kept, Order.AB).reason == f"content filter: {category}"


def test_a_refusal_of_claude_keeps_its_category() -> None:
    details = {"type": "refusal", "category": "reasoning_extraction", "explanation": "Not this."}
    body = {
        "model": "m",
        "content": [],
        "stop_reason": "refusal",
        "stop_details": details,
        "usage": None,
    }
    found = understood(Message.construct(**body), read_message)
    assert (found.category, found.text) == ("reasoning_extraction", "Not this.")
    assert verdicts.read(found, Order.AB).reason == "refused: reasoning_extraction"
    body["stop_details"] = None
    assert (
        verdicts.read(understood(Message.construct(**body), read_message), Order.AB).reason
        == "refused"
    )


def test_a_refusal_among_the_parts_is_one() -> None:
    found = answer([{"type": "refusal", "refusal": "I would rather not."}])
    assert (found.stop, found.text) == ("refusal", "I would rather not.")


def test_claude_s_thinking_is_kept_apart() -> None:
    content = [{"type": "thinking", "thinking": DRAFT, "signature": "x"}, {"type": "redacted_thinking", "data": "x"},
               {"type": "text", "text": OWN}]  # fmt: skip
    found = understood(
        Message.construct(model="m", content=content, stop_reason="end_turn", usage=None),
        read_message,
    )
    assert (found.text, found.thinking) == (OWN, DRAFT)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "category",
                        "reasons",
                        "filtered",
                        "detected",
                        "hate",
                        "metadata",
                        "text",
                        "type",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_form_of_content_or_category_ends_a_run(odd: Any) -> None:
    category_of(odd)
    verdicts.read(answer(odd), Order.AB)
    found = answer(OWN, reasoning_content=odd, finish_reason=odd)
    assert found.text == OWN or found.stop == "unreadable"


# -- probabilities --------------------------------------------------------------------------------


def spelt(pieces: list[bytes], verdict: int, *, with_bytes: bool = True) -> dict[str, Any]:
    """Tokens of these bytes; the one at `verdict` is .8 likely, the other response's number .2."""
    content = []
    for at, piece in enumerate(pieces):
        token = piece.decode(errors="replace")
        other = "2" if token == "1" else "1"
        top = [
            {"token": token, "logprob": math.log(0.8), "bytes": None},
            {"token": other, "logprob": math.log(0.2), "bytes": None},
        ]
        content.append({"token": token, "logprob": math.log(0.8) if at == verdict else 0.0,
                        "bytes": list(piece) if with_bytes else None, "top_logprobs": top if at == verdict else []})  # fmt: skip
    return {"content": content}


def test_the_verdict_s_token_is_found_by_bytes() -> None:
    emoji = "🙂".encode()
    pieces = [
        emoji[:1],
        emoji[1:2],
        emoji[2:3],
        emoji[3:],
        b" 1 and 2.\n",
        b"VERDICT",
        b":",
        b" ",
        b"2",
    ]
    text = b"".join(pieces).decode()
    found = answer(text, logprobs=spelt(pieces, 8))
    assert found.probabilities == pytest.approx({"1": 0.2, "2": 0.8, "tie": 0.0})
    assert verdicts.read(found, Order.AB).p_a == pytest.approx(0.2)
    # Without bytes nobody can tell where the emoji's tokens end.
    assert answer(text, logprobs=spelt(pieces, 8, with_bytes=False)).probabilities is None


def test_thinking_moves_no_probability() -> None:
    pieces = [b"<think>", b"1", b" or ", b"2", b"?", b"</think>", b"\n", b"2"]
    marked = answer(b"".join(pieces).decode(), logprobs=spelt(pieces, 7))
    assert marked.text == "\n2"
    assert marked.probabilities == pytest.approx({"1": 0.2, "2": 0.8, "tie": 0.0})
    # A server that cut the thinking itself: the text stands among its tokens once, or nobody can tell.
    pieces = [b"Hm.", b"</think>", b"VERDICT: ", b"2", b"<|im_end|>"]
    cut = answer("VERDICT: 2", logprobs=spelt(pieces, 3))
    assert cut.probabilities == pytest.approx({"1": 0.2, "2": 0.8, "tie": 0.0})
    assert answer("2", logprobs=spelt([b"2", b"?", b"2"], 2)).probabilities is None


@given(st.text(max_size=20), st.sampled_from(["1", "2", "tie"]))
def test_the_token_found_is_the_verdict_s_or_none(words: str, verdict: str) -> None:
    text = f"{words}\nVERDICT: {verdict}"
    raw = text.encode(errors="replace")
    pieces = [raw[at : at + 1] for at in range(len(raw) - len(verdict))] + [verdict.encode()]
    given_ = answer(raw.decode(), logprobs=spelt(pieces, len(pieces) - 1)).probabilities
    stated = verdicts.verdict_at(raw.decode())
    assert given_ is None or (stated is not None and given_[verdict] == pytest.approx(0.8))
