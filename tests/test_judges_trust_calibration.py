"""Metrics with their arithmetic, Platt scaling, and what texts and neighbours say about pairs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trust_worlds import panel

from judges.trust.calibration import (
    accuracy,
    brier,
    ece,
    fit_temperature,
    human_share,
    log_loss,
    reliability,
)
from judges.trust.candidates import (
    author_effect,
    neighbours_margin,
    number_of,
    number_of_texts,
    triads,
)
from judges.trust.reading import read, style_regression
from judges.trust.tallies import NO_ORDER, count_votes, most_frequent
from judges.trust.text_classifier import DistilledTextClassifier, word_differences
from judges.trust.text_features import ODD_NAMES, PairTexts, text_features
from judges.trust.vote_matrix import MISSING, TIE, A, B

TRUTH = np.array([A, A, B, TIE, MISSING], np.int8)
WIN = np.array([0.9, 0.5, 0.4, 0.99, 0.99])


def test_binary_metrics_by_hand() -> None:
    # Decided pairs: .9 right, .5 half, .4 for B right; TIE and MISSING do not count.
    assert accuracy(WIN, TRUTH) == pytest.approx(2.5 / 3)
    assert log_loss(WIN, TRUTH) == pytest.approx(-np.log([0.9, 0.5, 0.6]).mean())
    assert brier(WIN, TRUTH) == pytest.approx((0.01 + 0.25 + 0.16) / 3)
    # Ten bins of width .05 on the confidence: .5 → |.5 − .5|, .6 → |.6 − 1|, .9 → |.9 − 1|.
    assert ece(WIN, TRUTH) == pytest.approx((0.0 + 0.4 + 0.1) / 3)
    assert [bin_.pairs for bin_ in reliability(WIN, TRUTH)] == [1, 1, 1]


def test_human_share_by_hand() -> None:
    # Ten pairs, the two least sure wrong: 90% right needs one of them reviewed, 100% both.
    win_probability = np.linspace(0.95, 0.5, 10)
    truth = np.array([A] * 8 + [B] * 2, np.int8)
    assert human_share(win_probability, truth, 0.8) == pytest.approx(0.0)
    assert human_share(win_probability, truth, 0.9) == pytest.approx(0.1)
    assert human_share(win_probability, truth, 1.0) == pytest.approx(0.2)


def test_human_share_does_not_depend_on_the_order_of_equal_pairs() -> None:
    truth = np.array([A, B, A, B, A, A, A, A], np.int8)
    win_probability = np.full(8, 0.8)
    rolled = [human_share(win_probability, np.roll(truth, k), 0.9) for k in range(8)]
    assert len(set(rolled)) == 1


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_metrics_do_not_depend_on_which_response_is_called_a(seed: int) -> None:
    rng = np.random.default_rng(seed)
    win_probability, truth = rng.random(40), rng.integers(0, 2, 40).astype(np.int8)
    for measure in (accuracy, log_loss, brier, ece):
        assert measure(1 - win_probability, 1 - truth) == pytest.approx(
            measure(win_probability, truth)
        )


def test_temperature_mends_a_model_that_is_three_times_too_sure() -> None:
    rng = np.random.default_rng(0)
    logit = rng.normal(size=4000)
    truth = np.where(rng.random(4000) < 1 / (1 + np.exp(-logit)), A, B).astype(np.int8)
    assert fit_temperature(3 * logit, truth) == pytest.approx(1 / 3, abs=0.04)


def test_cycles_are_counted_among_fully_compared_triads() -> None:
    first, second = np.array([0, 1, 0, 3, 4, 3]), np.array([1, 2, 2, 4, 5, 5])
    p = np.array([0.9, 0.9, 0.1, 0.9, 0.9, 0.9])  # 0 > 1 > 2 > 0 is a cycle; 3 > 4 > 5 is none
    assert triads(first, second, p) == (2, 1)


def test_neighbours_equal_refitting_without_the_pair() -> None:
    rng = np.random.default_rng(3)
    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    first, second = np.array(pairs).T
    margin = rng.uniform(-1, 1, 6)
    found = neighbours_margin(first, second, np.zeros(6, np.int64), margin)
    for row in range(6):
        rest = np.arange(6) != row
        x = np.eye(4)[first[rest]] - np.eye(4)[second[rest]]
        s = np.linalg.solve(x.T @ x + np.eye(4), x.T @ margin[rest])
        assert found[row] == pytest.approx(s[first[row]] - s[second[row]])


def test_authors_are_learned_on_other_prompts() -> None:
    first, second = np.zeros(60, np.int64), np.ones(60, np.int64)
    found = author_effect(first, second, np.arange(60), np.full(60, 0.8))
    assert (found > 0.5).all()
    alone = author_effect(first, second, np.zeros(60, np.int64), np.full(60, 0.8))
    assert (alone == 0).all()
    assert (author_effect(first - 1, second, np.arange(60), np.full(60, 0.8)) == 0).all()


TEXTS = ["", "Sorry, I cannot help.", "- one\n- two\n3 things", "a long answer " * 30, "same"]


@settings(max_examples=20, deadline=None)
@given(picks=st.lists(st.tuples(*[st.integers(0, 4)] * 2), min_size=1, max_size=8))
def test_text_features_are_odd_and_even(picks: list[tuple[int, int]]) -> None:
    texts = PairTexts(
        ["long one?"] * len(picks), [TEXTS[a] for a, _ in picks], [TEXTS[b] for _, b in picks]
    )
    odd, even = text_features(texts)
    mirrored_odd, mirrored_even = text_features(texts.mirrored())
    np.testing.assert_array_equal(mirrored_odd, -odd)
    np.testing.assert_array_equal(mirrored_even, even)
    assert even[:, 0].tolist() == [float(a == b) for a, b in picks]


def test_text_features_by_hand() -> None:
    odd, _ = text_features(PairTexts(["q"], ["- x\n- y 12"], ["Sorry"]))
    found = dict(zip(ODD_NAMES, odd[0].tolist(), strict=True))
    assert found["length"] == pytest.approx(np.log(30 / 25))
    assert found["list marks"] == pytest.approx(np.log(3))  # two marks against none: log(1 + 2)
    assert found["refusal"] == -1.0
    assert found["line breaks"] == pytest.approx(np.log(2))


def test_a_missing_text_is_no_feature() -> None:
    odd, even = text_features(PairTexts([None, "p"], ["x", None], [None, "y"]))
    assert not odd.any()
    assert not even.any()


def test_the_text_classifier_learns_words_and_never_sees_its_own_prompt() -> None:
    rng = np.random.default_rng(0)
    good = rng.random(300) < 0.5
    a = [f"{'splendid' if g else 'awful'} {i}" for i, g in enumerate(good)]
    b = [f"{'awful' if g else 'splendid'} {i}" for i, g in enumerate(good)]
    texts = PairTexts(["p"] * 300, a, b)
    margin = np.where(good, 0.8, -0.8)
    text_classifier = DistilledTextClassifier()
    score = text_classifier.out_of_fold(texts, margin, np.arange(300))
    assert (np.sign(score) == np.sign(margin)).mean() > 0.99
    np.testing.assert_allclose(
        text_classifier.predict(texts.mirrored()), -text_classifier.predict(texts)
    )
    one_prompt = DistilledTextClassifier().out_of_fold(texts, margin, np.zeros(300, np.int64))
    assert not one_prompt.any()


def test_the_text_classifier_reads_in_chunks_and_learns_what_ridge_regression_learns() -> None:
    rng = np.random.default_rng(1)
    words = np.array([f"w{n}" for n in range(200)])
    made = [[" ".join(rng.choice(words, 12)) for _ in range(150)] for _ in range(2)]
    texts = PairTexts(["p"] * 150, *made)
    margin, prompts = rng.uniform(-1, 1, 150), rng.integers(0, 30, 150)
    whole, pieces = DistilledTextClassifier(bits=9), DistilledTextClassifier(bits=9, chunk=17)
    score = whole.out_of_fold(texts, margin, prompts)
    np.testing.assert_allclose(pieces.out_of_fold(texts, margin, prompts), score, atol=1e-9)
    np.testing.assert_allclose(pieces.predict(texts), whole.predict(texts), atol=1e-9)
    table = word_differences(texts, 9).toarray().astype(np.float64)
    for fold in range(5):
        seen = prompts % 5 != fold
        gram = table[seen].T @ table[seen] + np.eye(2**9)
        exact = np.linalg.solve(gram, table[seen].T @ margin[seen])
        np.testing.assert_allclose(score[~seen], table[~seen] @ exact, atol=1e-3)


def test_reading_is_odd_and_leaves_out_what_is_not_there() -> None:
    vote_matrix, _ = panel(120, seed=6, prompts=30)
    rng = np.random.default_rng(2)
    words = [" ".join(rng.choice(["red", "blue", "3", "sorry", "long"], 6)) for _ in range(240)]
    texts = PairTexts(["p"] * 120, words[:120], words[120:], ["x"] * 120, ["y"] * 120)
    found, other = read(vote_matrix, texts), read(vote_matrix.mirrored(), texts.mirrored())
    assert found.feature_names == other.feature_names
    np.testing.assert_allclose(other.features_PF, -found.features_PF, atol=1e-4)
    nothing = read(vote_matrix, PairTexts([None] * 120, [None] * 120, [None] * 120))
    assert nothing.feature_names == ()
    assert not style_regression(np.zeros((5, 3), np.float32), np.ones(5), np.arange(5)).any()


def test_of_one_prompt_alone_habits_and_words_are_learned_from_its_other_pairs() -> None:
    vote_matrix, truth = panel(120, seed=6)
    vote_matrix = replace(vote_matrix, prompt_P=np.zeros(120, np.int64))
    best, worst = np.split(np.array([f"word{n} good" for n in range(240)]), 2)
    texts_a = list(np.where(truth == A, best, worst))
    texts_b = list(np.where(truth == A, worst, best))
    found = read(vote_matrix, PairTexts(["p"] * 120, texts_a, texts_b))
    assert {"style regression", "text classifier"} <= set(found.feature_names)


def test_samples_become_their_majority_and_a_vote_without_order_counts_in_both() -> None:
    # Pair 0: A, A, B in ab is A; A, B in ba is a draw. Pair 1: B without an order, and A in ba,
    # where the two are a draw.
    counts = count_votes(
        np.array([0, 0, 0, 0, 0, 1, 1]),
        np.zeros(7, np.int64),
        np.array([0, 0, 0, 1, 1, NO_ORDER, 1]),
        np.array([A, A, B, A, B, B, A]),
        pairs=2,
        raters=1,
    )
    assert counts[0, 0].tolist() == [[2, 1, 0], [1, 1, 0]]
    assert most_frequent(counts)[:, 0].tolist() == [[A, TIE], [B, TIE]]


def test_equal_names_share_a_number() -> None:
    assert number_of(["x", "y", "x", None]).tolist() == [0, 1, 0, 2]
    # texts over two columns, and nothing is the same as what is missing
    assert number_of_texts(["x", None, "y"], ["y", None, "x"]).tolist() == [0, 1, 2, 2, 3, 0]
    assert number_of_texts([], []).tolist() == []
