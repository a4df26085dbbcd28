"""Waiting as a server asks: together, said once, bounded."""

import asyncio
import selectors
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from judges.asking import Answer, Later, Lost
from judges.patience import Patience, TooLong, spoken

HASTE = 200
Send = Callable[[], Awaitable[Answer]]


def failing(*errors: Exception) -> tuple[Send, list[float]]:
    """A send that raises these in turn, then answers; and when it was called."""
    left, called = list(errors), []

    async def send() -> Answer:
        called.append(time.monotonic())
        if left:
            raise left.pop(0)
        return Answer("yes")

    return send, called


def test_what_a_server_asks_for_is_waited_for() -> None:
    send, called = failing(Later("busy", 0.2))
    assert asyncio.run(Patience().answer("claude", send)).text == "yes"
    assert called[1] - called[0] >= 0.19


class _Hasty(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> Any:
        return super().select(timeout and timeout / HASTE)


class HastyLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock runs 200 times as fast."""

    def __init__(self) -> None:
        super().__init__(_Hasty())

    def time(self) -> float:
        return HASTE * time.monotonic()


def test_150_seconds_are_waited_for_as_asked_and_longer_ones_up_to_the_setting() -> None:
    """Twice 150 s and once 50 s are less than the 600 s allowed with no answer between."""
    send, _ = failing(*(Later("busy", seconds) for seconds in (150.0, 150.0, 50.0)))
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        started = HASTE * time.monotonic()
        assert runner.run(Patience(longest=600).answer("claude", send)).text == "yes"
    assert HASTE * time.monotonic() - started >= 350


def test_a_wait_beyond_what_is_allowed_stops_at_once() -> None:
    send, called = failing(Later("busy", 12 * 3600.0, words="HTTP 429: Limit of the day"))
    with pytest.raises(TooLong) as caught:
        asyncio.run(Patience(longest=600).answer("claude", send))
    assert str(caught.value) == (
        "rate limited: the server asks for 12 h; stopping 'claude', the others go on "
        "(HTTP 429: Limit of the day)"
    )
    assert len(called) == 1


def test_waits_add_up_until_an_answer_comes() -> None:
    send, called = failing(*[Later("busy", 0.2) for _ in range(9)])
    with pytest.raises(TooLong, match=r"asks for 0\.2 s more"):
        asyncio.run(Patience(longest=0.3).answer("claude", send))
    assert len(called) == 2


def test_without_a_hint_it_backs_off_and_gives_up() -> None:
    send, called = failing(*[Later("busy") for _ in range(9)])
    with pytest.raises(Later, match="busy"):
        asyncio.run(Patience(retries=1).answer("claude", send))
    assert len(called) == 2
    assert called[1] - called[0] >= 0.49


def test_what_may_have_been_billed_is_not_sent_again() -> None:
    send, called = failing(Lost("gone"))
    with pytest.raises(Lost):
        asyncio.run(Patience().answer("claude", send))
    assert len(called) == 1


def test_a_failure_that_asks_to_wait_makes_the_next_one_wait() -> None:
    async def run() -> float:
        patience = Patience()
        gone, _ = failing(Lost("gone", 0.2))
        with pytest.raises(Lost):
            await patience.answer("claude", gone)
        started = time.monotonic()
        await patience.answer("claude", failing()[0])
        return time.monotonic() - started

    assert asyncio.run(run()) >= 0.19


def test_all_wait_together_and_it_is_said_once() -> None:
    """Eight are refused together; after the wait half of them leave at once, then more."""
    said: list[str] = []
    out = most = calls = 0
    until = 0.0

    async def run() -> list[Answer]:
        nonlocal until
        patience = Patience(say=said.append)
        until = time.monotonic() + 1.0

        async def send() -> Answer:
            nonlocal out, most, calls
            calls += 1
            if time.monotonic() < until - 0.05:
                await asyncio.sleep(0.05)
                raise Later("busy", 1.0)
            out += 1
            most = max(most, out)
            await asyncio.sleep(0.02)
            out -= 1
            return Answer("yes")

        first = asyncio.gather(*(patience.answer("claude", send) for _ in range(8)))
        await asyncio.sleep(0.2)
        late = asyncio.gather(*(patience.answer("claude", send) for _ in range(8)))
        return [*await first, *await late]

    assert len(asyncio.run(run())) == 16
    assert calls == 8 + 16  # those that came later were never refused
    assert most < 16
    assert said == ["claude: rate limited, waiting 1 s as the server asks"]


def test_a_stop_ends_a_wait_at_once() -> None:
    async def run() -> float:
        send, _ = failing(Later("busy", 500.0))
        asked = asyncio.create_task(Patience().answer("claude", send))
        await asyncio.sleep(0.05)
        started = time.monotonic()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        return time.monotonic() - started

    assert asyncio.run(run()) < 5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "0.5 s"), (150, "150 s"), (1200, "20 min"), (43200, "12 h"), (6 * 86400, "6 days")],
)
def test_a_wait_is_said_in_the_unit_people_use(seconds: float, text: str) -> None:
    assert spoken(seconds) == text
