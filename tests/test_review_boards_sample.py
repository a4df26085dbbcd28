"""The sample behind the pages: what is drawn, what a decided pair stands for, and the curve."""

from datetime import UTC, datetime

import numpy as np
import pytest
from app_world import QUICK, add_texts, project
from review_worlds import add_consensus, add_person, add_votes, say

from db.models import Vote
from db.probabilities import Probabilities
from db.vocabulary import Choice, Order, Role
from judges.trust.changes import two_sample_g
from judges.trust.drift_weeks import weekly_drift
from judges.trust.vote_matrix import MISSING
from review.boards.budget import budget_board
from review.boards.data import by_day, by_judge
from review.boards.sample import freshness, read_sample


@pytest.fixture
def voted(tmp_path):
    database = project(tmp_path, QUICK)
    pairs = add_texts(database, [(f"Q{n}?", "aaa", "b") for n in range(60)])
    for pair in pairs:
        add_votes(database, pair, {"x": Choice.A, "y": Choice.A})
    with database.begin() as session:
        add_consensus(session, dict.fromkeys(pairs, Probabilities(0.9, 0.0, 0.1)))
    return database, pairs


def test_few_pairs_are_all_drawn_and_many_are_thinned(voted):
    database, pairs = voted
    with database.read() as session:
        whole = read_sample(session)
        part = read_sample(session, size=20)
    assert whole.voted == part.voted == 60
    assert whole.drawn_P.all()
    assert sorted(whole.vote_table.pair_ids) == pairs
    assert 8 <= part.drawn_P.sum() <= 35  # a third of 60, by arithmetic on the ids
    assert set(part.vote_table.pair_ids) < set(pairs)


def test_a_decided_pair_is_read_though_it_was_not_drawn(voted):
    database, pairs = voted
    with database.read() as session:
        drawn = set(read_sample(session, size=20).vote_table.pair_ids)
    missed = next(pair for pair in pairs if pair not in drawn)
    say(database, add_person(database, "Ada"), missed, Choice.B)
    with database.read() as session:
        sample = read_sample(session, size=20)
    row = sample.vote_table.pair_ids.index(missed)
    assert not sample.drawn_P[row]
    assert sample.truth_P[row] != MISSING
    # nothing is routed: the one decided pair stands for every drawn one
    assert sample.weight_P[row] == pytest.approx(sample.drawn_P.sum())
    assert sample.weight_P.sum() == pytest.approx(sample.drawn_P.sum())


def test_the_week_is_the_monday_before_the_vote(voted):
    database, pairs = voted
    with database.begin() as session:
        for vote in session.query(Vote).filter_by(pair_id=pairs[0]):
            vote.created_at = datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday
    with database.read() as session:
        sample = read_sample(session)
    week = sample.week_PR[sample.vote_table.pair_ids.index(pairs[0]), 0]
    assert datetime.fromtimestamp(int(week), UTC) == datetime(2026, 11, 16, tzinfo=UTC)


def test_freshness_moves_with_a_vote(voted):
    database, pairs = voted
    before = freshness(database)
    add_votes(database, pairs[0], {"z": Choice.B})
    assert freshness(database) > before


def test_the_budget_curve_ends_at_one_and_needs_decided_pairs(voted):
    database, pairs = voted
    root = add_person(database, "Root", Role.ADMIN)
    assert budget_board(database, root) == []
    for number, pair in enumerate(pairs[:20]):
        say(database, root, pair, Choice.A if number % 4 else Choice.B)
    rows = budget_board(database, root)
    assert rows[0]["agreement"] == pytest.approx(0.75)  # 5 of 20 say b, the panel always a
    assert rows[-1] | {"low": 1.0, "high": 1.0} == {
        "share asked": 1.0, "agreement": 1.0, "low": 1.0, "high": 1.0, "pairs": 20,
    }  # fmt: skip


def test_g_of_two_samples_is_twice_the_log_likelihood_ratio():
    # 10/10 against 20/0: pooled 30/10 of 40; G = 2 sum o ln(o / e), e = 15, 5, 15, 5
    g = two_sample_g(np.array([[10.0, 10.0]]), np.array([[20.0, 0.0]]))[0]
    by_hand = 2 * (10 * np.log(10 / 15) + 10 * np.log(10 / 5) + 20 * np.log(20 / 15))
    assert g == pytest.approx(by_hand)
    assert two_sample_g(np.array([[3.0, 6.0]]), np.array([[1.0, 2.0]]))[0] == pytest.approx(0)


def test_a_judge_that_changed_stands_out_in_its_week_and_a_steady_one_does_not():
    rng = np.random.default_rng(3)
    week = np.repeat([1, 2, 3], 200)
    steady = rng.choice(8, 600, p=np.array([1, 5, 1, 1, 1, 1, 0, 1]) / 11).astype(np.int8)
    changed = steady.copy()
    changed[week == 3] = rng.choice(8, 200, p=np.array([1, 3, 4, 1, 1, 1, 0, 1]) / 12)
    prompt = np.arange(600)
    quiet = weekly_drift(steady, week, prompt, np.random.default_rng(0))
    loud = weekly_drift(changed, week, prompt, np.random.default_rng(0))
    assert [one.week for one in quiet] == [2, 3]  # nothing lies before the first
    assert max(one.excess for one in quiet) < 1
    assert loud[1].excess > 1.5


def test_many_pairs_of_one_prompt_are_no_drift():
    # each prompt has 20 pairs that all say the same: 10 prompts a week are 10 facts, not 200
    rng = np.random.default_rng(5)
    rings = 0
    for run in range(20):
        per_prompt = rng.choice(8, 20).astype(np.int8)
        cells = np.repeat(per_prompt, 20)
        found = weekly_drift(
            cells, np.repeat([1, 2], 200), np.repeat(np.arange(20), 20), np.random.default_rng(run)
        )
        rings += found[0].excess > 1
    assert rings <= 3  # 0.2 expected at 1 in 100; counting pairs as facts, nearly all would ring


def test_money_by_judge_and_by_day_adds_up():
    paid = [
        ("2026-11-01", "x", Order.AB, 10, 0.5),
        ("2026-11-01", "x", Order.BA, 10, 0.25),
        ("2026-11-02", "x", Order.AB, 30, 0.5),
    ]
    assert by_judge(paid) == [
        {"judge": "x", "order": "ab", "votes": 40, "usd": 1.0, "usd_per_1000": 25.0},
        {"judge": "x", "order": "ba", "votes": 10, "usd": 0.25, "usd_per_1000": 25.0},
    ]
    assert by_day(paid) == [
        {"day": "2026-11-01", "judge": "x", "usd": 0.75, "votes": 20},
        {"day": "2026-11-02", "judge": "x", "usd": 0.5, "votes": 30},
    ]
