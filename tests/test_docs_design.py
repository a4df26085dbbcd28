"""The notes of docs/design: five parts each, all in the index, and none missing that is named."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DESIGN = ROOT / "docs" / "design"
PARTS = ("Chosen", "On what", "Against", "Figures", "Look again")
NO_DECISION = ("README.md", "axes.md")  # the index; a table of letters
NOTES = sorted(path.name for path in DESIGN.glob("*.md") if path.name not in NO_DECISION)


def leads(note: str) -> list[str]:
    """The bold words that paragraphs begin with, in order."""
    return re.findall(r"^\*\*([^*]+)\.\*\*", note, re.MULTILINE)


@pytest.mark.parametrize("name", NOTES)
def test_a_note_says_what_on_what_against_what_with_which_figures_and_until_when(name: str) -> None:
    found = leads((DESIGN / name).read_text(encoding="utf-8"))
    assert [part for part in PARTS if part not in found] == []


def test_every_note_is_in_the_index_and_the_index_names_no_other() -> None:
    index = (DESIGN / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", index))
    assert linked == {path.name for path in DESIGN.glob("*.md")} - {"README.md"}


def test_every_note_that_is_pointed_at_exists() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    lost = {}
    for name in listed.stdout.split():
        path = ROOT / name
        if not path.exists():
            continue
        text = path.read_text(encoding="utf-8")
        named = set(re.findall(r"docs/design/[\w-]+\.md", text))
        if missing := sorted(note for note in named if not (ROOT / note).exists()):
            lost[name] = missing
    assert lost == {}


def test_every_benchmark_and_module_that_a_note_names_exists() -> None:
    lost = {}
    for path in sorted(DESIGN.glob("*.md")):
        named = re.findall(r"`((?:\w+/)+\w+\.(?:py|js|md))`", path.read_text(encoding="utf-8"))
        if missing := sorted(name for name in set(named) if not (ROOT / name).exists()):
            lost[path.name] = missing
    assert lost == {}
