"""One project that holds every kind of conversation, through every verb that reads pairs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import fresh_postgres
from conversation_rows import MARK, rows
from released_world import cells
from sqlalchemy import select
from typer.testing import CliRunner

from app.cli import app
from db.models import Candidate, Pair, Prompt
from db.session import Database

TOML = """
[database]
url = "{url}"
[panel]
label_model = "{model}"
[[judge]]
name = "one"
provider = "fake"
model = "a"
[[judge]]
name = "two"
provider = "fake"
model = "b"
family = "other"
[training]
judge_base = "words"
"""


class Project:
    """A folder and its verbs."""

    def __init__(self, folder: Path, url: str, model: str) -> None:
        self.folder = folder
        folder.mkdir()
        toml = TOML.format(url=url, model=model)
        (folder / "tiebreak.toml").write_text(toml, encoding="utf-8")
        self.database = Database(url.replace("sqlite:///", f"sqlite:///{folder}/"))

    def __call__(self, *words: str) -> str:
        """What a verb prints."""
        done = CliRunner().invoke(app, [*words])
        if done.exit_code:
            raise AssertionError(f"{words}: {done.output} {done.exception!r}") from done.exception
        return done.output

    def held(self, word: str) -> list[tuple[str, str]]:
        return [(table, value) for table, value in cells(self.database) if word in value]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return "sqlite:///tiebreak.db"
    return str(request.getfixturevalue("empty_postgres_url"))


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Verbs leave their connections to the end of their process; here it goes on."""
    opened: list[Database] = []
    begin = Database.__init__

    def noted(self: Database, *given: Any, **more: Any) -> None:
        begin(self, *given, **more)
        opened.append(self)

    monkeypatch.setattr(Database, "__init__", noted)
    yield
    for each in opened:
        each.dispose()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> Project:
    monkeypatch.delenv("TIEBREAK_CONFIG", raising=False)
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    monkeypatch.setenv("TIEBREAK_ALLOW_FAKE", "1")
    made = Project(tmp_path / "home", url, "tiebreak")
    monkeypatch.chdir(made.folder)
    made("init")
    text = "".join(json.dumps(row) + "\n" for row in rows())
    Path("pairs.jsonl").write_text(text, encoding="utf-8")
    return made


def test_every_verb_reads_every_kind_and_nothing_changes(
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    assert f"{len(rows())}" in project("import", "pairs", "pairs.jsonl")
    stored_whole(project.database)
    project("estimate")
    project("judge", "--plain")
    project("route", "--review-share", "0.2")
    project("merge")
    for verb in ("status", "report", "doctor"):
        project(verb)
    for kind in range(4):
        assert "heron" in project("show", f"heron{kind}")
    assert "call find_heron (id_heron)" in project("show", "heron0")
    json.loads(project("show", "heron0", "--json"))
    project("gold", "draw")
    project("export", "set", "--name", "first")
    trained = project("train", "judge", "--name", "words")
    assert "words" in trained
    project("evaluate")
    kept = tmp_path / "kept.tar"
    project("backup", str(kept))
    before = cells(project.database)
    with_new = new_project(request, tmp_path, monkeypatch, project)
    with_new("restore", str(kept))
    moved = [(t, v.replace(str(project.folder), str(with_new.folder))) for t, v in before]
    assert sorted(cells(with_new.database)) == sorted(moved)
    stored_whole(with_new.database)


def new_project(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: Project
) -> Project:
    where = "sqlite:///tiebreak.db"
    if not old.database.is_sqlite:
        made = fresh_postgres(request.getfixturevalue("postgres_url"))
        where = made.__enter__()
        request.addfinalizer(lambda: made.__exit__(None, None, None))
    new = Project(tmp_path / "elsewhere", where, "tiebreak")
    monkeypatch.chdir(new.folder)
    return new


def stored_whole(database: Database) -> None:
    """Messages, tools and responses are those of the file, with their keys in order."""
    given = rows()
    with database.read() as session:
        pairs = session.scalars(select(Pair).order_by(Pair.id)).all()
        assert len(pairs) == len(given)
        for pair, row in zip(pairs, given, strict=True):
            prompt = row["prompt"]
            if isinstance(prompt, str):
                prompt = [{"role": "user", "content": prompt}]
            assert json.dumps(pair.prompt.messages) == json.dumps(prompt)
            assert json.dumps(pair.prompt.tools) == json.dumps(row.get("tools"))
            for side, one in (("a", pair.candidate_a), ("b", pair.candidate_b)):
                said = row[f"response_{side}"]
                kept = one.text if one.messages is None else one.messages
                assert json.dumps(kept) == json.dumps(said)


def test_of_an_erased_prompt_nothing_stays(project: Project) -> None:
    project("import", "pairs", "pairs.jsonl")
    project("judge", "--plain")
    project("route", "--review-share", "0.2")
    project("merge")
    assert {table for table, _ in project.held(MARK)} >= {"prompts", "candidates"}
    with project.database.read() as session:
        marked = [p.id for p in session.scalars(select(Pair)) if MARK in p.prompt.text]
    assert len(marked) == 4
    project("prompts", "erase", *map(str, marked), "--reason", "asked", "--yes")
    left = [cell for cell in project.held(MARK) if cell[0] != "pair_names"]
    assert left == []
    with project.database.read() as session:
        gone = session.scalars(select(Prompt).where(Prompt.erased_at.is_not(None))).all()
        assert [(p.tools, len(p.messages)) for p in gone] == [(None, 1)] * len(gone)
        texts = session.scalars(
            select(Candidate).where(Candidate.prompt_id.in_([p.id for p in gone]))
        )
        assert all(c.messages is None for c in texts)
    again = project("import", "pairs", "pairs.jsonl", "--rejects", "no.jsonl")
    assert "4 rejected, see no.jsonl (first: line 1: this prompt was erased" in again
    for verb in ("judge", "merge", "report", "status"):
        project(verb)
    project("export", "set")
