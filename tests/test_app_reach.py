"""What the verbs say of a judge's server: where it is, what it takes, whether it answers."""

import json
from pathlib import Path

import pytest
from dialects import FEW_LOGPROBS
from protocol_server import Script, Server, serving
from typer.testing import CliRunner

from app.cli import app

PAIRS = [{"prompt": f"q{n}", "response_a": "x", "response_b": "y"} for n in range(3)]


def told(*words: str) -> tuple[str, str]:
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    return " ".join(done.stdout.split()), done.stderr


def project(folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch, judge: str) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "good\n")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    Path("tiebreak.toml").write_text(f"[[judge]]\nname = 'gpt'\nprovider = 'openai'\n{judge}")
    Path("pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS))
    told("db", "upgrade")
    told("import", "pairs", "pairs.jsonl")


def test_a_run_says_once_where_it_asked_and_what_the_server_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Script(dialect=FEW_LOGPROBS["openai"][1])) as server:
        project(tmp_path, server, monkeypatch, "model = 'gpt-4.1-mini'\nlogprobs = true\n")
        out, err = told("judge", "--max-usd", "1")
        host = server.url.removeprefix("http://")
        assert "6 votes stored" in out
        assert err.count("note:") == 2
        assert f"note: judge 'gpt': asked at {host}, as OPENAI_BASE_URL in the environment" in err
        assert "counted at its vendor's prices" in err
        assert "takes top_logprobs of 5 and not of 20" in err
        out, _ = told("doctor")
        assert f"judge 'gpt' is asked at {host}, as OPENAI_BASE_URL" in out


def test_doctor_asks_servers_where_it_is_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Script(models=[{"id": "gpt-4.1-mini"}])) as server:
        project(tmp_path, server, monkeypatch, "model = 'gpt-4.1-mini'\n")
        assert "gpt answers and lists 'gpt-4.1-mini'" in told("doctor", "--ask")[0]
        before = len(server.state.heads)
        assert "answers" not in told("doctor")[0]
        assert len(server.state.heads) == before
    assert "MEND" in told("doctor", "--ask")[0]
