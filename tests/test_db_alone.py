"""Work that two processes never do at once: of two that begin together one always does it."""

from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from db.alone import alone
from db.errors import Conflict
from db.session import Database

TRIES = 60


def try_all(folder: Path, together: Barrier, found: "Queue[tuple[int, bool]]") -> None:
    """Begin each of so many works at the same moment as the other process."""
    for number in range(TRIES):
        database = Database(f"sqlite:///{folder / str(number)}.db")
        together.wait()
        try:
            with alone(database, "route"):
                found.put((number, True))
                together.wait()
        except Conflict:
            found.put((number, False))
            together.wait()
        database.dispose()


def test_of_two_that_begin_at_once_one_works_and_one_is_told(tmp_path: Path) -> None:
    """With BEGIN EXCLUSIVE one time in twenty nobody did."""
    context = get_context("spawn")
    together, found = context.Barrier(2), context.Queue()
    both = [
        context.Process(target=try_all, args=(tmp_path, together, found), daemon=True)
        for _ in range(2)
    ]
    for one in both:
        one.start()
    told = [found.get(timeout=120) for _ in range(2 * TRIES)]
    for one in both:
        one.join()
    for number in range(TRIES):
        assert sorted(works for n, works in told if n == number) == [False, True]
