"""Files and folders written whole or not at all, by one process at a time.

Work happens beside the goal, in a place of this process's own, and the goal appears by one rename.
What a killed process left there is read by nobody, and the goal's next writer removes it.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from secrets import token_hex
from typing import TextIO

from db.errors import BadInput, Conflict, Unavailable

_PARTIAL = ".partial"


@contextmanager
def whole_file(
    goal: Path, errors: str = "strict", instead: str = "name a file in a folder you may write to"
) -> Iterator[TextIO]:
    """A text to be written, UTF-8, which stands at `goal` once the block ends well, or not at all.

    Of two at once each writes a file of its own, and the last one whole stands. A device or a pipe
    is written as it is. Raises BadInput where nothing can be written there, with the way out.
    """
    goal = goal.resolve()
    if goal.exists() and not goal.is_file():
        if goal.is_dir():
            raise BadInput(f"{str(goal)!r} is a folder; {instead}")
        with goal.open("w", encoding="utf-8", errors=errors) as stream:
            yield stream
        return
    part = _own_place(goal)
    try:
        with _opened(part, goal, errors, instead) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if goal.exists():
            shutil.copymode(goal, part)
        part.replace(goal)
    finally:
        part.unlink(missing_ok=True)


def write_whole(goal: Path, text: str) -> None:
    """Write a file, UTF-8, whole or not at all; its folder is made where it is missing."""
    goal.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(goal) as stream:
        stream.write(text)


@contextmanager
def sole_writer(goal: Path, what: str) -> Iterator[None]:
    """Hold the right to write this file or folder; a killed process lets go of it.

    Raises Conflict, which calls it `what`, where another process holds it.
    """
    import fcntl

    goal.parent.mkdir(parents=True, exist_ok=True)
    place = goal.with_name(f".{goal.name}.lock")
    while True:
        handle = os.open(place, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise Conflict(f"{what} is being written by another process; wait for it") from None
        except OSError as error:
            os.close(handle)
            raise Unavailable(
                f"{str(place)!r} cannot be locked ({error.strerror}); use a folder on a file "
                "system that knows locks"
            ) from None
        if _is_at(handle, place):
            break
        os.close(handle)  # its last holder removed the file between our two steps
    try:
        yield
    finally:
        place.unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def own_folder(goal: Path) -> Iterator[Path]:
    """An empty folder beside `goal`, to be filled and given to `publish`; for its `sole_writer`.

    What killed writers of this goal left is removed before, and what was not published after.
    """
    for left in goal.parent.glob(f".{escape(goal.name)}.*{_PARTIAL}"):
        shutil.rmtree(left, ignore_errors=True)
    place = _own_place(goal)
    place.mkdir(parents=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def publish(place: Path, goal: Path) -> None:
    """A filled folder becomes the goal by one rename, after all of it is on the disk.

    Raises Conflict where the goal is there and not empty.
    """
    for path in sorted(place.rglob("*")):
        if path.is_file():
            _flush(path)
    try:
        place.replace(goal)
    except OSError as error:
        if goal.is_dir() and any(goal.iterdir()):
            raise Conflict(f"{str(goal)!r} is there already; name a new folder") from error
        raise
    _flush(goal.parent)


def _own_place(goal: Path) -> Path:
    return goal.with_name(f".{goal.name}.{os.getpid()}-{token_hex(4)}{_PARTIAL}")


def _opened(part: Path, goal: Path, errors: str, instead: str) -> TextIO:
    try:
        return part.open("x", encoding="utf-8", errors=errors)
    except OSError as error:
        raise BadInput(f"{str(goal)!r} cannot be written ({error.strerror}); {instead}") from error


def _is_at(handle: int, place: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), place.stat())
    except FileNotFoundError:
        return False


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
