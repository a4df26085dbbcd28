"""Batches by the command line: sent, waited for, listed and dropped."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from protocol_server import Script, Server, serving
from sqlalchemy import func, select
from typer.testing import CliRunner

from app.cli import app
from app.config import load
from db.errors import BadInput, Conflict, Unavailable, UnknownName
from db.events import history
from db.models import VoteClaim


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Script(batch_ready=False)) as made:
        yield made


@pytest.fixture(params=["anthropic", "openai"])
def folder(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Path:
    """A project with a judge that costs, and three pairs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIEBREAK_CONFIG", raising=False)
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "sk-secret-of-mine")
    url = server.url if request.param == "anthropic" else f"{server.url}/v1"
    (tmp_path / "tiebreak.toml").write_text(
        f"[[judge]]\nname = 'j'\nmodel = 'm'\nprovider = '{request.param}'\nbase_url = '{url}'\n"
        "orders = 'ab'\nretries = 0\nprices = { input = 1.0, output = 5.0 }\n"
    )
    rows = [{"prompt": f"q{n}", "response_a": "x", "response_b": "y"} for n in range(3)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done("init")
    done("import", "pairs", "pairs.jsonl")
    return tmp_path


def done(*words: str) -> str:
    result = CliRunner().invoke(app, words)
    if result.exception is not None:
        raise result.exception
    return result.output


def told(*words: str) -> Any:
    return json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)


def send() -> str:
    return done("judge", "--batch", "--max-usd", "5")


def claims(folder: Path) -> int:
    with load(folder / "tiebreak.toml").database.read() as session:
        return session.scalar(select(func.count()).select_from(VoteClaim)) or 0


def test_a_batch_is_listed_and_waited_for_in_words(folder: Path, server: Server) -> None:
    assert "3 questions wait in batches (for 0 min, until 2" in send()
    listed = done("batches", "list", "--ask")
    assert "1 batches on their way with 3 questions and $0.0" in listed
    assert "in_progress" in listed
    assert "3 questions wait in 1 batches at their providers (for 0 min" in " ".join(
        done("status").split()
    )
    (row,) = told("batches", "list")["rows"]
    assert (row["job"]["judge"], row["job"]["state"], row["stops"]) == ("j", "submitted", False)
    assert row["job"]["counted_usd"] == told("status")["reserved_usd"] > 0
    server.script.batch_ready = True
    assert "3 votes stored" in done("judge", "--max-usd", "5")
    assert told("batches", "list")["rows"] == []
    (row,) = told("batches", "list", "--all")["rows"]
    assert row["job"]["state"] == "collected"


def test_a_dropped_batch_keeps_its_money_and_frees_its_questions(
    folder: Path, server: Server
) -> None:
    send()
    aside = told("status")["reserved_usd"]
    (name,) = server.state.batches
    said = done("batches", "drop", name, "--by", "eva")
    assert "its provider was asked to cancel it" in said
    assert f"${aside:.4f} stay counted as spent, and its 3 questions are missing" in said
    assert server.script.batches.cancelled == [name]
    assert claims(folder) == 0
    with load(folder / "tiebreak.toml").database.read() as session:
        (event,) = history(session, "batch:1")
    assert (event.actor, event.kind) == ("eva", "batch.dropped")
    with pytest.raises(Conflict, match=r"over already \(dropped\)"):
        done("batches", "drop", "1")
    assert told("status")["spent_usd"] == aside
    server.script.batch_ready = True
    done("judge", "--max-usd", "5")
    assert told("status")["votes"] == 3
    freed = told("money", "reconcile", "--billed-usd", "0", "--reason", "the usage page")
    assert freed["freed_usd"] == aside


def test_what_a_dropped_batch_was_billed_is_what_counts(folder: Path) -> None:
    send()
    done("batches", "drop", "1", "--billed-usd", "0.001")
    assert (told("status")["spent_usd"], told("status")["reserved_usd"]) == (0.001, 0)
    with pytest.raises(UnknownName, match="no batch '7'"):
        done("batches", "drop", "7")


@pytest.mark.parametrize("why", ["gone", "key", "server"])
def test_a_batch_is_dropped_whatever_its_provider_says(
    folder: Path, server: Server, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send()
    if why == "key":
        monkeypatch.delenv("ANTHROPIC_API_KEY")
        monkeypatch.delenv("OPENAI_API_KEY")
    words = {"error": {"message": "nothing of sk-secret-of-mine here"}}
    server.script.batches.look = (404 if why == "gone" else 500, words)
    said = done("batches", "drop", "1")
    assert "3 questions are missing" in said
    assert ("not at the provider any more" if why == "gone" else "could not be asked") in said
    assert "sk-secret" not in said


def test_dropping_a_refused_batch_lets_further_ones_be_sent(folder: Path, server: Server) -> None:
    server.script.batch_ready = True
    lost = [b'{"custom_id": "x"}']
    server.script.batches.rewrites = lambda lines: lost
    send()
    with pytest.raises(Unavailable, match="tiebreak batches drop 1"):
        send()
    listed = done("batches", "list")
    assert "failed, stops the" in " ".join(listed.split())
    assert "no further batch is sent because of 1" in " ".join(listed.split())
    with pytest.raises(BadInput, match="settled already"):
        done("batches", "drop", "1", "--billed-usd", "0")
    server.script.batches.rewrites = lambda lines: lines
    done("batches", "drop", "1")
    send()
    assert "3 votes stored" in send()


def test_a_cycle_collects_what_came(folder: Path, server: Server) -> None:
    send()
    waits = CliRunner().invoke(app, ["cycle", "--max-usd", "1"])
    assert waits.exit_code == 4
    assert "3 wait in batches at the provider" in waits.stderr
    server.script.batch_ready = True
    again = CliRunner().invoke(app, ["cycle", "--max-usd", "1"])
    assert again.exit_code in (0, 3), again.output
    assert told("status")["votes"] == 3
    assert len(server.state.batches) == 1
