"""The label model as a whole: odd in A and B, deterministic, explained, guarded."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trust_worlds import panel

from judges.trust.calibration import accuracy, log_loss
from judges.trust.cold_start import ColdStart
from judges.trust.label_model import LEAST_ANSWERS, LabelModel
from judges.trust.vote_matrix import MISSING, TIE, A, B, VoteMatrix, rename


def some_answers(truth: np.ndarray, answers: int) -> np.ndarray:
    return np.where(np.arange(len(truth)) < answers, truth, MISSING).astype(np.int8)


def rich(pairs: int, seed: int, missing: float = 0.05) -> tuple[VoteMatrix, np.ndarray]:
    """A panel with features, domains, confidences and identical texts."""
    vote_matrix, truth = panel(pairs, features=3, seed=seed, missing=missing, prompts=pairs // 3)
    rng = np.random.default_rng(seed + 1)
    domain = rng.integers(-1, 3, pairs)
    sure = rng.random(vote_matrix.codes_PRO.shape).astype(np.float32)
    sure[vote_matrix.codes_PRO == MISSING] = np.nan
    return replace(
        vote_matrix,
        feature_names=("length", "neighbours", "digits"),
        domain_P=domain,
        domains=("x", "y", "z"),
        confidence_PRO=sure,
        even_PF=(rng.random((pairs, 1)) < 0.1).astype(np.float32),
        even_names=("identical texts",),
    ), truth


@settings(max_examples=5, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    answers=st.sampled_from([0, 4, 12, 60]),
    missing=st.sampled_from([0.0, 0.5]),
)
def test_renaming_a_and_b_mirrors_the_answer(seed: int, answers: int, missing: float) -> None:
    vote_matrix, truth = rich(90, seed, missing)
    labels = some_answers(truth, answers)
    labels[3] = TIE if answers else MISSING
    found = LabelModel().fit(vote_matrix, labels).predict(vote_matrix)
    other = LabelModel().fit(vote_matrix.mirrored(), rename(labels)).predict(vote_matrix.mirrored())
    np.testing.assert_allclose(other.logit_P, -found.logit_P, atol=1e-6)
    np.testing.assert_allclose(other.p_PK[:, [B, A, TIE]], found.p_PK, atol=1e-6)
    np.testing.assert_allclose(found.p_PK.sum(axis=1), 1.0)
    assert found.contributions_PC is not None
    assert found.contributions_PC.shape == (90, len(found.contributors))
    np.testing.assert_allclose(found.contributions_PC.sum(axis=1), found.logit_P, atol=1e-9)


def with_trained(
    vote_matrix: VoteMatrix, log_odds: np.ndarray, codes: np.ndarray | None = None
) -> VoteMatrix:
    """One more rater, who gives log-odds; its choices follow them unless told."""
    said = np.where(log_odds > 0, A, B) if codes is None else codes
    others = np.full((len(vote_matrix), len(vote_matrix.raters)), np.nan)
    sure = vote_matrix.confidence_PRO
    return replace(
        vote_matrix,
        codes_PRO=np.concatenate(
            [vote_matrix.codes_PRO, np.repeat(said[:, None, None], 2, axis=2)], axis=1
        ).astype(np.int8),
        raters=(*vote_matrix.raters, "trained"),
        families=(*vote_matrix.families, "trained/words"),
        log_odds_PR=np.concatenate([others, log_odds[:, None]], axis=1).astype(np.float32),
        confidence_PRO=None
        if sure is None
        else np.concatenate([sure, np.full((len(sure), 1, 2), np.nan, np.float32)], axis=1),
    )


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000), answers=st.sampled_from([0, 60]))
def test_a_trained_judge_is_weighed_by_its_log_odds_and_odd(seed: int, answers: int) -> None:
    vote_matrix, truth = rich(90, seed)
    log_odds = np.random.default_rng(seed).normal(size=90)
    labels = some_answers(truth, answers)
    joined = with_trained(vote_matrix, log_odds)
    found = LabelModel().fit(joined, labels).predict(joined)
    other = LabelModel().fit(joined.mirrored(), rename(labels)).predict(joined.mirrored())
    np.testing.assert_allclose(other.logit_P, -found.logit_P, atol=1e-6)
    if not answers:  # σ(prior mean × log-odds × independence) is all it adds before any answer
        part = found.contributions_PC[:, found.contributors.index("trained")]
        unit = part / np.clip(log_odds, -4, 4)
        assert unit == pytest.approx(unit[0], rel=1e-3)
        assert 0.1 < unit[0] <= 0.2501


def test_of_a_trained_judge_a_51_and_a_99_are_not_the_same_vote() -> None:
    vote_matrix, truth = panel(300, seed=3)
    sign = np.where(truth == A, 1.0, -1.0)
    sure = np.random.default_rng(0).random(300) < 0.5
    # the same choices, all right where it is sure and a coin where it is not
    coin = np.random.default_rng(1).choice([-1.0, 1.0], 300)
    log_odds = np.where(sure, 4.0 * sign, 0.04 * coin)
    joined = with_trained(vote_matrix, log_odds)
    flat = with_trained(vote_matrix, np.sign(log_odds))
    labels = some_answers(truth, 120)
    rest = np.arange(300) >= 120
    loss = [
        log_loss(LabelModel().fit(each, labels).predict(each).win_P[rest], truth[rest])
        for each in (joined, flat)
    ]
    assert loss[0] < loss[1] - 0.02


@pytest.mark.parametrize("answers", [0, 60])
def test_a_trained_judge_may_be_the_only_one(answers: int) -> None:
    vote_matrix, truth = rich(90, 3)
    sign = np.where(truth == A, 1.0, -1.0)
    alone = with_trained(vote_matrix.keep_raters(np.zeros(0, np.int64)), 2.0 * sign)
    found = LabelModel().fit(alone, some_answers(truth, answers)).predict(alone)
    assert accuracy(found.win_P, truth) > 0.9
    assert found.contributions_PC is not None
    assert found.contributions_PC.shape == (90, len(found.contributors))


def test_pairs_that_a_trained_judge_is_silent_on_are_told_by_the_others() -> None:
    vote_matrix, _ = panel(120, seed=5)
    log_odds = np.where(np.arange(120) < 60, 2.0, np.nan)
    joined = with_trained(vote_matrix, log_odds, np.where(np.arange(120) < 60, A, MISSING))
    found = LabelModel().fit(joined).predict(joined)
    assert found.contributions_PC is not None
    part = found.contributions_PC[:, found.contributors.index("trained")]
    assert (part[:60] > 0).all()
    assert (part[60:] == 0).all()


def test_a_trained_judge_stands_alone_in_two_domains() -> None:
    vote_matrix, truth = panel(120, seed=6)
    sided = np.where(truth == A, 2.0, -2.0)
    joined = with_trained(vote_matrix, sided)
    alone = replace(
        joined.keep_raters(np.array([len(joined.raters) - 1])),
        domain_P=np.arange(120) % 2,
        domains=("code", "law"),
    )
    found = LabelModel().fit(alone, some_answers(truth, 60)).predict(alone)
    decided = truth < TIE
    assert ((found.logit_P > 0) == (truth == A))[decided].all()


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000), answers=st.sampled_from([0, 12, 60]))
def test_the_order_of_pairs_and_judges_changes_nothing(seed: int, answers: int) -> None:
    vote_matrix, truth = rich(90, seed)
    labels, rng = some_answers(truth, answers), np.random.default_rng(seed)
    found = LabelModel().fit(vote_matrix, labels).predict(vote_matrix)
    pairs, judges = rng.permutation(90), rng.permutation(3)
    other = vote_matrix.take(pairs)
    moved = LabelModel().fit(other, labels[pairs]).predict(other)
    np.testing.assert_allclose(moved.p_PK, found.p_PK[pairs], atol=1e-6)
    other = vote_matrix.keep_raters(judges)
    moved = LabelModel(boosting=False).fit(other, labels).predict(other)
    same = LabelModel(boosting=False).fit(vote_matrix, labels).predict(vote_matrix)
    np.testing.assert_allclose(moved.p_PK, same.p_PK, atol=1e-6)


def test_equal_input_gives_equal_output() -> None:
    vote_matrix, truth = rich(200, 4)
    labels = some_answers(truth, 60)
    first = LabelModel().fit(vote_matrix, labels).predict(vote_matrix)
    second = LabelModel().fit(vote_matrix, labels).predict(vote_matrix)
    assert np.array_equal(first.p_PK, second.p_PK)


def test_fewer_than_five_decided_answers_change_nothing_about_who_is_better() -> None:
    vote_matrix, truth = rich(120, 8)
    none = LabelModel().fit(vote_matrix).predict(vote_matrix)
    few = LabelModel().fit(vote_matrix, some_answers(truth, LEAST_ANSWERS - 1)).predict(vote_matrix)
    np.testing.assert_array_equal(none.logit_P, few.logit_P)


def test_before_any_answer_a_unanimous_consistent_panel_is_sure_but_not_certain() -> None:
    # Cold start alone: 2.4 · 1 = 2.4, σ(2.4) = .917.
    codes = np.tile(np.array([A, A], np.int8), (1, 3, 1))
    names = ("x", "y", "z")
    one = VoteMatrix(codes, names, names, np.zeros(1, np.int64), np.full(1, -1))
    assert ColdStart().fit(one).predict(one).win_P[0] == pytest.approx(1 / (1 + np.exp(-2.4)))
    found = LabelModel().fit(one).predict(one)
    assert 0.75 < found.win_P[0] < 0.97


def test_answers_teach_whom_to_believe_and_beat_the_cold_start() -> None:
    vote_matrix, truth = panel(1500, (0.92, 0.6, 0.55, 0.55, 0.55), first=0.05, seed=11)
    test = np.arange(500, 1500)
    cold = ColdStart().fit(vote_matrix).predict(vote_matrix.take(test))
    model = LabelModel().fit(vote_matrix, some_answers(truth, 200))
    found = model.predict(vote_matrix.take(test))
    assert not model.fell_back_
    assert log_loss(found.win_P, truth[test]) < log_loss(cold.win_P, truth[test]) - 0.05


@pytest.mark.parametrize("seed", range(2))
def test_answers_that_mean_nothing_do_not_make_it_much_worse_than_its_cold_start(seed: int) -> None:
    vote_matrix, truth = panel(600, (0.85, 0.8, 0.75), seed=seed, features=6)
    vote_matrix = replace(
        vote_matrix, features_PF=np.roll(vote_matrix.features_PF, 1, axis=0)
    )  # features of another pair: pure noise
    rest = np.arange(60, 600)
    cold_start = LabelModel().fit(vote_matrix).predict(vote_matrix.take(rest))
    found = LabelModel().fit(vote_matrix, some_answers(truth, 60)).predict(vote_matrix.take(rest))
    assert log_loss(found.win_P, truth[rest]) < log_loss(cold_start.win_P, truth[rest]) + 0.04


def test_where_answers_contradict_the_rest_of_the_prompts_the_cold_start_is_given() -> None:
    # Every answer is a coin toss on a clear panel: nothing can be learned, shares stay with the
    # cold start or the model says that it fell back; on held-out pairs it is as good as before.
    vote_matrix, truth = panel(400, (0.95, 0.95, 0.9), seed=3, features=8)
    noise = np.random.default_rng(0).integers(0, 2, 400).astype(np.int8)
    rest = np.arange(20, 400)
    model = LabelModel().fit(vote_matrix, some_answers(noise, 20))
    found = model.predict(vote_matrix.take(rest))
    assert (found.choice_P == truth[rest]).mean() > 0.8


def test_an_answered_pair_is_not_judged_by_its_own_answer() -> None:
    # The judge says nothing and the feature is unique to one pair: its own answer must not leak.
    vote_matrix, truth = panel(40, (0.5, 0.5), seed=9)
    truth = np.random.default_rng(5).integers(0, 2, 40).astype(np.int8)
    found = LabelModel().fit(vote_matrix, truth).predict(vote_matrix)
    assert log_loss(found.win_P, truth) > 0.6


def test_identical_texts_and_tie_votes_make_a_tie_likely() -> None:
    vote_matrix, truth = rich(300, 2)
    truth = np.where(vote_matrix.even_PF[:, 0] > 0, TIE, truth).astype(np.int8)  # type: ignore[index]
    found = LabelModel().fit(vote_matrix, some_answers(truth, 150)).predict(vote_matrix)
    same = vote_matrix.even_PF[:, 0] > 0  # type: ignore[index]
    assert found.p_PK[same, TIE].mean() > 3 * found.p_PK[~same, TIE].mean()


def test_before_any_answer_a_crowd_of_one_opinion_is_no_surer_than_five_judges() -> None:
    rng = np.random.default_rng(0)
    said = rng.integers(0, 2, 400)
    heard = np.where(rng.random((400, 15, 2)) < 0.85, said[:, None, None], 1 - said[:, None, None])
    names = tuple(str(n) for n in range(15))
    crowd = VoteMatrix(heard.astype(np.int8), names, names, np.arange(400), np.full(400, -1))
    five = crowd.keep_raters(np.arange(5))
    sure = [np.abs(LabelModel().fit(b).predict(b).logit_P).mean() for b in (crowd, five)]
    assert sure[0] < 1.25 * sure[1]  # each judge in full would make it twice as sure


def test_before_any_answer_the_panel_finds_out_who_is_good_by_who_agrees() -> None:
    # Seven are equally consistent; three know, four guess. Only who agrees with whom can tell.
    rng, weights = np.random.default_rng(0), (0.9, 0.9, 0.85, 0.5, 0.5, 0.5, 0.5)
    truth = rng.integers(0, 2, 500).astype(np.int8)
    right = np.stack([rng.random(500) < share for share in weights], axis=1)
    votes = np.where(right, truth[:, None], 1 - truth[:, None]).astype(np.int8)
    names = tuple("abcdefg")
    codes = np.repeat(votes[:, :, None], 2, axis=2)
    vote_matrix = VoteMatrix(codes, names, names, np.arange(500), np.full(500, -1))
    win_probability = LabelModel().fit(vote_matrix).predict(vote_matrix).win_P
    cold = ColdStart().fit(vote_matrix).predict(vote_matrix).win_P
    assert accuracy(win_probability, truth) > accuracy(cold, truth) + 0.03


def test_where_there_is_one_prompt_its_answers_count_as_if_each_had_its_own() -> None:
    vote_matrix, truth = panel(200, features=2, seed=3)
    labels = some_answers(truth, 80)
    apart = replace(vote_matrix, prompt_P=np.arange(200))
    together = replace(vote_matrix, prompt_P=np.full(200, 7))
    found = [LabelModel().fit(b, labels).predict(b).logit_P for b in (apart, together)]
    np.testing.assert_array_equal(found[0], found[1])


def test_each_judge_is_weighed_by_domain_and_its_part_is_told_under_its_own_name() -> None:
    # In domain 0 the first judge knows and the second guesses; in domain 1 it is the other way.
    rng, pairs = np.random.default_rng(0), 900
    truth, domain = rng.integers(0, 2, pairs).astype(np.int8), rng.integers(0, 2, pairs)
    right = rng.random((pairs, 2)) < np.where(np.arange(2) == domain[:, None], 0.95, 0.5)
    votes = np.where(right, truth[:, None], 1 - truth[:, None]).astype(np.int8)
    codes = np.repeat(votes[:, :, None], 2, axis=2)
    names = ("x", "y")
    vote_matrix = VoteMatrix(codes, names, names, np.arange(pairs), domain, ("sums", "words"))
    model = LabelModel().fit(vote_matrix, some_answers(truth, 200))
    found = model.predict(vote_matrix.take(np.arange(200, pairs)))
    # Where the two differ, half of all pairs, pooled weights are a coin: .75 of all at best.
    assert accuracy(found.win_P, truth[200:]) > 0.88
    assert found.contributors[:2] == names
    assert len(set(found.contributors)) == len(found.contributors)
    split = np.abs(found.contributions_PC[:, :2]).mean(axis=0)  # type: ignore[index]
    assert split.min() > 0.5


def test_each_judge_is_believed_by_its_own_confidence() -> None:
    # The first judge is sure where it is right, the second where it is wrong: together a wash.
    vote_matrix, truth = panel(600, (0.7, 0.7), first=0.0, ties=0.0, missing=0.0, seed=5)
    right = vote_matrix.codes_PRO == truth[:, None, None]
    sure = np.random.default_rng(0).normal(size=right.shape) + right * np.array([[[2.0], [-2.0]]])
    told = replace(vote_matrix, confidence_PRO=sure.astype(np.float32))
    rest = np.arange(200, 600)

    def loss(panel: VoteMatrix) -> float:
        found = LabelModel().fit(panel, some_answers(truth, 200)).predict(panel.take(rest))
        return log_loss(found.win_P, truth[rest])

    assert loss(told) < loss(vote_matrix) - 0.1


def test_a_domain_without_answers_is_judged_as_the_rest() -> None:
    vote_matrix, truth = panel(600, (0.9, 0.7, 0.6), seed=2)
    domain = np.arange(600) % 3
    split = replace(vote_matrix, domain_P=domain, domains=("x", "y", "z"))
    labels = np.where((np.arange(600) < 300) & (domain < 2), truth, MISSING).astype(np.int8)
    rest = np.flatnonzero(domain == 2)
    found = LabelModel().fit(split, labels).predict(split.take(rest))
    cold = LabelModel().fit(split).predict(split.take(rest))
    assert log_loss(found.win_P, truth[rest]) < log_loss(cold.win_P, truth[rest])


def test_thirteen_judges_and_empty_slots_are_fine() -> None:
    vote_matrix, truth = panel(150, tuple(0.55 + 0.03 * i for i in range(13)), seed=1)
    found = LabelModel().fit(vote_matrix, some_answers(truth, 40)).predict(vote_matrix)
    assert (found.choice_P == truth).mean() > 0.85
    empty = vote_matrix.take(np.arange(0))
    assert len(LabelModel().fit(vote_matrix).predict(empty).logit_P) == 0
