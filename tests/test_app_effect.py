"""The panels a trained judge could make: planted better, worthless and equal judges, priced."""

from pathlib import Path

import numpy as np
import pytest
from cycle_world import fill, project
from sqlalchemy import select

from app.config import Config
from app.pipeline.candidates import JudgeAnswers, cross_fitted, measured, panels_with
from app.pipeline.effect import _even, ask, measure_effect
from app.pipeline.gate import panels_of
from db.asking import PairText
from db.errors import Conflict
from db.imports import Kind, import_files
from db.models import Batch, Checkpoint, Gold, Pair, PairRoute
from db.types import now
from db.vocabulary import Route
from judges.constitution import Constitution
from judges.steps import fit_consensus, run_judges
from judges.trust.dawid_skene import DawidSkene
from judges.trust.label_model import LabelModel
from judges.trust.panel_choice import Sample, Terms
from judges.trust.vote_matrix import BA, MISSING, A, B, VoteMatrix, rename
from review.merge import merge
from trainer.export.selection import ExportOptions
from trainer.gate.panels import Panels, Unpriced, panels
from trainer.steps import export, train_judge

Codes = np.ndarray
TERMS = Terms(target=0.9, answer_usd=0.5)


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


def answers(choice: Codes, sure: float) -> JudgeAnswers:
    """A judge that says so with that probability, on every pair."""
    log_odds = np.log(sure / (1 - sure)) * np.where(choice == A, 1.0, -1.0)
    both = np.repeat(choice[:, None], 2, axis=1)
    rows = np.arange(len(choice))
    p_a = np.where(choice == A, sure, 1 - sure)
    return JudgeAnswers("new", "trained/x", rows, both, np.full(both.shape, sure), log_odds, p_a)


def priced(
    judge: JudgeAnswers, vote_matrix: VoteMatrix, truth: Codes, usd: dict[str, float] | None = None
) -> Panels:
    everything = np.ones(len(truth), dtype=bool)
    found = [
        measured(each, lambda votes: votes, truth, everything, LabelModel, usd or {})
        for each in panels_with(vote_matrix, vote_matrix, judge, usd or {})
    ]
    sample = Sample(truth, vote_matrix.prompt_P, np.ones(len(truth)), everything)
    number = np.arange(1, len(truth) + 1)
    return panels(found, sample, number, number, 0, TERMS)


def test_a_planted_better_judge_spares_humans() -> None:
    vote_matrix, truth = world(0)
    found = priced(answers(said(truth, 0.92, np.random.default_rng(9)), 0.92), vote_matrix, truth)
    today, joined, alone = found.on_gold
    # 8% of its verdicts are wrong where 10% may be: almost nobody is needed any more
    assert joined.human_share < 0.1 < today.human_share
    assert alone.human_share < 0.1
    # nothing costs but answers: price = human share × $0.50
    assert joined.usd == pytest.approx(0.5 * joined.human_share)
    assert joined.usd_change.high < 0
    assert joined.log_loss_change.high < 0
    assert found.chosen in (1, 2)
    assert found.log_e > np.log(1000)
    assert found.gold_pairs == 400


def test_a_planted_coin_and_a_planted_copy_change_nothing() -> None:
    vote_matrix, truth = world(1)
    coin = np.random.default_rng(3).integers(0, 2, 400).astype(np.int8)
    for choice in (coin, vote_matrix.codes_PRO[:, 0, 0].copy()):
        found = priced(answers(choice, 0.6), vote_matrix, truth)
        change = found.on_gold[1].usd_change
        assert change.low <= 0 <= change.high
        assert found.log_e < np.log(20)


def test_where_calls_cost_the_judge_takes_places_and_is_asked_first() -> None:
    vote_matrix, truth = world(2)
    judge = answers(said(truth, 0.8, np.random.default_rng(4)), 0.8)
    found = priced(judge, vote_matrix, truth, {"x": 0.002, "y": 0.001})
    names = [each.candidate.name for each in found.on_gold]
    assert names[:6] == [
        "today's panel", "with new", "new in the place of x", "new in the place of y",
        "new in the place of x and y", "new alone",
    ]  # fmt: skip
    assert names[6:] == [f"new first, the others about {share}%" for share in (80, 60, 40, 20)]
    calls = [each.calls_usd for each in found.on_gold]
    assert calls[:6] == pytest.approx([0.003, 0.003, 0.001, 0.002, 0.0, 0.0])
    assert [each.candidate.instead_of for each in found.on_gold][2:6] == [
        ("x",), ("y",), ("x", "y"), ("x", "y", "z"),
    ]  # fmt: skip


def test_asked_first_it_leaves_the_pairs_it_is_sure_of_unasked() -> None:
    vote_matrix, _ = world(2, 100)
    rows = np.arange(100)
    log_odds = np.linspace(-3, 3, 100)  # |log-odds| is least in the middle
    codes = np.repeat(np.where(log_odds > 0, A, B)[:, None], 2, axis=1).astype(np.int8)
    p_a = 1 / (1 + np.exp(-log_odds))
    judge = JudgeAnswers("new", "trained/x", rows, codes, np.full((100, 2), 0.9), log_odds, p_a)
    last = list(panels_with(vote_matrix, vote_matrix, judge, {"x": 0.01}))[-1]
    assert last.asked_P is not None
    assert last.asked_P.sum() == pytest.approx(20, abs=2)
    assert np.flatnonzero(last.asked_P).min() >= 38
    assert (last.vote_matrix.codes_PRO[~last.asked_P, 0] == MISSING).all()
    assert (last.vote_matrix.codes_PRO[:, 1] != MISSING).all()  # y costs nothing and is asked
    assert last.calls_P({"x": 0.01}).mean() == pytest.approx(0.01 * last.asked_P.mean())


def test_no_pair_is_measured_by_a_fit_that_saw_its_prompt() -> None:
    """The answers a fit is given never hold a pair of a prompt that this fit measures."""
    vote_matrix, truth = world(2, 60)
    seen: list[set[int]] = []

    class Watcher(DawidSkene):
        def fit(self, vote_matrix, labels_P=None, weight_P=None):  # type: ignore[no-untyped-def]
            seen.append(set(vote_matrix.prompt_P[labels_P != MISSING].tolist()))
            return super().fit(vote_matrix, labels_P, weight_P)

    win_probability = cross_fitted(vote_matrix, truth, truth != MISSING, Watcher)
    prompts = set(range(30))
    held = [prompts - taught for taught in seen]
    assert np.isfinite(win_probability).all()
    assert set().union(*held) == prompts
    assert sum(map(len, held)) == 30  # every prompt is held out exactly once


def test_exchanging_a_and_b_mirrors_nothing_but_the_names() -> None:
    vote_matrix, truth = world(4, 200)
    new = said(truth, 0.8, np.random.default_rng(5))
    one = priced(answers(new, 0.8), vote_matrix, truth)
    other = priced(answers(rename(new), 0.8), vote_matrix.mirrored(), rename(truth))
    for mine, theirs in zip(one.on_gold, other.on_gold, strict=True):
        assert mine.human_share == pytest.approx(theirs.human_share)
        assert mine.log_loss == pytest.approx(theirs.log_loss, abs=1e-6)


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
    assert found.gold_pairs == 40
    today, joined, *_ = found.on_gold
    assert joined.human_share < today.human_share  # two judges that cannot tell, and one that can
    assert found.through == 40
    with trained.database.read() as session:
        assert status(session) == before


def test_audits_it_was_taught_measure_by_its_out_of_fold_answers(trained: Config) -> None:
    """Ten audits of the 60 labelled pairs, half drawn with .1 and half with .4: weights 10 and 2.5
    of a mean of 6.25 are 1.6 and .4."""
    fit = fit_consensus(trained.database, "majority")
    with trained.database.begin() as session:
        batch = Batch(fit_id=fit.fit_id, policy={}, seed=1, frame_hash="0" * 64)
        batch.given_up_at = now()  # it promises nothing, so its audits teach
        session.add(batch)
        session.flush()
        for pair in range(1, 11):
            session.add(
                PairRoute(
                    batch_id=batch.id,
                    pair_id=pair,
                    route=Route.AUDIT,
                    reasons=[],
                    priority=0.0,
                    score=0.5,
                    inclusion_probability=0.1 if pair <= 5 else 0.4,
                )
            )
    found = measure_effect(trained.database, trained.panel.rules, "majority")
    assert (found.gold_pairs, found.audits) == (40, 10)
    assert len(found.priced[0].candidate.win_P) > len(found.on_gold[0].candidate.win_P)
    draws = np.array([0.1] * 5 + [0.4] * 5 + [np.nan])
    assert _even(draws) == pytest.approx([1.6] * 5 + [0.4] * 5 + [0.0])


def test_a_prompted_judge_is_measured_by_the_votes_it_has_cast(trained: Config) -> None:
    with trained.database.begin() as session:
        checkpoint = session.scalars(select(Checkpoint)).one()
        checkpoint.settings = {"style": "prompted", "judge": "fluency"}
    found = measure_effect(trained.database, trained.panel.rules, "majority")
    assert [each.candidate.name for each in found.on_gold] == ["today's panel", "with fluency"]
    with trained.database.begin() as session:  # a judge that was never asked changes nothing
        checkpoint = session.scalars(select(Checkpoint)).one()
        checkpoint.settings = {"style": "prompted", "judge": "nobody"}
    same = measure_effect(trained.database, trained.panel.rules, "majority")
    assert same.on_gold[1].usd_change.value == 0.0


def test_its_votes_come_in_stored_order(trained: Config) -> None:
    with trained.database.read() as session:
        folder = Path(session.scalars(select(Checkpoint)).one().path)
    good, bad = "clear careful exact rivers", "vague sloppy wrong rivers"
    pairs = [
        PairText(1, "rivers?", good, bad, None, None),
        PairText(2, "r?", bad, good, None, None),
    ]
    codes, sure, p_a, blind = ask(folder, pairs, Constitution(chapters=()))
    assert codes.tolist() == [[A, A], [B, B]]
    assert codes.shape == (2, BA + 1)
    assert ((sure > 0.5) & (sure <= 1)).all()
    assert (p_a[0] > 0.5).all()
    assert (p_a[1] < 0.5).all()
    assert not blind.any()


def test_too_little_gold_is_said_and_not_guessed(trained: Config) -> None:
    with trained.database.begin() as session:
        for gold in session.scalars(select(Gold).order_by(Gold.id).offset(10)):
            session.delete(gold)
    with pytest.raises(Conflict, match="only 10 decided gold pairs"):
        measure_effect(trained.database, trained.panel.rules, "majority")
    told = panels_of(trained, None)
    assert isinstance(told, Unpriced)
    assert told.line.startswith("what it saves was not measured: only 10")


def test_gold_of_few_prompts_is_said_to_be_too_little(trained: Config) -> None:
    """Of 3 prompts the bootstrap's error is too small: 7% of worthless judges would pass."""
    with trained.database.begin() as session:
        kept = set[int]()
        for gold in session.scalars(select(Gold).order_by(Gold.id)):
            prompt = session.get_one(Pair, gold.pair_id).prompt_id
            if len(kept) < 9:
                kept.add(prompt)
            if prompt not in kept:
                session.delete(gold)
    with pytest.raises(Conflict, match=r"decided gold pairs of [1-9] prompts"):
        measure_effect(trained.database, trained.panel.rules, "majority")
