"""The queue without Streamlit: claims, leases, answers, undo, overlap, hidden items, pauses."""

from datetime import timedelta
from random import Random

import pytest
from review_worlds import (
    PLAIN,
    Clock,
    add_gold,
    add_pairs,
    add_person,
    add_votes,
    escalate,
    say,
)

from db import reviews, tasks
from db.errors import BadInput, Conflict, LeaseLost, NotAllowed
from db.models import Annotator, Event, Lease, Pair, Ranking, Review, Task
from db.tasks import NewTask, add_tasks
from db.types import now
from db.vocabulary import Choice, LeaseStatus, Role, TaskKind, TaskStatus
from review import deciding, queue, view_model
from review.adjudicating import adjudicate
from review.draft import Draft, read
from review.rankings import rank
from review.reveal_order import reveal_order
from review.verdict import Answer, Verdict, answer, verdict

A, B, TIE = Answer(Choice.A), Answer(Choice.B), Answer(Choice.TIE)


def state(database, pair_id):
    with database.read() as session:
        return session.query(Task).filter_by(pair_id=pair_id).one().status


def answered(database, person, settings=PLAIN, said=A):
    claimed = queue.claim(database, person, settings)
    return deciding.decide(database, claimed.lease_id, person, said, settings)


def test_the_most_valuable_pair_is_claimed_first_and_by_one_person_only(any_database):
    pairs = add_pairs(any_database, 2)
    escalate(any_database, pairs)
    ada, bob = add_person(any_database, "Ada"), add_person(any_database, "Bob")
    assert queue.claim(any_database, ada, PLAIN).pair_id == pairs[0]
    assert queue.claim(any_database, bob, PLAIN).pair_id == pairs[1]
    assert queue.claim(any_database, add_person(any_database, "Eve"), PLAIN) is None


def test_a_reload_finds_the_same_lease_again(any_database):
    escalate(any_database, add_pairs(any_database, 2))
    ada = add_person(any_database, "Ada")
    first = queue.claim(any_database, ada, PLAIN)
    again = queue.claim(any_database, ada, PLAIN)
    assert again.lease_id == first.lease_id
    assert again.resumed
    assert not first.resumed


def test_an_answer_is_stored_once_however_often_it_is_sent(any_database):
    pairs = add_pairs(any_database, 1)
    escalate(any_database, pairs)
    ada = add_person(any_database, "Ada")
    lease = queue.claim(any_database, ada, PLAIN).lease_id
    first = deciding.decide(any_database, lease, ada, A, PLAIN)
    second = deciding.decide(any_database, lease, ada, B, PLAIN)
    assert second.repeated
    assert second.review_id == first.review_id
    with any_database.read() as session:
        assert [r.choice for r in session.query(Review)] == [Choice.A]
    assert state(any_database, pairs[0]) is TaskStatus.SETTLED


def test_a_foreign_or_expired_lease_is_refused_and_the_pair_goes_to_others(any_database):
    pairs = add_pairs(any_database, 1)
    escalate(any_database, pairs)
    ada, bob = add_person(any_database, "Ada"), add_person(any_database, "Bob")
    clock = Clock()
    lease = queue.claim(any_database, ada, PLAIN, at=clock.at).lease_id
    with pytest.raises(LeaseLost, match="somebody else"):
        deciding.decide(any_database, lease, bob, A, PLAIN, at=clock.at)
    late = clock.pass_(minutes=15)
    with pytest.raises(LeaseLost, match="was over"):
        deciding.decide(any_database, lease, ada, A, PLAIN, at=late)
    assert queue.claim(any_database, bob, PLAIN, at=late).pair_id == pairs[0]
    assert queue.reclaim(any_database, lease, ada, PLAIN, at=late) is None
    with any_database.read() as session:
        assert session.query(Review).count() == 0


def test_an_expired_pair_still_free_can_be_taken_again(any_database):
    pairs = add_pairs(any_database, 1)
    escalate(any_database, pairs)
    ada, clock = add_person(any_database, "Ada"), Clock()
    lease = queue.claim(any_database, ada, PLAIN, at=clock.at).lease_id
    again = queue.reclaim(any_database, lease, ada, PLAIN, at=clock.pass_(minutes=16))
    assert again.pair_id == pairs[0]
    assert again.lease_id != lease


def test_a_heartbeat_prolongs_the_lease_but_not_for_ever(any_database):
    escalate(any_database, add_pairs(any_database, 1))
    ada, clock = add_person(any_database, "Ada"), Clock()
    taken = queue.claim(any_database, ada, PLAIN, at=clock.at)
    until = taken.expires_at
    while clock.at < taken.claimed_at + timedelta(minutes=120):
        try:
            until = queue.renew(
                any_database, taken.lease_id, ada, PLAIN, at=clock.pass_(minutes=10)
            )
        except LeaseLost:
            break
    assert until == taken.claimed_at + timedelta(minutes=90)  # lease_longest_minutes


def test_work_is_what_the_screen_saw_not_what_the_clock_did(any_database):
    escalate(any_database, add_pairs(any_database, 1))
    ada, clock = add_person(any_database, "Ada"), Clock()
    lease = queue.claim(any_database, ada, PLAIN, at=clock.at).lease_id
    queue.renew(any_database, lease, ada, PLAIN, active_seconds=20, at=clock.pass_(seconds=30))
    queue.renew(any_database, lease, ada, PLAIN, active_seconds=99, at=clock.pass_(seconds=30))
    deciding.decide(any_database, lease, ada, A, PLAIN, at=clock.pass_(minutes=5))
    with any_database.read() as session:
        # 20 seen, then at most the 30 that passed, then 5 minutes of which 60 s are not idle
        assert session.query(Review).one().active_seconds == pytest.approx(20 + 30 + 60)


def test_a_key_held_down_is_refused_as_long_as_it_is_held(any_database):
    escalate(any_database, add_pairs(any_database, 1))
    settings = PLAIN.model_copy(update={"min_dwell_seconds": 1.0})
    ada, clock = add_person(any_database, "Ada"), Clock()
    lease = queue.claim(any_database, ada, settings, at=clock.at).lease_id
    for _ in range(20):  # two seconds of presses 0.1 s apart: never one second of quiet
        with pytest.raises(deciding.TooSoon):
            deciding.decide(any_database, lease, ada, A, settings, at=clock.pass_(milliseconds=100))
    decided = deciding.decide(any_database, lease, ada, B, settings, at=clock.pass_(seconds=1))
    assert decided.choice is Choice.B


def test_a_skipped_pair_goes_to_others_and_not_back(any_database):
    pairs = add_pairs(any_database, 2)
    escalate(any_database, pairs)
    ada, bob = add_person(any_database, "Ada"), add_person(any_database, "Bob")
    lease = queue.claim(any_database, ada, PLAIN).lease_id
    assert queue.skip(any_database, lease, ada, "not my field")
    assert answered(any_database, ada).pair_id == pairs[1]
    assert queue.claim(any_database, ada, PLAIN) is None
    assert queue.claim(any_database, bob, PLAIN).pair_id == pairs[0]


def test_a_released_pair_may_come_back(any_database):
    pairs = add_pairs(any_database, 1)
    escalate(any_database, pairs)
    ada = add_person(any_database, "Ada")
    lease = queue.claim(any_database, ada, PLAIN).lease_id
    assert queue.release(any_database, lease, ada)
    assert not queue.release(any_database, lease, ada)
    assert queue.claim(any_database, ada, PLAIN).pair_id == pairs[0]


@pytest.mark.parametrize(
    ("answers", "wanted", "most", "expected"),
    [
        ([A], 1, 3, TaskStatus.SETTLED),
        ([A], 2, 3, TaskStatus.OPEN),
        ([A, A], 2, 3, TaskStatus.SETTLED),
        ([A, B], 2, 3, TaskStatus.OPEN),
        ([A, B, B], 2, 3, TaskStatus.SETTLED),
        ([A, B, TIE], 2, 3, TaskStatus.DISPUTED),
        ([Answer(Choice.ABSTAIN)], 1, 3, TaskStatus.OPEN),
        ([Answer(Choice.ABSTAIN)] * 3, 1, 3, TaskStatus.DISPUTED),
        ([Answer(Choice.ABSTAIN), A], 1, 3, TaskStatus.SETTLED),
    ],
)
def test_another_person_is_asked_until_they_agree_or_enough_were(
    database, answers, wanted, most, expected
):
    pairs = add_pairs(database, 1)
    escalate(database, pairs, wanted_reviews=wanted, max_reviews=most)
    for number, said in enumerate(answers):
        answered(database, add_person(database, f"Person {number}"), said=said)
    assert state(database, pairs[0]) is expected


def test_an_adjudicator_settles_a_dispute_with_a_reason(any_database):
    pairs = add_pairs(any_database, 1)
    escalate(any_database, pairs, wanted_reviews=2, max_reviews=2)
    ada, bob = add_person(any_database, "Ada"), add_person(any_database, "Bob")
    answered(any_database, ada, said=A)
    answered(any_database, bob, said=B)
    with any_database.read() as session:
        task = tasks.disputed(session)[0].id
    judge = add_person(any_database, "Jo", Role.ADJUDICATOR)
    with pytest.raises(NotAllowed, match="'Ada' has the role 'annotator'"):
        adjudicate(any_database, task, ada, Choice.A, "because")
    with pytest.raises(BadInput, match="reason"):
        adjudicate(any_database, task, judge, Choice.A, "  ")
    adjudicate(any_database, task, judge, Choice.A, "B invents a source")
    assert state(any_database, pairs[0]) is TaskStatus.SETTLED
    with pytest.raises(Conflict, match="not disputed"):
        adjudicate(any_database, task, judge, Choice.B, "again")
    with pytest.raises(Conflict, match="adjudicator has settled"):
        deciding.undo(any_database, ada, PLAIN)


def test_undo_takes_the_last_answer_back_and_holds_its_pair(any_database):
    pairs = add_pairs(any_database, 3)
    escalate(any_database, pairs)
    ada = add_person(any_database, "Ada")
    first = answered(any_database, ada)
    answered(any_database, ada)
    queue.claim(any_database, ada, PLAIN)  # the next pair is on the screen already
    assert deciding.undo(any_database, ada, PLAIN).pair_id == pairs[1]
    assert deciding.undo(any_database, ada, PLAIN).pair_id == pairs[0]
    assert deciding.undo(any_database, ada, PLAIN) is None
    assert state(any_database, pairs[0]) is TaskStatus.OPEN
    again = answered(any_database, ada, said=B)
    assert (again.pair_id, again.choice) == (pairs[0], Choice.B)
    with any_database.read() as session:
        standing = reviews.of_pair(session, pairs[0])
        assert [r.choice for r in standing] == [Choice.B]
        assert session.get(Review, first.review_id) is not None  # said stays said


def test_a_change_after_the_reveal_is_marked_and_the_first_answer_stays(any_database):
    pairs = add_pairs(any_database, 1)
    escalate(any_database, pairs)
    ada = add_person(any_database, "Ada")
    decided = answered(any_database, ada, said=A)
    deciding.mark_revealed(any_database, decided.lease_id, ada)
    again = deciding.undo(any_database, ada, PLAIN)
    assert again.post_reveal
    deciding.decide(any_database, again.lease_id, ada, B, PLAIN)
    with any_database.read() as session:
        standing = reviews.of_pair(session, pairs[0])
        assert [(r.choice, r.post_reveal) for r in standing] == [
            (Choice.A, False),
            (Choice.B, True),
        ]
        task = session.query(Task).one()
        assert [r.choice for r in reviews.of_task(session, task.id)] == [Choice.B]


def test_undo_reaches_back_only_so_far(any_database):
    escalate(any_database, add_pairs(any_database, 1))
    ada, clock = add_person(any_database, "Ada"), Clock()
    lease = queue.claim(any_database, ada, PLAIN, at=clock.at).lease_id
    deciding.decide(any_database, lease, ada, A, PLAIN, at=clock.at)
    assert deciding.undo(any_database, ada, PLAIN, at=clock.pass_(minutes=61)) is None


def test_nobody_gets_a_pair_they_answered_elsewhere(any_database):
    pairs = add_pairs(any_database, 2)
    ada = add_person(any_database, "Ada")
    say(any_database, ada, pairs[0], Choice.A)
    escalate(any_database, pairs)
    assert queue.claim(any_database, ada, PLAIN).pair_id == pairs[1]


def test_a_skill_is_asked_for(any_database):
    pairs = add_pairs(any_database, 1)
    escalate(any_database, pairs, domain="medicine")
    assert queue.claim(any_database, add_person(any_database, "Ada"), PLAIN) is None
    doctor = add_person(any_database, "Doc", domains=["medicine", "law"])
    assert queue.claim(any_database, doctor, PLAIN).pair_id == pairs[0]


def test_the_side_is_tossed_for_each_person_and_pair_and_stored(database):
    pairs = add_pairs(database, 40)
    escalate(database, pairs, wanted_reviews=2)
    sides = {}
    for name in ("Ada", "Bob"):
        person = add_person(database, name)
        for _ in pairs:
            taken = queue.claim(database, person, PLAIN)
            sides[name, taken.pair_id] = taken.b_first
            deciding.decide(database, taken.lease_id, person, A, PLAIN)
    ada = [sides["Ada", p] for p in pairs]
    bob = [sides["Bob", p] for p in pairs]
    assert 8 <= sum(ada) <= 32
    assert ada != bob
    with database.read() as session:
        person = session.query(Annotator).filter_by(name="Ada").one().id
        stored = {
            r.pair_id: r.b_first for r in session.query(Review).filter_by(annotator_id=person)
        }
    assert stored == {p: sides["Ada", p] for p in pairs}


def test_what_is_said_on_the_screen_is_stored_in_stored_order():
    assert answer(Verdict.MUCH_1, b_first=False).choice is Choice.A
    assert answer(Verdict.MUCH_1, b_first=True).choice is Choice.B
    assert answer(Verdict.BOTH_BAD, b_first=True) == Answer(Choice.TIE, None, True)
    for said in Verdict:
        for flipped in (False, True):
            stored = answer(said, b_first=flipped)
            back = verdict(stored.choice, stored.strength, stored.both_bad, b_first=flipped)
            assert back is said


def test_practice_comes_first_and_teaches(any_database):
    pairs = add_pairs(any_database, 3)
    add_gold(any_database, pairs[:2])
    escalate(any_database, pairs[2:])
    settings = PLAIN.model_copy(update={"practice_pairs": 2})
    ada = add_person(any_database, "Ada")
    taught = [answered(any_database, ada, settings, B) for _ in range(2)]
    assert [(d.practice, d.gold) for d in taught] == [(True, Choice.A)] * 2
    real = answered(any_database, ada, settings)
    assert (real.practice, real.pair_id) == (False, pairs[2])


def test_hidden_gold_pauses_who_falls_below_the_bar_and_says_why(any_database):
    pairs = add_pairs(any_database, 30)
    add_gold(any_database, pairs[:10], Choice.A)
    escalate(any_database, pairs[10:])
    settings = PLAIN.model_copy(update={"gold_rate": 0.5, "gold_minimum": 4})
    ada, chance = add_person(any_database, "Ada"), Random(1)

    def work():
        for _ in range(30):
            taken = queue.claim(any_database, ada, settings, chance=chance)
            deciding.decide(any_database, taken.lease_id, ada, B, settings)

    with pytest.raises(queue.Paused, match="0 of your last 4 control answers"):
        work()
    with any_database.read() as session:
        assert session.query(Task).filter_by(kind=TaskKind.GOLD).count() == 4
        assert session.query(Event).filter_by(kind="annotator.paused").count() == 1


def test_a_hidden_repeat_asks_for_an_earlier_pair_once(any_database):
    pairs = add_pairs(any_database, 30)
    escalate(any_database, pairs)
    settings = PLAIN.model_copy(update={"repeat_rate": 0.5, "repeat_after": 5})
    ada, chance = add_person(any_database, "Ada"), Random(2)
    seen = []
    while (taken := queue.claim(any_database, ada, settings, chance=chance)) is not None:
        deciding.decide(any_database, taken.lease_id, ada, A, settings)
        seen.append(taken.pair_id)
    repeats = [p for n, p in enumerate(seen) if p in seen[:n]]
    assert repeats
    assert len(repeats) == len(set(repeats))
    for pair in repeats:
        first, second = (n for n, p in enumerate(seen) if p == pair)
        assert second - first >= 5
    with any_database.read() as session:
        kinds = session.query(Review.kind).filter(Review.kind == TaskKind.REPEAT).count()
    assert kinds == len(repeats)


def test_a_reason_is_asked_for_where_the_answer_overrides_a_unanimous_panel(any_database):
    pairs = add_pairs(any_database, 3)
    add_votes(any_database, pairs[0], {"x": Choice.A, "y": Choice.A, "z": Choice.ABSTAIN})
    add_votes(any_database, pairs[1], {"x": Choice.A, "y": Choice.B})
    add_votes(any_database, pairs[2], {"x": Choice.A, "y": Choice.A})
    escalate(any_database, pairs)
    ada = add_person(any_database, "Ada")
    asked = [answered(any_database, ada, said=B).asks_rationale for _ in pairs[:2]]
    with_reason = answered(any_database, ada, said=Answer(Choice.B, rationale="wrong year"))
    assert asked == [True, False]
    assert not with_reason.asks_rationale


def test_a_reason_given_afterwards_is_stored_once_and_by_its_author(any_database):
    escalate(any_database, add_pairs(any_database, 1))
    ada, bob = add_person(any_database, "Ada"), add_person(any_database, "Bob")
    review = answered(any_database, ada).review_id
    with pytest.raises(NotAllowed):
        deciding.explain(any_database, review, bob, "mine")
    deciding.explain(any_database, review, ada, "first")
    deciding.explain(any_database, review, ada, "second")
    with any_database.read() as session:
        assert reviews.rationale(session, review).text == "first"


def test_an_engineer_does_not_review_and_an_admin_may_release(any_database):
    escalate(any_database, add_pairs(any_database, 1))
    engineer = add_person(any_database, "Eng", Role.ENGINEER)
    with pytest.raises(NotAllowed, match="ask an admin"):
        queue.claim(any_database, engineer, PLAIN)
    ada = add_person(any_database, "Ada")
    lease = queue.claim(any_database, ada, PLAIN).lease_id
    with pytest.raises(NotAllowed):
        queue.release_for(any_database, ada, lease)
    admin = add_person(any_database, "Root", Role.ADMIN)
    assert queue.release_for(any_database, admin, lease)
    with any_database.read() as session:
        assert session.get(Lease, lease).status is LeaseStatus.RELEASED


def test_adding_tasks_again_adds_nothing_and_brings_waiting_ones_up_to_date(any_database):
    pairs = add_pairs(any_database, 3)
    rows = [NewTask(TaskKind.ESCALATION, p, priority=0.1, reasons=("budget",)) for p in pairs]
    with any_database.begin() as session:
        assert add_tasks(session, rows).added == 3
    newer = [NewTask(TaskKind.ESCALATION, p, priority=0.9, reasons=("hard",)) for p in pairs]
    audits = [NewTask(TaskKind.AUDIT, p) for p in pairs]
    with any_database.begin() as session:
        done = add_tasks(session, newer + audits + audits)
    assert (done.added, done.updated) == (0, 9)  # a pair that waits is not asked twice
    with any_database.begin() as session:
        assert tasks.close_tasks(session, pairs[:1]) == 1
        assert tasks.waiting(session) == 2


def test_the_next_pair_is_kept_after_a_conflict_of_two_windows(any_database):
    escalate(any_database, add_pairs(any_database, 2))
    ada = add_person(any_database, "Ada")
    first = queue.claim(any_database, ada, PLAIN, at=now())
    with any_database.begin() as session:
        task = session.get_one(Task, first.task_id)
        assert queue.take_task(session, ada, task, PLAIN, now()) is None


def ranking_task(database, **values):
    """A task to rank the two candidates of a prompt, both pairs of which exist already."""
    pair = add_pairs(database, 1)[0]
    with database.begin() as session:
        found = session.get(Pair, pair)
        ids = (found.candidate_a_id, found.candidate_b_id)
        add_tasks(
            session,
            [NewTask(TaskKind.ESCALATION, prompt_id=found.prompt_id, candidate_ids=ids, **values)],
        )
        return ids


def test_an_order_over_candidates_is_stored_once_and_asks_nobody_twice(any_database):
    one, two = ranking_task(any_database, wanted_reviews=2)
    ada, bob = add_person(any_database, "Ada"), add_person(any_database, "Bob")
    claim = queue.claim(any_database, ada, PLAIN)
    assert sorted(claim.candidate_ids) == [one, two]
    with pytest.raises(BadInput, match="must name each"):
        rank(any_database, claim.lease_id, ada, [[one]], PLAIN)
    with pytest.raises(Conflict, match="is a ranking"):
        deciding.decide(any_database, claim.lease_id, ada, A, PLAIN)
    first = rank(any_database, claim.lease_id, ada, [[two], [one]], PLAIN)
    assert rank(any_database, claim.lease_id, ada, [[one], [two]], PLAIN) == first
    assert queue.claim(any_database, ada, PLAIN) is None
    again = queue.claim(any_database, bob, PLAIN)
    rank(any_database, again.lease_id, bob, [[one, two]], PLAIN)
    with any_database.read() as session:
        assert [r.groups for r in session.query(Ranking).order_by(Ranking.id)] == [
            [[two], [one]],
            [[one, two]],
        ]
        assert session.query(Task).one().status is TaskStatus.SETTLED


def test_an_order_is_built_step_by_step_with_equals():
    draft = Draft().then(7).with_equal().then(8).then(9).then(7)
    assert draft.groups == ((7, 8), (9,))
    assert draft.without_last().groups == ((7, 8),)
    assert draft.without_last().without_last().groups == ((7,),)
    assert Draft().without_last() == Draft() == Draft().with_equal()
    assert draft.with_equal().without_last() == draft  # the last step was to say "an equal follows"
    assert read(draft.with_equal().stored()) == draft.with_equal()


def test_the_same_person_ranking_twice_counts_once(any_database):
    """After the reveal a change is a second order; the task still waits for a second person."""
    one, two = ranking_task(any_database, wanted_reviews=2)
    ada = add_person(any_database, "Ada")
    for groups in ([[one], [two]], [[two], [one]]):
        claim = queue.claim(any_database, ada, PLAIN) or deciding.undo(any_database, ada, PLAIN)
        rank(any_database, claim.lease_id, ada, groups, PLAIN)
        reveal_order(any_database, claim.lease_id, ada)
    with any_database.read() as session:
        assert session.query(Ranking).count() == 2
        assert session.query(Task).one().status is TaskStatus.OPEN


def test_an_answer_taken_back_reveals_nothing(any_database):
    """Else one could look at the votes and then answer the same pair again as if blind."""
    escalate(any_database, add_pairs(any_database, 1))
    ada = add_person(any_database, "Ada")
    done = answered(any_database, ada)
    again = deciding.undo(any_database, ada, PLAIN)
    assert not again.post_reveal
    with pytest.raises(NotAllowed, match="took this answer back"):
        view_model.reveal(any_database, done.lease_id, ada)
