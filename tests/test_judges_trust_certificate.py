"""Certificates: exact tests by hand, tampering is seen, and the promise is kept in simulation."""

import json
from itertools import combinations
from math import ceil, comb, floor, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from judges.trust.audit import audits_needed
from judges.trust.certificate import Certificate, certify, certify_strata, verify_certificate
from judges.trust.frame import Frame, draw_audit
from judges.trust.levels import SHARES, accepted_pairs, assess_levels
from judges.trust.looks import Look
from judges.trust.unaudited import chance_of_more, largest_set, most_found


def frame_of(size: int, seed: int = 0) -> Frame:
    scores = np.random.default_rng(seed).random(size)
    return Frame.of([f"p{row:05d}" for row in range(size)], scores)


def audit(frame: Frame, wrong_P: np.ndarray, audits: int, seed: int) -> dict[str, bool]:
    position = {pair_id: row for row, pair_id in enumerate(frame.pair_ids)}
    return {
        pair_id: bool(wrong_P[position[pair_id]]) for pair_id in draw_audit(frame, audits, seed)[0]
    }


def test_one_level_by_hand() -> None:
    # whole frame of 20 pairs, 8 audited, at most floor(.1 * 20) = 2 unaudited wrong ones tolerated.
    # none found: p = P(of 3 wrong pairs none is hit) = C(17, 8) / C(20, 8) = 24310 / 125970
    levels = assess_levels(20, np.arange(8), np.zeros(8, bool), target=0.1, delta=0.3, promise="g2")
    last = levels[-1]
    assert (last.size, last.audited, last.wrong, last.tolerated) == (20, 8, 0, 2)
    assert last.p_value == pytest.approx(comb(17, 8) / comb(20, 8))
    # one found: of 4 wrong pairs at most one is hit: [C(16, 8) + 4 C(16, 7)] / C(20, 8)
    wrong = np.array([True] + [False] * 7)
    again = assess_levels(20, np.arange(8), wrong, target=0.1, delta=0.3, promise="g2")[-1]
    assert again.p_value == pytest.approx((comb(16, 8) + 4 * comb(16, 7)) / comb(20, 8))
    # 10 pairs beside the frame that humans answer: floor(.1 * 30) = 3 tolerated
    more = assess_levels(
        20, np.arange(8), np.zeros(8, bool), target=0.1, delta=0.3, promise="g2", beside=10
    )[-1]
    assert more.p_value == pytest.approx(comb(16, 8) / comb(20, 8))


def test_up_to_release_0_2_0_wrong_audits_counted_as_delivered() -> None:
    # p = P(at most one of the 3 wrong pairs is hit) = [C(17, 8) + 3 C(17, 7)] / C(20, 8)
    wrong = np.array([True] + [False] * 7)
    last = assess_levels(
        20, np.arange(8), wrong, target=0.1, delta=0.3, promise="g2", corrected=False
    )[-1]
    assert last.p_value == pytest.approx((comb(17, 8) + 3 * comb(17, 7)) / comb(20, 8))


def test_wrong_audits_allowed_by_hand() -> None:
    # 4 pairs, 2 audited, 1 unaudited wrong one allowed. 0 wrong audits: of the first 2 wrong pairs
    # none is hit: C(2, 2) / C(4, 2) = 1/6. 1 wrong audit: of the first 3 at most one is hit:
    # C(3, 1) C(1, 1) / 6 = 1/2. 2 wrong audits: of the first 4 exactly two are hit, always: 1.
    assert chance_of_more(4, 2, 1, np.arange(3)) == pytest.approx([1 / 6, 1 / 2, 0.0 + 1.0])
    assert [most_found(4, 2, 1, delta) for delta in (0.1, 0.2, 0.5, 0.6)] == [-1, 0, 1, 1]
    assert most_found(4, 2, 2, 0.1) == 2  # two audited: three unaudited ones cannot be
    # the wrong audit number most + 1 stands at rank 5: the five before it are accepted
    places, wrong = np.array([7, 5, 1]), np.array([True, True, True])
    assert [largest_set(9, places, wrong, most) for most in (-1, 0, 1, 2, 3)] == [0, 1, 5, 7, 9]


@pytest.mark.parametrize(("size", "audits"), [(8, 3), (9, 4), (10, 2), (10, 5), (11, 4)])
@pytest.mark.parametrize("target", [0.05, 0.13, 0.25])
def test_g2_is_exact_for_every_way_to_be_wrong(size: int, audits: int, target: float) -> None:
    # every subset of wrong pairs and every draw: more unaudited wrong ones than allowed are
    # accepted with probability at most delta, and the worst case is what the law says
    allowed = floor(target * size + 1e-9)
    draws = np.zeros((comb(size, audits), size), bool)
    for row, places in zip(draws, combinations(range(size), audits), strict=True):
        row[list(places)] = True
    for delta in (0.1, 0.3):
        most = most_found(size, audits, allowed, delta)
        worst = 0.0
        for pattern in range(2**size):
            wrong = np.array([pattern >> rank & 1 for rank in range(size)], bool)
            inside = np.cumsum(draws & wrong, axis=1) <= most  # as `largest_set`, all draws at once
            left = (inside & wrong & ~draws).sum(axis=1)
            worst = max(worst, (left > allowed).mean())
        law = chance_of_more(size, audits, allowed, np.array([max(most, 0)]))[0]
        assert worst <= delta + 1e-12
        assert worst == pytest.approx(law if most >= 0 else 0.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 400), st.floats(0.01, 0.4), st.integers(0, 100))
def test_more_wrong_audits_never_accept_more(
    seed: int, size: int, target: float, beside: int
) -> None:
    rng = np.random.default_rng(seed)
    places = rng.permutation(size)[: rng.integers(0, size + 1)]
    wrong = rng.random(len(places)) < rng.random()

    def accepted(wrong: np.ndarray, beside: int) -> int:
        return accepted_pairs(
            assess_levels(
                size, places, wrong, target=target, delta=0.1, promise="g2", beside=beside
            )
        )

    worse = wrong | (rng.random(len(places)) < 0.1)
    assert accepted(worse, beside) <= accepted(wrong, beside)
    levels = assess_levels(
        size, places, wrong, target=target, delta=0.1, promise="g2", beside=beside
    )
    assert (np.diff([level.size for level in levels]) > 0).all()
    assert (np.diff([level.wrong for level in levels]) >= 0).all()
    assert (np.diff([level.p_value for level in levels]) >= 0).all()
    passed = [level.passed for level in levels]
    assert passed == sorted(passed, reverse=True)  # what passes is a beginning


def test_nested_sets_are_the_most_confident_shares() -> None:
    levels = assess_levels(
        1000, np.arange(0, 1000, 10), np.zeros(100, bool), target=0.02, delta=0.1, promise="g2"
    )
    assert [level.size for level in levels] == [ceil(share * 1000 - 1e-9) for share in SHARES]
    assert len(levels) == 39  # all of it passes, so no level of its own
    assert levels[0].size == 50
    assert levels[1].size == 75
    # every tenth rank is audited: 5 in the first 50
    assert levels[0].audited == 5
    # g2 tolerates floor(.02 * 1000) in every set, g1 floor(.02 * size)
    assert {level.tolerated for level in levels} == {20}
    g1 = assess_levels(
        1000, np.arange(0, 1000, 10), np.zeros(100, bool), target=0.02, delta=0.1, promise="g1"
    )
    assert [level.tolerated for level in g1] == [floor(0.02 * level.size) for level in g1]


def test_g2_accepts_up_to_the_first_wrong_audit_too_many() -> None:
    # one wrong audit at ranks 55 and 60, none elsewhere; delta .1 allows none of 45:
    # C(949, 45) / C(1000, 45) = .0927 for 51 wrong of 1,000 and none hit, more with one
    places = np.r_[55, 60, np.arange(100, 1000, 21)]
    assert len(places) == 45
    wrong = places < 100
    assert most_found(1000, 45, 50, 0.1) == 0
    levels = assess_levels(1000, places, wrong, target=0.05, delta=0.1, promise="g2")
    assert accepted_pairs(levels) == 55
    assert [level.size for level in levels if level.passed] == [50, 55]
    clean = assess_levels(1000, places, wrong & False, target=0.05, delta=0.1, promise="g2")
    assert clean[-1].p_value == pytest.approx(comb(949, 45) / comb(1000, 45))
    assert clean[-1].passed


def test_g1_first_start_needs_enough_audits() -> None:
    # log(.4 * .1) / log(1 - .05) = 62.8: with one audit in ten, 63 audits are in the first 630
    places = np.arange(0, 1000, 10)
    levels = assess_levels(1000, places, np.zeros(100, bool), target=0.05, delta=0.1, promise="g1")
    first = next(level for level in levels if level.passed)
    assert first.audited >= log(0.04) / log(0.95)
    assert first.size <= 650
    assert levels[-1].passed  # budgets joined: 100 clean audits bound 5% at .1


def test_g1_budget_is_killed_by_a_failure_and_replaced_by_the_next_start() -> None:
    # 2,000 audits of 4,000; the errors sit in ranks 600-800, later all is clean
    places = np.arange(0, 4000, 2)
    wrong = np.zeros(2000, bool)
    wrong[300:330] = True
    levels = assess_levels(4000, places, wrong, target=0.03, delta=0.1, promise="g1")
    passed = [level.passed for level in levels]
    assert True in passed
    assert False in passed[passed.index(True) :]
    assert passed[-1]  # 30 of 2,000 wrong = 1.5%: a later start certifies the whole


def test_certificate_survives_json_and_verifies() -> None:
    frame = frame_of(800)
    wrong_P = np.zeros(800, bool)
    wrong_P[frame.ranking()[-30:]] = True
    answers = audit(frame, wrong_P, 200, seed=5)
    made = certify(frame, answers, target=0.05, seed=5, model_version="m1")
    assert made.holds
    assert made.accepted_P(frame).sum() == made.accepted
    assert frame.scores_P[made.accepted_P(frame)].min() == made.threshold
    back = Certificate.from_dict(json.loads(json.dumps(made.to_dict())))
    assert back == made
    assert verify_certificate(back, frame, answers) == ()


@pytest.mark.parametrize("change", ["score", "verdict", "accepted", "target", "stranger", "seed"])
def test_tampering_is_found(change: str) -> None:
    frame = frame_of(400)
    answers = audit(frame, np.zeros(400, bool), 150, seed=1)
    made = certify(frame, answers, target=0.05, seed=1)
    values = made.to_dict()
    if change == "score":
        scores = frame.scores_P.copy()
        scores[3] += 1e-12
        frame = Frame.of(frame.pair_ids, scores)
    elif change == "verdict":
        answers[next(iter(answers))] = True
    elif change == "stranger":
        free = next(pair for pair in frame.pair_ids if pair not in answers)
        answers[free] = answers.pop(next(iter(answers)))
    else:
        values[change] = {"accepted": made.accepted - 1, "target": 0.04, "seed": 2}[change]
    assert verify_certificate(Certificate.from_dict(values), frame, answers)


def test_unanswered_audits_count_as_wrong() -> None:
    frame = frame_of(500)
    answers = audit(frame, np.zeros(500, bool), 120, seed=3)
    full = certify(frame, answers, target=0.04, seed=3)
    fewer = dict(list(answers.items())[:-20])
    part = certify(frame, fewer, looks=(Look(120, 0.1),), target=0.04, seed=3)
    assert (part.unanswered, part.wrong, full.wrong) == (20, 20, 0)
    assert part.accepted < full.accepted
    assert "accepted on 120 audits (20 of them unanswered, counted as wrong)." in part.sentence()
    assert full.sentence().endswith("accepted on 120 audits.")


def test_nothing_certified_says_how_much_is_missing() -> None:
    frame = frame_of(300)
    answers = audit(frame, np.ones(300, bool), 30, seed=0)
    none = certify(frame, answers, target=0.02)
    assert not none.holds
    assert none.threshold is None
    assert none.missing > 0
    assert "missing" in none.sentence()
    # a set no larger than what may be wrong needs no evidence, and is not called certified
    empty = certify(frame, {}, target=0.1)
    assert not empty.holds
    assert empty.missing > 0


def test_strata_share_delta() -> None:
    frames = {"code": frame_of(300, 1), "chat": Frame.of(["q1", "q2"], np.array([0.5, 0.4]))}
    answers = audit(frames["code"], np.zeros(300, bool), 100, seed=2) | {"q1": False, "q2": False}
    looks = {"code": (Look(100, 0.05),), "chat": (Look(2, 0.05),)}
    made = certify_strata(frames, answers, looks=looks, target=0.05, seed=2)
    assert made["code"].delta == pytest.approx(0.05)
    assert made["code"].stratum == "code"
    assert made["chat"].accepted == 2  # everything was audited


def test_looks_share_delta() -> None:
    frame = frame_of(600)
    answers = audit(frame, np.zeros(600, bool), 60, seed=2)
    looks = (Look(45, 0.02), Look(60, 0.08))
    one = certify(frame, answers, target=0.05, seed=2, looks=(Look(45, 0.1),))
    two = certify(frame, answers, target=0.05, seed=2, looks=looks)
    assert (two.audits, two.unanswered, two.wrong) == (45, 0, 0)
    assert two.accepted < one.accepted
    last = certify(frame, answers, target=0.05, seed=2, looks=looks, look=2)
    assert last.audits == 60
    assert Certificate.from_dict(json.loads(json.dumps(last.to_dict()))) == last
    assert verify_certificate(last, frame, answers) == ()
    first, further = draw_audit(frame, 45, 2)[0], draw_audit(frame, 60, 2)[0]
    assert further[:45] == first  # a later look extends the same sample
    # answers that a look does not count change nothing, whatever they say
    beyond = {pair_id: pair_id not in first for pair_id in further}
    assert certify(frame, beyond, target=0.05, seed=2, looks=looks) == two


def test_looks_are_refused_that_spend_more_than_delta_or_do_not_grow() -> None:
    frame = frame_of(600)
    with pytest.raises(ValueError, match="look 2 of 1"):
        certify(frame, {}, target=0.05, look=2)
    with pytest.raises(ValueError, match="together at most delta"):
        certify(frame, {}, target=0.05, looks=(Look(40, 0.06), Look(80, 0.05)))
    with pytest.raises(ValueError, match=r"\[80, 40\]"):
        certify(frame, {}, target=0.05, looks=(Look(80, 0.05), Look(40, 0.05)))


def test_later_audits_are_held_to_what_the_rule_allows_before_correction() -> None:
    # floor(.05 * 400) wrong among the 280 of 300 that no audit hit: 20 / 280; uncorrected 5%
    frame = frame_of(300)
    answers = audit(frame, np.zeros(300, bool), 20, seed=2)
    made = certify(frame, answers, target=0.05, seed=2, beside=100)
    assert made.rule_bound == pytest.approx(0.05 * 400 / 280)
    assert certify(frame, answers, target=0.05, seed=2, corrected=False).rule_bound == 0.05
    assert certify(frame, answers, target=0.05, seed=2, promise="g1").rule_bound == 0.05


@pytest.mark.parametrize("planned", [None, 1, 2])
def test_certificates_of_release_0_2_0_still_verify(planned: int | None) -> None:
    frame = frame_of(600)
    answers = audit(frame, np.zeros(600, bool), 60, seed=2)
    looks = (Look(60, 0.1 / (planned or 1)),)
    made = certify(frame, answers, target=0.05, seed=2, looks=looks, corrected=False)
    values = made.to_dict()
    for name in ("looks", "look", "beside", "corrected"):
        del values[name]
    if planned is not None:
        values |= {"look": 1, "looks": planned}
    assert verify_certificate(Certificate.from_dict(values), frame, answers) == ()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 200))
def test_frame_does_not_depend_on_the_order_given(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    ids = [f"x{n}" for n in range(size)]
    scores = rng.integers(0, 3, size) / 2.0
    order = rng.permutation(size)
    one, two = Frame.of(ids, scores), Frame.of([ids[i] for i in order], scores[order])
    assert one.sha256() == two.sha256()
    assert (one.ranking() == two.ranking()).all()
    assert (np.diff(one.scores_P[one.ranking()]) <= 0).all()


def test_frame_refuses_doubles_and_nan() -> None:
    with pytest.raises(ValueError, match="'a' is in the frame twice"):
        Frame.of(["a", "a"], np.zeros(2))
    with pytest.raises(ValueError, match="nan"):
        Frame.of(["a", "b"], np.array([0.0, np.nan]))


def test_audits_needed_is_the_smallest_with_that_power() -> None:
    n = audits_needed(0.1, 0.1)

    def power(audits: int) -> float:
        tests = np.flatnonzero(binom.cdf(np.arange(audits), audits, 0.1) <= 0.1)
        return float(binom.cdf(tests[-1], audits, 0.05)) if len(tests) else 0.0

    assert power(n) >= 0.9
    assert max(power(m) for m in range(20, n)) < 0.9
    assert audits_needed(0.03, 0.1, population=1000) < audits_needed(0.03, 0.1)
    assert audits_needed(0.05, 0.1, true_error=0.0) == 45
    with pytest.raises(ValueError, match="worse than the target"):
        audits_needed(0.05, 0.1, true_error=0.06)


@pytest.mark.parametrize("promise", ["g1", "g2"])
@pytest.mark.parametrize("shape", ["smooth", "flat", "bad_top"])
def test_promise_is_broken_no_more_often_than_delta(promise: str, shape: str) -> None:
    # 400 fixed populations of 1,000, 150 audits each; delta .1 -> at most .1 + 3 sd = .145
    rng = np.random.default_rng(11)
    size, audits, target, broken = 1000, 150, 0.05, 0
    rank = np.arange(size) / size
    chance = {
        "smooth": 0.3 * rank**2,
        "flat": np.full(size, 0.052),
        "bad_top": np.where(rank < 0.08, 0.5, 0.02),
    }[shape]
    for _ in range(400):
        wrong = rng.random(size) < chance
        places = np.sort(rng.choice(size, audits, replace=False))
        levels = assess_levels(
            size, places, wrong[places], target=target, delta=0.1, promise=promise
        )
        accepted = max((level.size for level in levels if level.passed), default=0)
        allowed = target * (size if promise == "g2" else accepted)
        left = wrong[:accepted].sum()
        if promise == "g2":
            left -= wrong[places[places < accepted]].sum()
        broken += int(left > allowed + 1e-9)
    assert broken / 400 <= 0.145
