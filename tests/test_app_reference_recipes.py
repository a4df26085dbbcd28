"""Every recipe of the documentation is run as it is written, on its own rows."""

import gzip
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from app.cli import app
from app.reference.recipes import RECIPES, Recipe, recipes_section
from db.imports.fields import Row
from db.models import Pair, Review, Vote
from db.session import Database
from db.vocabulary import Choice

SAID = {  # the response that people and judges prefer of the pair's two
    "HelpSteer3": (["7"], []),
    "RewardBench": (["7"], []),
    "Langfuse": ([], []),
    "LangSmith": ([], []),
    "Inspect": ([], ["7"]),
    "promptfoo": ([], ["7"]),
}


def write(path: Path, rows: Sequence[Row]) -> None:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
        return
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration and an empty database, to copy."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("TIEBREAK_DATABASE_URL", raising=False)
        assert CliRunner().invoke(app, ["init"]).exit_code == 0
    return folder


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_a_recipe_reads_its_rows_and_rejects_none(
    recipe: Recipe, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(project, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    write(tmp_path / recipe.file, recipe.example)
    done = CliRunner().invoke(app, ["import", recipe.verb, recipe.file, *recipe.options])
    assert done.exit_code == 0, (done.output, done.exception)
    assert "rejected" not in done.output
    database = Database(f"sqlite:///{tmp_path / 'tiebreak.db'}")
    with database.read() as session:
        [pair] = session.scalars(select(Pair))
        texts = {Choice.A: pair.candidate_a.text, Choice.B: pair.candidate_b.text}
        assert set(texts.values()) == {"7", "9"}
        people = [texts[choice] for choice in session.scalars(select(Review.choice))]
        judges = [texts[choice] for choice in session.scalars(select(Vote.choice))]
    database.dispose()
    assert (people, judges) == SAID[recipe.title]


def test_every_recipe_stands_in_the_documentation() -> None:
    page = recipes_section()
    assert set(SAID) == {recipe.title for recipe in RECIPES}
    assert all(f"\n### {recipe.title}\n" in page and recipe.command in page for recipe in RECIPES)
