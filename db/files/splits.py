"""Which of several parts of a data set is read: never all of them unasked."""

from pathlib import Path

from db.errors import BadInput

ALL = "all"


def require_none(path: Path, split: str | None) -> None:
    """Raise BadInput where a part was asked for by name of what has none."""
    if split not in (None, ALL):
        raise BadInput(f"{str(path)!r} has no splits; leave --split away")


def chosen(path: Path, names: list[str], split: str | None, what: str = "splits") -> list[str]:
    """The parts to read of those there are. Raises BadInput where none was asked for by name."""
    told = ", ".join(repr(name) for name in names[:20]) + (", ..." if len(names) > 20 else "")
    way = f"name one with --split, or read them all with --split {ALL}"
    if split is None:
        raise BadInput(f"{str(path)!r} has {len(names)} {what}: {told}; {way}")
    if split == ALL and ALL not in names:
        return names
    if split not in names:
        raise BadInput(f"{str(path)!r} has no {what[:-1]} {split!r}, but {told}; {way}")
    return [split]
