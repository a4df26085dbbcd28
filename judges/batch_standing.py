"""What earlier batches of a judge say about the next: whether it is sent, and how large. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from db.batch_jobs import ClosedJob

_LOST = ("gone", "abandoned")
_TELLING = ("collected", "dropped", "failed", *_LOST)


@dataclass(frozen=True, slots=True)
class Standing:
    """stopped: the job for whose end no further batch is sent; limited: the last one refused for
    its size, and how many batches came back since (doublings); reduced: the last one was sent again
    without some lines.
    """

    stopped: ClosedJob | None = None
    limited: ClosedJob | None = None
    doublings: int = 0
    reduced: bool = False

    def room(self, size: int) -> int:
        """Questions that may lie in batches at once, where `limited` was a job of this size."""
        return max(1, size // 2) << self.doublings


def standing(closed: Sequence[ClosedJob]) -> Standing:
    """Of the judge's closed jobs, the newest end first.

    Stopped: the last one was refused as a whole; or it was gone at its provider or never came back,
    and had been sent after another was lost so. A person lifts it by dropping the job. After a
    refusal for its size half as many questions are sent, and twice as many after each batch that
    came back.
    """
    telling = [job for job in closed if job.state in _TELLING]
    newest = telling[0] if telling else None
    limited = next((job for job in closed if job.state == "limited"), None)
    since = closed[: closed.index(limited)] if limited else ()
    return Standing(
        stopped=newest if newest is not None and _stops(telling) else None,
        limited=limited,
        doublings=sum(job.state == "collected" for job in since),
        reduced=bool(closed) and closed[0].state == "reduced",
    )


def _stops(telling: Sequence[ClosedJob]) -> bool:
    newest, *older = telling
    if newest.state == "failed":
        return True
    before = older[0] if older else None
    return (
        newest.state in _LOST
        and before is not None
        and before.state in _LOST
        and before.closed_at <= newest.created_at
    )
