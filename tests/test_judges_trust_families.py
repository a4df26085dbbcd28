"""Families guessed from names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.trust.families import guessed_family, told_guesses
from judges.trust.table import label_votes


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("gpt-4o-mini", "openai"),
        ("GPT4", "openai"),
        ("chatgpt", "openai"),
        ("o3-mini", "openai"),
        ("gpt-3.5-turbo-0301", "openai"),
        ("claude-3-opus-20240229", "anthropic"),
        ("anthropic/claude-sonnet-4", "anthropic"),
        ("gemini-2.5-flash", "google"),
        ("models/gemma4-12B", "google"),
        ("meta-llama/Llama-3.1-70B-Instruct", "llama"),
        ("vicuna-13b", "llama"),
        ("Qwen2.5-72B", "qwen"),
        ("qwen-7B", "qwen"),
        ("Mixtral-8x7B", "mistral"),
        ("deepseek-r1-distill-llama-70b", "deepseek"),
        ("openai/llama-3-8b", "llama"),
        ("strict_gpt-4_v2", "openai"),
        ("command-r-plus", "cohere"),
        ("phi-4", "microsoft"),
        ("exaone-32B", "exaone"),
    ],
)
def test_known_names(name: str, family: str) -> None:
    assert guessed_family(name) == family


@pytest.mark.parametrize(
    "name",
    ["", "judge-1", "alice", "strict", "command-line", "photo1", "novak", "gpt-j-6b", "philo-4"],
)
def test_other_names_have_no_family(name: str) -> None:
    assert guessed_family(name) is None


@given(name=st.text(max_size=40))
def test_any_text_is_read_and_its_case_does_not_matter(name: str) -> None:
    assert guessed_family(name.lower()) == guessed_family(name.lower().upper().lower())
    assert guessed_family(name + "/gpt-4o") == "openai"


def test_the_sentence_names_every_guess_and_nothing_else() -> None:
    said = told_guesses(["qwen-7B", "alice", "gpt-4o"])
    assert said is not None
    assert said.startswith("families guessed from names: gpt-4o (openai), qwen-7B (qwen); ")
    assert "alice" not in said
    assert told_guesses(["alice"]) is None


def test_relatives_without_a_family_are_guessed_aloud() -> None:
    votes = [
        {"pair_id": p, "judge": judge, "choice": choice}
        for p in range(3)
        for judge, choice in (("gpt-4", "a"), ("gpt-4o", "a"), ("claude-3", "b"))
    ]
    with pytest.warns(UserWarning, match=r"gpt-4 \(openai\)") as heard:
        guessed = label_votes(votes)
    assert heard[0].filename == __file__  # where the user called
    told = [vote | {"family": guessed_family(str(vote["judge"]))} for vote in votes]
    assert label_votes(told).pairs == guessed.pairs
