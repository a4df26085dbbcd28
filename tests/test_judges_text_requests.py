"""Texts that are no votes: what a run that is stopped keeps, and what stays counted as spent."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from db.generation import note
from db.models import Reservation, TextClaim
from db.reservations import Asked
from db.runs import spent_nanousd, start_run
from db.session import Database, Session
from db.text_claims import TextKey
from db.types import now
from judges.asking import Answer, Question, Shown, Usage
from judges.prices import Prices
from judges.text_requests import Brought, Requested, TextRequest, TextRequests

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


def wanted(client: Failing, count: int) -> list[TextRequest]:
    return [
        TextRequest(
            TextKey("written", f"prompt:{n}", "w"),
            Asked("w", "anthropic", "m"),
            client,
            Question(str(n), "", "Write.", SHOWN, max_tokens=100),
            PRICES,
            n,
        )
        for n in range(count)
    ]


def started(database: Database) -> int:
    with database.begin() as session:
        return start_run(session, "generate", {}).id


def test_answers_are_stored_as_they_come_and_a_stop_frees_what_was_not_asked(
    database: Database,
) -> None:
    told: list[str] = []

    def store(session: Session, one: Brought) -> None:
        told.append(one.answer.text)

    running = TextRequests(database, started(database), store, concurrency=1)
    with pytest.raises(RuntimeError, match="broken"):
        asyncio.run(running.run(wanted(Failing(), 10), 10))
    assert told == ["text 0", "text 1"]
    with database.read() as session:  # two texts at 7 tokens, and one that had left, of at most 100
        assert spent_nanousd(session) == (2 * 7 + 100) * 1000


class Counting:
    """Answers when all who are to be asked at once are there; the most that were."""

    def __init__(self) -> None:
        self.now = self.most = self.asked = 0
        self.reserved: list[int] = []

    async def ask(self, question: Question) -> Answer:
        self.asked += 1
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.001)
        self.now -= 1
        return Answer(f"text {question.key}", Usage(output=7))

    async def close(self) -> None: ...


def test_money_is_set_aside_for_what_may_be_out_and_a_few_and_not_for_each(
    any_database: Database,
) -> None:
    """At 8 at once: for 8 + 2 texts of at most 100 tokens, in reservations of two and more."""
    client, most = Counting(), 0

    def store(session: Session, one: Brought) -> None:
        nonlocal most
        left = select(func.sum(Reservation.reserved_nanousd - Reservation.paid_nanousd))
        open_ = session.scalar(left.where(Reservation.settled_nanousd.is_(None))) or 0
        most = max(most, open_)

    running = TextRequests(any_database, started(any_database), store, concurrency=8)
    done = asyncio.run(running.run(wanted(client, 60), 60))
    assert (done.brought, client.most) == (60, 8)
    assert most <= 10 * 100 * 1000
    with any_database.read() as session:
        assert session.scalar(select(func.count()).select_from(Reservation)) <= 30
        assert spent_nanousd(session) == 60 * 7 * 1000
        assert session.scalar(select(func.count()).select_from(TextClaim)) == 0


def test_two_at_once_ask_for_each_text_once(any_database: Database) -> None:
    client = Counting()

    def store(session: Session, one: Brought) -> None:
        note(session, one.request.key.kind, one.request.key.subject, {"by": "w"})

    async def both() -> list[Requested]:
        runs = [TextRequests(any_database, started(any_database), store) for _ in range(2)]
        return await asyncio.gather(*(run.run(wanted(client, 100), 100) for run in runs))

    one, two = asyncio.run(both())
    assert client.asked == one.brought + two.brought == 100
    assert one.elsewhere + two.elsewhere == 100
    with any_database.read() as session:
        assert spent_nanousd(session) == 100 * 7 * 1000


def test_a_claim_that_has_run_out_is_taken_over(database: Database) -> None:
    client, run_id = Counting(), started(database)
    with database.begin() as session:
        for n, left in ((0, 60), (1, -1)):
            at = now() + timedelta(seconds=left)
            claim = {"kind": "written", "subject": f"prompt:{n}", "source": "w"}
            session.add(TextClaim(**claim, run_id=run_id, expires_at=at))
    running = TextRequests(database, started(database), lambda session, one: None)
    done = asyncio.run(running.run(wanted(client, 2), 2))
    assert (done.brought, done.elsewhere) == (1, 1)


class Slow(Counting):
    """Answers after a second and a half, which is longer than a claim stands here."""

    async def ask(self, question: Question) -> Answer:
        await asyncio.sleep(1.5)
        return await super().ask(question)


def test_the_claim_on_a_text_that_waits_is_renewed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("judges.text_requests._RENEWED", timedelta(seconds=1))
    client = Slow()

    def store(session: Session, one: Brought) -> None:
        note(session, one.request.key.kind, one.request.key.subject, {"by": "w"})

    async def both() -> list[Requested]:
        texts = [replace(each, lasts=timedelta(seconds=1)) for each in wanted(client, 3)]
        first, second = (TextRequests(database, started(database), store) for _ in range(2))
        one = asyncio.create_task(first.run(texts, 3))
        await asyncio.sleep(1.2)  # the claims of the first would have run out
        return [await second.run(texts, 3), await one]

    two, one = asyncio.run(both())
    assert (client.asked, one.brought, two.elsewhere) == (3, 3, 3)
