"""The README tells the truth: its verbs, its pictures and its length."""

import re
from pathlib import Path

from typer.main import get_command

from app.cli import app

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len(README.splitlines()) < 200


def test_the_verbs_are_the_verbs() -> None:
    told = {
        word.split()[0]
        for row in re.findall(r"^\| [^|]+ \| ([^|]+) \|", section("The verbs"), re.M)
        for word in re.findall(r"`([a-z -]+)`", row)
    }
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert told == set(commands)


def test_what_the_readme_points_to_is_there() -> None:
    """Files linked or shown; a picture stays small."""
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", README)
    assert [name for name in targets if not (ROOT / name).exists()] == []
    pictures = [name for name in targets if name.endswith((".png", ".svg"))]
    assert len(pictures) >= 2
    assert [name for name in pictures if (ROOT / name).stat().st_size > 150_000] == []
