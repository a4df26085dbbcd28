"""Money in doubt is freed as far as a bill shows that it was not billed, and never more."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from db.errors import Conflict
from db.judges import judge_version
from db.models import BatchJob, Event, Reservation, Run
from db.reconciling import Scope, reconcile
from db.reservations import Asked
from db.runs import NANO, finish_run, spent_nanousd, start_run
from db.session import Database, Session
from db.spending import reserved_money
from db.types import now
from db.vocabulary import Provider, RunStatus

CLAUDE, GPT = Asked("claude", "anthropic", "claude-a"), Asked("gpt", "openai", "gpt-small")


def row(
    session: Session, run: Run, asked: Asked, held: int, paid: int, *, settled: bool = False
) -> Reservation:
    made = Reservation(
        run_id=run.id,
        reserved_nanousd=held,
        settled_nanousd=held if settled else None,
        paid_nanousd=paid,
        asked=asked.name,
        provider=asked.provider,
        model=asked.model,
    )
    session.add(made)
    session.flush()
    return made


@pytest.fixture
def run_id(any_database: Database) -> int:
    """A killed run: 50 held of which 20 is paid, 100 settled of which 70 is; and gpt's 10 of 0."""
    with any_database.begin() as session:
        run = start_run(session, "judge", {})
        row(session, run, CLAUDE, 50, 20)
        row(session, run, CLAUDE, 100, 70, settled=True)
        row(session, run, GPT, 10, 0)
        finish_run(session, run.id, RunStatus.FAILED, error="killed")
        return run.id


@pytest.mark.parametrize(
    ("bill", "freed", "spent"),
    [
        (90, 60, 90),  # what answers cost, and nothing else was billed
        (115, 35, 115),  # some of what was in flight was
        (150, 0, 150),  # all of it
        (40, 60, 90),  # less than answers cost: nothing below those is freed
        (900, 0, 150),  # others use the key
    ],
)
def test_afterwards_what_is_counted_is_the_bill(
    any_database: Database, run_id: int, bill: int, freed: int, spent: int
) -> None:
    scope = Scope(provider="anthropic")
    with any_database.begin() as session:
        told = reconcile(session, scope, bill, "eva", "page", dry_run=True)
    assert told.freed_usd * NANO == pytest.approx(freed)
    with any_database.read() as session:
        assert spent_nanousd(session) == 160
    for again in range(2):
        with any_database.begin() as session:
            done = reconcile(session, scope, bill, "eva", "usage page of Monday")
        assert done.freed_usd * NANO == pytest.approx(0 if again else freed)
        assert done.counted_usd * NANO == pytest.approx(spent)
        with any_database.read() as session:
            assert spent_nanousd(session) == spent + 10  # gpt's money is another bill's
            assert reserved_money(session).total == 10
    with any_database.read() as session:
        event = session.scalars(select(Event).order_by(Event.id)).first()
        assert event is not None
        assert (event.actor, event.kind) == ("eva", "money.reconciled")
        assert event.subject == "provider:anthropic"
        assert event.payload["reason"] == "usage page of Monday"
    assert ("higher than what is counted" in done.summary) is (bill == 900)
    assert ("lower than what answers cost" in done.summary) is (bill == 40)


def test_money_in_flight_of_a_living_run_is_never_freed(any_database: Database) -> None:
    with any_database.begin() as session:
        run = start_run(session, "judge", {})
        row(session, run, CLAUDE, 50, 20)
        version = judge_version(
            session, name="gpt", family="openai", version="1", provider=Provider.OPENAI, config={}
        )
        batch = start_run(session, "judge", {})
        sent = row(session, batch, GPT, 10, 0)
        session.add(
            BatchJob(
                run_id=batch.id,
                judge_version_id=version.id,
                requests=[],
                reservation_id=sent.id,
            )
        )
        finish_run(session, batch.id)
    with (
        any_database.begin() as session,
        pytest.raises(Conflict, match=rf"judge \(run {run.id}\) has not ended .* wait for its end"),
    ):
        reconcile(session, Scope(judge="claude"), 0, "eva", "page")
    with any_database.begin() as session:
        later = now() + timedelta(hours=1)
        assert reconcile(session, Scope(since=later), 0, "eva", "next week").freed_usd == 0
    with any_database.begin() as session:
        session.get_one(Run, run.id).process = "one that is gone"
        done = reconcile(session, Scope(judge="claude"), 0, "eva", "page")
        assert done.freed_usd * NANO == pytest.approx(30)
    with any_database.begin() as session:
        done = reconcile(session, Scope(judge="gpt"), 0, "eva", "page")
        assert (done.freed_usd, done.in_batches_usd * NANO) == (0, pytest.approx(10))


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.booleans()), max_size=6),
    st.integers(0, 400),
)
def test_any_bill_lies_between_what_is_paid_and_what_was_counted(
    rows: list[tuple[int, int, bool]], bill: int
) -> None:
    database = Database("sqlite://")
    Run.metadata.create_all(database.engine)
    with database.begin() as session:
        run = start_run(session, "judge", {})
        for paid, more, settled in rows:
            row(session, run, CLAUDE, paid + more, paid, settled=settled)
        finish_run(session, run.id)
    paid, counted = sum(p for p, _, _ in rows), sum(p + m for p, m, _ in rows)
    with database.begin() as session:
        reconcile(session, Scope(), bill, "eva", "page")
    with database.read() as session:
        assert spent_nanousd(session) == min(max(bill, paid), counted)
        assert reserved_money(session).total == 0
    database.dispose()
