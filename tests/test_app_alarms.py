"""The alarms: each rings where the trouble was planted, and is silent where nothing changed."""

import numpy as np
import pytest

from app.pipeline.alarms import (
    Stream,
    agreement_falling,
    judge_drift,
    overspent,
    queue_growing,
    stream_drift,
)
from judges.trust.changes import (
    agreement_of_pairs,
    distinctness,
    mean_change,
    share_shift,
    size_shift,
    word_shift,
)

N = 400
NEW = np.arange(N) >= N // 2
PROMPT = np.arange(N) // 2
OLD_WORDS = ["river", "bridge", "tax", "bread", "winter", "engine", "garden", "court"]
NEW_WORDS = ["fever", "map", "sail", "clock", "lemon", "orbit", "violin", "chess"]


def coins(share_old: float, share_new: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.random(N) < np.where(NEW, share_new, share_old)).astype(float)


def test_mean_change_is_the_difference_of_means() -> None:
    values = np.where(NEW, 0.25, 0.75)
    found = mean_change(values, PROMPT, NEW, np.random.default_rng(0))
    assert found.value == pytest.approx(-0.5)
    assert (found.low, found.high) == (pytest.approx(-0.5), pytest.approx(-0.5))
    assert mean_change(values, PROMPT, np.ones(N, bool), np.random.default_rng(0)).value is None


def test_agreement_of_a_pair_is_the_share_of_equal_answers() -> None:
    # a a b: of three pairs of answers one is equal; a b: none; a alone: nothing to compare
    codes = np.array([[0, 0, 1], [0, 1, -1], [0, -1, -1], [2, 2, 2]])
    assert agreement_of_pairs(codes) == pytest.approx([1 / 3, 0.0, np.nan, 1.0], nan_ok=True)


def test_falling_agreement_rings_and_steady_agreement_does_not() -> None:
    alarm = agreement_falling("among the judges", coins(0.8, 0.55), PROMPT, NEW)
    assert alarm is not None
    assert alarm.kind == "agreement"
    assert "among the judges fell from" in alarm.sentence
    quiet = [agreement_falling("x", coins(0.7, 0.7, s), PROMPT, NEW) for s in range(20)]
    assert sum(a is not None for a in quiet) <= 1
    assert agreement_falling("x", coins(0.3, 0.9), PROMPT, NEW) is None  # rising is no trouble


def test_a_replaced_judge_rings_and_the_same_judge_does_not() -> None:
    rng = np.random.default_rng(0)
    old = rng.choice(8, N // 2, p=[0.1, 0.6, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05])
    other = rng.choice(8, N // 2, p=[0.1, 0.2, 0.2, 0.3, 0.05, 0.05, 0.05, 0.05])
    alarm = judge_drift("gpt", np.concatenate([old, other]).astype(np.int8), NEW, PROMPT)
    assert alarm is not None
    assert alarm.figures["judge"] == "gpt"
    same = rng.choice(8, N // 2, p=[0.1, 0.6, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05])
    assert judge_drift("gpt", np.concatenate([old, same]).astype(np.int8), NEW, PROMPT) is None


def stream(seed: int, *, words: bool = False, domain: bool = False, length: bool = False) -> Stream:
    rng = np.random.default_rng(seed)
    texts = []
    for p in range(N):
        known = NEW_WORDS if words and NEW[p] else OLD_WORDS
        texts.append(" ".join(np.random.default_rng([seed, PROMPT[p]]).choice(known, 6)))
    return Stream(
        prompt_P=PROMPT,
        domain_P=np.where(NEW, 1, 0) if domain else rng.integers(0, 2, N // 2)[PROMPT],
        prompt_text_P=texts,
        length_P=rng.lognormal(6, 0.5, N) * np.where(NEW & length, 3.0, 1.0),
    )


@pytest.mark.parametrize("kind", ["words", "domain", "length"])
def test_another_kind_of_pairs_rings(kind: str) -> None:
    alarm = stream_drift(stream(0, **{kind: True}), NEW)
    assert alarm is not None
    assert alarm.figures[kind]["p_value"] <= 0.005


def test_the_same_kind_of_pairs_does_not_ring() -> None:
    assert all(stream_drift(stream(s), NEW) is None for s in range(5))


def test_shifts_are_0_without_and_1_with_everything_changed() -> None:
    rng = np.random.default_rng(0)
    assert share_shift(NEW.astype(int), PROMPT, NEW, rng).size == 1.0
    assert share_shift(np.zeros(N, int), PROMPT, NEW, rng).size == 0.0
    assert size_shift(NEW.astype(float), PROMPT, NEW, rng).size == 1.0
    assert size_shift(np.ones(N), PROMPT, NEW, rng).size == 0.0
    texts = ["lemon chess" if new else "river tax" for new in NEW]
    assert word_shift(texts, PROMPT, NEW, rng).size == pytest.approx(1.0)


def test_a_queue_that_grows_rings_and_one_that_is_worked_off_does_not() -> None:
    alarm = queue_growing(waiting=300, created=200, answered=50, days=7, weeks_allowed=2)
    assert alarm is not None
    assert "6.0 weeks of work" in alarm.sentence  # 300 waiting at 50 a week
    assert queue_growing(waiting=60, created=200, answered=50, days=7, weeks_allowed=2) is None
    assert queue_growing(waiting=300, created=52, answered=50, days=7, weeks_allowed=2) is None
    assert queue_growing(waiting=0, created=0, answered=0, days=7, weeks_allowed=2) is None
    assert queue_growing(waiting=300, created=200, answered=0, days=0.1, weeks_allowed=2) is None
    idle = queue_growing(waiting=20, created=20, answered=0, days=7, weeks_allowed=2)
    assert idle is not None
    assert "none was answered" in idle.sentence


def test_spending_over_the_plan_or_at_the_cap_rings() -> None:
    assert overspent(1.0, 0.9, 1.25, capped=False, missing=0) is None
    over = overspent(1.2, 0.9, 1.25, capped=False, missing=0)
    assert over is not None
    assert "planned were $0.9000" in over.sentence
    capped = overspent(1.0, 5.0, 1.25, capped=True, missing=12)
    assert capped is not None
    assert "12 votes are missing" in capped.sentence
    assert overspent(1.0, None, 1.25, capped=False, missing=0) is None


def test_distinct_texts_are_1_apart_and_copies_0() -> None:
    group = np.zeros(2, np.int64)
    assert distinctness(["river tax", "lemon chess"], group) == pytest.approx([1, 1])
    assert distinctness(["river tax", "river tax"], group) == pytest.approx([0, 0])
    assert np.isnan(distinctness(["alone"], np.zeros(1, np.int64))).all()
