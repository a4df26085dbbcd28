"""Orders over candidates: asked for in the place of disputed pairs, merged, taken back."""

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_worlds import PLAIN, add_batch, add_consensus, add_person, add_votes, escalate, say
from sqlalchemy import text

from db import rankings
from db.errors import BadInput, LeaseLost, NotAllowed
from db.identity import candidate_hash, pair_hash, prompt_hash
from db.models import (
    Adjudication,
    Candidate,
    ContentFlag,
    Lease,
    Pair,
    PairRoute,
    Preference,
    Prompt,
    Ranking,
    Task,
)
from db.opinions import Opinion
from db.preferences import PairEvidence
from db.probabilities import Probabilities
from db.rankings import Disputed, Implied
from db.tasks import NewTask, add_tasks, close_tasks
from db.types import now
from db.vocabulary import Choice, Route, Source, TaskKind, TaskStatus
from review import deciding, queue, view_model
from review.draft import Draft
from review.merge import merge
from review.rankings import ask_for_rankings, build, rank
from review.reveal_order import reveal_order
from review.routing.bundles import bundles
from review.settings import ReviewSettings
from review.settle import posterior, settle

RULES = ReviewSettings()


def prompt_with(database, texts, compared, asked="Which is best?"):
    """A prompt with candidates and the pairs (by position) of them; ids of both."""
    messages = [{"role": "user", "content": asked}]
    key = prompt_hash(messages)
    with database.begin() as session:
        prompt = Prompt(content_hash=key, messages=messages)
        session.add(prompt)
        session.flush()
        made = [
            Candidate(prompt_id=prompt.id, content_hash=candidate_hash(key, text), text=text)
            for text in texts
        ]
        session.add_all(made)
        session.flush()
        pairs = [
            Pair(
                prompt_id=prompt.id,
                candidate_a_id=made[i].id,
                candidate_b_id=made[j].id,
                content_hash=pair_hash(made[i].content_hash, made[j].content_hash),
                domain="law",
            )
            for i, j in compared
        ]
        session.add_all(pairs)
        session.flush()
        return [one.id for one in made], [one.id for one in pairs]


def current(database):
    """pair id -> its standing label, with the candidates of the pair."""
    with database.read() as session:
        rows = session.query(Preference).filter(Preference.superseded_at.is_(None)).all()
        return {row.pair_id: row for row in rows}


def tasks_of(database):
    with database.read() as session:
        return session.query(Task).order_by(Task.id).all()


@pytest.fixture
def asked(any_database):
    """Candidates 0-3, pairs 01, 12 and 20 disputed, 23 not; a ranking asked for."""
    ids, pairs = prompt_with(any_database, "wxyz", [(0, 1), (1, 2), (2, 0), (2, 3)])
    escalate(any_database, pairs[:3])
    done = ask_for_rankings(any_database)
    assert (done.rankings, done.candidates, done.pairs, done.waiting) == (1, 3, 3, 0)
    return any_database, ids, pairs


def test_one_ranking_takes_the_place_of_the_disputed_pairs(asked):
    database, ids, pairs = asked
    *single, ranking = tasks_of(database)
    assert [task.status for task in single] == [TaskStatus.CLOSED] * 3
    assert sorted(ranking.candidate_ids) == ids[:3]
    assert (ranking.status, ranking.priority, ranking.kind) == (
        TaskStatus.OPEN,
        1.0,
        TaskKind.ESCALATION,
    )
    again = ask_for_rankings(database)
    assert (again.rankings, again.pairs) == (0, 0)
    assert "nothing new" in again.summary
    escalate(database, pairs[:3])  # routed again: the ranking still stands for them
    assert len(tasks_of(database)) == 4


def test_of_two_that_ask_at_once_one_does(postgres_database):
    """A task that the other one holds for a moment is waited for: if each passed over what the
    other holds, neither would ask for the ranking, and the other may let go without a change.
    """
    _, pairs = prompt_with(postgres_database, "wxyz", [(0, 1), (1, 2), (2, 0)])
    escalate(postgres_database, pairs)
    with ThreadPoolExecutor(1) as other:
        with postgres_database.begin() as session:
            first = session.query(Task).order_by(Task.id).with_for_update().first()
            assert first is not None
            asking = other.submit(ask_for_rankings, postgres_database)
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            with postgres_database.read() as watching:
                while not asking.done() and not watching.scalar(text(waits)):
                    pass
        assert asking.result().rankings == 1


def test_held_and_answered_pairs_stay_single(any_database):
    _, pairs = prompt_with(any_database, "wxyz", [(0, 1), (1, 2), (2, 3)])
    escalate(any_database, pairs)
    ada = add_person(any_database, "Ada")
    held = queue.claim(any_database, ada, PLAIN)
    done = ask_for_rankings(any_database)
    assert (done.rankings, done.pairs) == (1, 2)
    deciding.decide(any_database, held.lease_id, ada, deciding.Answer(Choice.A), PLAIN)


def test_bad_numbers_are_named(database):
    with pytest.raises(BadInput, match="candidates 6 must be 3 to 5"):
        ask_for_rankings(database, candidates=6)
    with pytest.raises(BadInput, match="prompts 0 must be 1 or more"):
        ask_for_rankings(database, prompts=0)


def pair(n, one, two, priority=0.5, prompt=1, domain=None):
    return Disputed(n, n, prompt, (one, two), priority, domain, None)


def test_a_bundle_holds_those_disputed_with_each_other():
    # 5 is disputed with three of 1-4, 9 with one only: of at most four, 9 is left out.
    found = bundles(
        [pair(1, 1, 5, 0.9), pair(2, 2, 5), pair(3, 3, 5), pair(4, 1, 2), pair(5, 5, 9, 0.1)], 4
    )
    assert [(set(one.candidates), len(one.pairs)) for one in found] == [({1, 2, 3, 5}, 4)]
    assert bundles([pair(1, 1, 2), pair(2, 3, 4)], 4) == []  # nothing ties them together
    assert bundles([pair(1, 1, 2), pair(2, 2, 3, domain="law")], 4) == []  # other people's skill
    two = bundles(
        [pair(1, 1, 2), pair(2, 2, 3), *(pair(n, n, n + 1, prompt=2) for n in (5, 6, 7))], 5
    )
    assert [one.prompt_id for one in two] == [2, 1]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.floats(0, 1)), max_size=25),
    st.integers(3, 5),
)
def test_a_bundle_never_asks_more_than_it_answers(rows, most):
    pairs = [pair(n, i, j, p) for n, (i, j, p) in enumerate(rows) if i != j]
    for one in bundles(pairs, most):
        assert 3 <= len(one.candidates) <= most
        assert len(one.pairs) >= 2
        assert all(set(each.candidates) <= set(one.candidates) for each in one.pairs)


def answered(asked, groups):
    database, ids, _ = asked
    ada = add_person(database, "Ada")
    claim = queue.claim(database, ada, PLAIN)
    return ada, rank(database, claim.lease_id, ada, [[ids[i] for i in g] for g in groups], PLAIN)


def test_an_order_becomes_labels_with_its_own_name(asked):
    """Order 1 > 0 = 2: of (0,1), (1,2), (2,0) it says b, a, tie."""
    database, _, pairs = asked
    _, ranking = answered(asked, [[1], [0, 2]])
    done = merge(database, RULES)
    assert (done.review, done.new) == (3, 3)
    found = current(database)
    assert [found[p].choice for p in pairs[:3]] == [Choice.B, Choice.A, Choice.TIE]
    for p in pairs[:3]:
        assert (found[p].source, found[p].review_ids, found[p].ranking_ids) == (
            Source.REVIEW,
            [],
            [ranking],
        )
    # No votes: a flat prior, one person of accuracy .9, so .9 and twice .05.
    assert found[pairs[0]].p_b == pytest.approx(0.9)
    again = merge(database, RULES)
    assert (again.new, again.changed, again.withdrawn) == (0, 0, 0)
    with database.read() as session:
        assert rankings.settled(session)[pairs[0]] is Choice.B
        assert ask_for_rankings(database).rankings == 0


def test_pairs_that_were_never_made_are_made_by_content(any_database):
    ids, _ = prompt_with(any_database, "wxy", [(0, 1)])
    ada = add_person(any_database, "Ada")
    with any_database.begin() as session:
        task = NewTask(TaskKind.ESCALATION, prompt_id=1, candidate_ids=tuple(ids))
        add_tasks(session, [task])
    claim = queue.claim(any_database, ada, PLAIN)
    rank(any_database, claim.lease_id, ada, [[i] for i in reversed(ids)], PLAIN)
    assert merge(any_database, RULES).new == 3
    with any_database.read() as session:
        made = session.query(Pair).order_by(Pair.id).all()
        assert len(made) == 3
        key = prompt_hash([{"role": "user", "content": "Which is best?"}])
        wanted = {
            pair_hash(candidate_hash(key, a), candidate_hash(key, b))
            for a, b in combinations("wxy", 2)
        }
        assert {one.content_hash for one in made} == wanted
        assert {one.domain for one in made} == {"law"}
        sides = {one.id: (one.candidate_a_id, one.candidate_b_id) for one in made}
    for label in current(any_database).values():  # of any two the later one was put first
        a, b = sides[label.pair_id]
        assert label.choice is (Choice.A if a > b else Choice.B)


def test_an_answer_to_the_pair_itself_and_an_adjudication_beat_the_order(asked):
    database, _, pairs = asked
    answered(asked, [[0], [1], [2]])
    bob = add_person(database, "Bob")
    say(database, bob, pairs[0], Choice.B)
    with database.begin() as session:
        session.add(
            Adjudication(pair_id=pairs[1], annotator_id=bob, choice=Choice.TIE, reason="both")
        )
    merge(database, RULES)
    found = current(database)
    assert (found[pairs[0]].choice, found[pairs[0]].ranking_ids) == (Choice.B, [])
    assert (found[pairs[1]].source, found[pairs[1]].choice) == (Source.ADJUDICATION, Choice.TIE)
    assert found[pairs[2]].ranking_ids != []


def implied(n, choice, kind=TaskKind.ESCALATION, settled=True):
    return Implied(n, n, choice, kind, 3, settled)


def test_an_order_is_never_added_to_reviews():
    said = Opinion(1, 1, 1, "Ada", Choice.A, now(), kind=TaskKind.ESCALATION, task_id=7, batch_id=3)
    orders = (implied(2, Choice.B), implied(3, Choice.B))
    label = settle(PairEvidence(1, opinions=(said,), implied=orders), RULES).label
    assert (label.choice, label.ranking_ids, label.review_ids) == (Choice.A, (), (1,))
    alone = settle(PairEvidence(1, opinions=(said,)), RULES).label
    assert label == alone


def test_an_improbable_order_asks_the_pair_itself_and_never_unsettles_an_accepted_one():
    # prior (.98, .01, .01) floored to (.98, .02, .02); b says .9: .98*.05 against .02*.9.
    sure = Probabilities(0.98, 0.01, 0.01)
    assert posterior(sure, [(Choice.B, 0.9)]).p_b == pytest.approx(0.018 / (0.049 + 0.001 + 0.018))
    known = {"consensus": sure, "fit_id": 1, "implied": (implied(2, Choice.B),)}
    assert settle(PairEvidence(1, panel=False, **known), RULES).asks_pair
    kept = settle(PairEvidence(1, panel=True, **known), RULES).label
    assert (kept.source, kept.choice) == (Source.ENSEMBLE, Choice.A)
    # Accepted because the order had answered it: the panel has decided nothing.
    assert settle(PairEvidence(1, panel=False, **known), RULES).asks_pair
    # prior (.5, .05, .45) and a tie at .9: .045 of .0925 is under one half, and still the most.
    even = {"consensus": Probabilities(0.5, 0.05, 0.45), "implied": (implied(2, Choice.TIE),)}
    assert settle(PairEvidence(1, **even), RULES).label.choice is Choice.TIE
    split = (implied(2, Choice.B), implied(3, Choice.A))
    assert settle(PairEvidence(1, implied=split), RULES).asks_pair
    outside = (implied(2, Choice.B, None), implied(3, Choice.A, None))
    assert settle(PairEvidence(1, implied=outside), RULES) == settle(PairEvidence(1), RULES)
    open_still = (implied(2, Choice.B, settled=False),)
    assert settle(PairEvidence(1, implied=open_still), RULES) == settle(PairEvidence(1), RULES)


def test_a_doubted_pair_is_asked_once_and_its_answer_settles_it(asked):
    database, _, pairs = asked
    with database.begin() as session:
        add_consensus(session, {pairs[0]: Probabilities(0.98, 0.01, 0.01)})
    answered(asked, [[1], [0], [2]])
    assert merge(database, RULES).doubtful == 1
    assert merge(database, RULES).doubtful == 0
    assert pairs[0] not in current(database)
    (open_one,) = [task for task in tasks_of(database) if task.status is TaskStatus.OPEN]
    assert (open_one.pair_id, open_one.reasons[-1]) == (pairs[0], "ranking_doubted")
    bob = add_person(database, "Bob")
    claim = queue.claim(database, bob, PLAIN)
    deciding.decide(database, claim.lease_id, bob, deciding.Answer(Choice.A), PLAIN)
    merge(database, RULES)
    assert current(database)[pairs[0]].choice is Choice.A


def test_an_order_is_taken_back_like_an_answer(asked):
    database, ids, pairs = asked
    ada, first = answered(asked, [[0], [1], [2]])
    merge(database, RULES)
    assert isinstance(deciding.latest(database, ada, PLAIN), deciding.Ordered)  # nothing is asked
    held = deciding.undo(database, ada, PLAIN)
    assert sorted(held.candidate_ids) == ids[:3]
    assert merge(database, RULES).withdrawn == 3
    queue.release(database, held.lease_id, ada)
    again = queue.claim(database, ada, PLAIN)  # given back, it comes again
    second = rank(database, again.lease_id, ada, [[i] for i in reversed(ids[:3])], PLAIN)
    assert second != first
    merge(database, RULES)
    assert current(database)[pairs[0]].ranking_ids == [second]
    assert current(database)[pairs[0]].choice is Choice.B
    with database.read() as session:
        assert session.query(Ranking).count() == 2
    assert queue.claim(database, ada, PLAIN) is None


def test_a_ranking_nobody_needs_any_more_is_withdrawn(asked):
    database, _, pairs = asked
    with database.begin() as session:
        fit = add_consensus(session, dict.fromkeys(pairs, Probabilities(0.9, 0.0, 0.1)))
        routes = dict.fromkeys(pairs, Route.ACCEPT) | {pairs[2]: Route.ESCALATE}
        batch = add_batch(session, fit, routes)
        close_tasks(session, pairs[:2])
        assert (
            session.query(Task).filter(Task.prompt_id.is_not(None)).one().status is TaskStatus.OPEN
        )
        mended = session.query(PairRoute).filter_by(batch_id=batch, pair_id=pairs[2]).one()
        mended.route = Route.ACCEPT
        session.flush()
        close_tasks(session, pairs[:3])
    assert tasks_of(database)[-1].status is TaskStatus.CLOSED


def test_a_half_built_order_is_found_again_after_a_reload_and_after_a_lost_lease(asked):
    database, ids, _ = asked
    ada, bob = add_person(database, "Ada"), add_person(database, "Bob")
    claim = queue.claim(database, ada, PLAIN)
    with pytest.raises(LeaseLost, match="held by somebody else"):
        build(database, claim.lease_id, bob, lambda order: order.then(ids[0]))
    build(database, claim.lease_id, ada, lambda order: order.then(ids[2]))
    build(database, claim.lease_id, ada, Draft.with_equal)
    again = queue.claim(database, ada, PLAIN)
    assert (again.lease_id, again.draft) == (claim.lease_id, Draft(((ids[2],),), equal=True))
    build(database, claim.lease_id, ada, lambda order: order.then(ids[0]))
    with database.begin() as session:
        session.get_one(Lease, claim.lease_id).expires_at = claim.claimed_at
    with pytest.raises(LeaseLost, match="was over"):
        build(database, claim.lease_id, ada, lambda order: order.then(ids[1]))
    taken = queue.reclaim(database, claim.lease_id, ada, PLAIN)
    assert taken.draft.groups == ((ids[2], ids[0]),)


def test_candidates_to_rank_are_flagged_and_handed_on_like_a_pair(asked):
    database, ids, _ = asked
    ada, bob = add_person(database, "Ada"), add_person(database, "Bob")
    claim = queue.claim(database, ada, PLAIN)
    view_model.flag(database, claim.lease_id, ada, "unsafe")
    queue.skip(database, claim.lease_id, ada, "flagged: unsafe")
    assert queue.claim(database, ada, PLAIN) is None
    assert queue.claim(database, bob, PLAIN).task_id == claim.task_id
    with database.read() as session:
        flag = session.query(ContentFlag).one()
        assert (flag.pair_id, flag.prompt_id, flag.kind) == (None, claim.prompt_id, "unsafe")
        assert sorted(flag.detail["candidate_ids"]) == ids[:3]


def test_what_the_panel_said_comes_after_the_order_and_marks_a_later_one(asked):
    """Pairs 01, 12 and 20; order 1 > 0 = 2, then after the reveal 0 > 1 > 2."""
    database, ids, pairs = asked
    add_votes(database, pairs[0], {"x": Choice.A, "y": Choice.B})
    with database.begin() as session:
        add_consensus(session, {pairs[0]: Probabilities(0.7, 0.1, 0.2)})
    ada, first = answered(asked, [[1], [0, 2]])
    with database.read() as session:
        lease = session.get_one(Ranking, first).lease_id
        listed = queue.shown(ada, tasks_of(database)[-1])
    with pytest.raises(NotAllowed, match="somebody else's"):
        reveal_order(database, lease, add_person(database, "Bob"))
    found = reveal_order(database, lease, ada)
    number = {one: n for n, one in enumerate(listed, start=1)}
    assert found.groups == ((number[ids[1]],), tuple(sorted((number[ids[0]], number[ids[2]]))))
    assert found.item.responses == tuple("wxyz"[ids.index(one)] for one in listed)
    said = {frozenset((two.one, two.two)): two for two in found.compared}
    assert len(said) == 3
    two = said[frozenset((number[ids[0]], number[ids[1]]))]
    assert (two.choice, two.p, len(two.votes)) == (Choice.B, Probabilities(0.7, 0.1, 0.2), 2)
    assert two.b_first == (number[ids[1]] < number[ids[0]])
    held = deciding.undo(database, ada, PLAIN)
    assert held.post_reveal
    rank(database, held.lease_id, ada, [[i] for i in ids[:3]], PLAIN)
    with database.read() as session:
        newest = rankings.implied(session, pairs[:1])[pairs[0]]
        assert [one.choice for one in newest] == [Choice.A]  # the label follows the newest
        assert rankings.settled(session)[pairs[0]] is Choice.B  # judges are measured by the first
        task = session.query(Task).filter(Task.prompt_id.is_not(None)).one()
        assert task.status is TaskStatus.SETTLED


def test_an_order_taken_back_reveals_nothing(asked):
    database, _, _ = asked
    ada, first = answered(asked, [[0], [1], [2]])
    with database.read() as session:
        lease = session.get_one(Ranking, first).lease_id
    deciding.undo(database, ada, PLAIN)
    with pytest.raises(NotAllowed, match="after the order is stored"):
        reveal_order(database, lease, ada)
