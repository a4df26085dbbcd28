"""What humans said about a pair: one rule, and the same answer from every verb and page."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from app_world import project
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_worlds import pair, vote, write
from review_worlds import add_batch, add_consensus, add_pairs, add_person, add_votes
from typer.testing import CliRunner

from app.cli import app
from app.pair_history import pair_history
from db import annotators, batches, figures, gold, opinions, preferences
from db.audits import waiting_batches
from db.certificates import add_certificate
from db.models import Adjudication, Annotator, Batch, Gold, Retraction, Review, Task
from db.opinions import (
    BLIND,
    CONTROL,
    DELIVERED,
    INDEPENDENT,
    TEACHING,
    Scope,
    audits_of,
    human_answers,
    majority,
)
from db.session import Database, Session
from db.vocabulary import Choice, Role, TaskKind, TaskStatus
from judges.trust.vote_matrix import MISSING
from judges.vote_arrays import CODES
from review.boards.disputes import dispute, disputes
from review.boards.people import people_board
from review.boards.sample import read_sample
from review.deciding import settle_task
from review.settings import ReviewSettings
from review.settle import settle

START = datetime(2026, 1, 1, tzinfo=UTC)
RULES = ReviewSettings(doubt_below=0.0)
PAIRS, PEOPLE, BATCHES = 3, 3, 2

ADA = [
    {"pair_id": "p1", "annotator": "ada", "choice": "a", "created_at": "2026-01-10T09:00:00Z"},
    {"pair_id": "p1", "annotator": "ada", "choice": "b", "created_at": "2026-02-10T09:00:00Z"},
]


def test_a_majority_needs_more_than_any_other() -> None:
    assert majority([Choice.A, Choice.B, Choice.A]) is Choice.A
    assert majority([Choice.A, Choice.B]) is None
    assert majority([]) is None


@pytest.fixture
def world(any_database: Database) -> Database:
    """Pairs 1 to 3, people 1 to 3, two batches that audit every pair, pair 3 gold."""
    furnish(any_database)
    return any_database


def furnish(database: Database) -> None:
    add_pairs(database, PAIRS)
    for n in range(PEOPLE):
        add_person(database, f"person {n + 1}")
    with database.begin() as session:
        fit = add_consensus(session, {})
        for _ in range(BATCHES):
            batch = add_batch(session, fit)
            session.add_all(
                Task(kind=TaskKind.AUDIT, pair_id=p, batch_id=batch, status=TaskStatus.SETTLED)
                for p in range(1, PAIRS + 1)
            )
            session.flush()
        session.add(Gold(pair_id=3, choice=Choice.A, how={}))


def answer(session: Session, pair_id: int, who: int, choice: str, day: int = 0, **more) -> Review:
    at = START + timedelta(days=day)
    review = Review(pair_id=pair_id, annotator_id=who, choice=Choice(choice), created_at=at, **more)
    session.add(review)
    session.flush()
    return review


def bind(session: Session, pair_id: int, choice: str, day: int = 0) -> None:
    at = START + timedelta(days=day)
    session.add(
        Adjudication(
            pair_id=pair_id, annotator_id=1, choice=Choice(choice), reason="why", created_at=at
        )
    )
    session.flush()


def audit(session: Session, pair_id: int, batch_id: int) -> dict[str, object]:
    task = session.query(Task).filter_by(pair_id=pair_id, batch_id=batch_id).one()
    return {"kind": TaskKind.AUDIT, "task_id": task.id}


def test_newest_is_by_the_time_an_answer_was_given_in_whatever_order_it_came(
    world: Database,
) -> None:
    with world.begin() as session:
        answer(session, 1, 1, "b", day=40)
        answer(session, 1, 1, "a", day=9)  # imported later, given earlier
        answer(session, 2, 1, "a", day=9)
        answer(session, 2, 1, "b", day=9)  # at the same time: the one stored later
        assert human_answers(session) == {1: Choice.B, 2: Choice.B}
        bind(session, 1, "tie", day=50)
        bind(session, 1, "a", day=45)
        assert human_answers(session)[1] is Choice.TIE


def test_an_abstain_takes_the_place_of_what_was_said_before(world: Database) -> None:
    with world.begin() as session:
        answer(session, 1, 1, "a", day=1)
        answer(session, 1, 2, "b", day=1)
        assert human_answers(session) == {}  # one to one
        last = answer(session, 1, 1, "abstain", day=2)
        assert human_answers(session) == {1: Choice.B}
        session.add(Retraction(review_id=last.id, reason="slip"))
        session.flush()
        assert human_answers(session) == {}
        bind(session, 1, "a", day=3)
        assert human_answers(session) == {1: Choice.A}
        bind(session, 1, "abstain", day=4)  # binds nothing any more
        assert human_answers(session) == {}


def test_a_person_who_answers_often_counts_once(world: Database) -> None:
    with world.begin() as session:
        for day in range(3):
            answer(session, 1, 1, "a", day=day)
        answer(session, 1, 2, "b")
        answer(session, 1, 3, "b")
        assert human_answers(session) == {1: Choice.B}


def test_practice_and_hidden_repeats_are_no_opinion_anywhere(world: Database) -> None:
    with world.begin() as session:
        for kind in (TaskKind.PRACTICE, TaskKind.REPEAT):
            answer(session, 1, 1, "a", kind=kind)
        for scope in (BLIND, TEACHING, DELIVERED, INDEPENDENT, CONTROL, audits_of(1)):
            assert human_answers(session, scope) == {}


def test_what_is_said_after_the_reveal_makes_labels_and_measures_nothing(world: Database) -> None:
    with world.begin() as session:
        answer(session, 1, 1, "a", day=1)
        answer(session, 1, 1, "b", day=2, post_reveal=True)
        assert human_answers(session) == human_answers(session, TEACHING) == {1: Choice.A}
        assert human_answers(session, DELIVERED) == {1: Choice.B}


def test_a_fit_learns_neither_from_gold_nor_from_audits_that_wait(
    world: Database,
) -> None:
    with world.begin() as session:
        answer(session, 1, 1, "a", **audit(session, 1, 1))
        answer(session, 2, 1, "b", **audit(session, 2, 2))
        answer(session, 3, 1, "b")
        answer(session, 2, 2, "a", kind=TaskKind.GOLD)
        assert human_answers(session, TEACHING) == {1: Choice.A}
        assert human_answers(session, INDEPENDENT) == {1: Choice.A, 2: Choice.B, 3: Choice.B}
        assert human_answers(session, CONTROL) == {2: Choice.A}
        assert human_answers(session) == {1: Choice.A, 3: Choice.B}  # of pair 2, one to one


def test_audits_teach_from_the_certificate_on(world: Database) -> None:
    # Batch 1 has no target: its audits teach as soon as batch 2 is there. Batch 2 has one, so its
    # audits wait for the certificate, also where a third batch exists; one that certifies nothing
    # is one, and giving the batch up does as well.
    with world.begin() as session:
        session.get_one(Batch, 2).policy = {"target_error": 0.05}
        answer(session, 1, 1, "a", **audit(session, 1, 1))
        answer(session, 2, 1, "b", **audit(session, 2, 2))
        first, both = {1: Choice.A}, {1: Choice.A, 2: Choice.B}
        assert human_answers(session, TEACHING) == first
        third = add_batch(session, session.get_one(Batch, 2).fit_id)
        assert human_answers(session, TEACHING) == first
        assert waiting_batches(session) == {2, third}
        batch = session.get_one(Batch, 2)
        batch.given_up_at = START
        session.flush()
        assert human_answers(session, TEACHING) == both
        batch.given_up_at = None
        add_certificate(session, 2, "g2", {"accepted": 0})
        assert human_answers(session, TEACHING) == both
        assert human_answers(session, audits_of(2)) == {2: Choice.B}  # what it rests on is the same


def test_an_audit_counts_the_answers_to_its_own_tasks_once_they_are_settled(
    world: Database,
) -> None:
    with world.begin() as session:
        answer(session, 1, 1, "a", **audit(session, 1, 1))
        answer(session, 1, 1, "b", day=5)  # a later answer, to no audit
        answer(session, 2, 1, "a", **audit(session, 2, 1))
        task = session.get_one(Task, audit(session, 2, 1)["task_id"])
        task.status = TaskStatus.OPEN
        session.flush()
        found = batches.audit_progress(session, 1)
        assert (found.answers, found.waiting) == ({1: Choice.A}, 1)
        assert batches.audit_progress(session, 2).answers == {}


def test_repeats_are_compared_with_the_last_opinion_before_them(world: Database) -> None:
    with world.begin() as session:
        answer(session, 1, 1, "a", day=1)
        answer(session, 1, 1, "b", day=2)
        answer(session, 1, 1, "b", day=3, kind=TaskKind.REPEAT)
        answer(session, 1, 1, "a", day=4)
        answer(session, 2, 1, "abstain", day=1)
        answer(session, 2, 1, "a", day=3, kind=TaskKind.REPEAT)
        answer(session, 2, 2, "a", day=1)
        answer(session, 2, 2, "tie", day=2, kind=TaskKind.REPEAT)
        assert opinions.repeats(session) == {
            "person 1": [(Choice.B, Choice.B)],
            "person 2": [(Choice.A, Choice.TIE)],
        }
        assert opinions.repeats(session, 2) == {"person 2": [(Choice.A, Choice.TIE)]}


# The same stored answers mean the same opinion everywhere.


@dataclass(frozen=True)
class Said:
    """One stored answer, or a binding one where `who` is None."""

    pair: int
    who: int | None
    choice: Choice
    day: int
    kind: TaskKind | None = None
    batch: int | None = None
    post_reveal: bool = False
    retracted: bool = False


DAYS = st.integers(0, 3)
REVIEWS = st.builds(
    Said,
    pair=st.integers(1, PAIRS),
    who=st.integers(1, PEOPLE),
    choice=st.sampled_from(list(Choice)),
    day=DAYS,
    kind=st.sampled_from([None, *TaskKind]),
    batch=st.integers(1, BATCHES),
    post_reveal=st.booleans(),
    retracted=st.sampled_from([False, False, True]),
)
BINDING = st.builds(
    Said,
    pair=st.integers(1, PAIRS),
    who=st.none(),
    choice=st.sampled_from(list(Choice)),
    day=DAYS,
    kind=st.sampled_from([None, TaskKind.AUDIT]),
    batch=st.integers(1, BATCHES),
)


def store(session: Session, said: list[Said]) -> None:
    for one in said:
        task = audit(session, one.pair, one.batch or 1) if one.kind is TaskKind.AUDIT else {}
        at = START + timedelta(days=one.day)
        if one.who is None:
            made = Adjudication(
                pair_id=one.pair, annotator_id=1, choice=one.choice, reason="why",
                task_id=task.get("task_id"), created_at=at,
            )  # fmt: skip
            session.add(made)
        else:
            more = {"kind": one.kind, "post_reveal": one.post_reveal} | task
            review = answer(session, one.pair, one.who, one.choice, one.day, **more)
            if one.retracted:
                session.add(Retraction(review_id=review.id, reason="slip"))
        session.flush()


def ask(session: Session, asking: frozenset[tuple[int, int]]) -> None:
    """Let the audits of these (pair, batch) ask for one more answer."""
    for task in session.query(Task).filter_by(kind=TaskKind.AUDIT):
        if (task.pair_id, task.batch_id) in asking:
            task.status = TaskStatus.OPEN
    session.flush()


def expected(
    said: list[Said], scope: Scope, asking: frozenset[tuple[int, int]] = frozenset()
) -> dict[int, Choice]:
    """The rule in plain words, from the list alone; asking: audits that are not settled."""

    def asks(one: Said) -> bool:
        return one.kind is TaskKind.AUDIT and (one.pair, one.batch) in asking

    def counts(one: Said) -> bool:
        audits = one.kind is TaskKind.AUDIT
        return (
            one.kind in scope.kinds
            and not (scope.blind and one.post_reveal)
            and not one.retracted
            and (scope.waiting_audits or not audits or one.batch != BATCHES)
            and (scope.gold or one.pair != 3)
            and (scope.batch_id is None or (audits and one.batch == scope.batch_id))
            and not (scope.settled and asks(one))
        )

    ordered = sorted(filter(counts, said), key=lambda one: one.day)  # stable: then as stored
    last = {(one.pair, one.who): one for one in ordered}
    votes: dict[int, Counter[Choice]] = defaultdict(Counter)
    bound, waiting = {}, set()
    for (of, who), one in last.items():
        if one.choice is Choice.ABSTAIN:
            continue
        if who is None:
            bound[of] = one.choice
        else:
            votes[of][one.choice] += 1
            waiting |= {of} if asks(one) else set()
    found = {}
    for of, counted in votes.items():
        most = max(counted.values())
        best = [choice for choice, n in counted.items() if n == most]
        if len(best) == 1 and of not in waiting:
            found[of] = best[0]
    return found | bound


@pytest.fixture
def shared(database: Database) -> Database:
    furnish(database)
    for n in range(1, PAIRS + 1):
        add_votes(database, n, {"x": Choice.A})
    add_person(database, "Jo", Role.ADMIN)
    return database


@given(
    said=st.lists(st.one_of(REVIEWS, REVIEWS, BINDING), max_size=12),
    asking=st.frozensets(st.tuples(st.integers(1, PAIRS), st.integers(1, BATCHES)), max_size=2),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
)
def test_the_same_stored_answers_mean_the_same_opinion_everywhere(
    shared: Database, said: list[Said], asking: frozenset[tuple[int, int]]
) -> None:
    with shared.read() as session:  # never committed
        store(session, said)
        ask(session, asking)
        blind, delivered = expected(said, BLIND, asking), expected(said, DELIVERED, asking)
        # the fits, the router and the gate
        assert human_answers(session, TEACHING) == expected(said, TEACHING, asking)
        assert human_answers(session) == blind
        # merge: no consensus and no route, so that a label is what humans said
        merged = {
            known.pair_id: outcome.label.choice
            for known in preferences.evidence(session, [1, 2, 3])
            if (outcome := settle(known, RULES)).label is not None
        }
        assert merged == delivered
        # audits
        for batch in (1, 2):
            answers = batches.audit_progress(session, batch).answers
            assert answers == expected(said, audits_of(batch), asking)
        # show
        for number in (1, 2, 3):
            shown = pair_history(session, str(number))
            assert shown.humans == delivered.get(number)
            assert shown.humans_blind == blind.get(number)
        # the pages
        sample = read_sample(session)
        codes = sample.vote_table.labels(blind | {3: Choice.A}).tolist()  # pair 3 is gold
        assert sample.truth_P.tolist() == codes
        # gold, last, as it stores: pair 3 is gold already, and what is gold teaches no more
        if blind:
            drawn = gold.draw_gold(session, 1.0, 7, str)
            assert drawn.settled_pairs == len(blind)
            frozen = gold.gold_labels(session)
            assert {p: frozen[p] for p in blind if p != 3} == {
                p: choice for p, choice in blind.items() if p != 3
            }


@given(
    said=st.lists(
        st.builds(
            Said,
            pair=st.just(1),
            who=st.integers(1, 2),
            choice=st.sampled_from([Choice.A, Choice.B, Choice.ABSTAIN]),
            day=st.just(0),
        ),
        min_size=2,
        max_size=4,
    )
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=20,
)
def test_the_order_of_import_changes_nothing(shared: Database, said: list[Said]) -> None:
    dated = [
        Said(one.pair, one.who, one.choice, day) for day, one in enumerate(said)
    ]  # no two at one time
    found = []
    for order in permutations(dated):
        with shared.read() as session:
            store(session, list(order))
            found.append((human_answers(session), human_answers(session, DELIVERED)))
    assert found == [found[0]] * len(found)


# Ada says `a` in January and `b` in February.


def run(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("late_first", [False, True])
def test_ada_gets_one_answer_from_every_verb_and_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late_first: bool
) -> None:
    """Three judges are split about p1, so that a route would spend a human on it; ada has said b.
    The other pairs are as clear as can be, and nobody has answered them.
    """
    monkeypatch.chdir(tmp_path)
    database = project(tmp_path, '[panel]\nlabel_model = "majority"\n')
    names = [f"p{n}" for n in range(1, 5)]
    write(tmp_path / "pairs.jsonl", [pair(n, f"Q {n}?", f"first {n}", f"last {n}") for n in names])
    write(
        tmp_path / "votes.jsonl",
        [
            vote(n, "b" if n == "p1" and judge == "j3" else "a", judge, order=order)
            for n in names
            for judge in ("j1", "j2", "j3")
            for order in ("ab", "ba")
        ],
    )
    run("import", "pairs", "pairs.jsonl")
    run("import", "votes", "votes.jsonl")
    for row in reversed(ADA) if late_first else ADA:
        write(tmp_path / "labels.jsonl", [row])
        run("import", "labels", "labels.jsonl")
    routed = json.loads(run("route", "--min-agreement", "0.9", "--audit-share", "0", "--json"))
    assert (routed["routes"]["escalate"], routed["tasks"]) == (0, 0)
    assert json.loads(run("merge", "--json"))["review"] == 1
    shown = json.loads(run("show", "p1", "--json"))
    assert (shown["humans"], shown["humans_blind"]) == ("b", "b")
    assert [r["counts"] for r in shown["reviews"]] == [False, True]
    assert [p["choice"] for p in shown["preferences"]] == ["b"]
    assert "settled" in shown["routes"][0]["reasons"]
    assert "humans say: b" in run("show", "p1")
    drawn = json.loads(run("gold", "draw", "--share", "1", "--json"))
    assert (drawn["new"], drawn["settled_pairs"]) == (1, 1)
    assert json.loads(run("show", "p1", "--json"))["gold"] == "b"
    with database.read() as session:
        sample = read_sample(session)
        assert sample.truth_P[sample.vote_table.pair_ids.index(1)] == CODES[Choice.B]
        assert figures.pair_page(session)[0]["label"] == "b"


def test_show_tells_what_measures_where_a_label_takes_another_answer(world: Database) -> None:
    with world.begin() as session:
        answer(session, 1, 1, "a", day=1)
        answer(session, 1, 1, "b", day=2, kind=TaskKind.GOLD)
        answer(session, 2, 1, "tie", day=1)
        answer(session, 2, 1, "b", day=2, post_reveal=True)
        lines = [pair_history(session, number).humans_line for number in ("1", "2")]
    assert lines == [
        "humans say: a (blind, hidden gold included: b)",
        "humans say: b (blind, hidden gold included: tie)",
    ]


@pytest.mark.parametrize(("wanted", "said"), [(2, "b"), (3, "bba")])
def test_an_answer_to_a_task_that_asks_for_more_settles_nothing_in_any_verb_or_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: int, said: str
) -> None:
    """One of two answers leaves the task open, and two to one of three make it a dispute: until
    somebody else has spoken the pair stays escalated, and is neither label nor gold.
    """
    monkeypatch.chdir(tmp_path)
    rules = f'[panel]\nlabel_model = "majority"\n[review]\nreviews_wanted = {wanted}\n'
    database = project(tmp_path, rules)
    names = ("p1", "p2")
    write(tmp_path / "pairs.jsonl", [pair(n, f"Q {n}?", f"first {n}", f"last {n}") for n in names])
    votes = [vote(n, c, j) for n in names for j, c in (("j1", "a"), ("j2", "a"), ("j3", "b"))]
    write(tmp_path / "votes.jsonl", votes)
    run("import", "pairs", "pairs.jsonl")
    run("import", "votes", "votes.jsonl")
    route = ("route", "--min-agreement", "0.9", "--audit-share", "0", "--json")
    run(*route)
    with database.begin() as session:
        task = session.query(Task).filter_by(pair_id=1).one()
        for n, choice in enumerate(said):
            who = annotators.ensure(session, f"person {n}").id
            answer(session, 1, who, choice, n, kind=task.kind, task_id=task.id)
        asks = settle_task(session, task, START)
    write(tmp_path / "labels.jsonl", [ADA[0] | {"pair_id": "p2"}])
    run("import", "labels", "labels.jsonl")  # a new fit, so that the batch is routed anew
    routed = json.loads(run(*route))
    assert (routed["routes"]["escalate"], routed["routes"]["accept"]) == (1, 1)
    assert json.loads(run("merge", "--json"))["review"] == 1
    shown = json.loads(run("show", "p1", "--json"))
    assert (shown["humans"], shown["humans_blind"], shown["preferences"]) == (None, None, [])
    assert json.loads(run("gold", "draw", "--share", "1", "--json"))["settled_pairs"] == 1
    with database.read() as session:
        assert session.query(Task).filter_by(pair_id=1).one().status is asks
        sample = read_sample(session)
        assert sample.truth_P[sample.vote_table.pair_ids.index(1)] == MISSING


def test_the_pages_take_the_newest_answer_of_each_person(shared: Database) -> None:
    """Ada changed her mind to what Bob says: on the two pairs they share they agree on both."""
    ada, bob = 1, 2
    with shared.begin() as session:
        for day, choice in enumerate(("a", "b")):
            answer(session, 1, ada, choice, day)
        answer(session, 1, bob, "b")
        for who in (ada, bob):
            answer(session, 2, who, "a")
        session.add(
            Task(kind=TaskKind.ESCALATION, pair_id=1, status=TaskStatus.DISPUTED, batch_id=2)
        )
        boss = session.query(Annotator).filter_by(name="Jo").one().id
    board = people_board(shared, boss, RULES)
    assert board.alpha.value == pytest.approx(1.0)
    assert [(row["pairs"], row["kappa"]) for row in board.kappas] == [(2, pytest.approx(1.0))]
    found = dispute(shared, boss, disputes(shared, boss)[0], RULES)
    assert found is not None
    assert [(s.said.annotator, s.said.choice) for s in found.sides] == [
        ("person 1", Choice.B),
        ("person 2", Choice.B),
    ]
