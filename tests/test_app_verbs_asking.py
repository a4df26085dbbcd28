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
from typer.testing import CliRunner

from app.cli import app
from db.errors import BadInput, UnknownName

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


def test_ctrl_c_says_how_to_go_on(folder: Path, server: Server) -> None:
    done("import", "pairs", "pairs.jsonl")
    server.script.latency = 30.0
    judging = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "judge", "--max-usd", "1"],
        stderr=subprocess.PIPE, text=True, cwd=folder,
    )  # fmt: skip
    while server.state.in_flight == 0 and judging.poll() is None:
        time.sleep(0.05)
    judging.send_signal(signal.SIGINT)
    said = judging.communicate(timeout=120)[1]
    assert judging.returncode == 130
    assert said.splitlines() == ["tiebreak: stopped; run the same command again to go on"]
    server.script.latency = 0.0
    assert told("judge", "--max-usd", "1")["stored"] == 6


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
