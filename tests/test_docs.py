"""The documentation tells the truth: tree, formats, words, alarms, commands and examples."""

import ast
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from app.cli import app
from db import vocabulary
from db.imports import ImportOptions, Kind
from db.imports.choosing import choose
from db.imports.importer import items_of

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PACKAGES = ("app", "judges", "review", "trainer", "db", "migrations")
ARCHITECTURE = (DOCS / "architecture.md").read_text(encoding="utf-8")


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listed.stdout.splitlines()


def tree_entries() -> dict[str, str]:
    """Path -> note, read from the indentation of the tree."""
    block = ARCHITECTURE.split("<!-- tree -->\n```\n")[1].split("```\n<!-- /tree -->")[0]
    entries: dict[str, str] = {}
    above: list[str] = []
    for line in block.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name, _, note = line.strip().partition("  ")
        above = [*above[:depth], name.rstrip("/")]
        entries["/".join(above) + ("/" if name.endswith("/") else "")] = note.strip()
    return entries


def test_the_tree_lists_every_module_and_nothing_else() -> None:
    listed = {path for path in tree_entries() if path.endswith(".py")}
    modules = {
        path
        for path in tracked()
        if path.endswith(".py")
        and path.split("/")[0] in PACKAGES
        and not path.endswith("__init__.py")
        and "/versions/" not in path
        and (ROOT / path).exists()
    }
    assert listed == modules


def test_a_note_in_the_tree_has_at_most_eight_words() -> None:
    long = {path: note for path, note in tree_entries().items() if len(note.split()) > 8}
    assert long == {}
    assert [path for path, note in tree_entries().items() if not note] == []


def test_every_file_the_way_of_an_item_names_is_there() -> None:
    """`judges/steps.fit_consensus` is a name of judges/steps; `judges/providers/*` a folder."""
    way = ARCHITECTURE.split("## One item's way")[1].split("\n## ")[0]
    rooms = "|".join(PACKAGES)
    named = set(re.findall(rf"\b(?:{rooms})/[a-z_/]+", " ".join(re.findall(r"`([^`]*)`", way))))
    missing = [
        name
        for name in named
        if not (ROOT / name.rstrip("/")).is_dir() and not (ROOT / f"{name}.py").is_file()
    ]
    assert missing == []


FORMATS = (DOCS / "formats.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\| `(\w+)`.*?\| `(\{.*\})` \|$", FORMATS, re.M)


@pytest.mark.parametrize(("kind", "example"), EXAMPLES)
def test_every_literal_example_is_read(kind: str, example: str) -> None:
    row = json.loads(example)
    preset = choose(kind, frozenset(row), [row])
    assert row.keys() <= preset.columns
    assert all(items_of(found, Kind(kind), ImportOptions()) for found in preset.rows(row))


def test_every_format_has_an_example() -> None:
    assert {kind for kind, _ in EXAMPLES} == set(Kind)


def test_the_words_of_the_code_are_in_the_glossary_once() -> None:
    glossary = (DOCS / "glossary.md").read_text(encoding="utf-8")
    words = glossary.split("\n## Words\n")[1].split("\n## ")[0]
    told = [term for term, _ in re.findall(r"^\| (.+?) \| (.+?) \|$", words, re.M)]
    assert len(told) == len(set(told))
    for enum in (vocabulary.Choice, vocabulary.Order, vocabulary.Route, vocabulary.TaskKind):
        assert [word for word in enum if word.value not in words] == []
    assert "\n| pair | " not in ARCHITECTURE


def alarm_kinds() -> set[str]:
    """The kinds of all alarms that are made anywhere in the app, read from its code."""
    found = set()
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Alarm":
                kind = node.args[0] if node.args else None
                assert isinstance(kind, ast.Constant), f"{path}:{node.lineno} hides its kind"
                found.add(str(kind.value))
    return found


def test_every_alarm_has_its_paragraph() -> None:
    owner = (DOCS / "owner.md").read_text(encoding="utf-8")
    chapter = owner.split("\n## Alarms\n")[1].split("\n## ")[0]
    paragraphs = dict(re.findall(r"^### `(\w+)`[^\n]*\n\n(.+?)(?=\n### |\Z)", chapter, re.M | re.S))
    assert set(paragraphs) == alarm_kinds()
    for kind, words in paragraphs.items():
        assert "What to do:" in words, f"the paragraph of {kind!r} does not say what to do"


def python_blocks() -> list[tuple[str, str]]:
    """Every block marked to be run, of every page."""
    found = []
    for page in sorted(DOCS.rglob("*.md")):
        blocks = re.findall(r"<!-- run -->\n```python\n(.*?)```", page.read_text("utf-8"), re.S)
        if blocks:
            found.append((page.name, "\n".join(blocks)))
    return found


@pytest.mark.parametrize(("page", "code"), python_blocks())
def test_the_python_of_a_page_runs(
    page: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample").symlink_to(ROOT / "app" / "sample")
    exec(compile(code, page, "exec"), {"__name__": page})


def test_there_is_python_to_run() -> None:
    assert [page for page, _ in python_blocks()] == ["python.md"]


def written_commands() -> list[tuple[str, str]]:
    """Every `tiebreak ...` of README and docs, in blocks and in sentences, with its page."""
    found = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]:
        text = page.read_text("utf-8")
        blocks = "\n".join(re.findall(r"```(?:sh|console)\n(.*?)```", text, re.S))
        lines = re.findall(r"^(?:\$ )?(tiebreak .*)$", blocks, re.M)
        lines += re.findall(r"`(tiebreak [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
        found += [(page.name, " ".join(line.split())) for line in lines]
    return sorted(set(found))


@pytest.mark.parametrize(("page", "line"), written_commands())
def test_a_written_command_is_one_with_options_it_has(page: str, line: str) -> None:
    words = shlex.split(re.split(r" (?:\|\|?|>|&&) ", line)[0], comments=True)[1:]
    command: Any = get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert not words or not hasattr(command, "commands"), f"{line!r} is no verb"
    known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    given = {word.split("=")[0] for word in words if word.startswith("--")}
    assert given - known - {"--help"} == set()
