"""Judges that compute: baselines."""
# ruff: noqa: E501 (tables of cases, a row a line)

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.vocabulary import Choice, Order
from judges.asking import Question, Shown
from judges.providers.baseline import BASELINES, find
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


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize(
    "piece", ["\n", " ", "[", "{", "```\n", "- \n", "1.\n", '."', "9", "word "]
)
def test_a_baseline_is_linear_in_the_response(name: str, piece: str) -> None:
    asked = (
        "Write JSON in 3 sentences, 2 bullet points, 1 paragraph and 5 lines as a bulleted list."
    )
    started = time.process_time()
    verdict(name, asked, piece * (50_000 // len(piece)), "x")
    assert time.process_time() - started < 5
