"""Promises over many calls: audits first, then the certificate, and what is certified stays."""

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from promise_world import World, project

from app.pipeline.certificates import list_certificates
from app.pipeline.frames import strata_of
from app.pipeline.promises import promises
from app.pipeline.route import route_pairs
from db import batches, preferences, tasks
from db.schema import upgrade
from db.session import Database
from db.vocabulary import Route, TaskKind
from review import queue
from review.routing.router import RouteOptions

TARGET = {"target_error": 0.25, "audits": 24, "seed": 3}
OTHER = {"target_error": 0.35, "audits": 16, "seed": 4}
SAYS = st.sampled_from(["right", "right", "right", "wrong", "tie", "abstain"])
TABLES: list[Path] = []


@pytest.fixture(scope="module", autouse=True)
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file at head, to copy."""
    path = tmp_path_factory.mktemp("tables") / "tiebreak.db"
    made = Database(f"sqlite:///{path}")
    upgrade(made)
    made.dispose()
    TABLES[:] = [path]
    return path


@pytest.fixture
def world(tmp_path: Path, tables: Path) -> World:
    made = World(tmp_path, project(tmp_path, tables))
    made.add_week()
    return made


class Promises(RuleBasedStateMachine):
    """Any sequence of calls; the world checks after each what must hold."""

    @initialize(seed=st.integers(0, 5))
    def begin(self, seed: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name)
        self.world = World(path, project(path, TABLES[0]), seed)
        self.world.add_week()

    @rule(asked=st.sampled_from([TARGET, TARGET, TARGET, OTHER]), now=st.booleans())
    def route_to_target(self, asked: dict[str, float], now: bool) -> None:
        self.world.route(certify_now=now, **asked)

    @rule()
    def route_by_domain(self) -> None:
        self.world.route(by_domain=True, **TARGET)

    @rule()
    def route_with_seeds(self) -> None:
        self.world.route(seed_questions=10, **TARGET)

    @rule(asked=st.sampled_from([{"review_share": 0.3}, {"min_agreement": 0.8}]))
    def route_in_a_mode(self, asked: dict[str, float]) -> None:
        self.world.route(**asked)

    @rule()
    def cycle(self) -> None:
        self.world.cycle()

    @rule(count=st.sampled_from([3, 12, 60]), say=SAYS, person=st.integers(0, 3))
    def answer(self, count: int, say: str, person: int) -> None:
        self.world.answer(count, say, person)

    @rule()
    def answer_all(self) -> None:
        self.world.answer(500)

    @rule(count=st.integers(1, 15), say=SAYS, person=st.integers(0, 3), answered=st.booleans())
    def labels_arrive(self, count: int, say: str, person: int, answered: bool) -> None:
        self.world.import_labels(count, say, person, answered=answered)

    @precondition(lambda self: self.world.weeks < 3)
    @rule(wrong=st.sampled_from([0.05, 0.3]))
    def a_week_arrives(self, wrong: float) -> None:
        self.world.add_week(40, wrong)

    @rule()
    def a_judge_votes_otherwise(self) -> None:
        names = self.world.names()
        truth = {names[p]: t.mirrored().value for p, t in self.world.truth.items()}
        self.world.vote(truth, ("j4",), 0.3)

    @rule()
    def merge(self) -> None:
        self.world.merge()

    @rule()
    def withdraw(self) -> None:
        self.world.withdraw_one()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.merge()
            self.world.check_certificates()
            self.world.database.dispose()
            self.folder.cleanup()


def run(examples: int, steps: int) -> None:
    """The machine, for so many sequences of so many steps; the same at each run, not shortened."""
    Promises.TestCase.settings = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    Promises.TestCase().runTest()


def test_no_sequence_of_calls_takes_back_what_is_certified_or_asks_twice() -> None:
    run(6, 12)


@pytest.mark.slow
def test_no_longer_sequence_of_calls_does_either() -> None:
    run(60, 30)


def open_kinds(world: World) -> Counter[str]:
    with world.database.read() as session:
        return Counter(task.kind.value for task in tasks.open_tasks(session))


def test_audits_first_then_the_certificate_then_the_rest(world: World) -> None:
    first = world.route(**TARGET)
    assert (first.state, first.audits_open) == ("waiting", 24)
    assert open_kinds(world)["audit"] == 24
    assert open_kinds(world)["escalation"] <= 24 / 4  # what no certificate can save
    again = world.route(**TARGET)
    assert (again.state, again.tasks, again.audits_open) == ("waiting", 0, 24)
    world.answer(500)
    done = world.route(**TARGET)
    assert done.state == "certified"
    (promise,) = done.promises
    assert promise.certified > 0
    assert promise.open == open_kinds(world)["escalation"] == done.tasks
    world.merge()
    assert world.route(**TARGET).state == "already"
    assert world.route(**TARGET).tasks == 0


def test_one_batch_has_one_forecast_and_what_is_answered_is_no_longer_in_it(world: World) -> None:
    told: list[str] = []
    asked = RouteOptions(**TARGET)
    done = route_pairs(
        world.database, world.config.panel, asked, world.config.review, announce=told.append
    )
    (waits,) = done.promises
    load = f"then about {waits.expected:,.0f} ({waits.low:,.0f} to {waits.high:,.0f}) of 60 pairs"
    assert load in told[0]
    assert load in waits.sentence
    world.check_tasks({})
    world.answer(500)
    with world.database.read() as session:
        (known,) = promises(session)
    assert world.route(**TARGET).tasks == known.expected == known.low == known.high


def test_audits_are_claimed_in_the_order_of_their_draw(world: World) -> None:
    world.route(**TARGET)
    with world.database.read() as session:
        claimed = [t.pair_id for t in tasks.open_tasks(session) if t.kind is TaskKind.AUDIT]
        (batch,) = batches.all_batches(session)
        (stratum,) = strata_of(batch, batches.routes_of(session, batch.id)).values()
    assert claimed == list(stratum.drawn(len(stratum.looks)))


def test_the_next_weeks_make_promises_of_their_own(world: World) -> None:
    """Twelve weeks: nothing of the weeks before is asked or framed again."""
    for week in range(12):
        if week:
            world.add_week(40)
        framed = world.route(**TARGET)
        assert (framed.state, framed.pairs) == ("waiting", 40 if week else 60)
        world.answer(500)
        assert world.route(**TARGET).state == "certified"
        world.merge()
    held = [c for c in list_certificates(world.database) if c.standing == "holds"]
    assert len(held) == len({c.batch_id for c in held}) >= 10
    world.check_certificates()


def test_a_new_week_is_framed_while_an_older_one_waits(world: World) -> None:
    world.route(**TARGET)
    world.add_week(40)
    both = world.route(**TARGET)
    assert [p.state for p in both.promises] == ["waiting", "waiting"]
    assert both.audits_open == 48
    world.answer(500)
    assert len(world.route(**TARGET).certificates) == 2


def test_another_target_gives_up_a_batch_that_waits_and_its_answers_count(world: World) -> None:
    world.route(**TARGET)
    world.answer(10)
    other = world.route(**OTHER)
    assert "batch 1 is given up" in other.told[0]
    assert other.audits_open == 16 == open_kinds(world)["audit"]
    with world.database.read() as session:
        rows = batches.routes_of(session, other.batch_id or 0)
    assert sum("settled" in row.reasons for row in rows) == len(world.answered()) >= 8


def test_certify_now_takes_what_is_answered_or_changes_nothing(world: World) -> None:
    world.route(**TARGET)
    nothing = world.route(certify_now=True, **TARGET)
    assert nothing.state == "waiting"
    assert "certify nothing yet" in nothing.told[0]
    assert (nothing.tasks, open_kinds(world)["audit"]) == (0, 24)
    world.answer(22)
    left = open_kinds(world)["audit"]
    done = world.route(certify_now=True, **TARGET)
    assert done.state == "certified"
    assert open_kinds(world)["audit"] == left  # asked still, and delivered by nobody's word
    world.merge()
    world.answer(500)
    world.merge()
    world.check_certificates()


def test_a_mode_without_a_promise_leaves_certified_pairs_alone_and_says_so(world: World) -> None:
    world.route(**TARGET)
    world.answer(500)
    world.route(**TARGET)
    world.add_week(40)
    done = world.route(review_share=0.5)
    assert (done.pairs, done.told) == (40, ("60 pairs stay with the promise they are under",))


def test_a_withdrawn_certificate_frees_its_pairs(world: World) -> None:
    world.route(**TARGET)
    world.answer(500)
    world.route(**TARGET)
    world.merge()
    world.withdraw_one()
    world.merge()  # takes back what the panel said under it
    with world.database.read() as session:
        assert preferences.counts_by_source(session).get("ensemble", 0) == 0
    again = world.route(**TARGET)
    assert (again.state, again.audits_open) == ("waiting", 24)
    assert again.batch_id == 2


def test_too_few_pairs_for_a_promise_are_all_asked(tmp_path: Path, tables: Path) -> None:
    small = World(tmp_path, project(tmp_path, tables))
    small.add_week(12)
    done = small.route(target_error=0.02)
    assert (done.state, done.tasks, done.audits_open) == ("asking", 12, 0)
    assert small.route(target_error=0.02).tasks == 0
    small.answer(5)
    small.add_week(3)  # what is not answered yet is routed with the new ones
    assert small.route(target_error=0.02).pairs == 10


def test_nothing_certified_ends_the_frame_for_this_target_and_not_for_another(
    world: World,
) -> None:
    world.route(target_error=0.01, audits=24, seed=3)
    world.answer(500, "wrong")
    done = world.route(target_error=0.01, audits=24, seed=3)
    assert "Nothing certified" in done.certificates[0]
    again = world.route(target_error=0.01, audits=24, seed=3)
    assert (again.state, again.tasks) == ("already", 0)
    assert world.route(**TARGET).state == "waiting"


def test_seed_questions_come_before_the_frame(world: World) -> None:
    first = world.route(seed_questions=20, **TARGET)
    assert (first.state, first.tasks) == ("seeding", 20)
    assert world.route(**TARGET).state == "seeding"
    world.answer(500)
    framed = world.route(seed_questions=20, **TARGET)
    assert (framed.state, framed.audits_open) == ("waiting", 24)


def test_the_offer_of_seeds_stands_until_the_first_audit_is_answered(world: World) -> None:
    world.route(**TARGET)
    assert world.route(seed_questions=20, **TARGET).state == "seeding"
    assert open_kinds(world) == {"escalation": 20}
    world.answer(500)
    world.route(**TARGET)
    world.answer(30)
    assert world.route(seed_questions=20, **TARGET).state != "seeding"


def test_who_was_asked_already_is_no_candidate_for_an_audit(world: World) -> None:
    world.route(review_share=0.5)
    world.answer(5, "abstain")
    with world.database.read() as session:
        begun = {t.pair_id for t in tasks.open_tasks(session)[:5]}
    held = queue.claim(world.database, world.person("bob"), world.config.review)
    assert held is not None
    done = world.route(**TARGET)
    with world.database.read() as session:
        rows = {r.pair_id: r for r in batches.routes_of(session, done.batch_id or 0)}
        assert all(rows[p].route is Route.ESCALATE for p in begun)
        assert {t.pair_id for t in tasks.open_tasks(session)} >= begun | {held.pair_id}
    assert all("asked" in rows[pair].reasons for pair in begun | {held.pair_id})


def test_a_week_of_the_cycle_certifies_what_waited_and_frames_what_is_new(world: World) -> None:
    world.cycle()
    world.answer(500)
    world.add_week(60)
    world.cycle()
    with world.database.read() as session:
        assert [p.state for p in promises(session)] == ["certified", "waiting"]
    world.merge()


def test_the_verb_says_what_it_did_and_what_is_left(world: World) -> None:
    said = world.route(**TARGET).summary
    assert "0 of 24 audits answered; then about" in said
    world.answer(500)
    assert (
        "pairs certified (at most 25.0% wrong, at 90% confidence)" in world.route(**TARGET).summary
    )
