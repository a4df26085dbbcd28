"""A judge asked first spares those who cost; one whose place was taken is not asked."""

from pathlib import Path

import pytest
from cycle_world import fill, project
from sqlalchemy import func, select

from app.config import Config
from app.pipeline.panel import current_panel, enrolled_panel
from db import checkpoints
from db.asking import count_wanted
from db.imports import Kind, import_files
from db.models import Checkpoint, Judge, JudgeVersion, Vote
from db.session import Session
from db.spared import first
from db.vocabulary import CANARY_SAMPLE, CheckpointKind, Order
from judges.steps import estimate, run_judges
from review.merge import merge
from trainer.export.selection import ExportOptions
from trainer.gate.registry import rollback
from trainer.steps import export, train_judge

# The judge of words is very sure in this world, and of some pairs a little less than of others.
THRESHOLD = 0.4998


@pytest.fixture
def seated(tmp_path: Path) -> Config:
    """A promoted judge of words, asked first, that spares `detail`; fifty pairs nobody has seen."""
    config = project(tmp_path)
    fill(config.cycle.inbox, 60, 0)
    for kind in (Kind.PAIRS, Kind.LABELS):
        import_files(config.database, kind, [config.cycle.inbox / f"{kind.value}-1.jsonl"])
    run_judges(config.database, config.panel)
    merge(config.database, config.review)
    export(config.database, tmp_path / "data", ExportOptions(seed=7))
    train_judge(config.database, config.training, config.panel.rules, "data")
    fill(config.cycle.inbox, 50, 0, seed=1, week=2)
    import_files(config.database, Kind.PAIRS, [config.cycle.inbox / "pairs-2.jsonl"])
    sit(config, {"threshold": THRESHOLD, "spares": ["detail"], "instead_of": []})
    return config


def sit(config: Config, seat: dict[str, object]) -> None:
    with config.database.begin() as session:
        judge = session.scalars(select(Checkpoint)).one()
        checkpoints.record_decision(session, judge, None, "promoted", ["x"], {"seat": seat})
        checkpoints.make_active(session, judge)


def voted(session: Session, name: str) -> set[int]:
    version = select(JudgeVersion.id).join(Judge).where(Judge.name == name)
    return set(session.scalars(select(Vote.pair_id).where(Vote.judge_version_id.in_(version))))


def test_pairs_it_is_sure_of_are_not_asked_of_the_spared(seated: Config) -> None:
    panel = current_panel(seated)
    assert len(panel.judge) == 3
    before = estimate(seated.database, panel, names=["detail"]).questions
    done = run_judges(seated.database, panel)
    assert done.missing == 0
    (told,) = [each for each in done.notices if "answered first" in each]
    assert told.endswith("what it is sure of detail is not asked")
    with seated.database.read() as session:
        rule = first(session)
        assert rule is not None
        mean = select(Vote.pair_id, func.avg(Vote.p_a)).group_by(Vote.pair_id)
        p_a = dict(session.execute(mean.where(Vote.judge_version_id == rule.version_id)).all())
        sure = {pair for pair, p in p_a.items() if abs(p - 0.5) >= THRESHOLD}
        old = {pair for pair in voted(session, "fluency") if pair <= 60}
        assert old <= voted(session, "detail")  # asked before, and kept
        new = set(p_a) - old
        assert 0 < len(sure & new) < len(new)
        assert voted(session, "detail") == old | (new - sure)
        assert voted(session, "fluency") == set(p_a)  # is not spared
        version = session.scalars(select(JudgeVersion.id).join(Judge).where(Judge.name == "detail"))
        one = version.one()
        assert count_wanted(session, one, (Order.NONE,), (1,)) == 0
        assert count_wanted(session, one, (Order.NONE,), (1,), sorted(sure)) == 0
        # canary pairs are asked as ever
        assert count_wanted(session, one, (Order.NONE,), (CANARY_SAMPLE,), sorted(sure)) == len(
            sure
        )
    assert before == 50  # the estimate did not know yet what it would be sure of
    assert estimate(seated.database, panel, names=["detail"]).questions == 0


def test_while_its_votes_wait_for_a_probe_nobody_is_spared(seated: Config) -> None:
    panel = current_panel(seated)
    required = panel.panel.model_copy(update={"require_probe": True})
    done = run_judges(seated.database, panel.model_copy(update={"panel": required}))
    assert [each for each in done.notices if "so the others are asked" in each]
    with seated.database.read() as session:
        assert voted(session, "detail") == voted(session, "fluency")
        assert len(voted(session, "detail")) == 110  # 60 and 50


def test_one_whose_place_was_taken_is_not_asked_and_its_votes_stay(seated: Config) -> None:
    sit(seated, {"threshold": None, "spares": [], "instead_of": ["fluency"]})
    said: list[str] = []
    panel = enrolled_panel(seated, said.append)
    assert panel.judge[0].name == "detail"
    assert len(panel.judge) == 2
    assert said == [
        f"judge 'fluency' is not asked: {panel.judge[1].name!r} has taken its place, which costs "
        "less at the same quality (`tiebreak rollback judge` brings it back)"
    ]
    run_judges(seated.database, panel)
    with seated.database.read() as session:
        assert len(voted(session, "fluency")) == 60
        assert len(voted(session, "detail")) == 110
    rollback(seated.database, CheckpointKind.JUDGE, "to see who is asked then")
    assert [judge.name for judge in current_panel(seated).judge] == ["detail", "fluency"]
