"""Texts that are no votes: what a run that is stopped keeps, and what stays counted as spent."""

import asyncio

import pytest

from db.runs import spent_nanousd, start_run
from db.session import Database, Session
from judges.asking import Answer, Question, Shown, Usage
from judges.prices import Prices
from judges.text_requests import Brought, TextRequest, TextRequests

PRICES = Prices(input=0, output=1)  # 1,000 nano-dollars a token
SHOWN = Shown("", "", "")


class Failing:
    """Two answers of 7 tokens, then a failure nobody foresaw, and one that never comes."""

    def __init__(self) -> None:
        self.asked = 0

    async def ask(self, question: Question) -> Answer:
        self.asked += 1
        if self.asked == 3:
            raise RuntimeError("broken")
        if self.asked == 4:
            await asyncio.Event().wait()
        return Answer(f"text {question.key}", Usage(output=7))

    async def close(self) -> None: ...


def test_answers_are_stored_as_they_come_and_a_stop_frees_what_was_not_asked(
    database: Database,
) -> None:
    with database.begin() as session:
        run_id = start_run(session, "generate", {}).id
    told: list[str] = []

    def store(session: Session, one: Brought) -> None:
        told.append(one.answer.text)

    client = Failing()
    requests = [
        TextRequest(client, Question(str(n), "", "Write.", SHOWN, max_tokens=100), PRICES, n)
        for n in range(10)
    ]
    running = TextRequests(database, run_id, store, concurrency=1)
    with pytest.raises(RuntimeError, match="broken"):
        asyncio.run(running.run(requests, 10))
    assert told == ["text 0", "text 1"]
    with database.read() as session:  # two texts at 7 tokens, and two that had left, of at most 100
        assert spent_nanousd(session) == (2 * 7 + 2 * 100) * 1000
