"""The cascade: cheap judges first, only unsure pairs climb, and a killed one goes on as it was."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from typer.testing import CliRunner

from app.cli import app
from app.pipeline.cascade import Cascaded, cascade
from app.pipeline.ladder import rungs_of
from db.candidates import NewCandidate
from db.errors import BadInput, KeyRefused
from db.models import Run, Vote
from db.pairs import NewPair, add_pairs
from db.runs import spent_nanousd, start_run
from db.session import Database
from db.vocabulary import Order, RunStatus
from judges import panel
from judges.panel import Panel
from judges.prices import NANO

PAIRS = 30
EASY = 20
"""On the easy pairs response A is longer, which both cheap judges like. On the rest one sees a tie,
the other takes what is shown first."""


def add(database: Database) -> None:
    rows = [
        NewPair(
            [{"role": "user", "content": f"Question {n}?"}],
            NewCandidate(f"A longer answer {n:02}." if n < EASY else f"One quux answer {n:02}."),
            NewCandidate(f"Short {n:02}." if n < EASY else f"Two quux answer {n:02}."),
            f"pair-{n}",
        )
        for n in range(PAIRS)
    ]
    with database.begin() as session:
        add_pairs(session, rows)


def two_tiers(calls: Path | None = None, **dear: Any) -> Panel:
    """Two cheap judges and a dear one that likes length too. One vote a judge for the majority."""
    count = {} if calls is None else {"calls": str(calls)}
    first_wins = {"answers": {"quux": "VERDICT: 1"}}
    judges = [
        {"name": "length", "provider": "fake", "model": "length", "options": count},
        {"name": "first", "provider": "fake", "model": "x", "options": {**first_wins, **count}},
        {"name": "dear", "provider": "fake", "model": "dear", "tier": 2, "options": count, **dear},
    ]
    found = {"panel": {"label_model": "majority"}, "judge": judges}
    return panel.parse(found, allow_fake=True)


def votes(database: Database) -> set[tuple[int, int, Order, int]]:
    with database.read() as session:
        rows = session.execute(
            select(Vote.pair_id, Vote.judge_version_id, Vote.order, Vote.sample)
        ).all()
    return {(row[0], row[1], row[2], row[3]) for row in rows}


def climb(database: Database, asked: Panel, **more: Any) -> Cascaded:
    return cascade(database, asked, stop_at=more.pop("stop_at", 0.7), careful=False, **more)


def test_the_ladder_goes_by_tier_then_sample_then_order() -> None:
    ladder = rungs_of(two_tiers(samples=2))
    assert [(r.tier, r.order.value, r.sample) for r in ladder] == [
        (1, "ab", 1),
        (1, "ba", 1),
        (2, "ab", 1),
        (2, "ba", 1),
        (2, "ab", 2),
        (2, "ba", 2),
    ]


def test_a_judge_without_an_order_and_one_of_one_order_stand_on_the_first_rung_only() -> None:
    judges = [
        {"name": "words", "provider": "baseline", "model": "detail"},
        {"name": "first", "provider": "fake", "model": "x", "orders": "ab"},
        {"name": "both", "provider": "fake", "model": "y"},
    ]
    ladder = rungs_of(panel.parse({"judge": judges}, allow_fake=True))
    assert [[judge.name for judge in rung.judges] for rung in ladder] == [
        ["words", "first", "both"],
        ["both"],
    ]


def test_only_unsure_pairs_climb(any_database: Database) -> None:
    add(any_database)
    done = climb(any_database, two_tiers())
    # Majority says (votes + 1/2) / (judges + 3/2), so two judges that agree give 2.5 / 3.5 = .714:
    # the easy pairs stop at once. On the others length sees a tie and first takes a, then b: .43.
    # The dear judge sees a tie too: (2 + 1/2) / (3 + 3/2) = .556, so humans must see them.
    assert [rung.asked for rung in done.rungs] == [PAIRS, 10, 10, 10]
    assert [rung.settled for rung in done.rungs] == [EASY] * 4
    assert (done.unsure, done.votes_there) == (10, 2 * PAIRS + 2 * 10 + 2 * 10)
    assert f"100 of {6 * PAIRS} votes (44% saved)" in done.summary
    with any_database.read() as session:
        run = session.scalars(select(Run).where(Run.verb == "cascade")).one()
    assert run.status is RunStatus.DONE


def test_careful_asks_more_of_early_rungs(database: Database) -> None:
    add(database)
    done = cascade(database, two_tiers(), stop_at=0.7)
    # The careful bar is 1 - .3 / 2 = .85, more than three agreeing judges give (3.5 / 4.5 = .778);
    # only the last rung asks .7, which the easy pairs pass there.
    assert [rung.asked for rung in done.rungs] == [PAIRS] * 4
    assert done.unsure == 10
    assert "nothing stopped early" in done.summary


def test_again_asks_nothing(database: Database, tmp_path: Path) -> None:
    add(database)
    calls = tmp_path / "calls"
    first = climb(database, two_tiers(calls))
    asked = calls.read_text().count("\n")
    again = climb(database, two_tiers(calls))
    assert calls.read_text().count("\n") == asked
    assert [r.settled for r in again.rungs] == [r.settled for r in first.rungs]
    assert sum(r.votes for r in again.rungs) == 0


@pytest.mark.parametrize("kept", [0, 33, 70, 90])
def test_killed_anywhere_it_ends_with_the_same_votes(database: Database, kept: int) -> None:
    add(database)
    climb(database, two_tiers())
    whole = votes(database)
    assert len(whole) == 100
    with database.begin() as session:
        last = session.scalars(select(Vote.id).order_by(Vote.id)).all()[kept:]
        session.execute(delete(Vote).where(Vote.id.in_(last)))
    climb(database, two_tiers())
    assert votes(database) == whole


def test_the_cap_holds_over_all_rungs_and_over_a_kill(database: Database) -> None:
    add(database)
    prices = {"input": 1.0, "output": 5.0}
    asked = two_tiers(prices=prices, max_tokens=400)
    with database.begin() as session:
        start_run(session, "cascade", {})  # a cascade that was killed: its cap goes on
    free = climb(database, asked, max_usd=0.01)
    assert free.capped
    with database.read() as session:
        assert spent_nanousd(session) <= 0.01 * NANO
        assert session.scalar(select(func.count()).where(Run.verb == "cascade")) == 1
    rest = climb(database, asked, max_usd=10.0)
    assert not rest.capped
    assert 0 < free.cost_usd + rest.cost_usd <= 10.0


def test_a_failure_is_written_down_and_nothing_is_lost(database: Database) -> None:
    add(database)
    keyless = two_tiers(provider="anthropic", model="claude-haiku-4-5", options={})
    with pytest.raises(KeyRefused, match="ANTHROPIC_API_KEY"):
        climb(database, keyless, environ={"PATH": ""})
    with database.read() as session:
        run = session.scalars(select(Run).where(Run.verb == "cascade")).one()
    assert run.status is RunStatus.FAILED
    assert len(votes(database)) == 2 * PAIRS + 2 * 10


@pytest.mark.parametrize("stop_at", [0.0, 1.2, -1.0])
def test_a_bar_outside_reason_is_refused(database: Database, stop_at: float) -> None:
    with pytest.raises(BadInput, match=r"--stop-at: threshold is"):
        climb(database, two_tiers(), stop_at=stop_at)


def test_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIEBREAK_CONFIG", raising=False)
    monkeypatch.delenv("TIEBREAK_DATABASE_URL", raising=False)
    monkeypatch.setenv("TIEBREAK_ALLOW_FAKE", "1")
    Path("tiebreak.toml").write_text(
        '[panel]\nlabel_model = "majority"\n'
        '[[judge]]\nname = "cheap"\nprovider = "fake"\nmodel = "a"\n'
        '[[judge]]\nname = "fair"\nprovider = "fake"\nmodel = "c"\n'
        '[[judge]]\nname = "dear"\nprovider = "fake"\nmodel = "b"\ntier = 2\n'
    )
    rows = [
        {"pair_id": str(n), "prompt": f"Q{n}", "response_a": "Long one", "response_b": "No"}
        for n in range(4)
    ]
    Path("pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    runner = CliRunner()
    assert runner.invoke(app, ["init"]).exit_code == 0
    assert runner.invoke(app, ["import", "pairs", "pairs.jsonl"]).exit_code == 0
    words = ["judge", "--cascade", "--stop-at", "0.7", "--plain"]
    shown = runner.invoke(app, words)
    assert "tier 1, order ba" in shown.stdout
    assert "4 sure at 0.7, 0 not; 8 of 24 votes (67% saved)" in shown.stdout
    told = json.loads(runner.invoke(app, [*words, "--json"]).stdout)
    assert (told["unsure"], told["votes_there"]) == (0, 8)
    refused = runner.invoke(app, [*words, "--tier", "1"])
    assert isinstance(refused.exception, BadInput)


def test_a_cascade_stopped_by_hand_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("app.pipeline.cascade.run_judges", interrupted)
    add(database)
    sections = {"judge": [{"name": "j", "provider": "fake", "model": "m"}]}
    with pytest.raises(KeyboardInterrupt):
        cascade(database, panel.parse(sections, allow_fake=True))
    with database.read() as session:
        run = session.scalars(select(Run)).one()
    assert (run.status, run.error) == (RunStatus.STOPPED, "interrupted")
