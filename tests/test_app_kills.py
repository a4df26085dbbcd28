"""SIGKILL at random moments, then the same command again: the cycle, a promotion, a training.

The moments are drawn by a seed; the processes are the command's own.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cycle_world import ROOT, fill, project
from protocol_server import Script, serving
from sqlalchemy import func, select
from test_judges_kills import name_of
from test_judges_steps import cost_of

from app.config import Config, load
from app.pipeline.cycle import run_cycle
from db.models import Checkpoint, Dataset, Event, GateDecision, Run, Vote, VoteClaim
from db.runs import NANO, spent_nanousd
from judges import verdicts
from trainer import steps
from trainer.export.selection import ExportOptions
from trainer.workspace import METADATA, read_metadata, weights_hash

PAID = """
max_usd = 5
[[judge]]
name = "paid"
provider = "anthropic"
model = "test-model"
base_url = "{url}"
prices = {{ input = 1.0, cached = 0.1, written = 1.25, output = 5.0 }}
concurrency = 4
max_tokens = 200
"""


def command(folder: Path, *words: str) -> "subprocess.Popen[str]":
    """A verb in a process of its own."""
    environ = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ANTHROPIC_API_KEY": "good"}
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", *words],
        cwd=folder,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed(process: "subprocess.Popen[str]", after: float, ready: Callable[[], bool]) -> bool:
    """SIGKILL so many seconds after it was `ready`; False where it had ended by then."""
    deadline = time.monotonic() + 120
    while process.poll() is None and not ready() and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return True
    process.communicate()
    return False


def finish(process: "subprocess.Popen[str]", *allowed: int) -> None:
    _, said = process.communicate(timeout=300)
    assert process.returncode in allowed, said


def count(config: Config, table: type) -> int:
    with config.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.slow
def test_a_cycle_that_pays_for_votes_killed_at_random_moments(tmp_path: Path) -> None:
    rng = random.Random(3)
    with serving(Script(latency=0.05, verdict=lambda user: rng.choice("12"))) as server:
        config = project(tmp_path, PAID.format(url=server.url))
        fill(config.cycle.inbox)
        kills, in_flight = 0, 0
        for goal in (1, 60, 150, 280):
            process = command(tmp_path, "cycle", "--json")
            kills += killed(
                process,
                rng.uniform(0, 0.3),
                lambda goal=goal: server.state.total_calls >= goal,  # type: ignore[misc]
            )
            server.wait_until_still()
            in_flight = len(server.state.billed) - _paid(config)
            with config.database.read() as session:
                assert spent_nanousd(session) <= 5 * NANO
        assert kills >= 3
        finish(command(tmp_path, "cycle", "--json"), 0, 3)
        billed, calls = cost_of(server), server.state.total_calls
        with config.database.read() as session:
            rows = session.execute(select(Vote.raw, Vote.cost_nanousd)).all()
            spent = spent_nanousd(session)
            runs = session.scalars(select(Run).where(Run.verb == "cycle")).all()
        told = {name for raw, cost in rows if cost and (name := name_of(verdicts.load(raw).text))}
        assert sum(cost for _, cost in rows) == cost_of(server, told)
        assert len(told) == 180 * 2  # every paid vote is a different answer of the server
        assert len(rows) == 180 * (2 + 2)
        assert billed <= spent <= 5 * NANO  # what was in flight at a kill stays counted as spent
        assert calls - 360 <= in_flight <= kills * 64
        assert len(runs) == 1
        assert count(config, VoteClaim) == 0
        assert count(config, Dataset) == 1
        assert count(config, GateDecision) == count(config, Checkpoint) == 1


def _paid(config: Config) -> int:
    with config.database.read() as session:
        return session.scalar(select(func.count()).where(Vote.cost_nanousd > 0)) or 0


@pytest.mark.slow
def test_a_promotion_killed_at_random_moments_is_whole_or_absent(tmp_path: Path) -> None:
    whole = project(tmp_path / "whole", "promote = false\n").path.parent
    fill(whole / "inbox")
    run_cycle(load(whole / "tiebreak.toml"))
    rng, kills, took = random.Random(5), 0, 60.0
    for number in range(20):  # each in a copy of its own, so that each has all of it before it
        folder = shutil.copytree(whole, tmp_path / str(number))
        config = load(folder / "tiebreak.toml")
        began = time.monotonic()
        if killed(command(folder, "promote"), rng.uniform(0.4, 1.0) * took, lambda: True):
            kills += 1
        else:  # it had ended: the next moments are drawn from the time that it took
            took = time.monotonic() - began
            assert _promoted(config) == ([("promoted", 1)], [1])
        made, active = _promoted(config)
        assert made in ([], [("promoted", 1)])
        assert active == ([1] if made else [])
        with config.database.read() as session:
            told = session.scalars(select(Event).where(Event.kind == "checkpoint.promoted")).all()
        assert len(told) == len(made)
        finish(command(folder, "promote"), 0)
        assert _promoted(config) == ([("promoted", 1)], [1])
        if kills == 3:
            break
    assert kills == 3


def _promoted(config: Config) -> tuple[list[tuple[str, int]], list[int]]:
    with config.database.read() as session:
        made = session.execute(
            select(GateDecision.verdict, Checkpoint.generation).join(
                Checkpoint, Checkpoint.id == GateDecision.checkpoint_id
            )
        )
        active = select(Checkpoint.generation).where(Checkpoint.active_at.is_not(None))
        return [tuple(row) for row in made], list(session.scalars(active))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_training_killed_at_random_moments_ends_with_the_same_weights(tmp_path: Path) -> None:
    config = project(tmp_path)
    text = config.path.read_text(encoding="utf-8")
    more = '[training]\nbase = "tiny"\nepochs = 4\nmax_length = 64'
    config.path.write_text(text.replace("[training]", more), encoding="utf-8")
    config = load(config.path)
    fill(config.cycle.inbox, 150, 0)
    run_cycle(config)
    steps.export(config.database, tmp_path / "set", ExportOptions(validation=0.1, test=0))
    whole = config.training.model_copy(update={"folder": tmp_path / "whole"})
    expected = steps.train_reward(config.database, whole, "set")
    seen = tmp_path / "checkpoints"
    rng, kills = random.Random(9), 0
    for snapshots, after in ((0, 0.0), (2, rng.uniform(0, 1.0))):

        def ready(snapshots: int = snapshots) -> bool:
            done = list(seen.glob(".reward*/snapshots/*/complete"))
            return any(seen.glob(".reward*")) and len(done) >= snapshots

        process = command(tmp_path, "train", "reward", "--dataset", "set")
        kills += killed(process, after, ready)
        for folder in seen.glob("reward*"):  # killed after it was published: whole, or not there
            assert read_metadata(folder)["content_hash"] == weights_hash(folder)
    assert kills
    finish(command(tmp_path, "train", "reward", "--dataset", "set"), 0)
    (made,) = seen.glob("reward*/" + METADATA)
    weights = [
        json.loads(path.read_text())["content_hash"]
        for path in (made, Path(expected.path) / METADATA)
    ]
    assert weights[0] == weights[1]
    assert not list(seen.glob(".reward*"))
    with config.database.read() as session:
        kinds = [c.kind.value for c in session.scalars(select(Checkpoint))]
    assert kinds.count("reward") == 1  # the same recipe on the same data is one checkpoint
