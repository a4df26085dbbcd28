"""The table of axis letters is the one the code uses."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("app", "judges", "review", "trainer", "db")


TABLE = (ROOT / "docs" / "design" / "axes.md").read_text(encoding="utf-8")


def names(tree: ast.AST) -> set[str]:
    """Variables, arguments and attributes of a module."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
    return found


def axis_letters() -> dict[str, str]:
    """Every letter of a suffix like that of `codes_PRO` or `theta_RJ_`, with one name it is in."""
    used: dict[str, str] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for name in names(ast.parse(path.read_text(encoding="utf-8"))):
                suffix = re.fullmatch(r"_?[a-z]\w*_([A-Z][A-Z0-9]*)_?", name)
                for letter in suffix[1] if suffix else "":
                    used.setdefault(letter, f"{path.relative_to(ROOT)}: {name}")
    return {letter: where for letter, where in used.items() if letter.isalpha()}


def test_every_axis_letter_is_in_the_table_and_every_letter_of_the_table_is_used() -> None:
    listed = set(re.findall(r"^\| `(\w)` \|", TABLE, re.MULTILINE))
    used = axis_letters()
    assert {letter: where for letter, where in used.items() if letter not in listed} == {}
    assert listed - set(used) == set()
