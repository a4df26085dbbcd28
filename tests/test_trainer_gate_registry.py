"""Evaluate, promote, roll back: on real trained checkpoints, written down whole or not at all."""

import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from trainer_worlds import copied, learnable, opened

from db import checkpoints as stored
from db.errors import BadInput, Conflict, NotAllowed
from db.models import Checkpoint, Evaluation, Event, GateDecision, Gold, Preference
from db.session import Database
from db.vocabulary import CheckpointKind, Choice
from judges.constitution import load
from trainer import steps
from trainer.export.selection import ExportOptions
from trainer.settings import TrainerSettings

RULES = load(["starter"])
REWARD = CheckpointKind.REWARD


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def flip_labels(database: Database) -> None:
    """Settle every pair the other way round."""
    with database.begin() as session:
        for label in session.scalars(select(Preference)):
            label.choice = label.choice.mirrored()
            label.p_a, label.p_b = label.p_b, label.p_a


@pytest.fixture(scope="module")
def world(empty_world: Path) -> Path:
    """A reward model that learnt the truth, one that learnt its opposite, and gold."""
    short = TrainerSettings(
        base="tiny", judge_base="tiny", folder=empty_world / "checkpoints", epochs=2, max_length=96
    )
    options = ExportOptions(validation=0.1, test=0)
    with opened(empty_world) as database, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        learnable(database, 160, gold=60)
        steps.export(database, empty_world / "true", options)
        steps.train_reward(database, short, "true", name="good")
        flip_labels(database)
        steps.export(database, empty_world / "false", options)
        steps.train_reward(database, short, "false", name="bad")
    return empty_world


@pytest.fixture
def trained(world: Path, tmp_path: Path) -> Iterator[tuple[Database, str, str]]:
    with copied(world, tmp_path) as database:
        yield database, "good", "bad"


def decisions(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(GateDecision.verdict).order_by(GateDecision.id)))


def measurements(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(Evaluation.gold_hash)))


def active(database: Database) -> list[tuple[str, int]]:
    with database.read() as session:
        rows = session.scalars(select(Checkpoint).where(Checkpoint.active_at.is_not(None)))
        return [(row.name, row.generation) for row in rows]


def test_the_gate_on_planted_checkpoints(trained: tuple[Database, str, str]) -> None:
    database, good, bad = trained
    done = steps.evaluate(database, good)
    assert done.table[good]["accuracy"]["value"] > 0.9
    assert {"longer wins", "tf-idf Bradley–Terry"} <= set(done.table)
    assert done.table[good]["pairs"] == 60
    assert any(name.startswith("domain law") for name in done.slices)
    assert "accuracy on 60 gold pairs" in done.summary

    again = steps.evaluate(database, good)
    assert (again.new, again.table) == (False, done.table)
    assert "measured before" in again.summary
    assert len(measurements(database)) == 1

    refused = steps.promote(database, bad)  # planted worse than the baseline
    assert (refused.verdict, refused.generation) == ("refused", None)
    assert active(database) == []
    repeated = steps.promote(database, bad)
    assert (repeated.verdict, repeated.new, repeated.generation) == ("refused", False, None)
    assert "before, and nothing has changed" in repeated.summary
    assert (repeated.reasons, decisions(database)) == (refused.reasons, ["refused"])

    forced = steps.promote(database, bad, force="to have something to beat")
    assert (forced.verdict, forced.generation) == ("forced", 1)
    promoted = steps.promote(database, good)  # planted better than the incumbent
    assert (promoted.verdict, promoted.generation, promoted.incumbent) == ("promoted", 2, bad)
    assert active(database) == [(good, 2)]
    assert steps.promote(database, good).verdict == "active"

    worse = steps.promote(database, bad)  # planted worse than the incumbent
    assert worse.verdict == "refused"
    assert active(database) == [(good, 2)]
    assert decisions(database) == ["refused", "forced", "promoted", "refused"]

    back = steps.rollback(database, REWARD, "it was meant as a test")
    assert (back.checkpoint, back.generation) == (bad, 1)
    assert back.summary == (
        f"rolled back {good!r}: it was meant as a test; {bad!r}, generation 1, is active again"
    )
    assert active(database) == [(bad, 1)]
    again = steps.rollback(database, REWARD, "and so was this")
    assert again.generation is None
    assert again.summary == f"rolled back {bad!r}: and so was this; no reward is active now"
    assert active(database) == []
    with pytest.raises(Conflict, match="nothing to roll back"):
        steps.rollback(database, REWARD, "once more")
    assert [row["verdict"] for row in steps.history(database)][-2:] == ["rolled_back"] * 2
    with database.read() as session:
        reasons = session.scalars(select(Event).where(Event.kind == "checkpoint.forced")).one()
        assert reasons.payload["force"] == "to have something to beat"

    with database.begin() as session:  # gold it was trained on measures nothing
        label = session.scalars(select(Preference)).first()
        session.add(Gold(pair_id=label.pair_id, choice=Choice.A, how={}))
    after = steps.evaluate(database, good)
    assert (after.pairs, after.left_out, after.new) == (60, 1, True)

    with database.begin() as session:  # gold that is new to it makes a new question of it
        row = session.scalars(select(Gold).order_by(Gold.id)).first()
        row.choice = row.choice.mirrored()
    assert steps.evaluate(database, good).new
    assert steps.promote(database, bad, force="an incumbent").verdict == "forced"
    assert steps.evaluate(database, good).new  # another incumbent stands beside it
    assert not steps.evaluate(database, good).new


def test_an_interrupted_promotion_promotes_nothing(
    trained: tuple[Database, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, good, _ = trained

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("trainer.gate.registry.record", killed)  # the last thing before the commit
        with pytest.raises(KeyboardInterrupt):
            steps.promote(database, good, force="soon")
    assert active(database) == []
    assert decisions(database) == []
    with database.read() as session:
        assert session.scalar(select(func.max(Checkpoint.generation))) == 0


def test_promotion_asks_for_what_is_missing(database: Database, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no checkpoint yet"):
        steps.promote(database)
    with pytest.raises(BadInput, match="needs its reason"):
        steps.promote(database, force=" ")
    with database.begin() as session:
        session.add(
            Checkpoint(
                name="p",
                kind=CheckpointKind.POLICY,
                path="",
                content_hash="",
                base="",
                settings={},
                metrics={},
            )
        )
    with pytest.raises(NotAllowed, match="has no gate yet"):
        steps.promote(database, "p")
    with pytest.raises(BadInput, match="checkpoint 'x' is not known; there is p"):
        steps.evaluate(database, "x")


@pytest.mark.slow
def test_a_trained_judge_stands_before_the_gate(database: Database, tmp_path: Path) -> None:
    from db.identity import content_hash
    from db.judges import judge_version
    from db.models import Consensus, ConsensusFit, Pair, Vote
    from db.vocabulary import Order, Provider

    learnable(database, 240, gold=60)
    with database.begin() as session:  # a panel of one that always says a, in both orders
        version = judge_version(
            session,
            name="a-sayer",
            family="x",
            version=content_hash("x"),
            provider=Provider.RECORDED,
            config={},
        )
        fit = ConsensusFit(
            model="majority", version="", settings={}, raters=[], n_pairs=0, n_votes=0, n_labels=0
        )
        session.add(fit)
        session.flush()
        for pair in session.scalars(select(Pair)):
            session.add(Consensus(fit_id=fit.id, pair_id=pair.id, p_a=0.6, p_tie=0.0, p_b=0.4))
            for order in (Order.AB, Order.BA):
                session.add(
                    Vote(pair_id=pair.id, judge_version_id=version.id, order=order, choice=Choice.A)
                )
    steps.export(database, tmp_path / "set", ExportOptions(validation=0.1, test=0))
    chosen = TrainerSettings(
        base="tiny", judge_base="tiny", folder=tmp_path / "checkpoints", epochs=6, max_length=256
    )
    steps.train_judge(database, chosen, RULES, name="next")
    done = steps.evaluate(database, "next", RULES)
    assert done.table["panel consensus"]["reversals"] == 0.0
    assert (
        done.table["next"]["accuracy"]["value"] > done.table["panel consensus"]["accuracy"]["value"]
    )
    with pytest.raises(BadInput, match="judge 'nobody' has no vote on gold"):
        steps.promote(database, "next", RULES, against="nobody")
    decision = steps.promote(database, "next", RULES)
    assert decision.incumbent == "panel consensus"
    assert decision.figures["accuracy_difference"]["low"] > 0


def test_of_rollbacks_at_one_moment_one_takes_the_checkpoint_back(any_database: Database) -> None:
    about = {"content_hash": "0" * 64, "base": "words", "recipe": {}, "rows": 1}
    with any_database.begin() as session:
        made = stored.record_checkpoint(
            session, name="one", kind=REWARD, path="one", metadata=about, dataset=None
        )
        stored.make_active(session, made)
    start, done = threading.Barrier(4), []

    def back() -> None:
        start.wait()
        try:
            done.append(steps.rollback(any_database, REWARD, "worse").verdict)
        except Conflict as error:
            done.append(str(error))

    threads = [threading.Thread(target=back) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = "no reward is active, so there is nothing to roll back"
    assert sorted(done) == [refused] * 3 + ["rolled_back"]
    assert decisions(any_database) == ["rolled_back"]
