"""A hook of mkdocs: the order of the pages, with every note of docs/design/ in its own chapter."""

from pathlib import Path
from typing import Any

_FIRST = (
    (
        "Use",
        (
            "index.md",
            "annotator.md",
            "engineer.md",
            "owner.md",
            "keeping.md",
            "security.md",
            "python.md",
        ),
    ),
    (
        "Look up",
        (
            "verbs.md",
            "settings.md",
            "providers.md",
            "bases.md",
            "formats.md",
            "presets.md",
            "glossary.md",
        ),
    ),
    ("Build", ("architecture.md", "contracts.md", "first_change.md")),
)


def on_config(config: Any) -> Any:
    """Set the navigation; pages named nowhere are told as omitted, and fail a strict build."""
    notes = sorted((Path(config.docs_dir) / "design").glob("*.md"))
    config.nav = [{title: list(pages)} for title, pages in _FIRST]
    if notes:
        config.nav.append({"Design notes": [f"design/{note.name}" for note in notes]})
    return config
