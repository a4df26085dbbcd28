"""The human share with and without a challenger: planted better, worthless and equal ones."""

from pathlib import Path

import numpy as np
import pytest
from cycle_world import fill, project
from sqlalchemy import select

from app.config import Config
from app.pipeline.effect import Shares, ask, compare, cross_fitted, measure_effect, with_rater
from app.pipeline.gate import effect_of
from db.asking import PairText
from db.errors import Conflict
from db.imports import Kind, import_files
from db.models import Checkpoint, Gold
from judges.constitution import Constitution
from judges.steps import run_judges
from judges.trust.dawid_skene import DawidSkene
from judges.trust.vote_matrix import BA, MISSING, A, B, VoteMatrix, rename
from review.merge import merge
from trainer.export.selection import ExportOptions
from trainer.steps import export, train_judge

Codes = np.ndarray


def world(seed: int, pairs: int = 400) -> tuple[VoteMatrix, Codes]:
    """Three judges right on 65% of the pairs each, by themselves; two pairs a prompt."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, pairs).astype(np.int8)
    votes = np.stack([said(truth, 0.65, rng) for _ in range(3)], axis=1)
    vote_matrix = VoteMatrix(
        codes_PRO=np.repeat(votes[:, :, None], 2, axis=2),
        raters=("x", "y", "z"),
        families=("x", "y", "z"),
        prompt_P=np.arange(pairs) // 2,
        domain_P=np.full(pairs, -1),
    )
    return vote_matrix, truth


def said(truth: Codes, accuracy: float, rng: np.random.Generator) -> Codes:
    right = rng.random(len(truth)) < accuracy
    return np.where(right, truth, 1 - truth).astype(np.int8)


def measured(challenger: Codes, vote_matrix: VoteMatrix, truth: Codes) -> Shares:
    rows = np.arange(len(vote_matrix))
    both = np.repeat(challenger[:, None], 2, axis=1)
    joined = with_rater(vote_matrix, rows, both, np.full(both.shape, 0.9), "new")
    return compare(vote_matrix, joined, truth, truth, DawidSkene, target=0.9)


def test_a_planted_better_judge_spares_humans_beyond_noise() -> None:
    vote_matrix, truth = world(0)
    found = measured(said(truth, 0.92, np.random.default_rng(9)), vote_matrix, truth)
    assert found.after.value is not None
    assert found.before.value is not None
    # 8% of its verdicts are wrong where 10% may be: almost nobody is needed any more
    assert found.after.value < 0.1 < found.before.value
    assert found.change.high is not None
    assert found.change.high < 0
    assert found.pairs == 400


def test_a_planted_coin_and_a_planted_copy_change_nothing_beyond_noise() -> None:
    vote_matrix, truth = world(1)
    coin = measured(
        np.random.default_rng(3).integers(0, 2, 400).astype(np.int8), vote_matrix, truth
    )
    copy = measured(vote_matrix.codes_PRO[:, 0, 0].copy(), vote_matrix, truth)
    for found in (coin, copy):
        assert found.change.low is not None
        assert found.change.high is not None
        assert found.change.low <= 0 <= found.change.high


def test_no_pair_is_measured_by_a_fit_that_saw_its_prompt() -> None:
    """The answers a fit is given never hold a pair of a prompt that this fit measures."""
    vote_matrix, truth = world(2, 60)
    seen: list[set[int]] = []

    class Watcher(DawidSkene):
        def fit(self, vote_matrix, labels_P=None, weight_P=None):  # type: ignore[no-untyped-def]
            seen.append(set(vote_matrix.prompt_P[labels_P != MISSING].tolist()))
            return super().fit(vote_matrix, labels_P, weight_P)

    win_probability = cross_fitted(vote_matrix, truth, truth, Watcher)
    prompts = set(range(30))
    held = [prompts - taught for taught in seen]
    assert np.isfinite(win_probability).all()
    assert set().union(*held) == prompts
    assert sum(map(len, held)) == 30  # every prompt is held out exactly once


def test_exchanging_a_and_b_mirrors_nothing_but_the_names() -> None:
    vote_matrix, truth = world(4, 200)
    new = said(truth, 0.8, np.random.default_rng(5))
    one = measured(new, vote_matrix, truth)
    other = measured(rename(new), vote_matrix.mirrored(), rename(truth))
    assert one.before == other.before
    assert one.after == other.after


@pytest.fixture
def trained(tmp_path: Path) -> Config:
    """A project whose judge of words was trained on experts' answers and never asked."""
    config = project(tmp_path)
    fill(config.cycle.inbox, 60, 40)
    for kind in (Kind.PAIRS, Kind.GOLD, Kind.LABELS):
        import_files(config.database, kind, [config.cycle.inbox / f"{kind.value}-1.jsonl"])
    run_judges(config.database, config.panel)
    merge(config.database, config.review)
    export(config.database, tmp_path / "data", ExportOptions(seed=7))
    train_judge(config.database, config.training, config.panel.rules, "data")
    return config


def test_a_trained_judge_is_measured_on_gold_and_leaves_no_vote(trained: Config) -> None:
    from db.status import status

    with trained.database.read() as session:
        before = status(session)
    found = measure_effect(trained.database, trained.panel.rules, "majority")
    assert found.pairs == 40
    assert found.after.value is not None
    assert found.before.value is not None
    assert found.after.value < found.before.value  # two judges that cannot tell, and one that can
    with trained.database.read() as session:
        assert status(session) == before


def test_a_prompted_judge_is_measured_by_the_votes_it_has_cast(trained: Config) -> None:
    with trained.database.begin() as session:
        checkpoint = session.scalars(select(Checkpoint)).one()
        checkpoint.settings = {"style": "prompted", "judge": "fluency"}
    found = measure_effect(trained.database, trained.panel.rules, "majority")
    assert found.pairs == 40
    assert found.change.low is not None
    with trained.database.begin() as session:  # a judge that was never asked changes nothing
        checkpoint = session.scalars(select(Checkpoint)).one()
        checkpoint.settings = {"style": "prompted", "judge": "nobody"}
    same = measure_effect(trained.database, trained.panel.rules, "majority")
    assert same.change.value == 0.0


def test_its_votes_come_in_stored_order(trained: Config) -> None:
    with trained.database.read() as session:
        folder = Path(session.scalars(select(Checkpoint)).one().path)
    good, bad = "clear careful exact rivers", "vague sloppy wrong rivers"
    pairs = [
        PairText(1, "rivers?", good, bad, None, None),
        PairText(2, "r?", bad, good, None, None),
    ]
    codes, sure = ask(folder, pairs, Constitution(chapters=()))
    assert codes.tolist() == [[A, A], [B, B]]
    assert codes.shape == (2, BA + 1)
    assert ((sure > 0.5) & (sure <= 1)).all()


def test_too_little_gold_is_said_and_not_guessed(trained: Config) -> None:
    with trained.database.begin() as session:
        for gold in session.scalars(select(Gold).order_by(Gold.id).offset(10)):
            session.delete(gold)
    with pytest.raises(Conflict, match="only 10 decided gold pairs"):
        measure_effect(trained.database, trained.panel.rules, "majority")
    effect = effect_of(trained, None)
    assert effect is not None
    assert str(effect).startswith("the effect on the human share was not measured: only 10")
