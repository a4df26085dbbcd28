"""What an import reads of the folder of our own export: the files that hold rows of its kind."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from db.errors import BadInput
from db.imports.options import Kind

_FOLDERS = {Kind.PAIRS: "pairs", Kind.VOTES: "votes"}
_BESIDE = {"README.md", "dataset_info.json", "label_config.xml", "changes.jsonl"}


def parts_of(kind: Kind, file: Path) -> list[Path]:
    """The file itself, or of an export's folder what is to be read instead.

    Of the layout trl that is its folder of pairs or votes, of another one every file of rows.
    Raises BadInput where the folder holds nothing of this kind.
    """
    manifest = _manifest(file)
    if manifest is None:
        return [file]
    if manifest.get("layout", "trl") == "trl":
        if kind in _FOLDERS:
            return [file / _FOLDERS[kind]]
        raise BadInput(
            f"{str(file)!r} is an export; read it with `tiebreak import pairs` and, for the votes, "
            "with `tiebreak import votes`"
        )
    found = [file / name for name in sorted(manifest["files"]) if _has_rows(name)]
    return [path for path in found if path.is_file() and path.stat().st_size]


def _manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of an export, or None for any other file or folder."""
    with suppress(OSError, ValueError):
        found = json.loads((folder / "manifest.json").read_text("utf-8"))
        if isinstance(found, dict) and {"format_version", "filters", "files"} <= found.keys():
            return found
    return None


def _has_rows(name: str) -> bool:
    return name not in _BESIDE and not name.startswith(".")
