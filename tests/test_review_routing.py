"""The router's simple modes: budgets are kept, reasons are given, audits are uniform."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judges.trust.vote_matrix import MISSING, TIE, A, B, VoteMatrix, consensus_of
from review.detectors import Flag, reversal
from review.routing.ordering import patterns, queue_order, risk, teaching
from review.routing.router import REASONS, RouteOptions, route


def matrix_of(codes: list[list[list[int]]]) -> VoteMatrix:
    codes_PRO = np.array(codes, np.int8)
    raters = codes_PRO.shape[1]
    return VoteMatrix(
        codes_PRO,
        tuple(f"j{r}" for r in range(raters)),
        tuple("f" for _ in range(raters)),
        np.arange(len(codes_PRO)),
        np.full(len(codes_PRO), -1),
    )


def random_matrix(seed: int, pairs: int = 300, raters: int = 3) -> VoteMatrix:
    rng = np.random.default_rng(seed)
    return matrix_of(rng.choice([A, B, TIE], p=[0.6, 0.3, 0.1], size=(pairs, raters, 2)).tolist())


def consensus_for(vote_matrix: VoteMatrix):
    votes = vote_matrix.codes_PRO
    return consensus_of(((votes == A).sum((1, 2)) - (votes == B).sum((1, 2))) * 0.8, 0.1)


def test_agreement_mode_accepts_exactly_at_the_share() -> None:
    # 4 votes: 3 of 4 agree = .75; 2 of 4 = .5; 4 of 4 = 1
    vote_matrix = matrix_of([[[A, A], [A, B]], [[A, B], [A, B]], [[B, B], [B, B]]])
    plan = route(
        vote_matrix,
        consensus_for(vote_matrix),
        [],
        RouteOptions(min_agreement=0.75, audit_share=0.0),
    )
    assert plan.route_P.tolist() == ["accept", "escalate", "accept"]
    assert plan.reasons[1] == ("min_agreement",)
    assert plan.reasons[0] == ("agreed",)


def test_agreement_needs_one_leading_choice_and_a_vote() -> None:
    vote_matrix = matrix_of([[[A, B]], [[MISSING, MISSING]]])
    plan = route(vote_matrix, consensus_for(vote_matrix), [], RouteOptions(min_agreement=0.5))
    assert plan.route_P.tolist() == ["escalate", "escalate"]
    assert "no_vote" in plan.reasons[1]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 330), st.sampled_from([0.0, 0.02, 0.1, 1.0]), st.integers(0, 10**6))
def test_a_budget_is_spent_exactly(reviews: int, audit_share: float, seed: int) -> None:
    vote_matrix = random_matrix(seed % 7)
    options = RouteOptions(max_reviews=reviews, audit_share=audit_share, seed=seed)
    plan = route(vote_matrix, consensus_for(vote_matrix), [], options)
    assert plan.count("escalate") + plan.count("audit") == min(reviews, 300)
    assert all(code in REASONS for codes in plan.reasons for code in codes)
    assert all(plan.reasons)


def test_share_and_hours_are_budgets_in_pairs() -> None:
    vote_matrix = random_matrix(1)
    share = route(vote_matrix, consensus_for(vote_matrix), [], RouteOptions(review_share=0.1))
    assert share.count("escalate") + share.count("audit") == 30
    # half an hour at 40 seconds: 1800 / 40 = 45 answers
    hours = RouteOptions(hours=0.5, seconds_per_review=40.0)
    assert hours.reviews(300) == 45


def test_budget_goes_to_the_riskiest_but_for_the_random_share() -> None:
    vote_matrix = random_matrix(3)
    consensus = consensus_for(vote_matrix)
    plan = route(
        vote_matrix, consensus, [], RouteOptions(max_reviews=60, random_share=0.0, audit_share=0.0)
    )
    asked = plan.route_P == "escalate"
    assert risk(consensus)[asked].mean() > 2 * risk(consensus)[~asked].mean()
    assert sorted(plan.priority_P[asked]) == sorted(np.sort(plan.priority_P)[-60:])


def test_hard_flags_stand_in_front() -> None:
    vote_matrix = random_matrix(4)
    flags = [Flag("cycle", pair, 0.5, hard=True) for pair in (7, 11, 200)]
    options = RouteOptions(max_reviews=3, random_share=0.0, audit_share=0.0)
    plan = route(vote_matrix, consensus_for(vote_matrix), flags, options)
    assert np.flatnonzero(plan.route_P == "escalate").tolist() == [7, 11, 200]
    assert plan.reasons[7] == ("hard", "budget", "cycle")


def test_random_share_is_what_it_says() -> None:
    value = np.linspace(1, 0, 20_000)
    order, drawn = queue_order(value, np.zeros(20_000, bool), np.random.default_rng(0))
    assert sorted(order.tolist()) == list(range(20_000))
    # of the first 2,000 places 300 are random: sd sqrt(2000*.15*.85) = 16
    assert abs(int(drawn[order[:2000]].sum()) - 300) < 64


def test_audits_are_uniform_over_the_accepted() -> None:
    vote_matrix = random_matrix(5, pairs=60)
    consensus = consensus_for(vote_matrix)
    hits = np.zeros(60)
    for seed in range(600):
        options = RouteOptions(min_agreement=0.6, audit_share=0.2, seed=seed)
        plan = route(vote_matrix, consensus, [], options)
        hits += plan.route_P == "audit"
    inclusion = plan.inclusion_P
    accepted = inclusion > 0
    assert (hits[~accepted] == 0).all()
    spread = np.sqrt(600 * inclusion[accepted] * (1 - inclusion[accepted]))
    assert (np.abs(hits[accepted] - 600 * inclusion[accepted]) < 4.5 * spread).all()


def test_the_same_seed_gives_the_same_plan() -> None:
    vote_matrix = random_matrix(6)
    options = RouteOptions(max_reviews=50, seed=9)
    one = route(vote_matrix, consensus_for(vote_matrix), reversal(vote_matrix), options)
    two = route(vote_matrix, consensus_for(vote_matrix), reversal(vote_matrix), options)
    assert (one.route_P == two.route_P).all()
    assert (one.priority_P == two.priority_P).all()
    assert one.reasons == two.reasons


def test_mirrored_names_change_no_route() -> None:
    vote_matrix = random_matrix(8)
    options = RouteOptions(max_reviews=50, seed=2)
    one = route(vote_matrix, consensus_for(vote_matrix), reversal(vote_matrix), options)
    other = vote_matrix.mirrored()
    two = route(other, consensus_for(other), reversal(other), options)
    assert (one.route_P == two.route_P).all()


def test_settled_pairs_are_left_alone() -> None:
    vote_matrix = random_matrix(9, pairs=40)
    labels = np.full(40, MISSING, np.int8)
    labels[:10] = A
    plan = route(
        vote_matrix, consensus_for(vote_matrix), [], RouteOptions(max_reviews=40), labels_P=labels
    )
    assert (plan.route_P[:10] == "accept").all()
    assert (plan.route_P[10:] == "escalate").all()
    assert plan.reasons[0] == ("settled",)


def test_patterns_join_mirror_images() -> None:
    vote_matrix = random_matrix(10, pairs=500, raters=4)
    assert np.array_equal(
        np.unique(patterns(vote_matrix), return_counts=True)[1],
        np.unique(patterns(vote_matrix.mirrored()), return_counts=True)[1],
    )
    two = matrix_of([[[A, B]], [[A, B]], [[A, A]], [[B, B]], [[TIE, A]], [[B, TIE]]])
    # (A,B) mirrored is (A,B) again; (A,A) mirrors to (B,B); (TIE,A) to (B,TIE)
    assert patterns(two).tolist()[0] == patterns(two).tolist()[1]
    assert patterns(two).tolist()[2] == patterns(two).tolist()[3]
    assert patterns(two).tolist()[4] == patterns(two).tolist()[5]
    assert len(set(patterns(two).tolist())) == 3


def test_patterns_of_many_raters_use_several_words() -> None:
    vote_matrix = random_matrix(11, pairs=50, raters=20)
    both = matrix_of(
        np.concatenate([vote_matrix.codes_PRO, vote_matrix.mirrored().codes_PRO]).tolist()
    )
    found = patterns(both)
    assert (found[:50] == found[50:]).all()
    assert len(set(found.tolist())) == 50


def test_teaching_falls_with_answers_in_the_pattern() -> None:
    vote_matrix = matrix_of([[[A, A], [B, B]]] * 3 + [[[A, A], [A, A]]])
    consensus = consensus_of(np.array([0.1, 0.1, 0.1, 3.0]), 0.0)
    fresh = teaching(vote_matrix, consensus)
    assert fresh[0] == 1.0
    assert fresh[3] < 0.5
    labels = np.array([A, A, B, MISSING], np.int8)
    later = teaching(vote_matrix, consensus, labels)
    assert later[3] / later[0] > fresh[3] / fresh[0]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"max_reviews": 3, "hours": 2.0},
        {"min_agreement": 1.2},
        {"hours": 2.0},
        {"max_reviews": -1},
    ],
)
def test_bad_options_are_one_sentence(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r":|give"):
        RouteOptions(**given)
