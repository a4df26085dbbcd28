"""Detectors over many pairs: cycles, time, duplicates, biases, outliers."""

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.trust.near_duplicates import _hashed_shingles, band_hashes, sharing, shingles
from judges.trust.vote_matrix import MISSING, TIE, A, B, Consensus, VoteMatrix
from review.detectors import (
    cycles,
    duplicate_conflict,
    length_bias,
    length_reversal,
    near_duplicates,
    outliers,
    position_bias,
    reversal_rates,
    self_contradiction,
    self_preference,
    text_measures,
)
from review.detectors.families import author_families


def matrix_of(codes_PRO: np.ndarray, families: tuple[str, ...] | None = None) -> VoteMatrix:
    codes = np.asarray(codes_PRO, np.int8)
    raters = codes.shape[1]
    names = tuple(f"j{r}" for r in range(raters))
    return VoteMatrix(
        codes, names, families or names, np.arange(len(codes)), np.full(len(codes), -1, np.int64)
    )


def test_a_circle_of_three_is_flagged_and_a_chain_is_not() -> None:
    # prompt 0: x > y, y > z, z > x; prompt 1: x > y, y > z, x > z
    candidates = [("x", "y"), ("y", "z"), ("x", "z"), ("x", "y"), ("y", "z"), ("x", "z")]
    prompt = np.array([0, 0, 0, 1, 1, 1])
    flags = cycles(*zip(*candidates, strict=True), prompt, np.array([A, A, B, A, A, A], np.int8))
    assert [flag.pair for flag in flags] == [0, 1, 2]
    assert all(flag.score == 1.0 for flag in flags)  # each pair is in one triad, a cyclic one
    assert flags[0].detail["through"] == ["z"]
    # stored the other way round it is the same circle
    swapped = [("y", "x"), ("z", "y"), ("z", "x")]
    assert len(cycles(*zip(*swapped, strict=True), prompt[:3], np.array([B, B, A], np.int8))) == 3
    assert (
        cycles(*zip(*candidates, strict=True), prompt, np.array([A, A, TIE, A, A, A], np.int8))
        == []
    )


def test_score_of_a_cycle_counts_complete_triads() -> None:
    # a > b > c > a, and d loses to all three: each of ab, bc, ca is in two triads, one cyclic
    candidates = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "d"), ("b", "d"), ("c", "d")]
    flags = cycles(*zip(*candidates, strict=True), np.zeros(6, np.int64), np.full(6, A, np.int8))
    assert [(flag.pair, flag.score) for flag in flags] == [(0, 0.5), (1, 0.5), (2, 0.5)]


def test_a_rater_against_itself() -> None:
    pair = np.array([0, 0, 1, 1, 2, 2, 2])
    rater = np.array([0, 0, 0, 1, 0, 0, 0])
    choice = np.array([A, B, A, B, TIE, A, MISSING])
    flags = self_contradiction(pair, rater, choice, ["ann", "bob"])
    found = {flag.pair: (flag.score, flag.hard, flag.detail["rater"]) for flag in flags}
    assert found == {0: (1.0, True, "ann"), 2: (0.5, False, "ann")}
    # different orders are another detector's business
    assert (
        self_contradiction(pair[:2], rater[:2], choice[:2], ["ann"], order_V=np.array([0, 1])) == []
    )


LONG = (
    "The tide comes in twice a day because the earth turns under two bulges of water, one on the "
    "side of the moon and one on the far side, and the sun makes them higher at new and full moon."
)
OTHER = (
    "Water rises when the wind blows toward the shore; storms push it far over the usual mark, and "
    "only walls and dunes keep villages dry in such a night, which everybody on the coast knows."
)


def test_near_duplicates_with_opposite_labels() -> None:
    prompts = ["Why are there tides?"] * 4
    first = [LONG, LONG + " So it is.", OTHER, "Short one."]
    second = [OTHER, OTHER, LONG, "Another short one."]
    pairs = {(i, j): mirrored for i, j, mirrored, _ in near_duplicates(prompts, first, second)}
    assert pairs == {(0, 1): False, (0, 2): True, (1, 2): True}
    agreeing = np.array([A, A, B, A], np.int8)  # the mirrored copy of A is B
    assert duplicate_conflict(prompts, first, second, agreeing) == []
    flags = duplicate_conflict(prompts, first, second, np.array([A, A, A, A], np.int8))
    assert {(flag.pair, flag.detail["other"]) for flag in flags} == {
        (0, 2), (2, 0), (1, 2), (2, 1),
    }  # fmt: skip
    assert near_list_is_empty([])
    assert near_list_is_empty([None])


def near_list_is_empty(texts: list[str | None]) -> bool:
    return list(near_duplicates(texts, texts, texts)) == []


@given(st.lists(st.lists(st.sampled_from(["a", "ab", "Abc", "hello", "wörld", "你好", "x" * 9]))))
def test_hashed_shingles_are_the_shingles(texts: list[list[str]]) -> None:
    said = [" ".join(words) for words in texts]
    hashed, owner = _hashed_shingles(said)
    sizes = [len(set(hashed[owner == i].tolist())) for i in range(len(said))]
    assert sizes == (np.diff(shingles(said).indptr).tolist() if said else [])


def test_near_duplicates_are_found_among_thousands_and_unlike_texts_are_not_compared() -> None:
    rng = random.Random(5)
    words = ["".join(rng.choices("aeioudgklmnprst", k=rng.randint(3, 9))) for _ in range(5000)]
    texts = [" ".join(rng.choices(words, k=120)) for _ in range(3000)]
    changed = [f"{text[:400]} {words[n]}{text[400:]}" for n, text in enumerate(texts[:40])]
    both = [*texts, *changed]
    asked = ["Why?"] * len(both)
    pairs = {(i, j) for i, j, *_ in near_duplicates(asked, both, both)}
    assert pairs == {(n, 3000 + n) for n in range(40)}
    assert len(sharing(band_hashes(both))) < 60  # 4.6 million pairs


def test_reversal_rates_and_the_ten_per_cent_mark() -> None:
    # 100 pairs; judge 0 reverses 4, judge 1 reverses 30: the set's rate is 34 / 200 = 17%
    codes = np.zeros((100, 2, 2))
    codes[:4, 0, 1] = B
    codes[:30, 1, 1] = B
    rates = {f.subject: f for f in reversal_rates(matrix_of(codes), np.random.default_rng(0))}
    assert [rates[name].value for name in ("j0", "j1", "*")] == [0.04, 0.3, 0.17]
    assert [rates[name].alarm for name in ("j0", "j1", "*")] == [False, True, True]
    assert "low quality" in rates["*"].advice
    assert rates["j1"].low < 0.3 < rates["j1"].high
    once = codes.copy()
    once[:, :, 1] = MISSING
    undefined = reversal_rates(matrix_of(once), np.random.default_rng(0))
    assert undefined[0].value is None
    assert "both orders" in undefined[0].why


def test_position_bias_cancels_content() -> None:
    # always A in both orders: first shown half the time. Judge 1 picks the first shown on 40 of 100
    codes = np.zeros((100, 2, 2))
    codes[:40, 1, 1] = B
    found = position_bias(matrix_of(codes), np.random.default_rng(0))
    # (40 * 1 + 60 * .5) / 100 - .5 = .2
    assert [f.value for f in found] == pytest.approx([0.0, 0.2])
    assert [f.alarm for f in found] == [False, True]


def test_length_bias_is_measured_against_humans() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 400).astype(np.int8)
    long_a, long_b = rng.integers(10, 500, 400), rng.integers(10, 500, 400)
    longer = np.where(long_a >= long_b, A, B).astype(np.int8)
    taken = np.where(rng.random(400) < 0.3, longer, truth).astype(np.int8)
    codes = np.stack([truth, taken], axis=1)[:, :, None].repeat(2, axis=2)
    found = length_bias(matrix_of(codes), long_a, long_b, rng, truth)
    assert [f.alarm for f in found] == [False, True]
    # three in ten follow length, half of those would have been the longer anyway: + .15
    assert found[1].value == pytest.approx(0.15, abs=0.06)
    silent = length_bias(matrix_of(codes), long_a, long_b, rng)
    assert not any(f.alarm for f in silent)
    assert "too few human answers" in silent[0].why


def test_self_preference_is_measured_against_the_others() -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 300).astype(np.int8)
    authors = rng.permuted(np.array([["x", "y"]] * 300), axis=1)
    own = np.where(authors[:, 0] == "x", A, B).astype(np.int8)
    codes = np.stack([np.where(rng.random(300) < 0.4, own, truth), truth, truth], axis=1)
    vote_matrix = matrix_of(codes[:, :, None].repeat(2, axis=2), ("x", "y", "z"))
    found = self_preference(vote_matrix, authors[:, 0].tolist(), authors[:, 1].tolist(), rng)
    assert [f.alarm for f in found] == [True, False, False]
    assert found[0].why == "against judges whose family wrote neither response"
    assert found[2].value is None
    assert "0 pairs" in found[2].why


def test_authors_are_found_among_the_panels_families() -> None:
    raters = ("gpt-4", "claude-1", "vicuna-13b", "house-judge")
    families = ("openai", "anthropic", "llama", "acme")
    authors = ["gpt35", "claude", "vicuna-13b", "acme", "Gemini-1.5", "claude-3-opus", None, "zeta"]
    assert author_families(authors, raters, families) == [
        "openai", "anthropic", "llama", "acme", "google", "anthropic", None, "zeta",
    ]  # fmt: skip


def test_outliers_in_the_stream() -> None:
    rng = np.random.default_rng(3)
    words = np.array(LONG.split())
    texts = [" ".join(rng.choice(words, 40)) for _ in range(60)]
    odd = [*texts[:-1], "слон " * 40]
    measures = text_measures(["why?"] * 60, texts, odd)
    flags = outliers(measures)
    assert [flag.pair for flag in flags] == [59]
    assert "foreign_share" in flags[0].detail
    assert 0.5 <= flags[0].score <= 1.0
    assert np.allclose(measures, text_measures(["why?"] * 60, odd, texts))
    assert outliers(measures[:5]) == []  # too few to know what is usual


def test_a_lean_that_hangs_on_length() -> None:
    parts = np.array([[1.0, -0.5], [-0.5, 1.0], [0.2, 0.1]])
    consensus = Consensus(np.full((3, 3), 1 / 3), parts.sum(axis=1), parts, ("j0", "length"))
    flags = length_reversal(consensus)
    assert [(flag.pair, flag.score, flag.hard) for flag in flags] == [(1, 0.5, True)]
    assert flags[0].detail == {"log_odds": 0.5, "without_length": -0.5}
    assert length_reversal(Consensus(consensus.p_PK, consensus.logit_P)) == []


def test_real_candidate_sets_have_few_cycles() -> None:
    folder = Path(__file__).parents[2] / "shared" / "data" / "ukpconvarg1"
    if not folder.exists():
        pytest.skip(f"real data is not at {folder}")
    with gzip.open(folder / "pairs.jsonl.gz", "rt", encoding="utf-8") as lines:
        pairs = [json.loads(line) for line in lines]
    with gzip.open(folder / "gold.jsonl.gz", "rt", encoding="utf-8") as lines:
        gold = {row["pair_id"]: row["choice"] for row in map(json.loads, lines)}
    choice = np.array(
        [{"a": A, "b": B, "tie": TIE}.get(gold.get(row["pair_id"]), MISSING) for row in pairs],
        np.int8,
    )
    prompts = {text: n for n, text in enumerate(sorted({row["prompt"] for row in pairs}))}
    found = cycles(
        [row["response_a"] for row in pairs],
        [row["response_b"] for row in pairs],
        np.array([prompts[row["prompt"]] for row in pairs]),
        choice,
    )
    assert 0 < len(found) < len(pairs) / 2
