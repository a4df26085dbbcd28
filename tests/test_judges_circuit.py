"""How fast to ask and when to stop asking."""

import asyncio
import time
from typing import Any

import pytest

from db.errors import Unavailable
from db.vocabulary import Order
from judges.circuit import Circuit, RateLimiter
from judges.panel import parse
from judges.participants import Wanted, judge_sessions
from judges.private import Withholding


def test_a_pace_lets_a_second_through_at_once_and_spreads_the_rest() -> None:
    async def run() -> float:
        pace = RateLimiter(6000)  # 100 a second
        started = time.monotonic()
        await asyncio.gather(*(pace.wait() for _ in range(140)))
        return time.monotonic() - started

    # The first 100 are the burst; the other 40 take a hundredth of a second each.
    assert asyncio.run(run()) >= 0.35


def test_a_pace_counts_units() -> None:
    async def run() -> float:
        pace = RateLimiter(60_000)  # tokens: 1000 a second
        started = time.monotonic()
        for _ in range(3):
            await pace.wait(500)
        return time.monotonic() - started

    # 500 + 500 are the burst; the third waits until half a second's worth has come due.
    assert 0.0 <= asyncio.run(run()) < 5.0


def test_a_circuit_opens_tries_carefully_and_gives_up() -> None:
    async def run() -> tuple[int, int]:
        circuit = Circuit("somewhere", threshold=3, pauses=(0.01, 0.01))
        asked = together = most = 0

        async def one() -> None:
            nonlocal asked, together, most
            async with circuit.turn():
                asked += 1
                together += 1
                most = max(most, together) if circuit.open else most
                await asyncio.sleep(0.001)
                together -= 1
            circuit.failed()

        results = await asyncio.gather(*(one() for _ in range(3)))
        assert results == [None] * 3
        assert circuit.open
        late = await asyncio.gather(*(one() for _ in range(10)), return_exceptions=True)
        assert circuit.given_up
        assert sum(isinstance(error, Unavailable) for error in late) == 8
        return asked, most

    assert asyncio.run(run()) == (3 + 2, 1)  # one careful try after each pause, never two at once


def test_one_answer_closes_the_circuit() -> None:
    async def run() -> None:
        circuit = Circuit("somewhere", threshold=2, pauses=(0.001,))
        circuit.failed()
        circuit.failed()
        async with circuit.turn():
            circuit.ok()
        assert not circuit.open
        for _ in range(5):
            async with circuit.turn():
                pass

    asyncio.run(run())


def test_a_pause_is_said_with_what_the_server_said() -> None:
    said: list[str] = []

    async def run() -> None:
        circuit = Circuit("somewhere", threshold=1, pauses=(1.0,), say=said.append)
        circuit.failed("claude: the server fails (HTTP 500: oops)")
        async with circuit.turn():
            pass

    asyncio.run(run())
    assert said == ["claude: the server fails (HTTP 500: oops); trying again in 1 s"]


def test_the_sentence_names_who_does_not_answer() -> None:
    async def run() -> None:
        circuit = Circuit("http://nowhere", threshold=1, pauses=())
        circuit.failed()
        async with circuit.turn():
            pass

    with pytest.raises(Unavailable, match="http://nowhere does not answer"):
        asyncio.run(run())


def test_judges_of_one_account_share_a_circuit_and_those_of_another_do_not() -> None:
    asked: Any = None
    keys = ("ONE", "TWO", "ONE")
    panel = parse(
        {"judge": [
            {"name": f"j{n}", "provider": "openai", "model": f"m{n}", "api_key_env": key,
             "base_url": "https://gateway.example.com/v1", "prices": {"input": 1, "output": 1}}
            for n, key in enumerate(keys)
        ]}
    )  # fmt: skip
    wanted = [(Wanted(judge, 1, (Order.AB,), (1,), 1, False), asked) for judge in panel.judge]
    first, second, third = judge_sessions(panel, wanted, (), Withholding(), print)
    assert first.circuit is third.circuit
    assert first.circuit is not second.circuit
