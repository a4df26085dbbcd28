"""A cap holds whatever a server says it used, as a person meets it at `tiebreak judge`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dialects import Dialect
from protocol_server import Script, Server, serving
from typer.testing import CliRunner

from app.cli import app

PRICED = "prices = { input = 10.0, output = 50.0 }"


def judged(folder: Path, server: Server, settings: str, pairs: int, cap: float) -> dict[str, Any]:
    """What `judge` says of so many pairs asked of the server under a cap."""
    text = (
        f"[[judge]]\nname = 'j'\nmodel = 'm'\nprovider = 'openai-compatible'\nconcurrency = 4\n"
        f"base_url = '{server.url}/v1'\n{settings}\n"
    )
    (folder / "tiebreak.toml").write_text(text, encoding="utf-8")
    rows = [{"prompt": f"q{n}", "response_a": "x", "response_b": "y"} for n in range(pairs)]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for words in (("init",), ("import", "pairs", "pairs.jsonl")):
        assert CliRunner().invoke(app, words).exit_code == 0
    said = CliRunner().invoke(app, ("judge", "--max-usd", str(cap), "--json"))
    found: dict[str, Any] = json.loads(said.stdout)
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIEBREAK_CONFIG", raising=False)
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    return tmp_path


def using(usage: Callable[[dict[str, Any]], Any]) -> Dialect:
    def says(_request: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
        return {**sent, "usage": usage(sent["usage"])}

    return Dialect(says=says)


@pytest.mark.parametrize(
    "usage",
    [
        lambda said: None,
        lambda said: {},
        lambda said: {**said, "prompt_tokens_details": {"cached_tokens": 10**6}},
        lambda said: {**said, "completion_tokens": -60},
        lambda said: {**said, "completion_tokens": 10**6},  # of 2,048 that it may be
        lambda said: {**said, "prompt_tokens": 10**8},
    ],
)
def test_without_a_usable_usage_an_answer_counts_at_its_most(
    folder: Path, usage: Callable[[dict[str, Any]], Any]
) -> None:
    """One question may cost some 20 cents (13,000 bytes and 2,048 tokens), so $0.50 are a few."""
    with serving(Script(dialect=using(usage))) as server:
        found = judged(folder, server, PRICED, pairs=20, cap=0.5)
    assert found["capped"]
    assert 0 < found["cost_usd"] <= 0.5
    assert found["stored"] == found["tallies"]["j"]["guessed"] == server.state.total_calls < 40


def test_what_a_router_says_it_charged_is_what_is_counted(folder: Path) -> None:
    charged = using(lambda said: {**said, "cost": 0.0007})
    with serving(Script(dialect=charged)) as server:
        found = judged(folder, server, PRICED, pairs=3, cap=5)
    assert found["stored"] == 6
    assert found["cost_usd"] == pytest.approx(6 * 0.0007)


def test_what_litellm_says_in_its_header_is_what_is_counted(folder: Path) -> None:
    header = Dialect(heads={"x-litellm-response-cost": "0.0007", "x-litellm-version": "1.93"})
    with serving(Script(dialect=header)) as server:
        found = judged(folder, server, PRICED, pairs=3, cap=5)
    assert found["cost_usd"] == pytest.approx(6 * 0.0007)


def test_a_charge_above_the_most_counts_and_is_said(folder: Path) -> None:
    """A dollar for an answer that can cost some 20 cents: by its server's word it was spent."""
    charged = using(lambda said: {**said, "cost": 1.0})
    with serving(Script(dialect=charged)) as server:
        found = judged(folder, server, PRICED, pairs=20, cap=0.5)
        calls = server.state.total_calls
    assert found["capped"]
    assert found["tallies"]["j"]["above"] == found["stored"] == calls <= 3
    assert found["cost_usd"] == pytest.approx(calls)


def test_a_tier_that_the_server_chose_is_set_aside_from_its_first_answer_on(folder: Path) -> None:
    """Three questions leave under the cap; billed at 2.5 times their most they are above it."""
    chosen = Dialect(says=lambda _, sent: {**sent, "usage": None, "service_tier": "priority"})
    with serving(Script(dialect=chosen)) as server:
        found = judged(folder, server, PRICED, pairs=20, cap=0.5)
        calls = server.state.total_calls
    assert found["capped"]
    assert found["stored"] == calls <= 3
    assert found["cost_usd"] <= 2.5 * 0.5
    with serving(Script(dialect=chosen)) as server:  # a larger cap has room for what is learnt
        again = judged(folder, server, PRICED, pairs=20, cap=4)
    assert again["cost_usd"] <= 4


OUT_THERE = ("api.example.com", "8.8.8.8", "[2606:4700::1111]", "0x08.example.org")
OWN = ("localhost:8000", "127.0.0.1", "[::1]:8000", "10.1.2.3", "192.168.0.9", "vllm:8000",
       "[fd00::1]", "box.local", "judge.internal")  # fmt: skip


@pytest.mark.parametrize(
    ("host", "more", "exit_code"),
    [
        *((host, "", 1) for host in OUT_THERE),
        *((host, more, 0) for host in OUT_THERE[:2] for more in (PRICED, "free = true")),
        *((host, "", 0) for host in OWN),
    ],
)
def test_a_server_out_there_needs_prices_or_is_said_to_be_free(
    folder: Path, host: str, more: str, exit_code: int
) -> None:
    text = (
        "[[judge]]\nname = 'j'\nmodel = 'm'\nprovider = 'openai-compatible'\n"
        f"base_url = 'https://{host}/v1'\n{more}\n"
    )
    (folder / "tiebreak.toml").write_text(text, encoding="utf-8")
    assert CliRunner().invoke(app, ("init",)).exit_code == 0
    said = CliRunner().invoke(app, ("estimate",))
    assert said.exit_code == exit_code
    assert ("may bill for it" in str(said.exception)) == (exit_code == 1)
