"""Runs say how they ended, money is counted once, and status counts what is there."""

import os
from math import inf, nan

import pytest
from import_worlds import pair, take, vote
from sqlalchemy import select

from db.errors import BadInput, BudgetSpent
from db.models import Reservation, Run
from db.runs import (
    KILLED,
    cap_of,
    notice_killed,
    recorded_run,
    spent_nanousd,
    start_run,
    unended_runs,
)
from db.session import Database
from db.status import status
from db.vocabulary import RunStatus


@pytest.mark.parametrize(
    ("error", "ending", "said"),
    [
        (None, RunStatus.DONE, None),
        (ValueError("no\x00 good \ud800"), RunStatus.FAILED, "no good ?"),
        (KeyboardInterrupt(), RunStatus.STOPPED, "KeyboardInterrupt"),
        (BudgetSpent("cap reached"), RunStatus.STOPPED, "cap reached"),
    ],
)
def test_a_run_says_how_it_ended(
    any_database: Database, error: BaseException | None, ending: RunStatus, said: str | None
) -> None:
    def work() -> None:
        with recorded_run(any_database, "judge", {"max_usd": 5}) as run:
            assert run.status is RunStatus.RUNNING
            if error is not None:
                raise error

    if error is None:
        work()
    else:
        with pytest.raises(type(error)):
            work()
    with any_database.read() as session:
        run = session.get_one(Run, 1)
        assert (run.status, run.error, run.options) == (ending, said, {"max_usd": 5})
        assert run.finished_at is not None
        assert run.finished_at >= run.started_at


@pytest.mark.parametrize("dollars", [-0.01, inf, nan])
def test_what_is_no_amount_of_money_caps_nothing(dollars: float) -> None:
    with pytest.raises(BadInput, match=f"the cap is {dollars} dollars; give 0 or more"):
        cap_of(dollars)
    assert (cap_of(None), cap_of(0.0), cap_of(1.5)) == (None, 0, 1_500_000_000)


def test_a_run_whose_process_is_gone_was_killed(any_database: Database) -> None:
    """By whoever looks, and by the next run; a living one and another machine's are left."""
    with any_database.begin() as session:
        for verb in ("train reward", "judge", "cycle", "export"):
            start_run(session, verb, {}, cap_nanousd=10**9)
        gone, reused, elsewhere, _ = session.scalars(select(Run).order_by(Run.id))
        gone.pid = 2**22  # one more than Linux gives out
        reused.pid, reused.process = os.getppid(), "a process of this number that ended"
        elsewhere.host, elsewhere.pid = "another", gone.pid
    noticed = [run.verb for run in notice_killed(any_database)]
    assert noticed == ["train reward", "judge"]
    assert notice_killed(any_database) == []
    with any_database.read() as session:
        told = {run.verb: (run.status, run.error) for run in session.scalars(select(Run))}
        assert {run.verb for run in unended_runs(session)} == set(told)
    assert told == {
        "train reward": (RunStatus.FAILED, KILLED),
        "judge": (RunStatus.FAILED, KILLED),
        "cycle": (RunStatus.RUNNING, None),
        "export": (RunStatus.RUNNING, None),
    }
    with any_database.begin() as session:
        session.get_one(Run, 4).process = "of a container that had this number, too"
        start_run(session, "export", {})
        assert session.get_one(Run, 4).error == KILLED


def test_money_is_settled_or_counted_in_full_and_imported_prices_once(
    any_database: Database, tmp_path
) -> None:  # type: ignore[no-untyped-def]
    """0.5 reserved and open, 1.0 reserved and settled at 0.25, a vote imported at 0.001."""
    with any_database.begin() as session:
        one, two = start_run(session, "judge", {}), start_run(session, "judge", {})
        session.add(Reservation(run_id=one.id, reserved_nanousd=500_000_000))
        session.add(Reservation(run_id=two.id, reserved_nanousd=10**9, settled_nanousd=250_000_000))
    take(any_database, "pairs", tmp_path / "p.jsonl", [pair("one")])
    votes = [vote("one", cost_usd=0.001), vote("one", order="ab")]
    for _ in range(2):
        take(any_database, "votes", tmp_path / "v.jsonl", votes)
    with any_database.read() as session:
        assert spent_nanousd(session, one.id) == 500_000_000
        assert spent_nanousd(session, two.id) == 250_000_000
        assert spent_nanousd(session) == 751_000_000
        assert status(session)["spent_usd"] == 0.751


def test_status_of_an_empty_database_is_all_zeros(any_database: Database) -> None:
    with any_database.read() as session:
        counts = status(session)
    promised = {
        "pairs", "votes", "labels", "gold", "escalations_open", "reviews",
        "preferences", "datasets", "checkpoints", "spent_usd",
    }  # fmt: skip
    assert promised <= counts.keys()
    assert set(counts.values()) == {0}
