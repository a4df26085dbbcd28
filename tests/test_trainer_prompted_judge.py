"""Corrections become a chapter of rules that the panel can read and the gate can compare."""

from pathlib import Path

import pytest
from sqlalchemy import select
from trainer_worlds import add_pair, settle

from db.errors import BadInput, Conflict
from db.identity import content_hash
from db.judges import judge_version
from db.models import Annotator, Consensus, ConsensusFit, Gold, Pair, Review, Vote
from db.session import Database
from db.vocabulary import Choice, Order, Provider
from judges.constitution import load
from judges.local import LocalJudge
from trainer import steps
from trainer.export.selection import ExportOptions
from trainer.prompted_judge import as_toml, chapter, corrections, farthest
from trainer.settings import TrainerSettings


def test_the_farthest_text_is_chosen_next() -> None:
    texts = ["the cat sat", "the cat sat down", "dogs bark loudly"]
    assert farthest(texts, 2) == [0, 2]
    assert farthest(texts, 9) == [0, 2, 1]
    assert farthest([], 3) == []


def row(pair_id: str, reason: str, choice: str = "a") -> dict[str, object]:
    return {"meta": {"pair_id": pair_id, "choice": choice, "rationales": [reason]}}


def test_only_corrections_with_a_reason_count() -> None:
    rows = [row("1", "It invents a source."), row("2", "ok"), row("3", "It answers the question.")]
    found = corrections(rows, {"1": 0.5, "2": 0.9}, [("Q", "good", "bad")] * 3)
    assert [each.pair_id for each in found] == ["1"]


def test_a_chapter_survives_its_file(tmp_path: Path) -> None:
    reason = 'It says "never\\ever" \x7f and\nbreaks a line — é.'
    found = corrections([row("1", reason)], {"1": 1.0}, [("Why?", "good", "bad")])
    made = chapter(found, "learnt", criteria=3, precedents=2)
    (tmp_path / "learnt.toml").write_text(as_toml(made), encoding="utf-8")
    read = load(["starter", "learnt.toml"], tmp_path).chapters[1]
    assert read == made
    assert [p.group for p in read.principle] == ["learnt from corrections", "precedents"]


def test_a_prompted_judge_stands_before_the_gate_by_its_votes(
    database: Database, tmp_path: Path
) -> None:
    with database.begin() as session:
        session.add(Annotator(id=1, name="x"))
        versions = [
            judge_version(
                session,
                name=name,
                family="x",
                version=content_hash(name),
                provider=Provider.RECORDED,
                config={},
            )
            for name in ("old", "new")
        ]
        fit = ConsensusFit(
            model="m", version="", settings={}, raters=[], n_pairs=0, n_votes=0, n_labels=0
        )
        session.add(fit)
        session.flush()
        for i in range(40):
            pair = add_pair(session, f"q{i}", f"x{i}", f"y{i}")
            label = settle(session, pair, "b")
            for order in (Order.AB, Order.BA):
                session.add(
                    Vote(
                        pair_id=pair.id,
                        judge_version_id=versions[0].id,
                        order=order,
                        choice=Choice.A,
                    )
                )
            session.add(Consensus(fit_id=fit.id, pair_id=pair.id, p_a=0.9, p_tie=0.0, p_b=0.1))
            if i < 20:
                review = Review(
                    pair_id=pair.id,
                    annotator_id=1,
                    choice=Choice.B,
                    rationale=f"Response x{i} invents what it cites.",
                )
                session.add(review)
                session.flush()
                label.review_ids = [review.id]
            else:
                session.add(Gold(pair_id=pair.id, choice=Choice.B, how={}))
    steps.export(database, tmp_path / "set", ExportOptions(validation=0, test=0))
    chosen = TrainerSettings(folder=tmp_path / "c")
    done = steps.train_prompted(database, chosen, judge="new", name="rules")
    assert done.rows["train"] == 20
    assert load([str(Path(done.path) / "constitution.toml")], tmp_path).principles
    with pytest.raises(BadInput, match="holds rules for 'new', not a model"):
        LocalJudge(Path(done.path))
    with pytest.raises(Conflict, match="'new' has not been asked about 20 of 20 gold pairs"):
        steps.evaluate(database, "rules")
    with database.begin() as session:
        for pair in session.scalars(select(Pair).where(Pair.id > 20)):
            for order in (Order.AB, Order.BA):
                session.add(
                    Vote(
                        pair_id=pair.id,
                        judge_version_id=versions[1].id,
                        order=order,
                        choice=Choice.B,
                    )
                )
    assert steps.promote(database, "rules").verdict == "promoted"
