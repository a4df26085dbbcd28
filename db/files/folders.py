"""The files of rows in a folder and the splits they are: as `datasets` saves them (`save_to_disk`),
as hubs keep them (`data/train-00000-of-00002.parquet`), or as somebody named them (`train.jsonl`).
"""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path, PurePath

from db.files.packed import bare_name
from db.files.splits import chosen

_SHARD = re.compile(r"(.+?)[-_.]\d{5}[-_.]of[-_.]\d{5}(?:[-_.].*)?")
_COUNT = re.compile(r"[-_.]?\d+$")
_WORD = re.compile(
    r"(?<![a-z])(train(ing)?|test(ing)?|valid(ation)?|val|dev|eval(uation)?)(?![a-z])",
    re.IGNORECASE,
)
_NO_NAMES = {"", "data", "default", "part", "shard", "chunk", "file"}
_ABOUT = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}


def parts(
    folder: Path,
    endings: Sequence[Sequence[str]],
    split: str | None,
    note: Callable[[str], None],
) -> list[Path]:
    """The files to read: of the first endings that any file has, those of the split asked for.

    What stays unread is noted. Raises BadInput where there are several splits and none is named.
    """
    every = sorted(path for path in folder.rglob("*") if _may_hold_rows(path, folder))
    held = [[p for p in every if bare_name(p.name).endswith(tuple(each))] for each in endings]
    found = next((files for files in held if files), [])
    left = [str(p.relative_to(folder)) for files in held if files is not found for p in files]
    if left:
        note(f"not read: {', '.join(left[:10])}" + (", ..." if len(left) > 10 else ""))
    named = {path: split_of(path.relative_to(folder), _is_saved(path)) for path in found}
    if split is None and not any(named.values()):
        return found
    names = {path: name or path.stem for path, name in named.items()}
    there = list(dict.fromkeys(names.values()))
    taken = there if split is None and len(there) == 1 else chosen(folder, there, split)
    note(f"split {', '.join(taken)}")
    return [path for path in found if names[path] in taken]


def split_of(path: PurePath, saved: bool = False) -> str | None:
    """The split that a file in a folder is by its name and the folders above it, None for none.

    `saved` is whether `datasets` saved it: then the folder is the split, whatever its name.
    """
    above = [part for part in path.parent.parts if part not in _NO_NAMES]
    if saved:
        return "/".join(above) or None
    stem = PurePath(bare_name(path.name)).stem
    shard = _SHARD.fullmatch(stem)
    name = shard.group(1) if shard else _COUNT.sub("", stem)
    if name not in _NO_NAMES and (shard or _WORD.search(name)):
        return "/".join([*above, name])
    return "/".join(above) if any(map(_WORD.search, above)) else None


def _is_saved(path: Path) -> bool:
    return path.suffix == ".arrow" and (path.parent / "state.json").is_file()


def _may_hold_rows(path: Path, folder: Path) -> bool:
    """Whether this is a file of somebody's rows: no cache, no reject file, nothing hidden."""
    name = path.name
    if any(part.startswith(".") for part in path.relative_to(folder).parts) or not path.is_file():
        return False
    if name.startswith("cache-") or name.endswith(".rejects.jsonl") or name in _ABOUT:
        return False
    return not _is_saved(path) or name in _saved_names(path.parent, name)


def _saved_names(folder: Path, otherwise: str) -> list[str]:
    """The files that a saved split consists of, or this one where that cannot be read."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        state = json.loads((folder / "state.json").read_text("utf-8"))
        return [each["filename"] for each in state["_data_files"]]
    return [otherwise]
