"""The weekly cycle: whole, repeated, failed and resumed, killed anywhere, never two at once."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cycle_world import fill, finish, project, start
from sqlalchemy import func, select
from typer.testing import CliRunner

from app.cli import app
from app.config import Config, load
from app.pipeline.cycle import plan_cycle, run_cycle
from app.pipeline.inbox import arrived
from app.pipeline.webhook import send
from db import cycles
from db.canaries import draw_canaries
from db.errors import BadInput, Conflict, Unavailable
from db.imports import ImportOptions, Kind, import_files
from db.models import Checkpoint, CycleStep, Dataset, GateDecision, Pair, Preference, Run, Vote
from db.session import Database
from db.status import status
from db.vocabulary import RunStatus
from judges.steps import estimate, run_judges
from review.replay import replay_labels


def steps(done: Any) -> dict[str, str]:
    return {step.name: step.status for step in done.steps}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return project(tmp_path)


def test_a_whole_week_from_the_inbox_to_a_promoted_judge_and_a_week_without_news(
    config: Config,
) -> None:
    fill(config.cycle.inbox)
    told: list[str] = []
    done = run_cycle(config, announce=told.append)
    assert any("\n" in step.line for step in done.steps)
    assert not any("\n" in line for line in told)  # a step of many sentences has a line for each
    assert steps(done)["train reward"] == "skipped"  # [cycle] train names the judge alone
    idle = {name for name, status in steps(done).items() if status != "done"}
    assert idle == {"train reward", "canaries", "gold", "retention"}  # off, none drawn, no age set
    assert arrived(config.cycle.inbox) == []
    assert len(list((config.cycle.inbox / "done").iterdir())) == 3
    with config.database.read() as session:
        (decision,) = session.scalars(select(GateDecision))
        (active,) = session.scalars(select(Checkpoint).where(Checkpoint.active_at.is_not(None)))
        run = cycles.finished(session)[0]
    assert (decision.verdict, active.generation) == ("promoted", 1)
    told = decision.figures["panels"]
    best = next(row for row in told["table"] if row["panel"] == told["best"])
    assert best["usd_change"]["high"] < 0  # the words that tell are the new judge's alone
    page = Path(done.report).read_text(encoding="utf-8")
    assert f"Cycle {cycles.number_of(run)}: promoted {active.name}" in page
    assert told["line"] in page
    assert "<script" not in page
    assert "http" not in page

    again = run_cycle(config)  # the promoted judge votes now; no label is new
    assert not again.resumed
    assert steps(again)["train judge"] == "skipped"
    with config.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Checkpoint)) == 1
        voters = session.scalar(select(func.count(Vote.judge_version_id.distinct())))
    assert voters == 3


def test_while_audits_wait_nothing_is_delivered_and_the_same_cycle_goes_on(tmp_path: Path) -> None:
    config = project(tmp_path)
    text = config.path.read_text().replace("review_share = 0.3", "target_error = 0.3")
    config.path.write_text(text.replace("gold_share = 0\n", "gold_share = 0.5\n"))
    config = load(config.path)
    inbox = config.cycle.inbox
    fill(inbox, 120, 0)
    answers = tmp_path / "answers.jsonl"
    (inbox / "labels-1.jsonl").rename(answers)
    (inbox / "gold-1.jsonl").unlink()
    first = run_cycle(config)
    assert "audits are to be answered before anything is delivered" in first.waits
    assert first.summary.startswith("cycle 1 waits: ")
    assert steps(first)["route"] == cycles.STOPPED
    assert {steps(first)[name] for name in ("merge", "export", "train judge")} == {cycles.WAITING}
    with config.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Preference)) == 0
    assert "Cycle 1 waits for people" in Path(first.report).read_text(encoding="utf-8")
    again = run_cycle(config)  # nobody has answered: it waits on
    assert (again.cycle, again.resumed, bool(again.waits)) == (1, True, True)

    labels = [json.loads(line) for line in answers.read_text().splitlines()]
    replay_labels(config.database, labels)
    done = run_cycle(config)
    assert (done.cycle, done.resumed, done.waits) == (1, True, "")
    assert set(steps(done).values()) <= {cycles.DONE, cycles.SKIPPED}
    grown = next(step for step in done.steps if step.name == "gold")
    assert "pairs drawn" in grown.line
    page = Path(done.report).read_text(encoding="utf-8")
    assert "The week, beside those before" in page

    run_judges(config.database, config.panel)  # a run of another verb takes no number
    later = run_cycle(config)
    assert later.cycle == 2
    assert later.report.endswith("cycle-2.html")
    with config.database.read() as session:
        run = cycles.finished(session)[0]
    assert run.summary["week"]["number"] == 2
    assert run.summary["totals"]["answers"] > 0


def test_a_dry_run_says_the_plan_and_changes_nothing(config: Config) -> None:
    fill(config.cycle.inbox, 5, 2)
    with config.database.read() as session:
        before = status(session)
    planned = plan_cycle(config)
    with config.database.read() as session:
        assert status(session) == before
        assert cycles.newest(session) is None
    assert [f["kind"] for f in planned.files] == ["pairs", "gold", "labels"]
    assert "take in pairs-1.jsonl, gold-1.jsonl, labels-1.jsonl" in planned.summary
    assert "expected cost of judging: $0.0000" in planned.summary
    assert planned.new_pairs == 7


def test_a_dry_run_counts_the_pairs_still_in_the_inbox(tmp_path: Path) -> None:
    """The plan's cost before the import is what the estimate says after it."""
    paid = '[[judge]]\nname = "c"\nprovider = "anthropic"\nmodel = "claude-haiku-4-5"\n'
    config = project(tmp_path, "")
    config.path.write_text(config.path.read_text() + paid, encoding="utf-8")
    config = load(config.path)
    inbox = config.cycle.inbox
    fill(inbox, 4, 0)
    rows = (inbox / "pairs-1.jsonl").read_text().splitlines()
    (inbox / "pairs-2.jsonl").write_text("\n".join([*rows, "broken"]))  # the same pairs again
    three = {"prompt": "q", "responses": ["x", "y", "z"]}
    (inbox / "candidates-1.jsonl").write_text(json.dumps(three))
    ranked = {"prompt": "r", "annotator": "eva", "responses": ["x", "y"], "ranking": ["r2", "r1"]}
    (inbox / "rankings-1.jsonl").write_text(json.dumps(ranked))
    planned = plan_cycle(config, max_usd=1)
    assert planned.new_pairs == 4 + 3 + 1
    for found in arrived(inbox):
        rejects = ImportOptions(rejects=tmp_path / "rejects.jsonl")
        import_files(config.database, Kind(found.kind), [found.path], rejects)
    after = estimate(config.database, config.panel, names=["c"])
    assert after.questions == 8 * 2
    assert planned.expected_usd == pytest.approx(after.expected_usd)
    again = plan_cycle(config, max_usd=1)  # the files still lie there, and are known by now
    assert (again.new_pairs, again.expected_usd) == (0, pytest.approx(after.expected_usd))
    assert again.canaries_usd == 0
    run_judges(config.database, config.panel, names=["detail"])
    with config.database.begin() as session:
        draw_canaries(session, 8, seed=7)
    drawn = plan_cycle(config, max_usd=1)
    # every pair is drawn, and the first round asks twice what judging asks once
    assert drawn.canaries_usd == pytest.approx(2 * drawn.expected_usd)
    assert f"and ${drawn.canaries_usd:.4f} for canary pairs" in drawn.summary


def test_a_priced_panel_needs_a_cap_before_anything_is_touched(tmp_path: Path) -> None:
    paid = '[[judge]]\nname = "c"\nprovider = "anthropic"\nmodel = "claude-haiku-4-5"\n'
    config = project(tmp_path, "")
    path = tmp_path / "tiebreak.toml"
    path.write_text(path.read_text() + paid, encoding="utf-8")
    config = load(path)
    fill(config.cycle.inbox, 3, 0)
    with pytest.raises(BadInput, match="judge 'c' costs money and nothing caps it"):
        run_cycle(config)
    assert len(arrived(config.cycle.inbox)) == 3
    with config.database.read() as session:
        assert cycles.newest(session) is None


def test_a_failed_step_is_told_and_the_same_cycle_goes_on_there(config: Config) -> None:
    fill(config.cycle.inbox, 40, 25)
    config.cycle.datasets.write_text("in the way", encoding="utf-8")
    with pytest.raises(Unavailable, match="mend that and run `tiebreak cycle` again"):
        run_cycle(config)
    with config.database.read() as session:
        run = cycles.newest(session)
        assert run is not None
        assert run.status is RunStatus.FAILED
        failed = [s.name for s in cycles.steps_of(session, run.id) if s.status == cycles.FAILED]
    assert failed == ["export"]
    page = (config.cycle.reports / f"cycle-{run.id}.html").read_text(encoding="utf-8")
    assert "stopped at “export”" in page
    config.cycle.datasets.unlink()
    done = run_cycle(config)
    assert (done.run, done.resumed) == (run.id, True)
    with config.database.read() as session:
        assert session.scalar(select(func.count()).where(Run.verb == cycles.VERB)) == 1


def test_an_unfinished_cycle_can_be_left_for_a_new_one(config: Config) -> None:
    with config.database.begin() as session:
        first = cycles.begin(session, ["import"], {}, None).id
    done = run_cycle(config, anew=True)
    assert done.run != first
    with config.database.read() as session:
        assert cycles.get(session, first).status is RunStatus.STOPPED


def test_two_cycles_never_run_at_once(any_database: Database) -> None:
    with cycles.only_cycle(any_database):
        second = cycles.only_cycle(any_database)
        with pytest.raises(Conflict, match="two never run at once"), second:
            pass
        with any_database.begin() as session:  # everybody else goes on working
            cycles.begin(session, ["import"], {}, None)
    with cycles.only_cycle(any_database):
        pass


def test_a_file_that_cannot_be_read_rings_and_stops_nothing(config: Config) -> None:
    fill(config.cycle.inbox, 3, 0)
    (config.cycle.inbox / "votes.jsonl.gz").write_bytes(b"not gzip")
    (config.cycle.inbox / "notes.jsonl").write_text("{}\n")
    (config.cycle.inbox / "pairs-2.jsonl.part").write_text("{")
    done = run_cycle(config)
    (alarm,) = [a for a in done.alarms if a["kind"] == "import"]
    assert "votes.jsonl.gz was refused" in alarm["sentence"]
    assert (config.cycle.inbox / "refused" / "votes.jsonl.gz").exists()
    assert any("notes.jsonl" in line for line in done.look)
    assert (config.cycle.inbox / "pairs-2.jsonl.part").exists()
    with config.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Pair)) == 3


KILLED_AT = ("import", "judge", "export", "train judge", "gate")


@pytest.mark.parametrize("moment", [0.0, pytest.param(0.03, marks=pytest.mark.slow)])
def test_killed_at_every_step_and_run_again_nothing_is_lost_and_nothing_promoted_by_half(
    config: Config, moment: float
) -> None:
    fill(config.cycle.inbox)
    caught = [step for step in KILLED_AT if _killed_in(config, step, moment)]
    assert caught, "no kill hit a running step"
    code, done, said = finish(start(config.folder))
    assert code in (0, 3), said
    with config.database.read() as session:
        assert session.scalar(select(func.count()).where(Run.verb == cycles.VERB)) == 1
        found = {s.name: s.status for s in cycles.steps_of(session, done["run"])}
        votes = session.scalar(select(func.count()).select_from(Vote))
        standing = session.scalars(
            select(Preference.pair_id).where(Preference.superseded_at.is_(None))
        ).all()
        made = session.scalars(select(Checkpoint)).all()
        decisions = session.scalars(select(GateDecision)).all()
        datasets = session.scalars(select(Dataset)).all()
    assert set(found.values()) <= {"done", "skipped"}
    assert votes == 180 * 2
    assert max(Counter(standing).values()) == 1
    assert [(d.checkpoint_id, d.verdict) for d in decisions] == [(made[0].id, "promoted")]
    assert [(c.generation, c.active_at is not None) for c in made] == [(1, True)]
    assert len(datasets) == 1
    assert len(list((config.cycle.inbox / "done").glob("*.jsonl"))) == 3


def _killed_in(config: Config, step: str, moment: float) -> bool:
    """SIGKILL a moment after a step began; False where it had ended by then."""
    process = start(config.folder)
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        with config.database.read() as session:
            query = select(CycleStep.status).where(CycleStep.name == step)
            if session.scalar(query.order_by(CycleStep.id.desc()).limit(1)) == cycles.RUNNING:
                break
        time.sleep(0.01)
    time.sleep(moment)
    process.kill()
    process.communicate()
    with config.database.read() as session:
        return session.scalar(select(CycleStep.status).where(CycleStep.name == step)) == "running"


@pytest.fixture
def listener() -> Iterator[tuple[str, list[Any]]]:
    """A web server on loopback that keeps what it is told."""
    told: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500 if self.path == "/broken" else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", told
    server.shutdown()
    server.server_close()


def test_alarms_reach_the_webhook_and_the_exit_code_says_so(
    config: Config, listener: tuple[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, told = listener
    config.cycle.inbox.mkdir()
    (config.cycle.inbox / "pairs.jsonl").write_text("no\n")
    monkeypatch.setenv("TIEBREAK_WEBHOOK", f"{address}/secret-token")
    result = CliRunner().invoke(
        app, ["cycle", "--config", str(config.path)], catch_exceptions=False
    )
    assert result.exit_code == 3
    assert "secret-token" not in result.output
    (message,) = told
    assert message["state"] == "alarms"
    assert "pairs.jsonl was refused" in message["text"]
    assert [a["kind"] for a in message["alarms"]] == ["import"]


def test_a_webhook_that_fails_is_told_and_never_raises(listener: tuple[str, list[Any]]) -> None:
    address, _ = listener
    assert "answered 500" in send(f"{address}/broken", {})
    assert "not delivered" in send("http://127.0.0.1:1/key", {}, seconds=2)
    assert "key" not in send("http://127.0.0.1:1/key", {}, seconds=2)
    assert "not delivered" in send("no address", {})
