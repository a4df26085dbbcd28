"""Routing to a target: audits first, then exactly what the certificates allow."""

import numpy as np
import pytest

from judges.trust.certificate import certify_strata, verify_certificate
from judges.trust.frame import draw_audit
from judges.trust.looks import Look
from judges.trust.vote_matrix import MISSING, TIE, A, B, VoteMatrix, consensus_of
from review.detectors import Flag
from review.routing.forecast import forecast_plan, forecast_target, plan_looks
from review.routing.promise import TIES, WHOLE, route_to_target, wrong_answers
from review.routing.router import REASONS, RouteOptions, route


def world(seed: int = 0, pairs: int = 2000, tie: float = 0.0):
    """Pairs whose consensus is calibrated: the truth is drawn from its probabilities."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(0, 4, pairs)
    consensus = consensus_of(logit, np.where(rng.random(pairs) < tie, 0.9, 0.001))
    truth = np.array([rng.choice(3, p=row) for row in consensus.p_PK], np.int8)
    codes = np.where(logit > 0, A, B).astype(np.int8)[:, None, None].repeat(2, axis=2)
    vote_matrix = VoteMatrix(codes, ("j",), ("f",), np.arange(pairs), np.full(pairs, -1, np.int64))
    return [f"p{n:04d}" for n in range(pairs)], vote_matrix, consensus, truth


def answers(plan, ids, consensus, truth, tie_ok=False):
    drawn = np.flatnonzero(plan.route_P == "audit")
    delivered = {ids[row]: int(consensus.choice_P[row]) for row in drawn}
    reference = {ids[row]: int(truth[row]) for row in drawn}
    return wrong_answers(delivered, reference, tie_ok=tie_ok)


def test_two_steps_from_audit_to_certificate() -> None:
    ids, vote_matrix, consensus, truth = world()
    options = RouteOptions(target_error=0.03, audits=400, seed=4)
    first = route_to_target(ids, vote_matrix, consensus, [], options)
    assert first.plan.count("audit") == 400
    assert [look.audits for look in first.looks[WHOLE]] == [100, 200, 400]
    assert sum(look.delta for look in first.looks[WHOLE]) == pytest.approx(0.1)
    audited = first.plan.route_P == "audit"
    frame = first.frames[WHOLE]
    framed = np.isin(ids, frame.pair_ids)
    assert np.allclose(first.plan.inclusion_P[framed], 400 / len(frame))
    # beside the audits only pairs outside the frame are asked: those that lean to neither side
    beside = first.plan.open_P & ~audited
    assert not (beside & framed).any()
    assert (np.abs(consensus.win_P[beside] - 0.5) < 0.02).all()
    assert 0 < beside.sum() <= 400 / 4
    assert (first.plan.open_P == (first.plan.route_P != "accept")).all()
    wrong = answers(first.plan, ids, consensus, truth)
    made = certify_strata(
        first.frames, wrong, looks=first.looks, look=3, delta=options.delta, target=0.03, seed=4
    )
    assert verify_certificate(made[WHOLE], first.frames[WHOLE], wrong) == ()
    safe = made[WHOLE].accepted_P(frame)  # rows are sorted ids, as in the world
    inside = np.isin(ids, [pair for pair, ok in zip(frame.pair_ids, safe, strict=True) if ok])
    accepted = inside & ~audited
    errors = (consensus.choice_P != truth)[accepted].sum()
    assert errors <= 0.03 * 2000
    assert first.forecast.human_low <= (~accepted).sum() <= first.forecast.human_high
    assert first.forecast.chance == 1.0
    assert "promised at most 3.00%" in first.forecast.sentence()
    assert all(set(codes) <= set(REASONS) for codes in first.plan.reasons)
    assert all(first.plan.reasons)
    # the first n claimed are the first n drawn
    drawn = [ids.index(pair) for pair in draw_audit(frame, 400, 4)[0]]
    assert (np.diff(first.plan.priority_P[drawn]) < 0).all()
    assert first.plan.priority_P[first.plan.open_P].min() > 1


def test_strata_have_their_own_frames_and_share_delta() -> None:
    ids, vote_matrix, consensus, _ = world(pairs=900)
    strata = ["code" if n % 3 else "chat" for n in range(900)]
    options = RouteOptions(target_error=0.1, audits=300)
    first = route_to_target(ids, vote_matrix, consensus, [], options, strata=strata)
    beside = int((first.plan.route_P == "escalate").sum())
    assert sum(len(frame) for frame in first.frames.values()) == 900 - beside
    assert first.frames.keys() == {"chat", "code"}
    assert {name: looks[-1].audits for name, looks in first.looks.items()} == {
        "chat": 100, "code": 200,
    }  # fmt: skip


@pytest.mark.parametrize("ties", ["escalate", "apart", "certify"])
def test_ties_are_never_inside_the_promise_on_a_and_b(ties: str) -> None:
    ids, vote_matrix, consensus, _ = world(tie=0.3, pairs=600)
    options = RouteOptions(target_error=0.1, audits=200, ties=ties)
    first = route_to_target(ids, vote_matrix, consensus, [], options)
    is_tie = consensus.choice_P == TIE
    framed = set(first.frames[WHOLE].pair_ids)
    assert framed.isdisjoint(ids[row] for row in np.flatnonzero(is_tie))
    routes = set(first.plan.route_P[is_tie].tolist())
    assert routes == {
        "escalate": {"escalate"},
        "apart": {"accept"},
        "certify": {"accept", "audit"},
    }[ties] or (ties == "certify" and "audit" in routes)
    assert (TIES in first.frames) == (ties == "certify")
    assert first.plan.count("audit") == sum(looks[-1].audits for looks in first.looks.values())


def test_wrong_follows_the_contract() -> None:
    delivered = {"p": A, "q": A, "r": B, "s": TIE, "t": A}
    reference = {"p": A, "q": TIE, "r": A, "s": A, "t": MISSING}
    strict = wrong_answers(delivered, reference)
    assert strict == {"p": False, "q": True, "r": True, "s": True}
    assert wrong_answers(delivered, reference, tie_ok=True)["q"] is False


def test_an_instruction_to_the_judge_always_goes_to_humans() -> None:
    ids, vote_matrix, consensus, _ = world(pairs=500)
    flags = [Flag("injection", 3, 1.0, hard=True), Flag("injection", 4, 0.3)]
    first = route_to_target(ids, vote_matrix, consensus, flags, RouteOptions(target_error=0.1))
    assert first.plan.route_P[3] == "escalate"
    assert "p0003" not in first.frames[WHOLE].pair_ids
    assert "p0004" in first.frames[WHOLE].pair_ids
    simple = route(vote_matrix, consensus, flags, RouteOptions(min_agreement=0.5, audit_share=0.0))
    assert simple.route_P[3:5].tolist() == ["escalate", "accept"]


def test_settled_pairs_take_no_part() -> None:
    ids, vote_matrix, consensus, _ = world(pairs=400)
    labels = np.full(400, MISSING, np.int8)
    labels[:100] = A
    first = route_to_target(
        ids, vote_matrix, consensus, [], RouteOptions(target_error=0.05), labels_P=labels
    )
    assert (first.plan.route_P[:100] == "accept").all()
    beside = int((first.plan.route_P == "escalate").sum())
    assert len(first.frames[WHOLE]) == 300 - beside
    assert first.forecast.human <= 300


def test_forecasts_by_hand() -> None:
    # 4 pairs, one escalated, one audited; the two accepted are wrong with .1 and .3: .4 / 4
    plan = forecast_plan(
        np.array(["accept", "accept", "audit", "escalate"]),
        np.array([0.1, 0.3, 0.2, 0.5]),
        seconds_per_review=1800,
    )
    assert (plan.human, plan.hours) == (2.0, 1.0)
    assert plan.expected_error == pytest.approx(0.1)
    assert "nothing is promised" in plan.sentence()
    # nothing can be wrong: 100 audits certify all 1,000, so 100 humans
    clean = forecast_target(np.zeros(1000), looks=(Look(100, 0.1),), target=0.05, delta=0.1)
    assert (clean.human, clean.coverage, clean.chance) == (100.0, 1.0, 1.0)
    # and 50 are enough (45 clean ones bound 5%): the plan takes the cheapest of its grid
    assert plan_looks(np.zeros(1000), target=0.05, delta=0.1)[-1].audits == 50
    # never more than there are; a quarter and a half of them at .02 and .03 of delta
    few = plan_looks(np.zeros(30), target=0.05, delta=0.1, audits=50)
    assert [look.audits for look in few] == [7, 15, 30]
    assert [look.delta for look in few] == pytest.approx([0.002, 0.003, 0.095])
