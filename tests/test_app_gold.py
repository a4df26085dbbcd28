"""The ledger of gold: decisions served, parts that retire into training, what is needed next."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.config import Config, load
from app.pipeline.gold import ledger, retire
from db.imports import Kind, import_files
from db.models import Checkpoint, Event, GateDecision, Gold, Pair
from db.opinions import TEACHING, human_answers
from db.schema import upgrade
from db.session import Database
from db.vocabulary import CheckpointKind, Choice

DAY = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Six gold pairs: two of one prompt, imported; two weeks later two more prompts, one a tie."""
    (tmp_path / "tiebreak.toml").write_text("", encoding="utf-8")
    config = load(tmp_path / "tiebreak.toml")
    upgrade(Database(config.database_url))
    pairs = [
        {"pair_id": f"p{n}", "prompt": prompt, "response_a": f"one {n}", "response_b": f"two {n}"}
        for n, prompt in enumerate(("Why?", "Why?", "How far is Mars?", "Who wrote Faust?"))
    ]
    gold = [{"pair_id": f"p{n}", "choice": choice} for n, choice in enumerate("abab")]
    gold[3]["choice"] = "tie"
    labels = [{"pair_id": "p1", "annotator": "eva", "choice": "b"}]
    for kind, rows in ((Kind.PAIRS, pairs), (Kind.LABELS, labels), (Kind.GOLD, gold)):
        path = tmp_path / f"{kind.value}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        import_files(config.database, kind, [path])
    with config.database.begin() as session:
        late = {p.id for p in session.scalars(select(Pair)) if p.source != "x"}
        for row in session.scalars(select(Gold).order_by(Gold.id)):
            row.created_at = DAY if row.id <= 2 else DAY + timedelta(days=14)
        assert len(late) == 4
    return config


def decide(config: Config, weeks: int, **figures: object) -> None:
    """So many weekly decisions, the first a day after the first gold."""
    with config.database.begin() as session:
        judge = Checkpoint(
            name="j", kind=CheckpointKind.JUDGE, path="x", content_hash="0" * 64, base="words",
            settings={}, metrics={},
        )  # fmt: skip
        session.add(judge)
        session.flush()
        for week in range(weeks):
            session.add(
                GateDecision(
                    checkpoint_id=judge.id,
                    verdict="refused",
                    reasons=["x"],
                    figures={"gold": "h"} | figures,
                    created_at=DAY + timedelta(days=1 + 7 * week),
                )
            )


def test_each_part_counts_the_decisions_made_since_it_was_frozen(config: Config) -> None:
    decide(config, 3, refusal={"kind": "not visible", "why": "x", "wanted": 40})
    found = ledger(config.database, serves=2, least=1)
    # decisions on days 2, 9 and 16; the second half of the gold came on day 15
    assert [(row.frozen, row.pairs, row.decided, row.served) for row in found.rows] == [
        ("2026-01-01", 2, 2, 3), ("2026-01-15", 2, 1, 1),
    ]  # fmt: skip
    assert (found.used, found.may_retire, found.soon, found.wanted) == (2, 2, 4, 40)
    assert found.summary == (
        "gold: 4 pairs, 3 decided; 2 have served 2 decisions or more, 2 of them may retire; the "
        "next quarter needs 4 fresh pairs to keep as much, 37 more decided ones to show what the "
        "last decision could not see"
    )


def test_what_has_served_becomes_ordinary_labels_and_enough_stays(config: Config) -> None:
    decide(config, 3)
    stays = retire(config.database, serves=2, least=2)  # one decided pair would stay
    assert stays.pairs == 0
    assert "and stay until as much fresh gold is there" in stays.summary
    with config.database.read() as session:
        assert human_answers(session, TEACHING) == {}  # gold teaches nothing
    done = retire(config.database, serves=2, least=1)
    assert (done.pairs, done.prompts) == (2, 1)
    assert retire(config.database, serves=2, least=1).pairs == 0  # again: nothing twice
    with config.database.read() as session:
        one, two = session.scalars(select(Pair.id).order_by(Pair.id)).all()[:2]
        # p0's imported answer is a label of "gold" now, p1's is eva's own
        assert human_answers(session, TEACHING) == {one: Choice.A, two: Choice.B}
        assert session.scalars(select(Gold.pair_id).order_by(Gold.pair_id)).all() == [3, 4]
        event = session.scalars(select(Event).where(Event.kind == "gold.retired")).one()
    assert sorted(event.payload["pairs"]) == [one, two]
    assert list(event.payload["served"].values()) == [3]


def test_without_gold_the_way_to_some_is_said(tmp_path: Path) -> None:
    (tmp_path / "tiebreak.toml").write_text("", encoding="utf-8")
    config = load(tmp_path / "tiebreak.toml")
    upgrade(Database(config.database_url))
    assert ledger(config.database, 12, 300).summary.startswith("there is no gold; freeze some with")
