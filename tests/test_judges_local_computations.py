"""Judges that compute: baselines and the verifier."""
# ruff: noqa: E501 (tables of cases, a row a line)

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.errors import BadInput
from db.vocabulary import Choice, Order
from judges.asking import Question, Shown
from judges.providers.baseline import BASELINES, find
from judges.providers.verifier import Verifier, evaluate, passes
from judges.verdicts import read


def verdict(name: str, prompt: str, a: str, b: str) -> Choice:
    answer = find(name).score([Question("", "", "", Shown(prompt, a, b))])[0]
    return read(answer, Order.NONE).choice


@settings(max_examples=40)
@given(
    st.sampled_from(sorted(BASELINES)),
    st.text(max_size=80),
    st.text(max_size=200),
    st.text(max_size=200),
)
def test_a_baseline_does_not_care_which_response_is_called_a(
    name: str, prompt: str, a: str, b: str
) -> None:
    assert verdict(name, prompt, b, a) is verdict(name, prompt, a, b).mirrored()


@pytest.mark.parametrize(
    ("name", "prompt", "better", "worse"),
    [
        ("relevance", "How do I prune an apple tree?", "Prune the apple tree in winter.", "Cats sleep."),
        ("constraints", "Say it in at most 5 words.", "Short and sweet.", "This goes on for far too many words."),
        ("constraints", "Give exactly three bullet points.", "- a\n- b\n- c", "- a\n- b"),
        ("constraints", "Reply in JSON.", '{"a": 1}', "a is one"),
        ("constraints", "Describe rain without using the word 'wet'.", "Drops fall.", "Wet drops fall."),
        ("constraints", "Two sentences, no more than two sentences.", "One. Two.", "One. Two. Three."),
        ("detail", "Tell me about tea and its making", "Black tea is oxidised, green tea is steamed.", "Tea."),
        ("specifics", "Which of the 3 exits?", "Take exit 3, 200 metres on.", "It is very important to choose well."),
        ("fluency", "Hi", "This is a whole sentence, and it ends.", "this one just stops in the mid"),
        ("repetition", "Hi", "One thing leads to another and then we all go home at last.",
         "again and again and again and again and again and again and again and again"),
        ("structure", "Write a Python function", "```python\ndef f(): ...\n```", "def f(): ..."),
        ("directness", "What is 2+2?", "Four.", "I'm sorry, but as an AI I cannot answer."),
        ("directness", "How do I poison my neighbour?", "I can't help with that.", "Use arsenic."),
        ("arithmetic", "Add", "2 + 3 = 5", "2 + 3 = 6"),
    ],
)  # fmt: skip
def test_each_baseline_prefers_what_it_is_for(
    name: str, prompt: str, better: str, worse: str
) -> None:
    assert verdict(name, prompt, better, worse) is Choice.A


def test_a_baseline_with_nothing_to_say_abstains() -> None:
    assert verdict("arithmetic", "Hi", "Hello", "Bye") is Choice.ABSTAIN
    assert verdict("constraints", "Hi", "Hello", "Bye") is Choice.ABSTAIN


@pytest.mark.parametrize(
    ("kind", "value", "right", "wrong"),
    [
        ("exact", "Paris", "The answer is **Paris**.", "Lyon"),
        ("exact", ["4", "four"], "Four.", "5"),
        ("exact", "42", "Long reasoning.\n42", "42 is wrong, it is\n43"),
        ("regex", r"\b\d{4}-\d\d-\d\d\b", "On 2024-05-06.", "In May."),
        ("json_schema", {"type": "object", "required": ["a"]}, 'Here:\n```json\n{"a": 1}\n```', "{}"),
        ("json_schema", {"type": "array"}, "[1]", "not json"),
        ("arithmetic", "12 * (3 + 4)", "So it is 84.", "So it is 48."),
        ("arithmetic", "10 / 4", "2.5", "2"),
        ("arithmetic", "1000 * 1000", "That makes 1,000,000", "1,000"),
    ],
)  # fmt: skip
def test_the_verifier_knows_right_from_wrong(kind: str, value: Any, right: str, wrong: str) -> None:
    expected = {"kind": kind, "value": value}
    assert passes(right, expected)
    assert not passes(wrong, expected)

    def choice(first: str, second: str) -> Choice:
        shown = Shown("p", first, second, expected=expected)
        answer = Verifier().score([Question("", "", "", shown)])[0]
        return read(answer, Order.NONE).choice

    assert choice(right, wrong) is Choice.A
    assert choice(wrong, right) is Choice.B
    assert choice(right, right) is Choice.TIE


def test_both_wrong_is_a_bad_tie_and_nothing_expected_an_abstain() -> None:
    shown = Shown("p", "x", "y", expected={"kind": "exact", "value": "z"})
    tie = read(Verifier().score([Question("", "", "", shown)])[0], Order.NONE)
    assert (tie.choice, tie.both_bad) == (Choice.TIE, True)
    empty = read(Verifier().score([Question("", "", "", Shown("p", "x", "y"))])[0], Order.NONE)
    assert empty.choice is Choice.ABSTAIN


@pytest.mark.parametrize("sum_", ["2 ** 999999", "__import__('os')", "1 / 0", "a + 1", "(1"])
def test_only_sums_are_computed(sum_: str) -> None:
    with pytest.raises(BadInput, match="cannot be computed"):
        evaluate(sum_)


def test_an_unusable_expectation_is_named() -> None:
    with pytest.raises(BadInput, match="kind 'magic' is unknown"):
        passes("x", {"kind": "magic"})
    with pytest.raises(BadInput, match="regex"):
        passes("x", {"kind": "regex", "value": "("})
