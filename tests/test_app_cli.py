"""The verbs as a person types them, in a process of their own where start-up matters."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli import app
from db.errors import BadInput

VERBS = [
    *("init", "import", "estimate", "judge", "route", "review", "replay", "gold", "merge"),
    *("export", "train", "evaluate", "promote", "rollback", "history", "quantize", "serve"),
    *("status", "show", "doctor", "db", "report", "certificate", "cycle", "generate", "revise"),
    *("principles", "escalate", "lineage", "canaries"),
]


class Project:
    """A folder with a tiebreak.toml, and the verbs run in it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        monkeypatch.chdir(folder)
        monkeypatch.delenv("TIEBREAK_CONFIG", raising=False)
        monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)

    def run(self, *words: str) -> str:
        """The standard output of a verb; its exception if it raised one."""
        result = CliRunner().invoke(app, words)
        if result.exception is not None:
            raise result.exception
        return result.stdout

    def json(self, *words: str) -> Any:
        """What a verb says with --json."""
        return json.loads(self.run(*words, "--json"))

    def recorded_only(self) -> None:
        """Take the judges out of the panel, so that only imported votes count."""
        path = self.folder / "tiebreak.toml"
        text = path.read_text(encoding="utf-8")
        kept = text[: text.index("[[judge]]")] + text[text.index("[review]") :]
        path.write_text(kept, encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(tmp_path, monkeypatch)
    made.run("init")
    return made


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_help_answers_in_under_a_second_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['tiebreak', '--help']\n"
        "from app.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'streamlit', 'scipy', 'sklearn', 'pyarrow', 'openai'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    started = time.process_time()
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == "[]"
    assert time.process_time() - started < 1  # its own share; the child's imports are named above


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str) -> None:
    runner = CliRunner()
    shown = runner.invoke(app, [verb, "--help"])
    assert shown.exit_code == 0
    if "Commands:" in shown.stdout:
        below = shown.stdout.split("Commands:")[1]
        for line in below.splitlines():
            if line.startswith("  ") and line[2] != " ":
                inner = runner.invoke(app, [verb, line.split()[0], "--help"])
                assert f"Example: tiebreak {verb}" in inner.stdout, line
    else:
        assert f"Example: tiebreak {verb}" in shown.stdout


def test_init_is_safe_to_repeat_and_keeps_what_was_written(project: Project) -> None:
    path = project.folder / "tiebreak.toml"
    path.write_text(path.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    assert project.json("init")["made_config"] is False
    assert path.read_text(encoding="utf-8").endswith("# mine\n")


def test_an_unknown_key_gets_one_sentence_with_a_suggestion(project: Project) -> None:
    path = project.folder / "tiebreak.toml"
    text = path.read_text(encoding="utf-8").replace("lease_minutes", "lease_minuts")
    path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "status"],
        capture_output=True, text=True, cwd=project.folder,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "unknown key 'review.lease_minuts'" in line
    assert "lease_minutes" in line


def test_the_loop_up_to_the_dataset(project: Project, tmp_path: Path) -> None:
    sample = Path(__file__).parents[1] / "app" / "sample"
    project.run("import", "candidates", *map(str, sorted(sample.glob("candidates_*.jsonl"))))
    again = project.json(
        "import", "candidates", *map(str, sorted(sample.glob("candidates_*.jsonl")))
    )
    assert (again["counts"]["duplicates"], again["counts"].get("new", 0)) == (339, 0)
    asked = project.json("judge")["tallies"]
    assert len(asked) == 9
    assert all(name.startswith("baseline/") for name in asked)
    planned = project.json("route", "--review-share", "0.5", "--dry-run")
    assert planned["state"] == "planned"
    assert project.json("status")["tasks_open"] == 0
    routed = project.json("route", "--review-share", "0.5")
    assert routed["routes"] == planned["routes"]
    assert sum(routed["routes"].values()) == 339
    assert project.json("route", "--review-share", "0.5")["state"] == "already"
    labels = [str(p) for p in sorted(sample.glob("labels_*.jsonl"))]
    replayed = project.json("replay", "labels", *labels, "--limit", "40")
    assert replayed["settled"] == 40
    drawn = project.json("gold", "draw", "--share", "0.2")
    assert project.json("gold", "draw", "--share", "0.2")["new"] == 0
    merged = project.json("merge")
    assert merged["review"] == 40
    assert project.json("merge")["new"] == 0
    exported = project.json("export", str(tmp_path / "first"))
    assert (
        project.json("export", str(tmp_path / "first"))["content_hash"]
        == (exported["content_hash"])
    )
    status = project.json("status")
    assert status["reviews"] == 40
    assert status["gold"] == drawn["pairs"]
    assert status["datasets"] == 1
    assert project.json("show", "coding-01:r1:r2")["pair"]["names"] == ["coding-01:r1:r2"]
    assert project.json("doctor")["ok"] is True


def test_a_bad_row_is_kept_aside_with_its_reason(project: Project) -> None:
    good = {"prompt": "p", "response_a": "x", "response_b": "y"}
    file = write_rows(project.folder / "pairs.jsonl", [good, {**good, "response_b": None}])
    done = project.json("import", "pairs", str(file))
    assert (done["counts"]["new"], done["rejected"]) == (1, 1)
    rejects = Path("pairs.jsonl.rejects.jsonl").read_text(encoding="utf-8")
    (kept,) = [json.loads(line) for line in rejects.splitlines()]
    assert kept["line"] == 2
    assert "response_b is missing" in kept["reason"]


def test_an_import_without_one_good_row_ends_with_1(project: Project) -> None:
    file = write_rows(project.folder / "pairs.jsonl", [{"prompt": "p", "response_a": "x"}])
    with pytest.raises(SystemExit) as ended:
        project.run("import", "pairs", str(file))
    assert ended.value.code == 1
    (project.folder / "empty.jsonl").write_text("")
    project.run("import", "pairs", "empty.jsonl")


def test_an_estimate_is_a_table_of_80_columns_and_its_sum(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rows = [{"prompt": "2+2?", "response_a": "4", "response_b": "5"}]
    project.run("import", "pairs", str(write_rows(project.folder / "pairs.jsonl", rows)))
    said = project.run("estimate").splitlines()
    assert max(map(len, said)) <= 80
    assert "baseline/relevance     none          1   $0.0000  $0.0000" in said
    assert said[-1] == "9 questions: expected $0.0000, at most $0.0000"  # nine judges, one pair


def test_no_decision_yet_is_said(project: Project) -> None:
    assert project.run("history") == "nothing was decided yet; `tiebreak promote` asks the gate\n"


def test_route_names_what_it_needs_one_of(project: Project) -> None:
    needed = "give exactly one of min_agreement, max_reviews, review_share, hours, target_error"
    with pytest.raises(BadInput, match=f"^route got none of them; {needed}$"):
        project.run("route")
    with pytest.raises(BadInput, match=f"^route got min_agreement and review_share; {needed}$"):
        project.run("route", "--review-share", "0.2", "--min-agreement", "0.8")


@pytest.mark.slow
def test_the_verbs_on_recorded_votes_of_real_judges(project: Project, shared_data: Path) -> None:
    project.recorded_only()
    folder = shared_data / "vicuna80"
    for kind in ("pairs", "votes"):
        project.run("import", kind, str(folder / f"{kind}.jsonl.gz"))
    status = project.json("status")
    assert (status["pairs"], status["votes"]) == (500, 5100)
    routed = project.json("route", "--min-agreement", "0.8")
    assert sum(routed["routes"].values()) == 500
    replayed = project.json("replay", "labels", str(folder / "labels.jsonl.gz"))
    status = project.json("status")
    assert status["reviews"] == replayed["answers"]
    assert status["escalations_open"] + status["tasks_answered"] >= routed["routes"]["escalate"]
    assert project.json("gold", "draw", "--share", "0.2", "--seed", "7")["new"] > 0
    merged = project.json("merge")
    exported = project.json("export", "first")
    assert 0 < exported["rows"]["train"] <= merged["preferences"]
    wanted = "pairs votes labels gold escalations_open reviews preferences datasets checkpoints"
    status = project.json("status")
    assert {*wanted.split(), "spent_usd"} <= status.keys()
    assert status["spent_usd"] == 0


def test_families_guessed_from_names_are_named_at_import(project: Project) -> None:
    pair = {"pair_id": "p", "prompt": "?", "response_a": "x", "response_b": "y"}
    judges = (("gpt-4o", None), ("qwen-7B", "mine"), ("alice", None))
    votes = [
        {"pair_id": "p", "judge": judge, "choice": "a", "family": family}
        for judge, family in judges
    ]
    project.run("import", "pairs", str(write_rows(project.folder / "pairs.jsonl", [pair])))
    file = str(write_rows(project.folder / "votes.jsonl", votes))
    heard = CliRunner().invoke(app, ["import", "votes", file]).stderr
    assert "families guessed from names: gpt-4o (openai); judges of one family" in heard
    told = write_rows(project.folder / "told.jsonl", [votes[0] | {"family": "openai"}])
    assert "guessed" not in CliRunner().invoke(app, ["import", "votes", str(told)]).stderr


@pytest.mark.slow
def test_promised_error_on_recorded_votes(project: Project, shared_data: Path) -> None:
    project.recorded_only()
    folder = shared_data / "vicuna80"
    for kind in ("pairs", "votes"):
        project.run("import", kind, str(folder / f"{kind}.jsonl.gz"))
    target = ("route", "--target-error", "0.2", "--audits", "100")
    assert project.json(*target)["state"] == "waiting"
    assert project.json(*target)["audits_open"] == 100
    project.run("replay", "labels", str(folder / "labels.jsonl.gz"))
    assert project.json(*target)["state"] in ("certified", "waiting")
