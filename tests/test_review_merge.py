"""Merge: which evidence wins, what is held back, what a second run does; and the replay."""

from dataclasses import astuple, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_worlds import (
    PLAIN,
    add_batch,
    add_consensus,
    add_gold,
    add_pairs,
    add_person,
    escalate,
    say,
)

from db.errors import BadInput
from db.models import Adjudication, PairName, Preference, Review, Task
from db.opinions import Binding, Opinion
from db.preferences import PairEvidence
from db.probabilities import Probabilities
from db.tasks import NewTask, add_tasks
from db.types import now
from db.vocabulary import Choice, Role, Route, Source, TaskKind, TaskStatus
from review import deciding, queue
from review.adjudicating import adjudicate
from review.merge import measured_accuracy, merge
from review.replay import replay_labels
from review.settings import ReviewSettings
from review.settle import posterior, settle
from review.verdict import Answer

RULES = ReviewSettings()


def opinion(n: int, choice: Choice, kind=TaskKind.ESCALATION, settled=True, **values) -> Opinion:
    status = TaskStatus.SETTLED if settled else TaskStatus.OPEN
    made = {"kind": kind, "task_id": 7, "batch_id": 3, "status": status} | values
    return Opinion(1, n, n, f"person {n}", choice, now(), **made)


def test_bayes_by_hand():
    # prior (.5, .1, .4), one person of accuracy .9 says b: weights .5*.05, .1*.05, .4*.9
    total = 0.025 + 0.005 + 0.36
    expected = (0.025 / total, 0.005 / total, 0.36 / total)
    found = posterior(Probabilities(0.5, 0.1, 0.4), [(Choice.B, 0.9)])
    assert astuple(found) == pytest.approx(expected)


def test_adjudication_beats_review_beats_consensus():
    known = PairEvidence(1, Probabilities(0.6, 0.0, 0.4), 5, False, 3, (opinion(1, Choice.B),))
    by_review = settle(known, RULES).label
    assert (by_review.choice, by_review.source, by_review.review_ids) == (
        Choice.B,
        Source.REVIEW,
        (1,),
    )
    bound = PairEvidence(
        1,
        known.consensus,
        5,
        False,
        3,
        known.opinions,
        Binding(1, 9, Choice.TIE, None, True, TaskKind.ESCALATION, 3),
    )
    label = settle(bound, RULES).label
    assert (label.choice, label.both_bad, label.source, label.adjudication_id) == (
        Choice.TIE,
        True,
        Source.ADJUDICATION,
        9,
    )
    assert label.p.p_tie == label.p.confidence


def test_a_lone_review_against_a_sure_panel_is_doubtful_two_are_not():
    # .98 * .05 = .049 for a; .02 * .9 = .018 for b: the review's choice has 27%, under one half
    sure = PairEvidence(1, Probabilities(0.98, 0.0, 0.02), 5, False, 3, (opinion(1, Choice.B),))
    assert settle(sure, RULES).doubtful_task == 7
    two = PairEvidence(1, sure.consensus, 5, False, 3, (opinion(1, Choice.B), opinion(2, Choice.B)))
    assert settle(two, RULES).label.choice is Choice.B
    audit = PairEvidence(1, sure.consensus, 5, True, 3, (opinion(1, Choice.B, TaskKind.AUDIT),))
    label = settle(audit, RULES).label  # an audit measures; it is never asked away
    assert (label.choice, label.task_kind, label.source) == (Choice.B, "audit", Source.REVIEW)
    assert label.p.p_b == label.p.confidence


def test_an_answer_to_a_task_that_still_asks_is_not_truth_yet():
    known = PairEvidence(
        1, Probabilities(0.6, 0, 0.4), 5, False, 3, (opinion(1, Choice.B, settled=False),)
    )
    assert settle(known, RULES).label is None


def test_only_where_the_panels_word_may_be_delivered_it_is_the_label():
    for panel, source in [(True, Source.ENSEMBLE), (False, None)]:
        label = settle(PairEvidence(1, Probabilities(0.2, 0.1, 0.7), 5, panel, 3), RULES).label
        assert (label.source if label else None) == source
        assert label is None or label.choice is Choice.B


def test_only_a_settled_human_answer_replaces_a_certified_label():
    p = Probabilities(0.02, 0.0, 0.98)
    for said, choice in [
        ((), Choice.B),
        ((opinion(1, Choice.A, settled=False),), Choice.B),  # its task still asks
        ((opinion(1, Choice.A), opinion(2, Choice.B)), Choice.B),  # a split settles nothing
        ((opinion(1, Choice.A),), Choice.B),  # alone and improbable: .05 / .05 + .88, asks again
        ((opinion(1, Choice.A), opinion(2, Choice.A)), Choice.A),
    ]:
        known = PairEvidence(1, p, 5, True, 3, said, certified=True)
        assert settle(known, RULES).label.choice is choice
        uncertain = settle(replace(known, certified=False), RULES).label
        assert uncertain is None or not said or choice is Choice.A
    doubted = PairEvidence(1, p, 5, True, 3, (opinion(1, Choice.A),), certified=True)
    assert settle(doubted, RULES).doubtful_task == 7


def flipped(o: Opinion) -> Opinion:
    return replace(o, choice=o.choice.mirrored())


@given(
    st.lists(st.sampled_from([Choice.A, Choice.B, Choice.TIE]), max_size=4),
    st.tuples(*[st.floats(0.01, 1)] * 3),
    st.booleans(),
)
def test_exchanging_a_and_b_exchanges_the_label(choices, weights, panel):
    total = sum(weights)
    p = Probabilities(*(w / total for w in weights))
    said = tuple(opinion(n, c) for n, c in enumerate(choices))
    one = settle(PairEvidence(1, p, 5, panel, 3, said), RULES)
    two = settle(PairEvidence(1, p.mirrored(), 5, panel, 3, tuple(map(flipped, said))), RULES)
    assert one.doubtful_task == two.doubtful_task
    if one.label is None:
        assert two.label is None
        return
    assert astuple(one.label.p) == pytest.approx(astuple(two.label.p.mirrored()))
    assert one.label.choice == two.label.choice.mirrored()


def routed(database, routes: dict[int, Route], p: dict[int, Probabilities]) -> int:
    with database.begin() as session:
        return add_batch(session, add_consensus(session, p), routes)


def test_merge_writes_each_label_once_and_supersedes_what_changed(any_database):
    pairs = add_pairs(any_database, 3)
    accept, escalated, silent = pairs
    batch = routed(
        any_database,
        {accept: Route.ACCEPT, escalated: Route.ESCALATE, silent: Route.ESCALATE},
        dict.fromkeys(pairs, Probabilities(0.7, 0.1, 0.2)),
    )
    escalate(any_database, [escalated, silent], batch_id=batch)
    ada = add_person(any_database, "Ada")
    taken = queue.claim(any_database, ada, PLAIN)
    done = deciding.decide(any_database, taken.lease_id, ada, Answer(Choice.B, 2), PLAIN)
    first = merge(any_database, RULES)
    assert (first.preferences, first.ensemble, first.review, first.new) == (2, 1, 1, 2)
    again = merge(any_database, RULES)
    assert (again.new, again.changed, again.withdrawn, again.preferences) == (0, 0, 0, 2)
    with any_database.read() as session:
        row = session.query(Preference).filter_by(pair_id=escalated).one()
        assert (row.choice, row.strength, row.batch_id, row.review_ids, row.task_kind) == (
            Choice.B,
            2,
            batch,
            [done.review_id],
            "escalation",
        )
    deciding.undo(any_database, ada, PLAIN)
    undone = merge(any_database, RULES)
    assert (undone.withdrawn, undone.preferences) == (1, 1)
    with any_database.read() as session:  # nothing was edited away
        assert session.query(Preference).count() == 2


def test_a_doubtful_review_goes_back_for_a_second_one(any_database):
    pairs = add_pairs(any_database, 1)
    routed(any_database, {pairs[0]: Route.ESCALATE}, {pairs[0]: Probabilities(0.97, 0.01, 0.02)})
    escalate(any_database, pairs)
    ada, bob = add_person(any_database, "Ada"), add_person(any_database, "Bob")
    taken = queue.claim(any_database, ada, PLAIN)
    deciding.decide(any_database, taken.lease_id, ada, Answer(Choice.B), PLAIN)
    assert merge(any_database, RULES).doubtful == 1
    assert merge(any_database, RULES).doubtful == 0
    taken = queue.claim(any_database, bob, PLAIN)
    deciding.decide(any_database, taken.lease_id, bob, Answer(Choice.B), PLAIN)
    assert merge(any_database, RULES).review == 1


def test_gold_repeats_and_practice_never_make_a_label(database):
    pairs = add_pairs(database, 3)
    ada = add_person(database, "Ada")
    for pair, kind in zip(pairs, (TaskKind.GOLD, TaskKind.REPEAT, TaskKind.PRACTICE), strict=True):
        say(database, ada, pair, Choice.A, kind=kind)
    assert merge(database, RULES).preferences == 0


def test_an_adjudication_is_merged_with_its_provenance(database):
    pairs = add_pairs(database, 1)
    escalate(database, pairs, wanted_reviews=2, max_reviews=2)
    for name, choice in (("Ada", Choice.A), ("Bob", Choice.B)):
        person = add_person(database, name)
        taken = queue.claim(database, person, PLAIN)
        deciding.decide(database, taken.lease_id, person, Answer(choice), PLAIN)
    assert merge(database, RULES).preferences == 0
    judge = add_person(database, "Jo", Role.ADJUDICATOR)
    with database.read() as session:
        task = session.query(Task).one().id
    adjudicate(database, task, judge, Choice.A, "the second invents a source")
    assert merge(database, RULES).adjudication == 1
    with database.read() as session:
        row = session.query(Preference).one()
        assert row.adjudication_id == session.query(Adjudication).one().id
        assert len(row.review_ids) == 2


def labels(pairs, annotator="crowd-1", choice="a"):
    return [{"pair_id": f"x{p}", "annotator": annotator, "choice": choice} for p in pairs]


@pytest.fixture
def named(any_database):
    pairs = add_pairs(any_database, 6)
    with any_database.begin() as session:
        session.add_all(
            [PairName(external_id=f"x{p}", pair_id=p, mirrored=p == pairs[0]) for p in pairs]
        )
    return any_database, pairs


def test_replay_answers_in_queue_order_and_leaves_the_rest_open(named):
    database, pairs = named
    with database.begin() as session:
        add_tasks(
            session,
            [NewTask(TaskKind.ESCALATION, p, priority=i) for i, p in enumerate(pairs[:4])]
            + [NewTask(TaskKind.AUDIT, pairs[4], priority=-1)],
        )
    done = replay_labels(database, labels(pairs[:3]) + labels([99]), share=0.6)
    # 3 of 5 tasks: pairs 4, 3, 2 by priority; pair 4 has no recorded answer
    assert (done.tasks, done.answers, done.settled, done.without_answer, done.unknown_pairs) == (
        3,
        2,
        2,
        1,
        1,
    )
    rest = replay_labels(database, labels(pairs), limit=10)
    assert (rest.tasks, rest.answers) == (3, 3)
    assert replay_labels(database, labels(pairs)).tasks == 0
    with database.read() as session:
        said = {r.pair_id: (r.choice, r.kind) for r in session.query(Review)}
        assert session.query(Task).filter_by(status=TaskStatus.SETTLED).count() == 5
    assert said[pairs[0]] == (Choice.B, TaskKind.ESCALATION)  # that name has A and B exchanged
    assert said[pairs[4]] == (Choice.A, TaskKind.AUDIT)


def test_replay_asks_the_next_recorded_person_where_two_must_agree(named):
    database, pairs = named
    escalate(database, pairs[1:2], wanted_reviews=2, max_reviews=3)
    rows = labels(pairs[1:2], "p1", "a") + labels(pairs[1:2], "p2", "b") + labels(pairs[1:2], "p3")
    done = replay_labels(database, rows)
    assert (done.answers, done.settled) == (3, 1)


def test_replay_refuses_what_it_cannot_use(database):
    with pytest.raises(BadInput, match=r"share 2 must"):
        replay_labels(database, [], share=2)
    with pytest.raises(BadInput, match=r"label row 1: choice is 'c'"):
        replay_labels(database, [{"pair_id": "x", "annotator": "y", "choice": "c"}])


def test_who_fails_on_gold_is_believed_less(database):
    pairs = add_pairs(database, 12)
    add_gold(database, pairs[:10], Choice.A)
    good, poor = add_person(database, "Good"), add_person(database, "Poor")
    for pair in pairs[:10]:
        say(database, good, pair, Choice.A, kind=TaskKind.GOLD)
        say(database, poor, pair, Choice.B, kind=TaskKind.GOLD)
    with database.read() as session:
        found = measured_accuracy(session, RULES)
    # Beta(9, 1) before; after 10 of 10 the mean is 19/20, after 0 of 10 it is 9/20
    assert found[good] == pytest.approx(0.95, abs=0.01)
    assert found[poor] == pytest.approx(0.45, abs=0.01)
    known = PairEvidence(1, Probabilities(0.85, 0.0, 0.15), 5, False, 3, (opinion(poor, Choice.B),))
    assert settle(known, RULES, {poor: 0.45}).doubtful_task == 7
    assert settle(known, RULES, {poor: 0.95}).label.choice is Choice.B
