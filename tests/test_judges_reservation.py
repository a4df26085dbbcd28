"""Money set aside for a block falls as answers are stored, and a stop frees what was not asked."""

import pytest
from sqlalchemy import select

from db.models import Reservation
from db.reservations import Asked, set_aside
from db.runs import spent_nanousd, start_run
from db.session import Database
from judges.reservation import BlockReservation


@pytest.fixture
def reserved(database: Database) -> BlockReservation:
    """Three questions of at most 10, 20 and 30 nano-dollars."""
    with database.begin() as session:
        run_id = start_run(session, "judge", {}).id
        reservation = set_aside(session, run_id, 60, Asked("j", "anthropic", "m"))
    return BlockReservation(reservation, {1: 10, 2: 20, 3: 30})


def spent(database: Database) -> int:
    with database.read() as session:
        return spent_nanousd(session)


def test_what_is_set_aside_falls_to_what_the_block_can_still_cost(
    database: Database, reserved: BlockReservation
) -> None:
    assert spent(database) == 60
    for question, cost, left in ((1, 4, 4 + 20 + 30), (3, 0, 4 + 20), (2, 7, 4 + 7)):
        reserved.leaves(question)
        reserved.pay(question, cost, answered=True)
        with database.begin() as session:
            reserved.write(session)
        assert spent(database) == left
    assert reserved.is_empty


def test_a_stop_keeps_what_had_left_and_frees_the_rest(
    database: Database, reserved: BlockReservation
) -> None:
    reserved.leaves(1)
    reserved.pay(1, 4, answered=True)
    reserved.leaves(2)
    with database.begin() as session:
        reserved.close(session)
    assert spent(database) == 4 + 20


def test_what_an_answer_cost_is_told_from_what_may_have_been_billed(
    database: Database, reserved: BlockReservation
) -> None:
    """An answer of 4, a request without one of at most 20, and one that never left."""
    for question in (1, 2):
        reserved.leaves(question)
    reserved.pay(1, 4, answered=True)
    reserved.pay(2, 20, answered=False)
    with database.begin() as session:
        reserved.write(session)
    with database.begin() as session:
        row = session.scalars(select(Reservation)).one()
        assert (row.reserved_nanousd, row.paid_nanousd) == (4 + 20 + 30, 4)
        reserved.close(session)
    with database.read() as session:
        row = session.scalars(select(Reservation)).one()
        assert (row.settled_nanousd, row.paid_nanousd) == (4 + 20, 4)
        assert (row.asked, row.provider, row.model) == ("j", "anthropic", "m")
