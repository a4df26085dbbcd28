"""Verbs that ask models, as a person types them: money is capped, and what is said is true."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from protocol_server import Script, Server, serving
from sqlalchemy import func, select
from typer.testing import CliRunner

from app.cli import app
from app.config import load
from db.errors import BadInput, UnknownName
from db.models import Run, VoteClaim
from db.vocabulary import RunStatus

PRICED = "prices = { input = 1.0, output = 5.0 }\nmodel = 'm'\nprovider = 'anthropic'\n"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Script()) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a judge and a writer that cost, and three prompts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIEBREAK_CONFIG", raising=False)
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "good")
    paid = f"{PRICED}base_url = '{server.url}'\n"
    text = f"[[judge]]\nname = 'j'\n{paid}[[generator]]\nname = 'w'\nsamples = 2\n{paid}"
    (tmp_path / "tiebreak.toml").write_text(text, encoding="utf-8")
    rows = [{"prompt": f"q{n}", "response_a": "x", "response_b": "y"} for n in range(3)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done("init")
    return tmp_path


def done(*words: str) -> str:
    result = CliRunner().invoke(app, words)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def told(*words: str) -> Any:
    return json.loads(done(*words, "--json"))


@pytest.mark.parametrize(
    ("verb", "who"),
    [
        (("judge",), "judge 'j'"),
        (("judge", "--cascade"), "judge 'j'"),
        (("judge", "--only", "j"), "judge 'j'"),
        (("principles", "hold-out", "worth-its-length", "--judge", "j"), "judge 'j'"),
        (("generate",), "generator 'w'"),
        (("revise",), "generator 'w'"),
    ],
)
def test_nobody_who_costs_is_asked_without_a_cap(
    folder: Path, server: Server, verb: tuple[str, ...], who: str
) -> None:
    done("import", "pairs", "pairs.jsonl")
    with pytest.raises(BadInput, match=f"{who} costs money and nothing caps it; give --max-usd"):
        done(*verb)
    assert server.state.total_calls == 0


def test_judging_and_writing_say_what_they_did(folder: Path) -> None:
    shown = CliRunner().invoke(app, ["judge", "--max-usd", "1"])
    assert "there are no pairs yet; bring some with `tiebreak import pairs FILE`" in shown.stderr
    done("import", "pairs", "pairs.jsonl")
    assert told("judge", "--max-usd", "1")["stored"] == 6
    before = told("status")["pairs"]
    made = told("generate", "--max-usd", "1")
    assert made["asked"] == 6  # two samples of three prompts
    assert made["pairs"] == told("status")["pairs"] - before > 0
    assert told("generate", "--max-usd", "1")["pairs"] == 0


def test_revisions_that_could_not_be_written_are_not_paid_for(folder: Path, server: Server) -> None:
    done("import", "pairs", "pairs.jsonl")
    with pytest.raises(BadInput, match=r"'nowhere/r.jsonl' cannot be written; name a file"):
        done("revise", "--max-usd", "1", "--out", "nowhere/r.jsonl")
    assert server.state.total_calls == 0


def test_a_judge_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(UnknownName, match="judge 'nobody' is not in the panel"):
        done("judge", "--only", "nobody")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("verb", ["judge", "generate"])
def test_a_stop_settles_frees_and_says_how_to_go_on(
    folder: Path, server: Server, verb: str, number: signal.Signals
) -> None:
    """SIGTERM and SIGHUP as Ctrl-C, also where they come twice; no question is paid again but those
    in flight, and no claim is left."""
    done("import", "pairs", "pairs.jsonl")
    code, said = stopped(folder, server, number, verb, "--max-usd", "1")
    assert code == 128 + number
    assert said.splitlines() == ["tiebreak: stopped; run the same command again to go on"]
    with load(folder / "tiebreak.toml").database.read() as session:
        ended = session.scalars(select(Run)).one()
        assert (ended.status, ended.error) == (RunStatus.STOPPED, "interrupted")
        assert session.scalar(select(func.count()).select_from(VoteClaim)) == 0
    assert told("status")["spent_usd"] > 0  # what had left may have been billed
    server.script.latency = 0.0
    again = told(verb, "--max-usd", "1")
    assert again["stored" if verb == "judge" else "asked"] == 6


def test_a_bill_puts_right_what_a_stop_left_in_doubt(folder: Path, server: Server) -> None:
    """One judge, stopped while six questions were away; the provider billed two of them."""
    done("import", "pairs", "pairs.jsonl")
    stopped(folder, server, signal.SIGTERM, "judge", "--max-usd", "1")
    left = told("status")
    assert left["spent_usd"] == left["reserved_usd"] > 0.001
    shown = CliRunner().invoke(app, ["doctor"]).stdout
    assert "`tiebreak money reconcile`" in " ".join(shown.split())
    with pytest.raises(BadInput, match="--billed-usd needs a --reason"):
        done("money", "reconcile", "--billed-usd", "0.001")
    with pytest.raises(BadInput, match="give the provider's file or --billed-usd"):
        done("money", "reconcile")
    (folder / "costs.csv").write_text("model,cost_usd\nm,0.0004\nm,0.0006\nother,7\n")
    planned = told("money", "reconcile", "costs.csv", "--model", "m", "--dry-run")
    assert told("status") == left
    freed = told("money", "reconcile", "costs.csv", "--model", "m", "--by", "eva")
    assert freed["freed_usd"] == planned["freed_usd"] == pytest.approx(left["spent_usd"] - 0.001)
    after = told("status")
    assert (after["spent_usd"], after["reserved_usd"]) == (0.001, 0)


@pytest.mark.parametrize("why", ["cap", "judge", "batch"])
def test_a_cycle_without_its_votes_stops_there_and_goes_on_next_time(
    folder: Path, server: Server, why: str
) -> None:
    done("import", "pairs", "pairs.jsonl")
    most = told("estimate")["most_usd"]
    cap, said = most, "6 of 6 votes are missing"
    if why == "cap":
        cap, said = most / 7, f"{said} (the cap of"  # a little less than one of six may cost
    elif why == "judge":
        server.script.key_works_for = 0
    else:
        server.script.batch_ready = False
        done("judge", "--batch", "--max-usd", "1")
        said += " (6 wait in batches at the provider)"
    stopped = CliRunner().invoke(app, ["cycle", "--max-usd", str(cap)])
    assert stopped.exit_code == 4
    assert said in stopped.stderr
    assert "run `tiebreak cycle` again, which goes on with it" in stopped.stderr
    page = (folder / "reports" / "cycle-1.html").read_text()  # whatever runs there were before
    assert "stopped at “judge”" in page
    assert "judging is not finished" in page
    assert told("status")["preferences"] == told("status")["fits"] == 0
    server.script.key_works_for, server.script.batch_ready = None, True
    again = CliRunner().invoke(app, ["cycle", "--max-usd", "1", "--json"])
    assert again.exit_code in (0, 3), again.stderr
    assert json.loads(again.stdout)["resumed"] is True
    assert told("status")["votes"] == 6


def test_a_cycle_goes_on_without_votes_where_that_is_allowed(folder: Path, server: Server) -> None:
    done("import", "pairs", "pairs.jsonl")
    cap = str(told("estimate")["most_usd"] / 7)
    with (folder / "tiebreak.toml").open("a") as config:
        config.write("[cycle]\nmissing_votes = 1\n")
    went_on = CliRunner().invoke(app, ["cycle", "--max-usd", cap, "--json"])
    assert went_on.exit_code == 3, went_on.stderr
    assert [alarm["kind"] for alarm in json.loads(went_on.stdout)["alarms"]] == ["spend"]
    assert told("cycle", "--dry-run", "--max-usd", cap)["goes_on"] is None


def test_a_cycle_that_is_told_to_end_goes_on_where_it_was(folder: Path, server: Server) -> None:
    done("import", "pairs", "pairs.jsonl")
    code, said = stopped(folder, server, signal.SIGTERM, "cycle", "--max-usd", "1")
    assert code == 143
    assert "cycle 1 stopped; run `tiebreak cycle` to go on" in said
    assert said.endswith("tiebreak: stopped; run the same command again to go on\n")
    server.script.latency = 0.0
    again = CliRunner().invoke(app, ["cycle", "--max-usd", "1", "--json"])
    assert again.exit_code in (0, 3), again.stderr
    assert json.loads(again.stdout)["resumed"] is True
    assert told("status")["votes"] == 6


def test_a_stop_that_is_to_be_ignored_is_ignored(folder: Path, server: Server) -> None:
    done("import", "pairs", "pairs.jsonl")
    server.script.latency = 0.5
    words = "trap '' HUP; exec " + " ".join([sys.executable, "-m", "app.cli", "judge"])
    judging = subprocess.Popen(["sh", "-c", f"{words} --max-usd 1"], cwd=folder)
    while server.state.in_flight == 0 and judging.poll() is None:
        time.sleep(0.02)
    judging.send_signal(signal.SIGHUP)
    assert judging.wait(120) == 0
    assert told("status")["votes"] == 6


def stopped(folder: Path, server: Server, number: signal.Signals, *words: str) -> tuple[int, str]:
    """Exit code and errors of a verb that was asking when the signal came, SIGTERM and SIGHUP
    twice."""
    server.script.latency = 30.0
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=folder,
    )  # fmt: skip
    while server.state.in_flight == 0 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(number)
    if number != signal.SIGINT:
        process.send_signal(number)
    said = process.communicate(timeout=120)[1]
    return process.returncode, said


def test_a_folder_or_a_pipe_that_takes_nothing_is_one_sentence(folder: Path) -> None:
    """Bars are for terminals: what is logged is what there is to say."""
    done("import", "pairs", "pairs.jsonl")
    tiebreak = [sys.executable, "-m", "app.cli"]
    with open("/dev/full", "w") as full:
        lost = subprocess.run(
            [*tiebreak, "status"], stdout=full, stderr=subprocess.PIPE, text=True, cwd=folder
        )
    assert lost.returncode == 1
    assert lost.stderr.splitlines() == [
        "tiebreak: No space left on device; mend that and run the same command again"
    ]
    (folder / "is-a-file").touch()
    nowhere = subprocess.run(
        [*tiebreak, "init", "--config", "is-a-file/x/tiebreak.toml"],
        capture_output=True, text=True, cwd=folder,
    )  # fmt: skip
    assert nowhere.returncode == 1
    (line,) = nowhere.stderr.splitlines()
    assert line.startswith("tiebreak: Not a directory '")
    quiet = subprocess.run([*tiebreak, "estimate"], capture_output=True, text=True, cwd=folder)
    assert (quiet.returncode, quiet.stderr) == (0, "")
