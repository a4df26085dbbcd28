"""Without an extra: the verb that needs it says so in one sentence, every other verb works on."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from trainer_worlds import learnable
from typer.main import get_command

from app.cli import app
from app.config import load
from db.errors import MissingExtra
from db.extras import EXTRA_OF, installed, told
from db.models import Checkpoint
from db.schema import upgrade
from db.session import Database
from db.vocabulary import CheckpointKind
from trainer.export.selection import ExportOptions
from trainer.steps import export

ROOT = Path(__file__).resolve().parents[1]
TOML = """
[[judge]]
name = "baseline/detail"
provider = "baseline"
model = "detail"
[[judge]]
name = "trained"
provider = "local"
model = "checkpoints/reader"
[cycle]
train = ["reward"]
min_new_labels = 1
review_share = 0.1
"""
NEEDS_TRAIN = [
    "judge",
    "canaries ask",
    "principles hold-out worth-its-length --judge trained",
    "import checkpoint checkpoints/scorer --kind reward --name other",
    "train reward --base tiny",
    "train judge --base tiny",
    "train judge --base tiny --style generative",
    "train judge --base tiny --lora --set tensorboard=true",
    "train policy --base tiny --method dpo",
    "train policy --base tiny --method grpo --reward scorer",
    "train process --base tiny",
    "train cross-validate --base tiny --by domain --dataset first",
    "evaluate scorer",
    "evaluate reader",
    "promote scorer",
    "promote reader",
    "evaluate stepper",
    "best-of solutions.jsonl",
    "quantize scorer",
    "serve scorer --port 0",
    "serve stepper --port 0",
    "cycle",
]
NEEDS_NOTHING = [
    "init",
    "db upgrade",
    "import pairs rows.jsonl",
    "import candidates rows.jsonl",
    "import votes rows.jsonl",
    "import labels rows.jsonl",
    "import gold rows.jsonl",
    "import rankings rows.jsonl",
    "import steps steps.jsonl",
    "estimate",
    "judge --only baseline/detail",
    "probe baseline/detail --pairs 3",
    "generate",
    "revise",
    "batches list",
    "batches drop 1",
    "judges accept claude",
    "judges bridge claude",
    "judges list",
    "judges retire nobody",
    "canaries draw 4",
    "principles report",
    "route --review-share 0.2",
    "escalate rankings",
    "review",
    "replay labels rows.jsonl",
    "gold draw --share 0.1",
    "gold ledger",
    "gold retire",
    "merge",
    "export datasets/second",
    "train reward",
    "train judge",
    "train policy --method dpo",
    "train process",
    "train cross-validate --by domain --dataset first",
    "train judge --prompted baseline/detail",
    "rollback judge --reason tried",
    "history",
    "lineage scorer",
    "report",
    "certificate list",
    "certificate verify 1",
    "certificate withdraw 1 --reason tried",
    "status",
    "show 1",
    "doctor",
    "money reconcile --billed-usd 0 --reason tried",
    "prices list",
    "prices check",
    "backup kept.tar",
    "restore kept.tar",
    "people list",
    "people erase nobody --reason tried",
    "prompts erase 1 --reason tried",
    "retention",
]


def leaves(command: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Every verb there is, as its words."""
    inner = getattr(command, "commands", {})
    if not inner:
        return {path}
    return set().union(*(leaves(each, (*path, name)) for name, each in inner.items()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with labels, gold, a dataset, and two checkpoints that need torch."""
    (tmp_path / "tiebreak.toml").write_text(TOML, encoding="utf-8")
    config = load(tmp_path / "tiebreak.toml")
    database = Database(config.database_url)
    upgrade(database)
    learnable(database, pairs=120, gold=25)
    export(database, tmp_path / "datasets" / "first", ExportOptions(seed=1))
    stepper = ("process", "stepper", "")
    for kind, name, style in (("reward", "scorer", ""), stepper, ("judge", "reader", "scoring")):
        path = tmp_path / "checkpoints" / name
        path.mkdir(parents=True)
        (path / "config.json").write_text("{}", encoding="utf-8")
        made = {"kind": kind, "style": style, "base": "tiny", "content_hash": "0" * 64}
        more = {"max_length": 64, "temperature": 1.0, "instructions": False}
        (path / "metadata.json").write_text(json.dumps(made | more), encoding="utf-8")
        (path / "prompts.json").write_text('{"learnt": [], "validated": []}', encoding="utf-8")
        with database.begin() as session:
            session.add(
                Checkpoint(
                    name=name, kind=CheckpointKind(kind), path=str(path), content_hash="0" * 64,
                    base="tiny", settings={"style": style}, metrics={},
                )
            )  # fmt: skip
    (tmp_path / "rows.jsonl").write_text("{}\n", encoding="utf-8")
    steps = {"prompt": "1 + 1?", "steps": ["1 + 1", "is 2"], "labels": [True, True]}
    (tmp_path / "steps.jsonl").write_text(f"{json.dumps(steps)}\n", encoding="utf-8")
    several = {"prompt": "1 + 1?", "solutions": [["is 2"], ["is 3"]]}
    (tmp_path / "solutions.jsonl").write_text(f"{json.dumps(several)}\n", encoding="utf-8")
    return tmp_path


def run(folder: Path, verbs: list[str], **environ: str) -> dict[str, dict[str, Any]]:
    """What each verb says where no optional package can be imported."""
    script = ROOT / "tests" / "verbs_without_extras.py"
    packages = json.dumps(sorted(EXTRA_OF))
    done = subprocess.run(
        [sys.executable, str(script), packages, json.dumps([verb.split() for verb in verbs])],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environ},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return {" ".join(each["words"]): each for each in told}


@pytest.mark.slow
def test_every_verb_works_or_names_its_extra(folder: Path) -> None:
    tried = {tuple(verb.split()) for verb in NEEDS_TRAIN + NEEDS_NOTHING}
    for verb in leaves(get_command(app)):
        assert any(words[: len(verb)] == verb for words in tried), f"{verb} is not tried"
    found = run(folder, NEEDS_NOTHING + NEEDS_TRAIN)
    for verb in NEEDS_NOTHING:
        assert found[verb]["code"] in (0, 1), found[verb]["said"]
        assert "needs the extra" not in found[verb]["said"], found[verb]["said"]
    for verb in NEEDS_TRAIN:
        said = found[verb]["said"].splitlines()
        assert found[verb]["code"] == 1, found[verb]["said"]
        words = verb.split()
        name = " ".join(
            words[: 2 if words[0] in ("train", "canaries", "principles", "import") else 1]
        )
        assert said[-1].startswith(f"tiebreak: `tiebreak {name}` needs the extra 'train' (")
        assert said[-1].endswith("is not installed): pip install 'tiebreak[train]'")
        assert sum("needs the extra" in line for line in said) == 1


def test_a_database_or_a_sign_in_without_its_package_names_the_extra(folder: Path) -> None:
    url = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    said = run(folder, ["status"], TIEBREAK_DATABASE_URL=url)["status"]
    assert said["code"] == 1
    assert said["said"] == (
        "tiebreak: `tiebreak status` needs the extra 'postgres' ('psycopg' is not installed): "
        "pip install 'tiebreak[postgres]'\n"
    )
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "secrets.toml").write_text("[auth]\n", encoding="utf-8")
    said = run(folder, ["review"])["review"]
    assert said["code"] == 1
    assert said["said"].endswith("pip install 'tiebreak[auth]'\n")


def test_every_package_of_an_extra_is_known() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for extra, packages in declared["project"]["optional-dependencies"].items():
        if extra in ("dev", "bench", "docs", "supply"):  # tools that nothing of ours imports
            continue
        for package in packages:
            name = package.partition("[")[0].partition(">")[0]
            named = {"streamlit": "authlib", "google-auth": "google.auth"}.get(name, name)
            assert EXTRA_OF[named] == extra


def test_a_folder_of_the_same_name_is_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "authlib").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "authlib", raising=False)
    assert not installed("authlib")


@pytest.mark.parametrize(
    ("error", "package"),
    [
        (ModuleNotFoundError("No module named 'peft'", name="peft.tuners"), "peft"),
        (ImportError("Using the `Trainer` requires `accelerate>=1.1.0`"), "accelerate"),
    ],
)
def test_an_import_that_failed_is_told_by_its_package(
    error: ImportError, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=package), told():
        raise error


def test_the_failed_import_of_another_package_stays_what_it_is() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_package"), told():
        __import__("no_such_package")
