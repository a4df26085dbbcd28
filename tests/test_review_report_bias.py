"""What judges lean to, as the report says it: figures by hand, and a sentence for each."""

from dataclasses import replace

import numpy as np
import pytest

from judges.trust.intervals import Estimate
from judges.trust.text_features import PairTexts
from judges.trust.vote_matrix import AB, BA, A, B, VoteMatrix
from review.detectors import length_bias, reversal_rates
from review.html import render
from review.report.bias import advice_on, biases, points
from review.report.bias_page import leanings

PAIRS = 60


def project(seed: int = 0) -> tuple[VoteMatrix, PairTexts, np.ndarray]:
    """Four judges of 60 pairs: one of what is first, one of length, one of its family, one fair."""
    rng = np.random.default_rng(seed)
    truth = rng.choice([A, B], PAIRS).astype(np.int8)
    longer = rng.choice([A, B], PAIRS).astype(np.int8)
    own = rng.choice([A, B], PAIRS).astype(np.int8)
    codes = np.empty((PAIRS, 4, 2), np.int8)
    codes[:, 0, AB], codes[:, 0, BA] = A, B  # the first shown, always
    codes[:, 1] = longer[:, None]
    codes[:, 2] = own[:, None]
    codes[:, 3] = truth[:, None]
    vote_matrix = VoteMatrix(
        codes_PRO=codes,
        raters=("first", "long", "proud", "fair"),
        families=("f", "l", "openai", "g"),
        prompt_P=np.arange(PAIRS),
        domain_P=np.full(PAIRS, -1),
        domains=(),
    )
    texts = PairTexts(
        ["q"] * PAIRS,
        ["x" * (20 if side == A else 5) for side in longer],
        ["x" * (20 if side == B else 5) for side in longer],
        ["openai" if side == A else "meta" for side in own],
        ["openai" if side == B else "meta" for side in own],
    )
    return vote_matrix, texts, truth


def test_every_leaning_is_found_at_its_judge_and_nowhere_else() -> None:
    vote_matrix, texts, truth = project()
    found = {
        (b.judge, b.kind): b for b in biases(vote_matrix, texts, truth, np.random.default_rng(1))
    }
    clear = {key for key, bias in found.items() if bias.alarm}
    assert {("first", "position"), ("long", "length"), ("proud", "own family")} <= clear
    assert not {key for key in clear if key[0] == "fair"}
    # the first shown in both orders of every pair: one half more than chance
    assert found["first", "position"].excess.value == pytest.approx(0.5)
    assert "names what is shown first in 100% of the pairs" in found["first", "position"].reading
    # always the longer, humans by chance: 1 minus how often the human took the longer
    longer = np.array([len(a or "") > len(b or "") for a, b in zip(texts.responses_a,
                       texts.responses_b, strict=True)])  # fmt: skip
    human = float(np.mean(longer == (truth == A)))
    assert found["long", "length"].excess.value == pytest.approx(1 - human)
    assert "points more often than humans do" in found["long", "length"].reading
    assert "leave this judge out" in " ".join(advice_on(tuple(found.values())))


def test_without_human_answers_length_is_told_and_not_called_a_bias() -> None:
    vote_matrix, texts, truth = project()
    nobody = np.full_like(truth, -1)
    found = {
        (b.judge, b.kind): b for b in biases(vote_matrix, texts, nobody, np.random.default_rng(1))
    }
    long = found["long", "length"]
    assert (long.compared, long.alarm) == (False, False)
    assert "takes the longer response in 100% of 60 pairs; too few human answers" in long.reading


def test_unknown_authors_are_said_and_not_guessed() -> None:
    vote_matrix, texts, truth = project()
    plain = PairTexts(texts.prompts, texts.responses_a, texts.responses_b)
    found = biases(vote_matrix, plain, truth, np.random.default_rng(1))
    own = [bias for bias in found if bias.kind == "own family"]
    assert all(bias.excess.value is None for bias in own)
    assert "0 pairs set its family against another" in own[0].reading


def test_nothing_is_first_for_a_judge_that_scores_each_response_by_itself() -> None:
    vote_matrix, texts, truth = project()
    alone = np.zeros(vote_matrix.codes_PRO.shape[:2], bool)
    alone[:, vote_matrix.raters.index("long")] = True
    vote_matrix = replace(vote_matrix, orderless_PR=alone)
    assert vote_matrix.pointwise == ("long",)
    found = biases(vote_matrix, texts, truth, np.random.default_rng(1))
    first = next(b for b in found if (b.judge, b.kind) == ("long", "position"))
    assert (first.excess.value, first.alarm) == (None, False)
    why = "each response is scored alone, so nothing is shown first"
    assert first.reading == f"long cannot be read for position: {why}"


def test_points_and_the_picture() -> None:
    assert points(Estimate(0.081, 0.03, 0.124, 90)) == "+8.1 (+3.0 to +12.4)"
    assert points(Estimate(None, None, None, 0, "nothing")) == "–"
    vote_matrix, texts, truth = project()
    found = leanings(biases(vote_matrix, texts, truth, np.random.default_rng(1)))
    drawn = render("review.report/leanings.html.j2", leanings=found)
    assert drawn.count("<svg") == 3
    assert drawn.count("<li>") == 12
    assert leanings(()) == ()
    assert render("review.report/leanings.html.j2", leanings=()) == ""


def test_a_bias_weighs_answers_by_what_they_stand_for() -> None:
    # The judge takes the longer response everywhere, people on the 30 easy pairs but not on the 30
    # hard ones. Taken alike that is a lead of one half; where each easy pair stands for nine and a
    # hard one for one, of one tenth.
    n = 60
    votes = VoteMatrix(np.full((n, 1, 2), A, np.int8), ("j",), ("j",), np.arange(n), np.full(n, -1))
    truth = np.where(np.arange(n) < 30, A, B).astype(np.int8)
    long, short = np.full(n, 9), np.full(n, 2)
    weight = np.where(truth == A, 9.0, 1.0)
    (alike,) = length_bias(votes, long, short, np.random.default_rng(1), truth)
    (weighed,) = length_bias(votes, long, short, np.random.default_rng(1), truth, weight)
    assert (alike.value, weighed.value) == (pytest.approx(0.5), pytest.approx(0.1))


def test_votes_without_an_order_are_no_sign_of_steadiness() -> None:
    # Ten pairs asked in both orders, five of them reversed, and ten scored without an order.
    codes = np.full((20, 1, 2), A, np.int8)
    codes[:5, 0, 1] = B
    alone = (np.arange(20) >= 10)[:, None]
    votes = VoteMatrix(codes, ("j",), ("j",), np.arange(20), np.full(20, -1), orderless_PR=alone)
    assert votes.pointwise == ()
    rate = reversal_rates(votes, np.random.default_rng(1))[0]
    assert (rate.value, rate.n) == (pytest.approx(0.5), 10)
