"""What models cost and when they end, as a person meets it at the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli import app

PANEL = """
[[judge]]
name = "length"
provider = "baseline"
model = "detail"
[[judge]]
name = "old"
provider = "anthropic"
model = "claude-sonnet-4-5"
prices = { input = 3, output = 15 }
"""
SAID = "model 'claude-sonnet-4-5' of judge 'old' ended on 2026-11-30"


def said(*words: str) -> Result:
    return CliRunner().invoke(app, words)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("TIEBREAK_CONFIG", "TIEBREAK_DATABASE_URL", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "tiebreak.toml").write_text(PANEL, encoding="utf-8")
    (tmp_path / "pairs.jsonl").write_text('{"prompt":"q","response_a":"x","response_b":"y"}\n')
    assert said("init").exit_code == said("import", "pairs", "pairs.jsonl").exit_code == 0
    return tmp_path


def test_prices_are_listed_with_their_days() -> None:
    table = said("prices", "list").stdout
    assert "gpt-5-nano" in table
    assert "2026-12-11" in table
    models = json.loads(said("prices", "list", "--json").stdout)["models"]
    assert models["gpt-4o"]["ends"] == "2027-01-14"
    assert models["claude-fable-5-2"]["since"] == "2026-11-09"
    assert models["claude-fable-5-2"]["ends"] is None


def test_a_judge_whose_model_has_ended_is_named_wherever_it_would_be_asked(folder: Path) -> None:
    for words in (("estimate",), ("judge", "--max-usd", "1"), ("judge", "--cascade")):
        assert SAID in said(*words).stderr, words
    found = said("prices", "check")
    assert found.exit_code == 3
    assert SAID in found.stdout
    doctor = json.loads(said("doctor", "--json").stdout)
    models = next(check for check in doctor["checks"] if check["name"] == "models")
    assert not models["ok"]
    assert SAID in models["found"]
    week = said("cycle", "--max-usd", "1")
    assert SAID in week.stdout + week.stderr


def test_a_check_of_a_project_whose_models_go_on_rings_not(folder: Path) -> None:
    (folder / "tiebreak.toml").write_text(PANEL.replace("sonnet-4-5", "haiku-5-5"))
    found = said("prices", "check", "--json")
    assert found.exit_code == 0
    assert json.loads(found.stdout)["judges"] == []
    assert "MEND" in said("doctor").stdout  # for the key it lacks, not for its model
    assert said("estimate").stderr == ""
