"""The pages without a browser: who sees what, what hidden pages answer, how trouble looks."""

import time
from datetime import timedelta

import promise_world
import pytest
import streamlit as st
from app_world import QUICK, ROOT, add_runs, add_texts, project, queue_of, with_panel, with_practice
from review_worlds import PLAIN, add_gold, add_person, add_votes, escalate, say
from streamlit import config
from streamlit.testing.v1 import AppTest

from app.views import pictures
from db import annotators, schema
from db.errors import NotAllowed
from db.models import Judge, Lease, Pair, Ranking, Review, Task, Vote
from db.session import Database
from db.tasks import NewTask, add_tasks
from db.types import now
from db.vocabulary import Choice, Order, Role, Standing, TaskKind, TaskStatus
from review import deciding, queue, view_model
from review.adjudicating import adjudicate
from review.boards.budget import budget_board
from review.boards.data import costs_board, pairs_page
from review.boards.disputes import disputes
from review.boards.judges import judges_board
from review.boards.people import people_board
from review.people import by_name, by_subject, change, everyone
from review.report.charts import heat
from review.settings import ReviewSettings
from review.verdict import Answer, Verdict


@pytest.fixture
def world(tmp_path, monkeypatch):
    database = project(tmp_path)
    monkeypatch.setenv("TIEBREAK_CONFIG", str(tmp_path / "tiebreak.toml"))
    monkeypatch.chdir(tmp_path)
    st.cache_resource.clear()
    st.cache_data.clear()
    before = config.get_option("server.address")
    config.set_option("server.address", "127.0.0.1")
    yield database
    config.set_option("server.address", before)
    st.cache_resource.clear()
    st.cache_data.clear()


def opened(name, page=None):
    app = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=60)
    app.query_params["name"] = name
    app.run()
    if page:
        app.switch_page(f"views/{page}.py").run()
    assert not app.exception
    return app


def words(app):
    shown = [*app.text, *app.header, *app.subheader, *app.warning, *app.markdown]
    return " ".join(str(one.value) for one in shown)


def buttons(app):
    return {one.label: one for one in app.button}


def test_the_desk_offers_every_verdict_with_its_key(world):
    queue_of(world, 2)
    app = opened("Ada")
    keys = {one.label: one.proto.shortcut for one in app.button if one.proto.shortcut}
    assert keys["1 is much better"] == "1"
    assert keys["2 is much better"] == "5"
    assert keys["Both bad"] == "0"
    assert keys["Undo"] == "u"
    assert "c" not in keys.values()
    assert "r" not in keys.values()


def test_an_answer_is_stored_for_the_side_it_was_shown_on(world):
    queue_of(world, 1)
    app = opened("Ada")
    time.sleep(0.35)
    buttons(app)["1 is better"].click().run()
    assert not app.exception
    with world.read() as session:
        review = session.query(Review).one()
        assert review.choice is (Choice.B if review.b_first else Choice.A)
        assert review.strength == 1
    assert "Nothing waits for you" in words(app)


def test_too_quick_an_answer_is_refused_with_a_word(world):
    queue_of(world, 1)
    app = opened("Ada")
    with world.begin() as session:
        session.query(Lease).one().ready_at = now() + timedelta(seconds=30)
    buttons(app)["Equally good"].click().run()
    assert "too quick" in words(app)


@pytest.mark.parametrize(
    ("role", "pages"),
    [
        (Role.ANNOTATOR, {"annotate", "guideline", "mine"}),
        (Role.ADJUDICATOR, {"annotate", "guideline", "mine", "adjudicate", "progress"}),
        (Role.ENGINEER, {"guideline", "progress", "judges", "data", "costs"}),
    ],
)
def test_each_role_has_its_pages_and_no_other(world, role, pages):
    pairs = queue_of(world, 3)
    with_panel(world, pairs)
    add_person(world, "Root", Role.ADMIN)
    add_person(world, "Ada", role)
    for page in pages:
        opened("Ada", page)


@pytest.mark.parametrize(
    ("role", "page"),
    [(Role.ENGINEER, "annotate"), (Role.ENGINEER, "people"), (Role.ANNOTATOR, "judges")],
)
def test_a_page_that_is_not_open_says_so_and_what_to_do(world, role, page):
    add_person(world, "Root", Role.ADMIN)
    add_person(world, "Ada", role)
    shown = words(opened("Ada", page))
    assert f"the role {role}, which may not" in shown
    assert "Ask an admin" in shown


def test_what_a_page_hides_the_service_refuses(database):
    root = add_person(database, "Root", Role.ADMIN)
    ada = add_person(database, "Ada")
    engineer = add_person(database, "Eng", Role.ENGINEER)
    settings = ReviewSettings()
    for ask in (
        lambda: judges_board(database, ada),
        lambda: pairs_page(database, ada),
        lambda: costs_board(database, ada),
        lambda: people_board(database, ada, settings),
        lambda: budget_board(database, ada),
        lambda: disputes(database, ada),
        lambda: disputes(database, engineer),
        lambda: everyone(database, engineer),
        lambda: change(database, engineer, ada, role=Role.ADMIN),
        lambda: adjudicate(database, 1, engineer, Choice.A, "because"),
        lambda: queue.claim(database, engineer, settings),
    ):
        with pytest.raises(NotAllowed, match="ask an admin"):
            ask()
    assert len(everyone(database, root)) == 3


def test_the_first_on_one_machine_is_admin_and_the_next_is_not(database):
    assert by_name(database, "Ada").role is Role.ADMIN
    assert by_name(database, "Bob").role is Role.ANNOTATOR
    settings = ReviewSettings(admins=("x@y.z",))
    assert by_subject(database, "i|1", "Zoe", "x@y.z", settings).role is Role.ADMIN
    assert by_subject(database, "i|2", "Zoe", None, settings).name == "Zoe (2)"
    assert by_subject(database, "j|12", "Zoe", None, settings).name == "Zoe (3)"  # nobody's name
    assert by_subject(database, "i|2", "Zoe", None, settings).name == "Zoe (2)"


def test_the_last_admin_stays_one(database):
    ada = by_name(database, "Ada").id
    with pytest.raises(ValueError, match="'Ada' is the last admin"):
        change(database, ada, ada, role=Role.ANNOTATOR)


def test_candidates_are_put_in_order_by_keys(world):
    add_texts(world, [("Which is best?", "First", "Second")])
    with world.begin() as session:
        pair = session.query(Pair).one()
        ids = (pair.candidate_a_id, pair.candidate_b_id)
        add_tasks(
            session,
            [NewTask(TaskKind.ESCALATION, prompt_id=pair.prompt_id, candidate_ids=ids)],
        )
    app = opened("Ada")
    keys = {one.label: one.proto.shortcut for one in app.button if one.proto.shortcut}
    assert (keys["Response 1"], keys["Equal to the last"]) == ("1", "t")
    buttons(app)["Response 2"].click().run()
    buttons(app)["Equal to the last"].click().run()
    buttons(app)["Response 1"].click().run()
    time.sleep(0.35)
    buttons(app)["Store this order"].click().run()
    assert "Nothing waits for you" in words(app)
    with world.read() as session:
        (ranking,) = session.query(Ranking).all()
        assert len(ranking.groups) == 1
        assert sorted(ranking.groups[0]) == sorted(ids)


def test_principles_are_asked_about_one_by_one_where_the_project_says_so(world, tmp_path):
    rules = QUICK + 'principles = ["be-right", "be-kind"]\n'
    (tmp_path / "tiebreak.toml").write_text(rules, encoding="utf-8")
    queue_of(world, 1)
    app = opened("Ada")
    kind = next(one for one in app.button_group if one.label == "Be kind")
    kind.set_value(Verdict.BETTER_2)
    time.sleep(0.35)
    buttons(app)["1 is better"].click().run()
    with world.read() as session:
        review = session.query(Review).one()
        assert review.principles == {"be-kind": "a" if review.b_first else "b"}


def test_a_paused_person_reads_why(world):
    queue_of(world, 1)
    add_person(world, "Root", Role.ADMIN)
    add_person(world, "Ada", paused_reason="3 of your last 8 control answers matched")
    assert "Your work is paused" in words(opened("Ada"))


def test_a_database_that_is_down_has_a_screen(world, monkeypatch):
    monkeypatch.setenv("TIEBREAK_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    st.cache_resource.clear()
    assert "The database does not answer" in words(opened("Ada"))


def test_a_dispute_is_settled_on_the_page(world):
    pairs = queue_of(world, 1)
    with_panel(world, pairs)
    with world.begin() as session:
        task = session.query(Task).one()
        task.wanted_reviews = task.max_reviews = 2
    add_person(world, "Jo", Role.ADMIN)
    for name, choice in (("Ada", Choice.A), ("Bob", Choice.B)):
        person = add_person(world, name)
        claim = queue.claim(world, person, PLAIN)
        deciding.decide(world, claim.lease_id, person, Answer(choice, rationale=name), PLAIN)
    app = opened("Jo", "adjudicate")
    assert "Ada: 1 is better" in words(app)
    buttons(app)["1 is better"].click().run()
    assert "needs its reason" in words(app)
    app.text_area[0].set_value("B invents a source")
    buttons(app)["1 is better"].click().run()
    assert "Nothing is disputed" in words(app)


def drawn(app):
    assert not app.exception
    return "".join(str(one.proto.body) for one in app.get("html"))


def test_a_conversation_is_drawn_in_turns_wherever_a_pair_is_read(world):
    """Null contents, text parts, a developer, names, tools, calls and results."""
    (pair,) = add_runs(world)
    escalate(world, [pair])
    add_votes(world, pair, {"judge-x": Choice.A})
    queue_of(world, 1)
    app = opened("Ada")
    seen = [drawn(app)]
    buttons(app)["Raw"].click().run()
    assert "call weather (c2)" in drawn(app)
    time.sleep(0.35)
    buttons(app)["1 is better"].click().run()
    buttons(app)["What the panel said"].click().run()
    seen.append(drawn(app))
    app = opened("Ada", "data")
    app.text_input[0].set_value(str(pair)).run()
    seen.append(drawn(app))
    asked = app.dataframe[0].value["prompt"][0]
    assert asked == "developer: Use the tool.\n\nuser ada: Where is it warm?"
    with world.begin() as session:
        session.query(Task).filter_by(pair_id=pair).update({"status": TaskStatus.DISPUTED})
    seen.append(drawn(opened("Ada", "adjudicate")))
    for body in seen:
        assert "Call: weather (c2)" in body
        assert "User: ada" in body
        assert "<mark>Bari</mark>" in body


def test_agent_runs_are_put_in_order_and_practised_on(world):
    (pair,) = add_runs(world)
    with world.begin() as session:
        one = session.get_one(Pair, pair)
        ids = (one.candidate_a_id, one.candidate_b_id)
        add_tasks(
            session, [NewTask(TaskKind.ESCALATION, prompt_id=one.prompt_id, candidate_ids=ids)]
        )
    app = opened("Ada")
    assert "Call: weather (c2)" in drawn(app)
    for name in ("Response 2", "Response 1"):
        buttons(app)[name].click().run()
    time.sleep(0.35)
    buttons(app)["Store this order"].click().run()
    add_gold(world, [pair], Choice.A)
    claim = queue.claim(world, add_person(world, "New"), ReviewSettings(practice_pairs=1))
    assert claim.pair_id == pair
    assert "call weather (c2)" in view_model.item(world, claim).responses[0]


def test_an_adjudicator_who_comes_second_keeps_what_was_written(world):
    pairs = queue_of(world, 2)
    with world.begin() as session:
        for task in session.query(Task):
            task.max_reviews = 2
    for name, choice in (("Ada", Choice.A), ("Bob", Choice.B)):
        person = add_person(world, name)
        for pair in pairs:
            say(world, person, pair, choice)
    root = add_person(world, "Root", Role.ADMIN)
    with world.begin() as session:
        session.query(Task).update({"status": TaskStatus.DISPUTED})
    app = opened("Root", "adjudicate")
    with world.read() as session:
        adjudicate(world, session.query(Task).first().id, root, Choice.A, "first")
    app.text_area[0].set_value("my own words")
    buttons(app)["1 is better"].click().run()
    assert "You had written: 'my own words'" in words(app)


def test_the_quality_page_says_why_agreement_is_undefined(world):
    add_person(world, "Root", Role.ADMIN)
    assert "undefined" in words(opened("Root", "progress")).lower()


def test_pictures_are_drawn_with_readings_and_data(world):
    pairs = queue_of(world, 30)
    with_panel(world, pairs)
    root = add_person(world, "Root", Role.ADMIN)
    bob = add_person(world, "Bob")
    for number, pair in enumerate(pairs):
        say(world, root, pair, Choice.A if number % 3 else Choice.B)
        say(world, bob, pair, Choice.A if number % 4 else Choice.B)
    board = judges_board(world, root)
    assert board.referenced == 18  # of 30; 10 + 8 - 2 * 3 pairs are split and decide nothing
    assert {row["judge"] for row in board.accuracy} == {"judge-x", "judge-y"}
    shown = words(opened("Root", "judges"))
    assert "Agrees most" in shown
    assert "agree" in words(opened("Root", "progress"))


def test_judges_without_an_order_are_not_praised_for_never_contradicting_themselves(world):
    with_panel(world, queue_of(world, 4))
    with world.begin() as session:
        session.query(Vote).update({Vote.order: Order.NONE})
    root = add_person(world, "Root", Role.ADMIN)
    board = judges_board(world, root)
    found = [(row.judge, row.rate.value) for row in board.reversals]
    assert found == [("judge-x", None), ("judge-y", None)]
    assert {row["preference"] for row in board.leanings} == {"the longer"}
    alone = "Each response is scored alone, so nothing is shown first."
    assert alone in words(opened("Root", "judges"))


def test_a_promise_stands_on_the_quality_page_and_is_certified_by_a_button(
    world, tmp_path, monkeypatch
):
    schema.upgrade(made := Database(f"sqlite:///{tmp_path}/head.db"))
    made.dispose()
    promised = promise_world.World(
        tmp_path / "promised", promise_world.project(tmp_path / "promised", tmp_path / "head.db")
    )
    promised.add_week()
    promised.route(target_error=0.25, audits=24, seed=3)
    promised.answer(22)
    monkeypatch.setenv("TIEBREAK_CONFIG", str(promised.folder / "tiebreak.toml"))
    with promised.database.begin() as session:
        annotators.ensure(session, "Ruth").role = Role.ADJUDICATOR
        annotators.ensure(session, "Root").role = Role.ADMIN
    assert "24 audits answered" in words(opened("Ruth", "progress"))
    assert "Certify now" not in buttons(opened("Ruth", "progress"))
    page = opened("Root", "progress")
    buttons(page)["Certify now"].click().run()
    assert "With probability 90.00% at most 25.00%" in words(page)
    assert "Certify now" not in buttons(page)


def test_practice_is_the_first_thing_a_newcomer_meets(database):
    with_practice(database, 3)
    escalate(database, [])
    person = add_person(database, "Ada")
    settings = PLAIN.model_copy(update={"practice_pairs": 3})
    claim = queue.claim(database, person, settings)
    done = deciding.decide(database, claim.lease_id, person, Answer(Choice.A), settings)
    assert done.practice
    with database.read() as session:
        assert session.query(Task).filter_by(kind=TaskKind.PRACTICE).count() == 3


def test_a_matrix_lists_the_same_names_in_the_same_order_on_both_sides():
    """Else its diagonal is no diagonal: the pair of b and c is missing, and a comes last."""
    rows = [
        {"one": one, "other": other, "same": 1.0}
        for one, other in (("b", "b"), ("b", "a"), ("a", "b"), ("c", "a"), ("a", "c"), ("a", "a"))
    ]
    names, values = pictures.square(rows, "same")
    drawn = heat(names, values, "agreement")
    assert drawn.names == ("a", "b", "c")
    assert [[cell.said for cell in row] for row in drawn.cells] == [
        ["100%", "100%", "100%"], ["100%", "100%", ""], ["100%", "", ""],
    ]  # fmt: skip


def test_the_judges_page_says_who_a_probe_keeps_from_voting(world):
    with_panel(world, queue_of(world, 4))
    root = add_person(world, "Root", Role.ADMIN)
    with world.begin() as session:
        for judge in session.query(Judge):
            judge.needs_probe, judge.standing = True, Standing.CONFIGURED
    assert set(judges_board(world, root).silent.values()) == {"not probed"}
    shown = words(opened("Root", "judges"))
    assert "No judge's votes count." in shown
    assert "judge-x is asked and does not vote: not probed." in shown
