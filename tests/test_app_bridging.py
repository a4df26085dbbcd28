"""A changed judge is asked about a sample first, compared, and accepted by a person or a rule."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from protocol_server import Script, Server, serving
from typer.testing import CliRunner, Result

from app.cli import app
from app.config import load
from app.pipeline import bridging
from db import bridges
from judges.constitution import load as load_rules
from judges.judge_config import COUNTS, COUNTS_NOT, JudgeConfig


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Script()) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """150 pairs of two domains; a person has answered the first 40."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIEBREAK_CONFIG", raising=False)
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "good")
    pairs = [
        {"pair_id": f"p{n}", "prompt": f"q{n}", "response_a": "x", "response_b": "y",
         "domain": "law" if n % 2 else "care"}
        for n in range(150)
    ]  # fmt: skip
    labels = [{"pair_id": f"p{n}", "annotator": "eva", "choice": "a"} for n in range(40)]
    for name, rows in (("pairs", pairs), ("labels", labels)):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(text)
    return tmp_path


def configured(server: Server, more: str = "", panel: str = "", other: str = "") -> None:
    text = f"[panel]\n{panel}\n" + "".join(
        f"[[judge]]\nname = '{name}'\nmodel = '{name}'\nprovider = 'anthropic'\norders = 'ab'\n"
        f"prices = {{ input = 1.0, output = 5.0 }}\nbase_url = '{server.url}'\n{lines}\n"
        for name, lines in (("j", more), ("k", other))
    )
    Path("tiebreak.toml").write_text(text, encoding="utf-8")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def told(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout)


@pytest.fixture
def asked(folder: Path, server: Server) -> Server:
    """Both judges have answered everything; j is changed afterwards."""
    configured(server)
    for words in (
        ("init",),
        ("import", "pairs", "pairs.jsonl"),
        ("import", "labels", "labels.jsonl"),
    ):
        assert run(*words).exit_code == 0
    assert told("judge", "--max-usd", "5")["stored"] == 300
    return server


def test_a_changed_judge_waits_after_its_sample_until_a_person_accepts_it(asked: Server) -> None:
    calls = asked.state.total_calls
    configured(asked, "temperature = 0.2")
    assert "judge 'j' was changed, so it is asked about a sample of 100" in run("estimate").stderr
    said = run("judge", "--max-usd", "5")
    assert said.exit_code == 0
    assert asked.state.total_calls == calls + 100
    assert "on 100 of 100 pairs that it judged before, the new version answers 100%" in said.stderr
    assert "agrees with humans on" in said.stderr
    assert "say `tiebreak judges accept j`" in said.stderr
    rows = [row for row in told("judges", "list")["judges"] if row["judge"] == "j"]
    assert [(row["votes"], row["votes_count"]) for row in rows] == [(150, True), (100, False)]
    assert run("judge", "--max-usd", "5").exit_code == 0  # again: nothing is asked, nothing paid
    assert asked.state.total_calls == calls + 100

    shown = told("judges", "bridge", "j")
    assert (shown["sample"], shown["missing"], shown["abstains"]) == (100, 0, 0)
    assert shown["whole"]["alike"]["value"] == 1.0
    assert shown["whole"]["change"]["n"] == 40  # those with a human answer came first
    assert sorted(shown["by_domain"]) == ["care", "law"]
    assert shown["by_domain"]["care"]["pairs"] == 50
    assert shown["expected_usd"] > 0
    assert "all" in run("judges", "bridge", "j").stdout

    assert told("judges", "accept", "j")["accepted"]
    assert told("judge", "--max-usd", "5")["stored"] == 50
    assert asked.state.total_calls == calls + 150
    rows = [row for row in told("judges", "list")["judges"] if row["judge"] == "j"]
    assert [row["votes_count"] for row in rows] == [False, True]
    refused = run("judges", "bridge", "j")
    assert "does not wait for anybody" in str(refused.output) + str(refused.exception)


def test_the_others_go_on_and_a_change_taken_back_costs_nothing(asked: Server) -> None:
    configured(asked, "temperature = 0.2")
    rows = [{"pair_id": "new", "prompt": "q", "response_a": "x", "response_b": "y"}]
    Path("more.jsonl").write_text(json.dumps(rows[0]))
    assert run("import", "pairs", "more.jsonl").exit_code == 0
    assert told("judge", "--max-usd", "5")["stored"] == 1  # k is asked about the new pair
    calls = asked.state.total_calls
    configured(asked)
    assert told("judge", "--max-usd", "5")["stored"] == 1  # and so is j, as it was
    assert asked.state.total_calls == calls + 1


def test_always_goes_on_where_it_is_not_worse_and_waits_where_it_is(
    asked: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(asked, "temperature = 0.2", 'bridge = "always"')
    done = run("judge", "--max-usd", "5")
    assert "judge 'j' is asked about everything, as it is not worse" in done.stderr
    rows = [row for row in told("judges", "list")["judges"] if row["judge"] == "j"]
    assert [row["votes"] for row in rows] == [150, 150]
    monkeypatch.setattr(bridging.Bridged, "not_worse", property(lambda _: False))
    configured(asked, "temperature = 0.3", 'bridge = "always"')
    said = run("judge", "--max-usd", "5").stderr
    assert "is not asked about more as it is not shown to be no worse" in said


def test_never_and_what_changes_no_answer_take_no_sample(asked: Server) -> None:
    calls = asked.state.total_calls
    configured(asked, "concurrency = 3\nmax_tokens = 900")
    assert told("judge", "--max-usd", "5")["stored"] == 0
    configured(asked, "temperature = 0.2", 'bridge = "never"')
    assert told("judge", "--max-usd", "5")["stored"] == 150
    assert asked.state.total_calls == calls + 150


def test_a_cap_that_ends_the_sample_is_said_and_the_next_run_goes_on(asked: Server) -> None:
    configured(asked, "temperature = 0.2\nconcurrency = 1")
    calls = asked.state.total_calls
    said = run("judge", "--max-usd", "0.03", "--only", "j")
    part = asked.state.total_calls - calls
    assert 0 < part < 100
    assert "missing answers of its sample are there" in said.stderr
    run("judge", "--max-usd", "5")
    assert asked.state.total_calls == calls + 100  # nothing twice


def test_the_cycle_tells_who_waits_and_goes_on(asked: Server) -> None:
    configured(asked, "temperature = 0.2")
    with Path("tiebreak.toml").open("a", encoding="utf-8") as file:
        file.write("[cycle]\nmax_usd = 5\ntrain = []\n")
    done = run("cycle", "--json")
    step = next(each for each in json.loads(done.stdout)["steps"] if each["name"] == "judge")
    assert step["status"] == "done"
    assert "say `tiebreak judges accept j`" in step["line"]
    assert json.loads(done.stdout)["steps"][2]["status"] != "waiting"


def test_a_sample_is_spread_over_domains_and_the_same_every_time(asked: Server) -> None:
    config = load(Path("tiebreak.toml"))
    with config.database.read() as session:
        old = bridges.voting_version(session, "j")
        assert old is not None
        found = bridging._sample(session, old, "j")
        assert found == bridging._sample(session, old, "j")
        assert len(set(found)) == bridging.PAIRS
        assert set(found) >= set(range(1, 41))  # every pair that a person has answered


def test_every_setting_of_a_judge_either_makes_a_version_or_does_not() -> None:
    assert set(JudgeConfig.model_fields) == COUNTS | COUNTS_NOT
    assert not COUNTS & COUNTS_NOT


BASE = {
    "name": "j",
    "provider": "openai-compatible",
    "model": "m",
    "base_url": "http://localhost/v1",
}
OTHER: dict[str, Any] = {
    "provider": "openai", "model": "n", "temperature": 0.5, "effort": "low", "output": "text",
    "explain": "brief", "logprobs": True, "principles": ("does-the-task",), "per_principle": False,
    "headers": {"x": "y"}, "query": {"x": "y"}, "extra_body": {"top_k": 1}, "options": {"x": 1},
    "name": "k", "family": "f", "tier": 2, "samples": 2, "orders": "ab", "max_tokens": 9,
    "base_url": "http://127.0.0.1/v1", "token_limit": "max_tokens", "via": None, "region": None,
    "project": None, "api_key_env": "KEY", "prices": {"input": 1.0, "output": 2.0}, "free": True,
    "requests_per_minute": 3, "tokens_per_minute": 3, "limit": "shared", "concurrency": 3,
    "timeout": 3.0, "retries": 1, "longest_wait": 3.0, "generation": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(OTHER))
def test_a_setting_makes_a_version_if_the_table_says_so(name: str) -> None:
    rules = load_rules(("starter",), None)
    base = JudgeConfig.model_validate(BASE)
    changed = JudgeConfig.model_validate(BASE | {name: OTHER[name]})
    assert (base.version(rules) != changed.version(rules)) is (name in COUNTS)
