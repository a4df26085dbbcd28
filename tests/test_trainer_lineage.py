"""Lineage: from a checkpoint up to the people behind its labels, and from a pair down to models."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from trainer_worlds import copied, learnable, opened

from db.errors import UnknownName
from db.identity import content_hash
from db.judges import judge_version
from db.models import (
    Adjudication,
    Annotator,
    Checkpoint,
    Pair,
    Preference,
    Prompt,
    Review,
    Vote,
)
from db.session import Database
from db.vocabulary import CheckpointKind, Choice, Order, Provider, Source
from judges.constitution import load
from trainer import steps
from trainer.export.selection import ExportOptions
from trainer.lineage import learners, lineage
from trainer.settings import WORDS, TrainerSettings


@pytest.fixture
def world(learnt: Path, tmp_path: Path) -> Iterator[Database]:
    with copied(learnt, tmp_path) as database:
        yield database


@pytest.fixture(scope="module")
def learnt(empty_world: Path) -> Path:
    """Forty labels: ada reviewed 30 pairs, bob 10, and ada's word binds on 5 of bob's.

    `judge-1` is trained on all of them; a judge with its weights then votes, and `judge-2` is
    trained on a later export.
    """
    with opened(empty_world) as database:
        _learn(database, empty_world)
    return empty_world


def _learn(database: Database, folder: Path) -> None:
    learnable(database, 40, gold=8)
    rules = load(["starter"])
    words = TrainerSettings(folder=folder / "checkpoints", judge_base=WORDS)
    with database.begin() as session:
        ada, bob = Annotator(name="ada"), Annotator(name="bob")
        session.add_all([ada, bob])
        session.flush()
        for i, label in enumerate(session.scalars(select(Preference))):
            who = ada if i < 30 else bob
            review = Review(pair_id=label.pair_id, annotator_id=who.id, choice=label.choice)
            session.add(review)
            session.flush()
            label.review_ids = [review.id]
            if i >= 35:
                bound = Adjudication(
                    pair_id=label.pair_id, annotator_id=ada.id, choice=label.choice, reason="so"
                )
                session.add(bound)
                session.flush()
                label.adjudication_id, label.source = bound.id, Source.ADJUDICATION
    steps.export(database, folder / "one", ExportOptions(validation=0.2, test=0))
    steps.train_judge(database, words, rules, "one", name="judge-1")
    with database.begin() as session:
        first = session.scalars(select(Checkpoint)).one()
        version = judge_version(
            session,
            name="judge-1",
            family="trained/words",
            version=content_hash("v"),
            provider=Provider.LOCAL,
            generation=1,
            config={"options": {"content_hash": first.content_hash}},
        )
        for label in session.scalars(select(Preference).limit(12)):
            session.add(
                Vote(
                    pair_id=label.pair_id,
                    judge_version_id=version.id,
                    order=Order.AB,
                    choice=Choice.A,
                )
            )
    steps.export(database, folder / "two", ExportOptions(validation=0.2, test=0, seed=1))
    steps.train_judge(database, words, rules, "two", name="judge-2")


def test_a_checkpoint_names_its_people_judges_and_parents(world: Database) -> None:
    steps.promote(world, "judge-2", force="to have a word of the gate")
    with world.read() as session:
        second = session.scalars(select(Checkpoint).where(Checkpoint.name == "judge-2")).one()
        found = lineage(session, second)
    assert found.base == "words"
    assert found.dataset is not None
    assert found.dataset.people == {
        "ada": {"reviews": 30, "adjudications": 5, "rankings": 0},
        "bob": {"reviews": 10, "adjudications": 0, "rankings": 0},
    }
    by_source = {
        source: sum(split.get(source, 0) for split in found.dataset.labels.values())
        for source in ("review", "adjudication")
    }
    assert by_source == {"review": 35, "adjudication": 5}
    (voice,) = found.dataset.judges
    assert (voice["judge"], voice["generation"], voice["votes"]) == ("judge-1", 1, 12)
    (parent,) = found.parents
    assert (parent.role, parent.lineage.checkpoint) == ("panel", "judge-1")
    assert parent.lineage.dataset is not None
    assert parent.lineage.dataset.judges == []  # it had not voted before its own dataset
    assert [d["verdict"] for d in found.decisions] == ["forced"]
    for line in (
        "judge judge-2, generation 1, in production",
        "annotator ada: 30 reviews, 5 adjudications",
        "annotator bob: 10 reviews",
        "judge judge-1 (trained here, generation 1): 12 votes",
        "panel: judge judge-1",
        "forced: to have a word of the gate",
    ):
        assert line in found.summary


def test_a_policy_names_the_reward_model_it_follows(world: Database) -> None:
    with world.begin() as session:
        for name, kind, made in (
            ("r", CheckpointKind.REWARD, {}),
            (
                "p",
                CheckpointKind.POLICY,
                {"reward": content_hash("r"), "judged": content_hash("r")},
            ),
        ):
            session.add(
                Checkpoint(
                    name=name,
                    kind=kind,
                    path=f"/nowhere/{name}",
                    content_hash=content_hash(name),
                    base="tiny",
                    settings=made,
                    metrics={},
                )
            )
        session.flush()
        policy = session.scalars(select(Checkpoint).where(Checkpoint.name == "p")).one()
        found = lineage(session, policy)
    told = [(each.role, each.lineage.checkpoint, each.lineage.told) for each in found.parents]
    assert told == [("reward", "r", False), ("judged", "r", True)]  # in full only once
    assert "told above" in found.summary


def test_a_pair_names_what_learnt_from_it(world: Database) -> None:
    with world.read() as session:
        rows = session.execute(
            select(Pair.id, Prompt.content_hash)
            .join(Prompt, Prompt.id == Pair.prompt_id)
            .join(Preference, Preference.pair_id == Pair.id)
            .order_by(Pair.id)
        ).all()
        uses = {}
        for pair_id, _ in rows:
            found = learners(session, str(pair_id))
            assert [part["dataset"] for part in found.parts] == ["one", "two"]
            for part in found.parts:
                (used,) = part["learners"]
                uses[part["split"]] = used["use"]
    assert uses == {"train": "trained on it", "validation": "tuned on it"}


def test_gold_has_taught_nobody(world: Database) -> None:
    with world.read() as session:
        labelled = select(Preference.pair_id)
        pair_id = session.scalars(select(Pair.id).where(Pair.id.not_in(labelled)).limit(1)).one()
        found = learners(session, str(pair_id))
        assert "nothing has learnt from it" in found.summary
        with pytest.raises(UnknownName, match="nobody"):
            learners(session, "nobody")
