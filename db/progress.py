"""How a long step tells its caller how far it is."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

Progress = Callable[[str, int, int], None]
"""Called with a label, how much is done, and how much there is; 0 where that is not known."""


@runtime_checkable
class Says(Protocol):
    """A progress that takes sentences as well."""

    def say(self, sentence: str) -> None:
        """Show a sentence at once."""
        ...


def quiet(_label: str, _done: int, _total: int) -> None:
    """A progress that nobody watches."""


def tell(progress: Progress, sentence: str) -> None:
    """Tell whoever watches a sentence at once, where they take sentences."""
    if isinstance(progress, Says):
        progress.say(sentence)
