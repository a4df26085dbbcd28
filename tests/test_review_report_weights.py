"""What an answered pair stands for, counted by hand."""

import numpy as np
import pytest

from review.report.weights import weigh


def mask(text: str) -> np.ndarray:
    return np.array([letter == "x" for letter in text])


def test_draws_stand_for_their_zone_and_other_answers_for_nobody() -> None:
    # Zone 0: six pairs, one answered because it was hard, two drawn: 6 / 2 each.
    # Zone 1: three pairs, all answered: 1 each, drawn or not. Zone 2: two pairs, nothing known.
    # Zone 3: four pairs, one answered and none drawn: it is taken to stand for four.
    zone = np.array([0] * 6 + [1] * 3 + [2] * 2 + [3] * 4)
    known = mask("xxx...xxx..x...")
    drawn = mask(".xx...x........")
    found = weigh(known, drawn, zone, ("seen", "done", "dark", "sent in"))
    assert found.weight_P[:6].tolist() == [0, 3, 3, 0, 0, 0]
    assert found.weight_P[6:9].tolist() == [1, 1, 1]
    assert found.weight_P[11:].tolist() == [4, 0, 0, 0]
    assert (found.silent, found.chosen) == (("dark",), ("sent in",))


def test_a_drawn_pair_without_an_answer_stands_for_nobody() -> None:
    found = weigh(mask("x..."), mask("xx.."), np.zeros(4, int), ("seen",))
    assert found.weight_P.tolist() == [4, 0, 0, 0]


def test_in_a_sample_the_sampled_pairs_say_how_large_a_zone_is() -> None:
    # Ten pairs of the sample, of which one is answered; five more came in as they were answered,
    # three of them drawn blind: the three stand for the ten.
    known = mask("x........." + "xxxxx")
    drawn = mask(".........." + "xxx..")
    among = mask("x" * 10 + "." * 5)
    found = weigh(known, drawn, np.zeros(15, int), ("seen",), among)
    assert found.weight_P[10:13] == pytest.approx([10 / 3] * 3)
    assert found.weight_P.sum() == pytest.approx(10)


@pytest.mark.parametrize("asked", [20, 100, 1000])
def test_the_mean_is_right_where_the_hard_ones_were_asked_first(asked: int) -> None:
    # 1,000 pairs, a tenth wrong, and people see the wrong ones first. Taken as they come, the
    # answers say 25% or more; by weight they say what is true, give or take the error of a mean of
    # 200 draws of 100 (.1 * .9 / 100) ** .5 / 200 ** .5 = .002.
    wrong = np.arange(1000) < 100
    seen = np.arange(1000) < asked
    estimates = []
    for seed in range(200):
        draw = np.zeros(1000, bool)
        draw[np.random.default_rng(seed).permutation(1000)[:100]] = True
        weight = weigh(seen | draw, draw, np.zeros(1000, int), ("seen",)).weight_P
        estimates.append((weight * wrong).sum() / weight.sum())
    assert np.mean(estimates) == pytest.approx(0.1, abs=0.006)
