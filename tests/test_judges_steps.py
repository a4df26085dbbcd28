"""The whole step: a panel asked into a database, resumed, capped, pooled."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from protocol_server import Script, Server, serving
from sqlalchemy import func, select, update

from db.batch_list import drop_job
from db.candidates import NewCandidate
from db.errors import BadInput, BudgetSpent, KeyRefused, Unavailable, UnknownName
from db.models import BatchJob, ConsensusFit, Reservation, Run, Vote, VoteClaim
from db.pairs import NewPair, add_pairs
from db.runs import spent_nanousd, start_run
from db.session import Database
from db.spending import reserved_money
from db.types import now
from db.vocabulary import Choice, Order, RunStatus
from judges import panel, steps
from judges.judge_config import JudgeConfig
from judges.panel import Panel
from judges.prices import NANO
from judges.results import JudgeRun


def add(database: Database, count: int) -> None:
    """Pairs whose response A is longer."""
    rows = [
        NewPair(
            [{"role": "user", "content": f"Question {n}?"}],
            NewCandidate(f"A longer answer to question {n}."),
            NewCandidate(f"Short {n}."),
            f"pair-{n}",
        )
        for n in range(count)
    ]
    with database.begin() as session:
        add_pairs(session, rows)


def fake(name: str = "fake", **more: Any) -> dict[str, Any]:
    options = more.pop("options", {})
    return {"name": name, "provider": "fake", "model": name, "options": options, **more}


def remote(server: Server, name: str = "remote", **more: Any) -> dict[str, Any]:
    prices = {"input": 1.0, "cached": 0.1, "written": 1.25, "output": 5.0}
    return {
        "name": name,
        "provider": "anthropic",
        "model": "test-model",
        "base_url": server.url,
        "prices": prices,
        "timeout": 5.0,
        "retries": 2,
        "max_tokens": 200,
        **more,
    }


def parsed(*judges: dict[str, Any]) -> Panel:
    return panel.parse({"judge": list(judges)}, allow_fake=True)


def run(database: Database, *judges: dict[str, Any], **more: Any) -> JudgeRun:
    more.setdefault("environ", {"ANTHROPIC_API_KEY": "good"})
    more.setdefault("pauses", (0.01, 0.01))
    return steps.run_judges(database, parsed(*judges), **more)


def votes(database: Database) -> list[Vote]:
    with database.read() as session:
        return list(session.scalars(select(Vote).order_by(Vote.id)))


def count(database: Database, table: Any) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_every_judge_votes_once_in_each_order(any_database: Database) -> None:
    add(any_database, 30)
    done = run(any_database, fake("one"), fake("two", samples=2))
    assert done.stored == 30 * 2 * 1 + 30 * 2 * 2
    assert {vote.choice for vote in votes(any_database)} == {Choice.A}  # A is longer in both orders
    again = run(any_database, fake("one"), fake("two", samples=2))
    assert again.stored == 0
    assert count(any_database, VoteClaim) == 0


def test_a_judge_who_always_picks_the_first_contradicts_itself(database: Database) -> None:
    add(database, 5)
    run(database, fake(options={"verdict": "1"}))
    said = Counter((vote.order, vote.choice) for vote in votes(database))
    assert said == {(Order.AB, Choice.A): 5, (Order.BA, Choice.B): 5}


def test_only_the_rungs_asked_for(database: Database) -> None:
    add(database, 10)
    judge = fake(samples=3)
    first = run(database, judge, within=[1, 2, 3], orders=[Order.AB], samples=[1])
    assert first.stored == 3
    second = run(database, judge, within=[2], orders=[Order.AB, Order.BA], samples=[1, 2])
    assert second.stored == 3  # the fourth is there already
    assert run(database, judge).stored == 10 * 2 * 3 - 6


def test_tiers_are_asked_one_at_a_time(database: Database) -> None:
    add(database, 4)
    judges = [fake("cheap"), fake("dear", tier=2)]
    assert set(run(database, *judges, tier=2).tallies) == {"dear"}
    with pytest.raises(UnknownName, match="tier 3 has no judges"):
        run(database, *judges, tier=3)


def test_what_cannot_be_read_is_an_abstain_that_is_kept(database: Database) -> None:
    add(database, 3)
    done = run(database, fake(options={"verdict": "both lovely"}))
    assert done.abstained == 6
    vote = votes(database)[0]
    assert vote.choice is Choice.ABSTAIN
    assert vote.abstain_reason == "no verdict"
    assert "both lovely" in str(vote.raw)


def test_a_changed_judge_is_asked_anew(database: Database) -> None:
    add(database, 3)
    run(database, fake())
    assert (
        run(database, fake(concurrency=7, timeout=9.0, prices={"input": 1, "output": 1})).stored
        == 0
    )
    assert run(database, fake(output="text")).stored == 6


def test_spend_is_what_was_billed_and_settled(any_database: Database) -> None:
    with serving() as server:
        add(any_database, 40)
        done = run(any_database, remote(server))
        billed = cost_of(server)
    assert done.stored == 80
    assert round(done.cost_usd * NANO) == billed
    with any_database.read() as session:
        assert spent_nanousd(session) == billed
        open_blocks = session.scalars(
            select(Reservation).where(Reservation.settled_nanousd.is_(None))
        ).all()
    assert open_blocks == []


def cost_of(server: Server, names: set[str] | None = None) -> int:
    """In nano-dollars at the prices of `remote`: 1, .1, 1.25 and 5 dollars a million tokens."""
    return sum(
        usage["input_tokens"] * 1000
        + usage["cache_read_input_tokens"] * 100
        + usage["cache_creation_input_tokens"] * 1250
        + usage["output_tokens"] * 5000
        for name, usage in server.state.billed.items()
        if names is None or name in names
    )


def test_the_cap_is_never_passed_and_a_higher_one_goes_on(database: Database) -> None:
    with serving() as server:
        add(database, 60)
        first = run(
            database, remote(server), remote(server, "other", temperature=0.5), max_usd=0.05
        )
        spent = cost_of(server)
        assert first.capped
        assert 0 < spent <= 0.05 * NANO
        # What is left is less than one question's upper bound, about half a cent each.
        assert spent > 0.05 * NANO - 0.012 * NANO
        assert first.stored == server.state.total_calls
        rest = run(database, remote(server), remote(server, "other", temperature=0.5))
    assert first.stored + rest.stored == 240
    assert server.state.total_calls == 240


def test_a_cap_too_small_for_anything_says_so(database: Database) -> None:
    with serving() as server:
        add(database, 2)
        with pytest.raises(BudgetSpent, match="no room for a single question"):
            run(database, remote(server), max_usd=0.0001)
        assert server.state.total_calls == 0


def test_a_lost_answer_stays_spent_and_is_asked_again(database: Database) -> None:
    with serving(Script(faults=0.3, kinds=("drop",))) as server:
        add(database, 30)
        done = run(database, remote(server), max_usd=5)
    lost = server.state.faults["drop"]
    assert lost > 3
    with database.read() as session:
        spent = spent_nanousd(session)
    assert done.stored >= 54  # passes go on while they bring answers
    assert spent > sum(vote.cost_nanousd for vote in votes(database))
    assert spent <= 5 * NANO


def test_a_missing_key_stops_before_anything_is_asked(database: Database) -> None:
    with serving() as server:
        add(database, 2)
        with pytest.raises(KeyRefused, match="'ANTHROPIC_API_KEY'"):
            run(database, fake(), remote(server), environ={})
    assert count(database, Vote) == 0


def test_a_key_that_expires_stops_its_judge_at_once_and_the_others_go_on(
    database: Database,
) -> None:
    with serving(Script(key_works_for=20)) as server:
        add(database, 50)
        done = run(database, fake(), remote(server, concurrency=4))
        assert server.state.total_calls == 20
    assert done.tallies["fake"].stored == 100
    assert done.tallies["remote"].stored == 20
    assert len(done.problems) == 1
    assert "key in ANTHROPIC_API_KEY is refused" in done.problems[0]
    assert "80 missing" in done.summary
    with database.read() as session:
        assert session.get_one(Run, done.run_id).status is RunStatus.STOPPED


def test_a_provider_that_is_down_does_not_hold_up_the_others(database: Database) -> None:
    with serving(Script(down=True)) as server:
        add(database, 50)
        done = run(database, fake(), remote(server, retries=0, concurrency=4))
        # Five failures open the circuit, what is in flight comes back, then two careful tries.
        assert server.state.total_calls <= 5 + 4 + 2
        assert done.tallies["fake"].stored == 100
        assert "the server fails (HTTP 500: oops)" in done.problems[0]
        with pytest.raises(Unavailable):
            run(database, remote(server, retries=0, concurrency=4))


def test_the_claim_on_a_question_that_waits_is_renewed(
    any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run, begun when the first one's claims would have run out, asks nothing."""
    monkeypatch.setattr(JudgeConfig, "lasts", timedelta(seconds=1.5))
    add(any_database, 3)
    with serving(Script(latency=2.5)) as server, ThreadPoolExecutor(1) as other:
        first = other.submit(run, any_database, remote(server))
        time.sleep(2)
        second = run(any_database, remote(server))
        done = first.result()
    assert (done.stored, second.stored, server.state.total_calls) == (6, 0, 6)


def test_fitting_twice_changes_nothing(database: Database) -> None:
    add(database, 12)
    with pytest.raises(UnknownName, match="no votes"):
        steps.fit_consensus(database, "majority")
    run(database, fake("one"), fake("two", options={"verdict": "2"}))
    for model in ("majority", "dawid-skene", "tiebreak"):
        first = steps.fit_consensus(database, model)
        second = steps.fit_consensus(database, model)
        assert (first.new, second.new) == (True, False)
        assert first.fit_id == second.fit_id
        assert (first.pairs, first.votes) == (12, 48)
    with database.read() as session:
        fit = session.get_one(ConsensusFit, 1)
    figures = {row["judge"]: row for row in fit.raters}
    assert figures["one"]["agreement"] == 1.0
    assert figures["two"]["flips"] == 1.0


def test_the_estimate_holds_what_is_then_spent(database: Database) -> None:
    with serving() as server:
        add(database, 25)
        judges = parsed(remote(server), fake())
        before = steps.estimate(database, judges)
        assert before.questions == 100
        assert server.state.total_calls == 0
        assert before.example is not None
        assert "P| Question 0?" in before.example
        run(database, remote(server), fake())
        spent = cost_of(server) / NANO
        assert 0 < spent <= before.most_usd
        assert spent / 8 < before.expected_usd < spent * 8  # the server writes short answers
        assert steps.estimate(database, judges).questions == 0
        with database.read() as session:
            assert session.scalar(select(func.count()).select_from(Run)) == 1


def test_an_estimate_learns_from_answers_stored(database: Database) -> None:
    with serving() as server:
        add(database, 40)
        run(database, remote(server), within=list(range(1, 21)))
        spent = cost_of(server) / NANO
        left = steps.estimate(database, parsed(remote(server)))
    assert left.questions == 40
    assert left.expected_usd == pytest.approx(spent, rel=0.35)


def test_answers_are_read_again_without_a_call(any_database: Database) -> None:
    add(any_database, 4)
    run(any_database, fake(options={"verdict": "VERDICT: 2 (much)"}))
    with any_database.begin() as session:  # as an older parser might have left them
        for vote in session.scalars(select(Vote).where(Vote.order == Order.AB)):
            vote.choice, vote.strength, vote.abstain_reason = Choice.ABSTAIN, None, "no verdict"
    done = steps.reparse(any_database)
    assert (done.read, done.changed, done.abstains_before, done.abstains_after) == (8, 4, 4, 0)
    assert {(v.order, v.choice, v.strength) for v in votes(any_database)} == {
        (Order.AB, Choice.B, 2),
        (Order.BA, Choice.A, 2),
    }
    assert steps.reparse(any_database).changed == 0


def batched(server: Server, provider: str) -> dict[str, Any]:
    url = server.url if provider == "anthropic" else f"{server.url}/v1"
    return remote(server, provider=provider, base_url=url)


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
def test_batches_are_sent_once_collected_later_and_billed_at_half(
    database: Database, provider: str
) -> None:
    keys = {"ANTHROPIC_API_KEY": "good", "OPENAI_API_KEY": "good"}
    script = Script(batch_ready=False, batch_failures=3)
    with serving(script) as server:
        add(database, 20)
        judge = batched(server, provider)
        sent = run(database, judge, batch=True, environ=keys, max_usd=5)
        assert (sent.stored, sent.waiting) == (0, 40)
        waiting = run(database, judge, batch=True, environ=keys)
        assert (waiting.stored, waiting.waiting, len(server.state.batches)) == (0, 40, 1)
        script.batch_ready = True
        # Three requests failed: they are sent again, in a job of their own.
        collected = run(database, judge, batch=True, environ=keys)
        assert (collected.stored, collected.waiting) == (37, 3)
        last = run(database, judge, environ=keys)
        assert (last.stored, last.missing) == (3, 0)
    assert server.state.total_calls == 43
    stored = votes(database)
    assert len(stored) == 40
    with database.read() as session:
        assert spent_nanousd(session) == sum(vote.cost_nanousd for vote in stored)
    one = stored[0]
    assert one.input_tokens is not None
    assert one.cached_tokens is not None
    assert one.output_tokens is not None
    half = (one.cached_tokens * 100 + one.output_tokens * 5000) / 2
    # Input that was written into the cache costs 1.25 times as much as other input.
    assert half + one.input_tokens * 500 <= one.cost_nanousd <= half + one.input_tokens * 625 + 1


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
def test_a_batch_sent_by_a_run_that_died_before_it_knew_the_id_is_found_again(
    database: Database, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"ANTHROPIC_API_KEY": "good", "OPENAI_API_KEY": "good"}
    with serving() as server:
        add(database, 5)
        judge = batched(server, provider)

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr("judges.batching.submitted", die)
            with pytest.raises(KeyboardInterrupt):
                run(database, judge, batch=True, environ=keys)
        with database.begin() as session:  # the process is gone
            session.get_one(Run, 1).pid = 2**22 + 1
        again = run(database, judge, batch=True, environ=keys)
    assert again.stored == 10
    assert len(server.state.batches) == 1


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
@pytest.mark.parametrize("fault", [400, 401, 429, 529, "unreachable"])
def test_money_of_a_batch_that_certainly_was_not_taken_is_free_at_once(
    database: Database, provider: str, fault: int | str
) -> None:
    keys = {"ANTHROPIC_API_KEY": "good", "OPENAI_API_KEY": "good"}
    with serving(Script(batch_fault=None if fault == "unreachable" else fault)) as server:
        add(database, 5)
        judge = batched(server, provider)
        if fault == "unreachable":
            nobody = "http://127.0.0.1:9" + ("/v1" if provider == "openai" else "")
            judge |= {"base_url": nobody, "retries": 0}
        with pytest.raises((Unavailable, BadInput), match="nothing stays set aside"):
            run(database, judge, batch=True, environ=keys, max_usd=5)
        with database.read() as session:
            assert (spent_nanousd(session), reserved_money(session).total) == (0, 0)
            state = "failed" if fault == 400 else "unsent"
            assert session.scalars(select(BatchJob.state)).all() == [state]
            assert session.scalar(select(func.count()).select_from(VoteClaim)) == 0
        server.script.batch_fault = None
        assert len(server.state.batches) == len(server.state.files) == 0
        if fault == 400:  # refused as it is: not sent again until a person lifts it
            with pytest.raises(Unavailable, match=r"its last batch \(1\) was refused or lost"):
                run(database, batched(server, provider), batch=True, environ=keys, max_usd=5)
            with database.begin() as session:
                drop_job(session, 1, "somebody", None)
        sent = run(database, batched(server, provider), batch=True, environ=keys, max_usd=5)
        assert sent.waiting + sent.stored == 10
        assert len(server.state.batches) == 1


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
@pytest.mark.parametrize("fault", [500, "dropped"])
def test_money_of_a_batch_that_may_have_been_taken_stays_set_aside_until_it_is_found(
    database: Database, provider: str, fault: int | str
) -> None:
    keys = {"ANTHROPIC_API_KEY": "good", "OPENAI_API_KEY": "good"}
    script = Script(batch_fault=fault)
    with serving(script) as server:
        add(database, 5)
        judge = batched(server, provider)
        with pytest.raises(Unavailable, match="stays set aside"):
            run(database, judge, batch=True, environ=keys, max_usd=5)
        with database.read() as session:
            kept = reserved_money(session)
            assert (kept.jobs, kept.working, kept.unknown) == (1, 0, 0)
            assert 0 < kept.in_batches == kept.total == spent_nanousd(session)
        assert len(server.state.batches) == (fault == "dropped")  # sent once, never by itself again
        script.batch_fault = None
        again = run(database, judge, batch=True, environ=keys, max_usd=5)
        if fault == "dropped":
            assert (again.stored, len(server.state.batches)) == (10, 1)
        else:  # no batch bears its mark; nobody asks again while it may still turn up
            assert (again.stored, again.waiting) == (0, 10)


def test_nobody_asks_directly_what_lies_in_a_batch(database: Database) -> None:
    with serving(Script(batch_ready=False)) as server:
        add(database, 5)
        run(database, remote(server), batch=True)
        direct = run(database, remote(server))
        assert (direct.stored, direct.waiting) == (0, 10)
        assert server.state.total_calls == 0


def test_claims_of_a_dead_run_are_free_at_once_and_those_of_another_machine_in_time(
    database: Database,
) -> None:
    add(database, 3)
    run(database, fake(), within=[1])
    with database.begin() as session:
        here = start_run(session, "judge", {})
        here.process = "one that is gone"
        there = start_run(session, "judge", {})
        there.host = "elsewhere"
        for pair_id, owner in ((2, here), (3, there)):
            session.add(
                VoteClaim(
                    pair_id=pair_id,
                    judge_version_id=1,
                    order=Order.AB,
                    sample=1,
                    run_id=owner.id,
                    expires_at=now() + timedelta(minutes=5),
                )
            )
    done = run(database, fake())
    assert (done.stored, done.missing) == (3, 1)  # pair 3 in order ab is somebody else's
    with database.begin() as session:
        session.execute(update(VoteClaim).values(expires_at=now() - timedelta(seconds=1)))
    assert run(database, fake()).stored == 1
    with database.read() as session:
        statuses = {r.id: r.status for r in session.scalars(select(Run))}
    assert statuses[here.id] is RunStatus.FAILED
    assert statuses[there.id] is RunStatus.FAILED


def test_judges_of_one_limit_share_its_pace(database: Database) -> None:
    """40 requests at 20 a second, of which one second's worth may leave at once: 0.95 s at least.

    Each judge alone asks 20, which would all leave at once.
    """
    sections = {
        "limits": {"key": {"requests_per_minute": 1200, "tokens_per_minute": 10**9}},
        "judge": [fake("one", limit="key"), fake("two", limit="key", orders="ab", samples=2)],
    }
    limited = panel.parse(sections, allow_fake=True)
    add(database, 10)
    began = time.monotonic()
    done = steps.run_judges(database, limited, environ={})
    assert done.stored == 40
    assert time.monotonic() - began >= 0.95
    free = panel.parse({"judge": sections["judge"], "limits": sections["limits"]}, allow_fake=True)
    assert free.judge[0].version(free.rules) == parsed(fake("one")).judge[0].version(free.rules)
