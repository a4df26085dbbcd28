"""What a user is to hear of a judge's server: each thing once, whoever comes upon it first."""

from collections.abc import Iterator
from dataclasses import InitVar, dataclass, field


@dataclass
class Notices:
    """Sentences about one judge by what they are about, in the order they came up.

    first: one that is known before anything is asked.
    """

    judge: str
    first: InitVar[str | None] = None
    _said: dict[str, str] = field(default_factory=dict)

    def __post_init__(self, first: str | None) -> None:
        if first is not None:
            self.say("", first)

    def say(self, about: str, sentence: str) -> None:
        """Note a sentence in the place of what was noted about this before."""
        self._said[about] = f"judge {self.judge!r}: {sentence}"

    def __iter__(self) -> Iterator[str]:
        return iter(self._said.values())
