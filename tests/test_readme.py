"""The README tells the truth: its tree, its verbs, its formats and its words."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from app.cli import app
from db import vocabulary
from db.imports import rows

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PACKAGES = ("app", "judges", "review", "trainer", "db", "migrations")


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listed.stdout.splitlines()


def tree_entries() -> dict[str, str]:
    """Path -> note, read from the indentation of the tree."""
    block = README.split("<!-- tree -->\n```\n")[1].split("```\n<!-- /tree -->")[0]
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


def test_the_verbs_are_the_verbs() -> None:
    told = {
        word.split()[0]
        for row in re.findall(r"^\| (`.*?) \|", section("The verbs"), re.M)
        for word in re.findall(r"`([a-z ]+)`", row)
    }
    commands = get_command(app).commands  # type: ignore[attr-defined]
    inner = {name for command in commands.values() for name in getattr(command, "commands", ())}
    assert told - inner == set(commands) - inner


PARSERS: dict[str, Any] = {
    "pairs": rows.parse_pair,
    "candidates": lambda row: rows.parse_candidates(row, None, 0),
    "votes": rows.parse_vote,
    "labels": rows.parse_label,
    "gold": rows.parse_gold,
    "rankings": rows.parse_ranking,
}
EXAMPLES = re.findall(r"^\| `(\w+)`.*?\| `(\{.*\})` \|$", README, re.M)


@pytest.mark.parametrize(("kind", "example"), EXAMPLES)
def test_every_literal_example_is_read(kind: str, example: str) -> None:
    assert PARSERS[kind](json.loads(example))


def test_every_format_has_an_example() -> None:
    assert {kind for kind, _ in EXAMPLES} == set(PARSERS)


def test_the_words_are_those_of_the_architecture_and_of_the_code() -> None:
    table = re.compile(r"^\| (.+?) \| (.+?) \|$", re.M)
    architecture = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    told = dict(table.findall(section("Words")))
    settled = dict(table.findall(architecture.split("## Words")[1].split("\n## ")[0]))
    assert told == settled
    words = " ".join([*told, *told.values()]).lower()
    for enum in (vocabulary.Choice, vocabulary.Order, vocabulary.Route, vocabulary.TaskKind):
        assert [word for word in enum if word.value not in words] == []
