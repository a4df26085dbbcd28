"""Waiting where a server asks for it: all questions under one limit together, said once, bounded.

Asking again is ours: the SDKs drop a Retry-After of more than a minute. After a wait half as
many leave at once as before, then one more for each answer. Belongs to one run and one event loop.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable

from judges.asking import Answer, Later, Lost

Say = Callable[[str], None]
_SHORTEST, _LONGEST = 0.5, 8.0  # seconds between tries where the server names none, as of the SDKs
_WORTH_SAYING = 1.0  # seconds; a shorter wait is over before it is read


class TooLong(Later):
    """The server asks for a longer wait than is allowed: its judge is stopped."""


class Patience:
    """Of one limit (a name, or a server, key and model).

    longest: seconds to wait at most, in all, until an answer comes; retries: further tries where
    the server does not say how long to wait; say: hears of each wait once.
    """

    def __init__(
        self, longest: float = 600.0, retries: int = 4, say: Say = lambda sentence: None
    ) -> None:
        self.longest = longest
        self.retries = retries
        self._say = say
        self._until = self._said_until = 0.0
        self._waits = 0  # one after the other, with no answer between
        self._since: float | None = None  # when waiting began, with no answer from then on
        self._room = math.inf  # how many may be out at once
        self._out = 0
        self._changed = asyncio.Event()

    async def answer(self, name: str, send: Callable[[], Awaitable[Answer]]) -> Answer:
        """What `send` brings, called as often as the server asks to come back later.

        Raises TooLong where that is beyond `longest`, the last Later where all tries are used up,
        and whatever else `send` raises.
        """
        tries = 0
        while True:
            await self._turn()
            self._out += 1
            try:
                answer = await send()
            except Later as later:
                tries += later.seconds is None
                self._wait(name, later, tries)
            except Lost as lost:  # not sent again for the same money; others wait all the same
                if lost.seconds is not None and lost.seconds <= self.longest:
                    self._until = max(self._until, _now() + lost.seconds)
                raise
            else:
                self._since = None
                self._room += 1
                return answer
            finally:
                self._out -= 1
                self._wake()

    async def _turn(self) -> None:
        while True:
            left = self._until - _now()
            if left <= 0 and self._out < self._room:
                return
            self._changed.clear()
            try:
                async with asyncio.timeout(left if left > 0 else None):
                    await self._changed.wait()
            except TimeoutError:
                pass

    def _wake(self) -> None:
        self._changed.set()

    def _wait(self, name: str, later: Later, tries: int) -> None:
        """Take note of a wait; raises where it is not to be waited for."""
        now = _now()
        asked = later.seconds
        if asked is None and tries > self.retries:
            raise later
        begins = now >= self._until  # or one of many that left together and are refused together
        self._waits = 1 + (self._waits if self._since is not None else 0) if begins else self._waits
        since = now if self._since is None else self._since
        if asked is not None and now + asked - since > self.longest:
            self._until = now  # whoever shares the limit finds out for itself
            raise TooLong(_stopping(name, later, since < now), asked, later.why)
        seconds = max(asked or 0.0, self._backoff(asked, tries))
        self._since = since
        if begins:
            self._room = max(1, min(self._room, self._out) // 2)
        self._until = max(self._until, now + seconds)
        if seconds >= _WORTH_SAYING and now >= self._said_until:
            self._said_until = self._until
            why = " as the server asks" if asked is not None else ""
            self._say(f"{name}: {later.why}, waiting {spoken(seconds)}{why}")

    def _backoff(self, asked: float | None, tries: int) -> float:
        """What to wait at least: where none is asked, or what was asked has not sufficed."""
        before = tries - 1 if asked is None else self._waits - 2
        return min(_SHORTEST * 2.0**before, _LONGEST) if before >= 0 else 0.0


def _now() -> float:
    return asyncio.get_running_loop().time()


def _stopping(name: str, later: Later, again: bool) -> str:
    more = " more" if again else ""
    words = f" ({later.words})" if later.words else ""
    return (
        f"{later.why}: the server asks for {spoken(later.seconds or 0)}{more}; "
        f"stopping {name!r}, the others go on{words}"
    )


def spoken(seconds: float) -> str:
    """A length of time for people: "0.5 s", "150 s", "20 min", "12 h", "3 days"."""
    units = (
        ("s", 1, 300),
        ("min", 60, 3 * 3600),
        ("h", 3600, 72 * 3600),
        ("days", 86400, math.inf),
    )
    unit, size, _ = next(each for each in units if seconds < each[2])
    return f"{seconds / size:.3g} {unit}"
