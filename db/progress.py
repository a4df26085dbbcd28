"""How a long step tells its caller how far it is."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with a label, how much is done, and how much there is; 0 where that is not known."""


def quiet(_label: str, _done: int, _total: int) -> None:
    """A progress that nobody watches."""
