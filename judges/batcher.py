"""What passes between the panel and a provider's batch interface: lines, results, the protocol."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from db.errors import BadInput, Unavailable
from judges.asking import Answer, Question

Fate = Literal["answered", "refused", "later", "failed", "lost"]


class TooLarge(BadInput):
    """A batch is refused for its size, or for what is enqueued already; a smaller one may pass."""


class Gone(Unavailable):
    """A batch, or all that it held, is not at its provider any more."""


@dataclass(frozen=True, slots=True)
class Collected:
    """One line of a finished batch.

    name: the request's custom id, empty where it cannot be read. fate: "answered"; "refused", the
    server takes no such question; "later", nothing is wrong with it (an outage, a limit, the
    batch's end); "failed", for a reason nobody knows; "lost", it cannot be read and may have been
    billed. answer: of an answered line, and of a refused one what its refusal amounts to. words:
    the server's own, where there is no answer.
    """

    name: str
    fate: Fate
    answer: Answer | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no line of a batch was worked on: the server's words. lines: those named as the reason,
    counted from 1; limited: a smaller batch, or a later one, may pass.
    """

    words: str
    lines: tuple[int, ...] = ()
    limited: bool = False


@dataclass(frozen=True)
class Results:
    """A finished batch. lines: one at a time, to be read once; early: it ended (expired, cancelled)
    before all was worked on; gone: why a part of its results is not there any more.
    """

    lines: Iterator[Collected]
    early: str | None = None
    refusal: Refusal | None = None
    gone: str | None = None


class Batcher(Protocol):
    """Answers hours later at half the price. `mark` is written into the job so it can be found."""

    async def submit(self, questions: Sequence[Question], mark: str) -> str:
        """The id of the job made of these questions. Raises TooLarge, and Lost where it may have
        been made all the same.
        """
        ...

    async def find(self, mark: str) -> str | None:
        """The id of a job submitted under `mark` whose id was never stored, or None."""
        ...

    async def collect(self, job: str) -> Results | None:
        """None while the job is still being worked on. Raises Gone."""
        ...

    async def state(self, job: str) -> str:
        """How far the job is, in the provider's words. Raises Gone."""
        ...

    async def cancel(self, job: str) -> None:
        """Ask the provider to stop working on it. Raises Gone."""
        ...


class Batched(Protocol):
    """A client whose server takes batches as well."""

    @property
    def batches(self) -> Batcher:
        """The batch interface to the same model."""
        ...
