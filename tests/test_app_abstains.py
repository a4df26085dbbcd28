"""Answers that are no verdicts by accident: counted by kind everywhere, and asked again by name."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dialects import Dialect
from hypothesis import given
from hypothesis import strategies as st
from protocol_server import Script, Server, serving
from sqlalchemy import func, select
from typer.testing import CliRunner, Result

from app.cli import app
from app.config import load
from db import abstains
from db.models import Vote
from db.vocabulary import ASKED_AGAIN_SAMPLE, Choice
from judges.habits import unusual
from judges.judge_config import JudgeConfig

PAIRS = 6


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Script()) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one judge and six pairs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIEBREAK_CONFIG", raising=False)
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "good")
    configured(tmp_path, server)
    rows = [
        {"pair_id": f"p{n}", "prompt": f"q{n}", "response_a": "x", "response_b": "y"}
        for n in range(PAIRS)
    ]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run("init").exit_code == run("import", "pairs", "pairs.jsonl").exit_code == 0
    return tmp_path


def configured(folder: Path, server: Server, more: str = "") -> None:
    text = (
        "[[judge]]\nname = 'j'\nmodel = 'm'\nprovider = 'anthropic'\n"
        f"prices = {{ input = 1.0, output = 5.0 }}\nbase_url = '{server.url}'\n{more}\n"
    )
    (folder / "tiebreak.toml").write_text(text, encoding="utf-8")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def told(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout)


def votes(folder: Path, choice: Choice | None = None) -> int:
    query = select(func.count()).select_from(Vote).where(Vote.sample < ASKED_AGAIN_SAMPLE)
    with load(folder / "tiebreak.toml").database.read() as session:
        return session.scalar(query if choice is None else query.where(Vote.choice == choice)) or 0


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("truncated", "cut off"),
        ("refusal", "refused"),
        ("nonsense", "unreadable"),
    ],
)
def test_accidents_are_counted_everywhere_and_asked_again_by_their_kind(
    folder: Path, server: Server, fault: str, kind: str
) -> None:
    """All of a run are accidents: it rings. Asked again by kind they are answered, once each."""
    server.script.faults, server.script.kinds = 1.0, (fault,)
    first = run("judge", "--max-usd", "5")
    assert first.exit_code == 3
    assert f"12 of them abstain: 12 {kind}" in first.stdout
    assert "12 of 12 answers of judge 'j' are no verdicts" in first.stderr
    (counts,) = told("status")["abstains"].values()
    assert abstains.accidental(counts) == 12
    assert kind in run("doctor").stdout
    shown = told("show", "p0")["votes"]
    assert {abstains.kind_of(vote["abstain_reason"]) for vote in shown} == {kind}
    spent, calls = told("status")["spent_usd"], server.state.total_calls

    server.script.faults = 0.0
    assert told("judge", "--max-usd", "5")["stored"] == 0
    assert told("judge", "--max-usd", "5", "--retry-abstains", "too long")["stored"] == 0
    again = told("judge", "--max-usd", "5", "--retry-abstains", kind)
    assert (again["stored"], again["abstained"], again["missing"]) == (12, 0, 0)
    assert server.state.total_calls == calls + 12
    assert (votes(folder), votes(folder, Choice.ABSTAIN)) == (12, 0)
    assert told("status")["abstains"] == {}
    assert told("status")["spent_usd"] == pytest.approx(spent + again["cost_usd"])
    with load(folder / "tiebreak.toml").database.read() as session:
        kept = session.scalars(select(Vote).where(Vote.sample >= ASKED_AGAIN_SAMPLE)).all()
    assert len(kept) == 12
    assert {abstains.kind_of(vote.abstain_reason) for vote in kept} == {kind}
    assert told("judge", "--max-usd", "5", "--retry-abstains", "all")["stored"] == 0


def test_more_room_asks_the_cut_ones_and_no_others(folder: Path, server: Server) -> None:
    server.script.faults, server.script.kinds = 0.5, ("truncated",)
    run("judge", "--max-usd", "5")
    cut = votes(folder, Choice.ABSTAIN)
    assert 0 < cut < 12
    server.script.faults, calls = 0.0, server.state.total_calls
    configured(folder, server, "max_tokens = 1000")  # less than it had
    assert told("judge", "--max-usd", "5")["stored"] == 0
    configured(folder, server, "max_tokens = 9000")
    assert told("judge", "--max-usd", "5")["stored"] == cut
    assert server.state.total_calls == calls + cut
    assert (votes(folder), votes(folder, Choice.ABSTAIN)) == (12, 0)


def test_a_kind_that_is_none_is_named(folder: Path) -> None:
    said = run("judge", "--max-usd", "5", "--retry-abstains", "odd")
    assert "'odd' is no kind of abstain; give one of cut off" in str(said.exception)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("truncated", "cut off"),
        ("no answer", "empty"),
        ("refused: reasoning_extraction", "refused"),
        ("content filter: violence", "filtered"),
        ("too long for the model: 9 tokens", "too long"),
        ("rejected by the server: no", "rejected"),
        ("read in part by its server", "read in part"),
        ("several verdicts: '1', '2'", "unreadable"),
        ("the verdict stands in a quotation", "unreadable"),
        ("a reason of a later version", "unreadable"),
        ("held back: 1 email", None),
        ("cannot be checked: no outcome", None),
        (None, None),
    ],
)
def test_a_reason_names_its_kind(reason: str | None, kind: str | None) -> None:
    assert abstains.kind_of(reason) == kind


@given(st.lists(st.sampled_from(["truncated", "refused: x", "held back: 1 email", "no verdict"])))
def test_the_kinds_add_up(reasons: list[str]) -> None:
    counts = abstains.counted(reasons)
    assert counts.total() == len(reasons)
    assert abstains.accidental(counts) == sum(not r.startswith("held") for r in reasons)


def test_a_judge_rings_beyond_its_habit_and_where_it_is_of_no_use() -> None:
    counts = {"refused": 30}
    assert unusual("j", counts, (30, 100), (5, 1000)) is not None  # 30% after 0.5%
    assert unusual("j", counts, (30, 100), (300, 1000)) is None  # as ever
    assert unusual("j", counts, (4, 100), (0, 1000)) is None  # under one in twenty
    assert unusual("j", counts, (30, 100), (0, 0)) is None  # no habit yet
    assert unusual("j", counts, (95, 100), (950, 1000)) is not None  # of no use, as ever
    assert unusual("j", {"cut off": 3}, (3, 3), (0, 0)) is None  # too few to say


@pytest.mark.parametrize(
    ("settings", "room"),
    [
        ({"model": "m"}, 2048),
        ({"model": "claude-opus-5"}, 8192),  # listed as one that thinks first
        ({"model": "claude-opus-5", "max_tokens": 300}, 300),
        ({"model": "gpt-5", "provider": "openai", "effort": "low"}, 8192),
        ({"model": "gpt-5", "provider": "openai", "effort": "minimal"}, 2048),
        ({"model": "m", "effort": "high"}, 32_768),
    ],
)
def test_a_model_that_thinks_has_room_for_it(settings: dict[str, Any], room: int) -> None:
    asked = {"name": "j", "provider": "anthropic", **settings}
    assert JudgeConfig.model_validate(asked).room == room


@pytest.mark.parametrize("verb", ["judge", "cycle"])
def test_where_every_answer_abstains_the_reasons_are_said(
    folder: Path, server: Server, verb: str
) -> None:
    server.script.faults, server.script.kinds = 1.0, ("refusal",)
    said = run(verb, "--max-usd", "5")
    told = said.stderr + said.stdout + str(said.exception or "")
    assert said.exit_code == {"judge": 3, "cycle": 4}[verb]
    assert "12 refused" in told
    if verb == "cycle":
        assert "there are no votes to pool, as 12 say nothing (12 refused" in told
        assert "`tiebreak judge --retry-abstains all`; then run `tiebreak cycle` again" in told
    server.script.faults = 0.0
    assert run("judge", "--max-usd", "5", "--retry-abstains", "all").exit_code == 0


def test_what_a_model_thought_is_shown_beside_its_vote(folder: Path, server: Server) -> None:
    assert "thinking" not in run("show", "p0").stdout
    server.script.dialect = Dialect(says=_thinks)
    assert run("judge", "--max-usd", "5").exit_code == 0
    (vote, *_) = told("show", "p0")["votes"]
    assert vote["thinking"] == "Which is kinder?"
    assert "Which is kinder?" in run("show", "p0").stdout


def _thinks(_request: Any, sent: dict[str, Any]) -> dict[str, Any]:
    thought = {"type": "thinking", "thinking": "Which is kinder?", "signature": "s"}
    return {**sent, "content": [thought, *sent["content"]]}
