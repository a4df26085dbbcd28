"""How fast to ask, and when to stop asking: a pace for rate limits and a circuit for outages.

Both belong to one run and one event loop. Waiting as a server asks is `judges.patience`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from db.errors import Unavailable

_WORTH_SAYING = 1.0  # seconds; a shorter pause is over before it is read


class RateLimiter:
    """Spreads units (requests, tokens) evenly at `per_minute`, with a burst of one second's worth.

    The generic cell rate algorithm: a unit may pass when the theoretical arrival time has come.
    """

    def __init__(self, per_minute: int) -> None:
        self.seconds_each = 60.0 / per_minute
        self.burst = 1.0
        self._due = 0.0

    async def wait(self, units: float = 1.0) -> None:
        """Returns when `units` may pass."""
        now = asyncio.get_running_loop().time()
        start = max(self._due, now - self.burst)
        self._due = start + units * self.seconds_each
        if start > now:
            await asyncio.sleep(start - now)


class Circuit:
    """Opens after `threshold` failures in a row; then one careful try after each of the pauses.

    When the last pause did not help either, everybody who asks gets Unavailable at once.
    """

    def __init__(
        self,
        name: str,
        threshold: int = 5,
        pauses: Sequence[float] = (2.0, 10.0, 30.0),
        say: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.name = name
        self._say = say
        # By hand: 5 in a row are no accident, and an outage beyond 42 seconds is the next run's.
        self.threshold = threshold
        self.pauses = tuple(pauses)
        self._failures = 0
        self._tries = 0
        self._why = f"{name} does not answer"
        self._probe = asyncio.Lock()

    @property
    def open(self) -> bool:
        """Whether the last answers all failed."""
        return self._failures >= self.threshold

    @property
    def given_up(self) -> bool:
        """Whether no further try will be made."""
        return self.open and self._tries >= len(self.pauses)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Around one request. While the circuit is open, one request at a time gets through."""
        if self.open:
            async with self._probe:
                if self.open:
                    await self._pause()
                    yield
                    return
        yield

    def ok(self) -> None:
        """An answer came."""
        self._failures = self._tries = 0

    def failed(self, why: str | None = None) -> None:
        """No answer came. why: what the server said instead."""
        self._failures += 1
        self._why = why or self._why

    async def rest(self) -> None:
        """The first pause, between two passes over what failed."""
        await asyncio.sleep(self.pauses[0] if self.pauses else 0)

    async def _pause(self) -> None:
        if self.given_up:
            raise Unavailable(f"{self._why}; the votes it owes are asked for by the next run")
        pause = self.pauses[self._tries]
        self._tries += 1
        if pause >= _WORTH_SAYING:
            self._say(f"{self._why}; trying again in {pause:g} s")
        await asyncio.sleep(pause)
