"""Writes the generated pages of the documentation: `python -m app.reference docs`."""

import sys
from pathlib import Path

from app.reference.presets import presets_page
from app.reference.settings import settings_page
from app.reference.verbs import verbs_page

PAGES = {"presets.md": presets_page, "settings.md": settings_page, "verbs.md": verbs_page}


def main(folder: Path) -> None:
    """Write every page into the folder."""
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
