"""Canary pairs: asked again, never an opinion; a judge that changed behind its name is named."""

import random
from collections.abc import Iterator
from dataclasses import asdict, replace

import pytest
import test_judges_steps as world
from protocol_server import Script, Server, serving
from sqlalchemy import func, select

from app.pipeline.alarms import canary_changed
from db.abstains import ask_again
from db.canaries import canary_answers, canary_set, draw_canaries, open_round
from db.consensus import usable_votes
from db.errors import BadInput, BudgetSpent, UnknownName
from db.exports.votes import Voted, casters, export_votes
from db.models import Pair, Vote
from db.reservations import Asked, set_aside
from db.runs import NANO
from db.session import Database
from db.vocabulary import CANARY_SAMPLE, Choice
from judges.lifecycle import open_run
from judges.steps import compare_canaries, estimate, estimate_canaries
from judges.steps.canaries import CanaryRound, ask_canaries

PAIRS = 40


@pytest.fixture
def server() -> Iterator[Server]:
    """A model that prefers the longer response, and mistakes one question in fifty."""
    with serving(Script(verdict=_longer(noise=0.02))) as made:
        yield made


def _longer(noise: float):  # type: ignore[no-untyped-def]
    chance = random.Random(0)

    def verdict(user: str) -> str:
        long_first = user.index("A longer answer") < user.index("Short ")
        return "12"[long_first == (chance.random() < noise)]

    return verdict


def judged(database: Database, *judges: dict[str, object]) -> None:
    world.add(database, PAIRS)
    world.run(database, *judges)


def draw(database: Database, count: int = 30) -> None:
    with database.begin() as session:
        draw_canaries(session, count, seed=7)


def ask(database: Database, *judges: dict[str, object], **more: object) -> CanaryRound:
    asked = world.parsed(*judges)
    return ask_canaries(database, asked, environ={"ANTHROPIC_API_KEY": "good"}, **more)  # type: ignore[arg-type]


def votes(database: Database) -> int:
    return world.count(database, Vote)


def test_a_judge_that_changed_behind_its_name_is_named(
    any_database: Database, server: Server
) -> None:
    database, judge, steady = any_database, world.remote(server), world.fake("steady")
    judged(database, judge, steady)
    draw(database)
    first = ask(database, judge, steady)
    # 30 pairs in two orders, twice over because it is the first time, of two judges
    assert (first.round, first.stored, first.tests) == (1, 30 * 2 * 2 * 2, ())
    calm = ask(database, judge, steady)
    assert calm.stored == 30 * 2 * 2
    assert not any(test.alarm for test in calm.tests)
    server.script.verdict = lambda user: "1"  # the provider put another model there
    third = ask(database, judge, steady)
    by_judge = {test.judge: test for test in third.tests}
    assert by_judge["remote"].alarm
    assert by_judge["remote"].replayed == 60
    assert by_judge["remote"].level == pytest.approx(0.05 / 6)  # the second look: 1/(2·3)
    assert not by_judge["steady"].alarm
    assert "judge 'remote' HAS CHANGED" in third.summary
    assert canary_changed(by_judge["remote"]).figures["judge"] == "remote"
    draw(database)  # the new behaviour becomes the baseline
    assert compare_canaries(database) == []
    assert ask(database, judge, steady).tests == ()


def test_an_abstain_that_was_asked_again_is_no_round(database: Database) -> None:
    """Its row lies above all rounds: taken for the newest one, it would silence the alarm."""
    judge = world.fake()
    judged(database, judge)
    draw(database)
    ask(database, judge)
    with database.begin() as session:
        canaries = canary_set(session)
        assert canaries is not None
        before = canary_answers(session, canaries)
        vote = session.scalars(
            select(Vote).where(Vote.pair_id.in_(canaries.pair_ids), Vote.sample == 1)
        ).first()
        assert vote is not None
        vote.choice, vote.strength, vote.abstain_reason = Choice.ABSTAIN, None, "truncated"
        session.flush()
        assert ask_again(session, vote.judge_version_id, ["cut off"]) == 1
        assert canary_answers(session, canaries) == before


def test_canary_answers_are_no_opinions_on_the_pairs(database: Database) -> None:
    judge = world.fake()
    judged(database, judge)
    with database.read() as session:
        before = list(usable_votes(session))
        pairs = [Voted(pair_id, "", turned=False) for pair_id in session.scalars(select(Pair.id))]
        exported = len(list(export_votes(session, pairs, casters(session))))
    draw(database)
    ask(database, judge)
    assert votes(database) == PAIRS * 2 + 30 * 2 * 2
    with database.read() as session:
        assert list(usable_votes(session)) == before
        assert len(list(export_votes(session, pairs, casters(session)))) == exported
        canaries = select(func.count()).where(Vote.sample >= CANARY_SAMPLE)
        assert session.scalar(canaries) == 120
    assert world.run(database, judge).stored == 0  # and judging asks nothing more


def test_the_cap_leaves_a_round_open_and_the_next_call_goes_on(
    database: Database, server: Server
) -> None:
    judge = world.remote(server)
    judged(database, judge)
    draw(database)
    part = ask(database, judge, max_usd=0.02)
    assert part.open
    assert 0 < part.stored < 120
    assert part.cost_usd <= 0.02
    rest = ask(database, judge)
    assert (rest.round, rest.stored) == (1, 120 - part.stored)
    assert ask(database, judge).round == 2


def test_the_next_round_is_estimated_before_it_is_asked(database: Database, server: Server) -> None:
    judge, other = world.remote(server), world.fake("free")
    panel = world.parsed(judge, other)
    judged(database, judge, other)
    assert estimate_canaries(database, panel) is None  # none are drawn
    draw(database)
    first = estimate_canaries(database, panel)
    assert first is not None
    assert first.questions == 30 * 2 * 2 * 2  # two orders, twice the first time, two judges
    paid = estimate_canaries(database, panel, names=["remote"])
    assert paid is not None
    assert paid.questions == 120
    assert paid.expected_usd == first.expected_usd  # the other one is free
    part = ask(database, judge, other, max_usd=0.02)
    rest = estimate_canaries(database, panel)
    assert rest is not None
    assert rest.questions == 240 - part.stored  # of the round that was begun
    ask(database, judge, other)
    second = estimate_canaries(database, panel)
    assert second is not None
    assert second.questions == 120
    spent = ask(database, judge, other).cost_usd
    assert spent <= second.most_usd
    assert second.expected_usd == pytest.approx(spent, rel=0.35)
    told = replace(estimate(database, panel), canaries=second).summary
    assert "a round of canary pairs, beside that: 120 questions: expected $" in told


def test_a_killed_round_is_taken_up_and_a_newcomer_is_asked_twice(database: Database) -> None:
    one, two = world.fake("one"), world.fake("two", tier=1)
    judged(database, one)
    draw(database)
    with database.begin() as session:
        drawn = canary_set(session)
        assert drawn is not None
        assert open_round(session, drawn) == 1  # and here it was killed
    assert ask(database, one).round == 1
    second = ask(database, one, two)
    assert (second.round, second.stored) == (2, 60 + 120)
    assert [test.judge for test in second.tests] == ["one"]
    assert {test.judge for test in ask(database, one, two).tests} == {"one", "two"}


def test_what_a_killed_round_spent_counts_against_the_cap_of_all_its_judges(
    database: Database, server: Server
) -> None:
    old, new = world.fake("old"), world.remote(server)
    judged(database, old, new)
    draw(database)
    ask(database, old)
    with database.begin() as session:  # killed when the newcomer had cost $1
        run, _ = open_run(session, "judge", {}, NANO)
        set_aside(session, run.id, NANO, Asked("remote", "anthropic", "m"))
        run.pid = 2**22 + 1  # one more than Linux gives out
    with pytest.raises(BudgetSpent, match=r"the cap of \$1 leaves no room"):
        ask(database, old, new, max_usd=1.0)
    assert server.state.total_calls == PAIRS * 2  # those from before the set was drawn


def test_a_set_is_spread_over_prompts_and_the_same_seed_draws_it_again(database: Database) -> None:
    judged(database, world.fake())
    with database.begin() as session:
        first = asdict(draw_canaries(session, 10, seed=1))
        one = canary_set(session)
        draw_canaries(session, 10, seed=1)
        assert canary_set(session) == one
    assert first == {"pairs": 10, "prompts": 10}
    with database.begin() as session:
        draw_canaries(session, 0, seed=1)
        assert canary_set(session) is None


def test_what_cannot_be_drawn_or_asked_gets_one_sentence(database: Database) -> None:
    with database.begin() as session, pytest.raises(BadInput, match="5 canary pairs cannot be"):
        draw_canaries(session, 5, seed=1)
    with pytest.raises(UnknownName, match="tiebreak canaries draw"):
        ask(database, world.fake())
