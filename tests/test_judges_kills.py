"""Killed at any moment and run again: nothing lost, nothing asked twice but what was in flight."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from protocol_server import FAULTS, ODD, Script, Server, serving
from sqlalchemy import func, select
from test_judges_steps import add, cost_of, fake, remote

from db.models import Reservation, Run, Vote, VoteClaim
from db.runs import spent_nanousd
from db.session import Database
from db.vocabulary import Choice, RunStatus
from judges import panel, verdicts
from judges.in_flight import InFlight
from judges.prices import NANO
from judges.steps import estimate

ROOT = Path(__file__).resolve().parent.parent


def start(url: str, sections: dict[str, Any], cap: str = "none") -> "subprocess.Popen[bytes]":
    worker = Path(__file__).with_name("judge_worker.py")
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, str(worker), url, json.dumps(sections), cap],
        env=environ,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def wait_until(process: "subprocess.Popen[bytes]", ready: Callable[[], bool]) -> None:
    """Let it run until `ready`, or fail where it never is."""
    deadline = time.monotonic() + 120
    while not ready():
        assert process.poll() is None, "it finished before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.002)


def kill_when(process: "subprocess.Popen[bytes]", ready: Callable[[], bool]) -> None:
    """SIGKILL as soon as `ready`."""
    wait_until(process, ready)
    process.kill()
    process.communicate()


def finish(url: str, sections: dict[str, Any], cap: str = "none") -> str:
    process = start(url, sections, cap)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return output.decode()


def stored(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Vote)) or 0


def test_a_killed_run_asks_nothing_again_but_what_was_in_flight(
    any_database: Database, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    add(any_database, 150)
    url = any_database.engine.url.render_as_string(hide_password=False)
    options = {"latency": 0.05, "calls": str(calls)}
    sections = {"judge": [fake(options=options, concurrency=8)]}

    def asked() -> int:
        return len(calls.read_bytes().splitlines()) if calls.exists() else 0

    in_flight = 0
    for goal in (40, 120, 200):
        kill_when(start(url, sections), lambda goal=goal: asked() >= goal)  # type: ignore[misc]
        in_flight += asked() - in_flight - stored(any_database)
    assert "votes stored" in finish(url, sections)
    assert stored(any_database) == 300
    times = Counter(calls.read_text().split())
    assert len(times) == 300
    again = sum(times.values()) - 300
    assert again <= in_flight
    # In flight at a kill: 8 being asked, and the answers of the last moments waiting to be stored.
    assert in_flight <= 3 * (8 + 24)
    with any_database.read() as session:
        assert session.scalar(select(func.count()).select_from(VoteClaim)) == 0


def test_an_interrupted_run_stops_cleanly_and_is_resumed(
    database: Database, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    add(database, 100)
    url = database.engine.url.render_as_string(hide_password=False)
    sections = {"judge": [fake(options={"latency": 0.3, "calls": str(calls)}, concurrency=8)]}
    process = start(url, sections)
    wait_until(process, lambda: calls.exists() and calls.stat().st_size >= 500)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    with database.read() as session:
        run = session.get_one(Run, 1)
        assert (run.status, run.error) == (RunStatus.STOPPED, "interrupted")
        assert session.scalar(select(func.count()).select_from(VoteClaim)) == 0
    assert 0 < stored(database) < 200
    finish(url, sections)
    assert stored(database) == 200
    assert len(calls.read_text().split()) <= 200 + 8


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_a_stop_leaves_counted_as_spent(database: Database, how: signal.Signals) -> None:
    """Stored answers at their price, and at most: interrupted, the 4 that were in flight; killed,
    what was claimed and not stored, as nobody can say whether it had left."""
    add(database, 100)
    url = database.engine.url.render_as_string(hide_password=False)
    with serving(Script(latency=0.05)) as server:
        sections = {"judge": [remote(server, concurrency=4)]}
        places = InFlight(4).size
        bound = estimate(database, panel.parse(sections)).most_usd / 200 * 1.02  # ids differ
        process = start(url, sections)
        wait_until(process, lambda: server.state.total_calls >= 80)
        process.send_signal(how)
        process.communicate(timeout=60)
        with database.read() as session:
            paid = session.scalar(select(func.sum(Vote.cost_nanousd))) or 0
            open_questions = session.scalar(select(func.count()).select_from(VoteClaim)) or 0
            left = session.scalars(
                select(Reservation).where(Reservation.settled_nanousd.is_(None))
            ).all()
            spent = spent_nanousd(session)
        assert bool(left) is bool(open_questions) is (how is signal.SIGKILL)
        gathered = 24  # answers of the last moments, waiting to be stored
        assert open_questions <= places + gathered
        assert 0 < paid <= spent <= paid + (open_questions or 4) * bound * NANO


@pytest.mark.slow
def test_two_processes_share_the_work_and_ask_nothing_twice(
    postgres_database: Database, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    add(postgres_database, 300)
    url = postgres_database.engine.url.render_as_string(hide_password=False)
    options = {"latency": 0.05, "calls": str(calls)}
    sections = {"judge": [fake(options=options, concurrency=8)]}
    first = start(url, sections)
    wait_until(first, calls.exists)
    first.send_signal(signal.SIGSTOP)  # the second is late on a busy machine: the first waits
    begun = calls.stat().st_size
    second = start(url, sections)
    wait_until(second, lambda: calls.stat().st_size > begun)
    first.send_signal(signal.SIGCONT)
    both = [first, second]
    outputs = [process.communicate(timeout=120)[0].decode() for process in both]
    assert stored(postgres_database) == 600
    assert max(Counter(calls.read_text().split()).values()) == 1
    shares = [int(output.split()[0]) for output in outputs]
    assert sum(shares) == 600
    assert min(shares) > 50


def soak_panel(server: Server) -> dict[str, Any]:
    common = {"timeout": 0.5, "retries": 3, "concurrency": 32}
    return {
        "judge": [
            remote(server, "first", **common),
            remote(server, "second", **common, temperature=0.5),
            remote(
                server,
                "third",
                **{**common, "provider": "openai", "base_url": f"{server.url}/v1"},
            ),
        ]
    }


def soak(database: Database, pairs: int, seed: int) -> None:
    """Three judges, both orders, a tenth of the calls failing, three kills at random moments."""
    rng = random.Random(seed)
    add(database, pairs)
    url = database.engine.url.render_as_string(hide_password=False)
    wanted = pairs * 6
    cap = 1000.0
    in_flight = 0
    with serving(Script(faults=0.1, kinds=FAULTS + ODD, latency=0.01, hang=1.0)) as server:
        sections = soak_panel(server)
        for kill in range(3):
            goal = server.state.total_calls + wanted * rng.uniform(0.1, 0.25)
            process = start(url, sections, str(cap))
            kill_when(process, lambda goal=goal: server.state.total_calls >= goal)  # type: ignore[misc]
            server.wait_until_still()
            with database.read() as session:
                assert spent_nanousd(session) <= cap * NANO, kill
            in_flight += len(server.state.billed) - stored(database) - in_flight
        for _ in range(4):  # what failed three times in a run is asked by the next
            if "missing" not in finish(url, sections, str(cap)):
                break
        state = server.state
    with database.read() as session:
        rows = session.execute(select(Vote.raw, Vote.cost_nanousd)).all()
        given_up = session.execute(
            select(Vote.id, Vote.abstain_reason).where(Vote.choice == Choice.ABSTAIN)
        ).all()
        said = [
            (choice, name_of(verdicts.load(raw).text))
            for choice, raw in session.execute(select(Vote.choice, Vote.raw))
        ]
        duplicates = session.execute(
            select(Vote.pair_id)
            .group_by(Vote.pair_id, Vote.judge_version_id, Vote.order, Vote.sample)
            .having(func.count() > 1)
        ).all()
        spent = spent_nanousd(session)
        unsettled = session.scalar(
            select(func.count()).where(Reservation.settled_nanousd.is_(None))
        )
    assert len(rows) == wanted
    assert duplicates == []
    assert unsettled is not None
    answers = [name_of(verdicts.load(raw).text) for raw, _ in rows]
    costs = {name: cost for (_, cost), name in zip(rows, answers, strict=True) if name}
    told = costs.keys() - state.untold
    assert sum(costs[name] for name in told) == soak_cost(server, told)
    for name in costs.keys() & state.untold:  # at the most it can cost
        assert costs[name] > soak_cost(server, {name})
    refused = Counter(reason.partition(":")[0] for _, reason in given_up)
    by_server = state.faults["moderated"] + state.faults["rejected"] + state.faults["filtered"]
    given = refused["content filter"] + refused["rejected by the server"]
    assert 0 < given <= by_server  # one that was in flight at a kill is refused twice
    assert not {choice for choice, name in said if name and choice is Choice.TIE}
    assert sum(cost for _, cost in rows) <= spent <= cap * NANO
    # Every call beyond one a vote was a fault asked again, or was in flight at a kill.
    asked_again = state.total_calls - wanted
    again_by_fault = sum(
        state.faults[kind]
        for kind in (
            *("rate limit", "overloaded", "server error", "drop", "timeout", "not json"),
            *("gateway", "moderated", "rejected", "filtered"),
        )
    )
    assert asked_again <= again_by_fault + 3 * 3 * (32 + 64)


def name_of(text: str) -> str | None:
    """The server's number of an answer, where it wrote one into it."""
    _, found, rest = text.partition("[answer ")
    return f"answer_{rest.partition(']')[0]}" if found else None


def soak_cost(server: Server, names: set[str]) -> int:
    total = 0
    for name in names:
        usage = server.state.billed[name]
        if "input_tokens" in usage:
            total += cost_of(server, {name})
        else:
            cached = usage["prompt_tokens_details"]["cached_tokens"]  # type: ignore[index]
            fresh = usage["prompt_tokens"] - cached
            total += fresh * 1000 + cached * 100 + usage["completion_tokens"] * 5000
    return total


@pytest.mark.slow
def test_a_small_soak(database: Database) -> None:
    soak(database, pairs=50, seed=1)


@pytest.mark.slow
def test_the_soak(postgres_database: Database) -> None:
    soak(postgres_database, pairs=2000, seed=7)
