"""`tiebreak probe` as a user types it, and what a panel that requires probes says everywhere."""

import json
from pathlib import Path
from typing import Any

import pytest
from review_worlds import add_person
from test_judges_local import words_judge
from typer.testing import CliRunner, Result

from app.cli import app
from app.config import load
from db.models import Checkpoint
from db.vocabulary import CheckpointKind, Role
from review.boards.judges import judges_board

TOML = """
[[judge]]
name = "detail"
provider = "baseline"
model = "detail"
[[judge]]
name = "structure"
provider = "baseline"
model = "structure"
"""


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def told(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """60 pairs: long and clear against short and vague, and a judge of words in no panel."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiebreak.toml").write_text(TOML, encoding="utf-8")
    rows = [
        {
            "prompt": f"What about case {n}?",
            "response_a": f"A clear and long answer to case {n}, with reasons and examples.",
            "response_b": f"Something vague, {n}.",
            "pair_id": f"p{n}",
        }
        for n in range(60)
    ]
    text = "\n".join(map(json.dumps, rows))
    (tmp_path / "pairs.jsonl").write_text(text, encoding="utf-8")
    assert run("init").exit_code == run("import", "pairs", "pairs.jsonl").exit_code == 0
    words_judge(tmp_path / "words")
    metadata = json.loads((tmp_path / "words" / "metadata.json").read_text()) | {"base": "words"}
    (tmp_path / "words" / "metadata.json").write_text(json.dumps(metadata))
    with load(tmp_path / "tiebreak.toml").database.begin() as session:
        session.add(
            Checkpoint(
                name="weigher", kind=CheckpointKind.JUDGE, path=str(tmp_path / "words"),
                content_hash="x", base="words", settings={"style": "words"}, metrics={},
            )
        )  # fmt: skip
    return tmp_path


def test_a_trained_judge_outside_the_panel_is_probed_by_its_name(folder: Path) -> None:
    done = told("probe", "weigher")
    assert (done["judge"], done["stored"], done["missing"]) == ("weigher", 60 * 13, 0)
    assert done["report"]["verdict"] == "passed"  # it knows two words, and none of them is added
    assert run("probe", "weigher").exit_code == 0
    shown = told("probe", "weigher", "--show")
    assert [each["verdict"] for each in shown["probes"]] == ["passed"]
    assert shown["does_not_vote"] is None
    assert "judge 'nobody' is not in the panel" in str(run("probe", "nobody").exception)
    assert "judge 'detail' was not probed yet" in str(run("probe", "detail", "--show").exception)


def test_a_judge_that_was_never_asked_before_waits_for_its_probe(folder: Path) -> None:
    (folder / "tiebreak.toml").write_text(f"[panel]\nrequire_probe = true\n{TOML}")
    said = run("judge")
    assert said.exit_code == 0
    assert "pooled" not in said.stdout
    assert (
        "not voting, as require_probe under [panel] has it: 'detail' (not probed), " in said.stderr
    )
    assert "'structure' (not probed); run `tiebreak probe JUDGE`" in said.stderr
    probed = run("probe", "structure")
    assert probed.exit_code == 0
    assert "route and merge again" in probed.stdout
    assert "60 pairs pooled from 60 votes" in run("judge").stdout


def test_a_judge_that_fails_is_asked_and_does_not_vote_where_a_probe_is_required(
    folder: Path,
) -> None:
    assert run("judge").exit_code == 0
    failed = run("probe", "detail")
    assert failed.exit_code == 3
    assert "Probe of detail" in failed.stdout
    assert "FAILED (padding" in failed.stdout
    assert "only 60 pairs of 60 prompts were asked" in failed.stdout
    assert all(row["votes_count"] for row in told("judges", "list")["judges"])
    (folder / "tiebreak.toml").write_text(f"[panel]\nrequire_probe = true\n{TOML}")
    said = run("judge")
    assert said.exit_code == 0  # nobody's votes count, and it is said why
    assert "'detail' (its probe failed: padding), 'structure' (not probed)" in said.stderr
    nobody = str(run("route", "--review-share", "0.2").exception)
    assert "there are no votes to pool; run `tiebreak probe`; judge 'detail' does not" in nobody
    assert run("probe", "structure").exit_code == 0
    routed = run("route", "--review-share", "0.2")
    assert routed.exit_code == 0
    assert "'detail' (its probe failed: padding); run" in routed.stderr
    assert "structure" not in routed.stderr
    assert len(told("status")["not_heard"]) == 1
    assert "'detail' (its probe failed: padding)" in " ".join(run("status").stdout.split())
    listed = {row["judge"]: row for row in told("judges", "list")["judges"]}
    assert (listed["detail"]["why"], listed["detail"]["votes_count"]) == (
        "its probe failed: padding", False,
    )  # fmt: skip
    assert (listed["structure"]["probe"], listed["structure"]["votes_count"]) == ("passed", True)
    shown = run("probe", "detail", "--show").stdout
    assert "judge 'detail' does not vote: its probe failed: padding" in " ".join(shown.split())
    database = load(folder / "tiebreak.toml").database
    root = add_person(database, "Root", Role.ADMIN)
    board = judges_board(database, root)
    assert board.silent == {"detail": "its probe failed: padding"}
    assert {(row["judge"], row["change"]) for row in board.probes} >= {("detail", "padding")}
