"""The judge of words is as sure as it is right, also where hard lessons weigh more."""

import numpy as np
import pytest

from db.probabilities import Probabilities
from db.vocabulary import Choice
from judges.trust.text_features import PairTexts
from trainer.judge_training import Lesson
from trainer.words_training import fit

FILLER = ("rivers", "bridges", "bread", "winter", "engines", "gardens")


def lesson(number: int, rng: np.random.Generator) -> Lesson:
    """The response with the good word is better, but for one pair in five, which weighs double."""
    odd = bool(rng.random() < 0.2)
    good_first = bool(rng.integers(2))
    words = [" ".join(rng.choice(FILLER, 4)) for _ in range(2)]
    marks = ("good", "bad") if good_first else ("bad", "good")
    a, b = (f"{text} {word}" for text, word in zip(words, marks, strict=True))
    better_a = good_first != odd
    target = Probabilities.sure(Choice.A if better_a else Choice.B)
    return Lesson(f"p{number}", f"q{number}", a, b, None, target, 2.0 if odd else 1.0)


def test_weights_of_hard_pairs_do_not_make_it_modest() -> None:
    rng = np.random.default_rng(0)
    model, _, temperature = fit([lesson(i, rng) for i in range(500)])
    fresh = [lesson(i, rng) for i in range(1000)]
    texts = PairTexts([x.prompt for x in fresh], [x.a for x in fresh], [x.b for x in fresh])
    p = model.probabilities(texts)
    right = (p[:, 0] > p[:, 1]) == np.array([x.target.choice is Choice.A for x in fresh])
    # Nobody can be right more often than .8. Weighted, 2 of 6 labels are against the word.
    assert 0.72 < right.mean() < 0.83
    assert p.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.05)
    assert temperature > 1  # fitted to the weighted lessons alone it would be too modest


def test_from_ties_alone_nothing_is_learnt_but_ties() -> None:
    """Also where all decided pairs are of one prompt, and without it only ties are left."""
    tie = Probabilities.sure(Choice.TIE)
    ties = [Lesson(f"t{i}", f"q{i}", f"good {i}", f"bad {i}", None, tie, 1.0) for i in range(12)]
    texts = PairTexts(["q"], ["good 1"], ["bad 1"])
    even = np.array([1.0, 1.0, np.exp(4)]) / (np.exp(4) + 2)  # nu is e^4 at most
    assert fit(ties)[0].probabilities(texts)[0] == pytest.approx(even, abs=1e-3)
    first = Probabilities.sure(Choice.A)
    decided = [Lesson(f"d{i}", "one", f"good {i}", f"bad {i}", None, first, 1.0) for i in range(9)]
    a, b, _ = fit([*ties, *decided])[0].probabilities(texts)[0]
    assert a > b
