"""Servers that read a question in part and say nothing, as Ollama does beyond its window."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_server import Dialect, Script, serving
from test_judges_reach import KEYS, asked, remote

from db.vocabulary import Choice, Order, Provider
from judges import verdicts
from judges.asking import Answer, Question, Shown, Usage
from judges.providers.notices import Notices
from judges.providers.read_whole import ReadWhole

PROSE = "The quick brown fox jumps over the lazy dog near the river bank today. "


def question(user: str) -> Question:
    return Question("k", "Be fair.", user, Shown("", "", ""))


def counted(tokens: int) -> Answer:
    return Answer("1", usage=Usage(input=tokens))


def counting(count: Callable[[int], int]) -> Dialect:
    def says(_: Any, reply: dict[str, Any]) -> dict[str, Any]:
        reply["usage"]["prompt_tokens"] = count(reply["usage"]["prompt_tokens"])
        reply["usage"]["prompt_tokens_details"] = None
        return reply

    return Dialect(says=says)


def test_a_question_that_was_cut_for_sure_abstains_and_it_is_said_once() -> None:
    # The question of test_judges_providers has some 700 words; Ollama's window of 512 tokens keeps
    # 512 / 2 + 2 = 258 of them (github.com/ollama/ollama/issues/17427).
    with serving(Script(dialect=counting(lambda sent: 258))) as server:
        client, answers = asked(remote(Provider.OPENAI_COMPATIBLE, server), KEYS, times=2)
    for answer in answers:
        verdict = verdicts.read(answer, Order.AB)
        assert verdict.choice is Choice.ABSTAIN
        assert verdict.reason == "read in part by its server"
    (said,) = client.notices
    assert "read 258 tokens of a question of" in said
    assert "OLLAMA_CONTEXT_LENGTH" in said


@pytest.mark.parametrize("count", [lambda sent: sent, lambda sent: 0])
def test_a_question_that_was_read_whole_or_not_counted_is_a_vote(
    count: Callable[[int], int],
) -> None:
    with serving(Script(dialect=counting(count))) as server:
        client, (answer,) = asked(remote(Provider.OPENAI_COMPATIBLE, server), KEYS)
    assert verdicts.read(answer, Order.AB).choice is Choice.A
    assert list(client.notices) == []


def test_a_count_that_is_no_number_of_tokens_is_said_and_the_vote_counts() -> None:
    notices = Notices("j")
    answer = ReadWhole(notices).checked(question(PROSE * 100), counted(1))
    assert answer.stop == "end"
    assert "is no number of tokens" in next(iter(notices))


def test_code_that_has_few_words_is_warned_about_by_its_bytes() -> None:
    # 6,000 distinct letters in one word: 1 word, 6,000 bytes; 300 tokens would be 20 bytes each.
    notices = Notices("j")
    long = "".join(chr(97 + i % 26) + str(i % 10) for i in range(3000))
    answer = ReadWhole(notices).checked(question(long), counted(300))
    assert answer.stop == "end"
    assert "seems to read no more than 300 tokens" in next(iter(notices))


def test_one_count_for_questions_of_many_lengths_is_warned_about() -> None:
    """2,050 is half of a window of 4,096 and two more; 5 bytes a token are not yet suspicious."""
    notices = Notices("j")
    reader = ReadWhole(notices)
    for size in (6000, 9000):
        reader.checked(question("äö" * (size // 4)), counted(2050))
    assert list(notices) == []
    reader.checked(question("äö" * 3250), counted(2050))
    assert "seems to read no more than 2050 tokens" in next(iter(notices))


def test_blank_and_ruled_texts_are_no_reason_for_a_warning() -> None:
    notices = Notices("j")
    ruled = "a" + " " * 4000 + "=" * 4000 + "\n" * 4000
    assert ReadWhole(notices).checked(question(ruled), counted(300)).stop == "end"
    assert list(notices) == []


@given(st.integers(0, 900), st.text("aé1.\n ", max_size=9), st.integers(0, 1200))
def test_as_many_tokens_as_words_are_no_cut_and_fewer_are_one(
    times: int, word: str, read: int
) -> None:
    text = f"{word} " * times
    answer = ReadWhole(Notices("j")).checked(question(text), counted(read))
    words = len(text.split()) + 2  # and "Be fair."
    assert answer.stop == ("cut" if 256 <= read < words else "end")
    assert answer.text == "1"
