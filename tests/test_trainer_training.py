"""Reward models and judges: they learn what can be learnt, resume exactly, and never see gold."""

import json
import math
import random
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import select
from trainer_worlds import add_pair, copied, learnable, opened, settle

from db.errors import BadInput
from db.models import Checkpoint, Gold
from db.probabilities import Probabilities
from db.session import Database
from db.vocabulary import Choice, Order
from judges.constitution import load
from judges.local import LocalJudge
from judges.trust.text_features import PairTexts
from judges.words import WordsModel
from trainer import steps
from trainer.export.selection import ExportOptions
from trainer.policy import PolicyOptions
from trainer.serving.scoring import RewardScorer
from trainer.settings import TrainerSettings
from trainer.words_reward import lessons
from trainer.words_training import fit

RULES = load(["starter"])
BOARD = find_spec("tensorboard") is not None


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Iterator[None]:
    # Warnings are errors, but not those that libraries give about themselves.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def world(empty_world: Path) -> Path:
    """240 labels and 40 gold pairs, exported to `set`."""
    with opened(empty_world) as database:
        learnable(database, 240, gold=40)
        steps.export(database, empty_world / "set", ExportOptions(validation=0.15, test=0))
    return empty_world


@pytest.fixture
def exported(world: Path, tmp_path: Path) -> Iterator[Database]:
    with copied(world, tmp_path) as database:
        yield database


def settings(tmp_path: Path, **more: object) -> TrainerSettings:
    given = {"base": "tiny", "judge_base": "tiny", "epochs": 4, "max_length": 96} | more
    return TrainerSettings(folder=tmp_path / "checkpoints", **given)


@pytest.mark.slow
def test_a_reward_model_learns_and_is_trained_once(exported: Database, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    done = steps.train_reward(
        exported, settings(tmp_path, tensorboard=BOARD), progress=lambda *step: seen.append(step)
    )
    if BOARD:
        (curves,) = (tmp_path / "checkpoints" / "runs" / done.checkpoint).iterdir()
        assert curves.name.startswith("events.out.tfevents")
    assert done.new
    assert done.validation["accuracy"] > 0.9
    assert seen[-1][1] == seen[-1][2] or seen[-1][1] < seen[-1][2]  # early stopping may end it
    folder = Path(done.path)
    metadata = json.loads((folder / "metadata.json").read_text())
    assert metadata["recipe"]["learning_rate"] == 2e-3
    assert any("eval_loss" in point for point in metadata["curve"])
    assert "reward model" in (folder / "README.md").read_text()
    with exported.read() as session:
        (row,) = session.scalars(select(Checkpoint))
        assert (row.name, row.generation, row.active_at) == (done.checkpoint, 0, None)
        assert row.content_hash == metadata["content_hash"]
    again = steps.train_reward(exported, settings(tmp_path))
    assert (again.new, again.checkpoint) == (False, done.checkpoint)


class Killed(BaseException):
    """A kill in the middle of training."""


@pytest.mark.slow
def test_a_killed_training_resumes_exactly(exported: Database, tmp_path: Path) -> None:
    whole = steps.train_reward(exported, settings(tmp_path / "whole"))

    def kill(_label: str, done: int, total: int) -> None:
        if done == total // 2 + 3:
            raise Killed

    with pytest.raises(Killed):
        steps.train_reward(exported, settings(tmp_path / "cut"), progress=kill)
    partial = tmp_path / "cut" / "checkpoints" / f".{whole.checkpoint}.partial"
    half = partial / "snapshots" / "checkpoint-999"
    half.mkdir()  # a snapshot the kill interrupted: without its mark it is not trusted
    assert not (partial.parent / whole.checkpoint).exists()
    steps_left: list[int] = []
    resumed = steps.train_reward(
        exported, settings(tmp_path / "cut"), progress=lambda _l, n, _t: steps_left.append(n)
    )
    assert min(steps_left) > 1  # went on, not from the start
    one, two = (
        json.loads((Path(p) / "metadata.json").read_text())["content_hash"]
        for p in (whole.path, resumed.path)
    )
    assert one == two
    assert not partial.exists()


@pytest.mark.slow
def test_soft_targets_are_learnt_as_probabilities(database: Database, tmp_path: Path) -> None:
    rng = random.Random(1)
    with database.begin() as session:
        for i in range(300):
            pair = add_pair(session, f"say {i}", f"yes {rng.random()}", f"no {rng.random()}")
            settle(session, pair, "a", p=Probabilities(0.8, 0.0, 0.2))
    steps.export(database, tmp_path / "set", ExportOptions(validation=0.2, test=0))
    done = steps.train_reward(database, settings(tmp_path, soft=True, patience=4))
    from trainer.serving.scoring import RewardScorer

    scorer = RewardScorer(Path(done.path))
    first, second = scorer.score([("say 5", "yes 0.5"), ("say 5", "no 0.5")])
    # Cross-entropy with 0.8 everywhere is least where sigmoid(difference) is 0.8.
    assert 1 / (1 + math.exp(second - first)) == pytest.approx(0.8, abs=0.06)


@pytest.mark.slow
def test_long_rows_are_counted(exported: Database, tmp_path: Path) -> None:
    tight = settings(tmp_path).model_copy(update={"epochs": 1, "max_length": 26})
    cut = steps.train_reward(exported, tight)
    assert cut.rows["truncated"] > 0
    assert cut.rows["dropped"] == 0
    said = (
        f"too long: {cut.rows['truncated']} lost the beginning of their prompt (raise max_length)"
    )
    assert said in cut.summary
    dropped = steps.train_reward(exported, tight.model_copy(update={"long": "drop"}))
    assert dropped.rows["dropped"] == cut.rows["truncated"]
    assert dropped.rows["truncated"] == 0
    assert f"too long: {dropped.rows['dropped']} were left out" in dropped.summary


def test_gold_frozen_after_the_export_is_not_learnt(exported: Database, tmp_path: Path) -> None:
    with exported.begin() as session:
        from db.models import Pair

        pair = session.scalars(select(Pair).order_by(Pair.id)).first()
        session.add(Gold(pair_id=pair.id, choice=Choice.A, how={}))
    done = steps.train_reward(exported, settings(tmp_path).model_copy(update={"epochs": 1}))
    assert done.rows["left_out_gold"] == 1
    assert done.rows["train"] + done.rows["validation"] == 239


@pytest.mark.slow
def test_a_judge_learns_and_answers_in_both_orders(exported: Database, tmp_path: Path) -> None:
    from judges.prompts import Template

    chosen = settings(tmp_path).model_copy(update={"max_length": 256, "epochs": 6})
    done = steps.train_judge(exported, chosen, RULES)
    assert done.validation["accuracy"] > 0.8
    judge = LocalJudge(Path(done.path), batch_size=3)
    good, bad = "rivers maps clear honest rivers", "rivers maps vague broken rivers"
    questions = [
        Template(RULES, output="token").render("Tell me about rivers number 7", good, bad, order)
        for order in (Order.AB, Order.BA)
    ] * 2
    answers = judge.score(questions)
    assert [round(sum(a.probabilities.values()), 6) for a in answers] == [1.0] * 4
    assert answers[0].probabilities["1"] > 0.5 > answers[0].probabilities["2"]
    assert answers[1].probabilities["2"] > 0.5 > answers[1].probabilities["1"]
    # Batches do not change answers: the same question scored alone.
    alone = LocalJudge(Path(done.path), batch_size=1).score(questions[:1])[0]
    assert alone.probabilities == pytest.approx(answers[0].probabilities, abs=1e-5)


def test_lora_trains_the_head_and_saves_a_whole_model(exported: Database, tmp_path: Path) -> None:
    chosen = settings(tmp_path, lora=True, learning_rate=5e-3)
    done = steps.train_reward(exported, chosen)
    assert done.validation["accuracy"] > 0.8
    assert not (Path(done.path) / "adapter_config.json").exists()


def test_without_a_base_the_reward_model_weighs_words(exported: Database, tmp_path: Path) -> None:
    plain = TrainerSettings(folder=tmp_path / "checkpoints")
    assert (plain.base, plain.judge_base) == ("words", "words")
    done = steps.train_reward(exported, plain)
    assert done.validation["accuracy"] > 0.9
    assert done.validation["longer wins"] < 0.8
    assert "longer wins 0." in done.summary
    assert "toy" not in done.summary
    scorer = RewardScorer(Path(done.path))
    better, worse = ("exact honest rivers", "sloppy wrong rivers")
    asked = [{"role": "user", "content": "Tell me about rivers"}]
    scores = scorer.score([("Tell me about rivers", better), (asked, worse), (asked, "")])
    # The scores' difference is the log-odds that the model of pairs gives the same two texts.
    texts = PairTexts(["Tell me about rivers"], [better], [worse])
    margin = WordsModel.load(Path(done.path)).margins(texts)[0]
    assert scores[0] - scores[1] == pytest.approx(margin)
    assert margin > 0
    assert scores[2] == pytest.approx(0)  # an empty response is where the scale begins
    measured = steps.evaluate(exported, done.checkpoint)
    assert measured.table[done.checkpoint]["accuracy"]["value"] > 0.9
    assert measured.table[done.checkpoint]["too_long"] == 0
    with pytest.raises(BadInput, match="weighs words and has no weights to make smaller"):
        steps.quantize(exported, done.checkpoint)
    with pytest.raises(BadInput, match="give a base with --base"):
        steps.train_policy(exported, plain, PolicyOptions("dpo"))
    writing = plain.model_copy(update={"judge_style": "generative"})
    with pytest.raises(BadInput, match="a generative judge writes, and 'words' cannot"):
        steps.train_judge(exported, writing, RULES)


def test_soft_targets_make_a_reward_model_of_words_modest() -> None:
    """One word decides every pair, and every label is .75 sure: log-odds of log 3 at most."""
    soft = [
        {
            "prompt": f"q{i}",
            "chosen": f"fine w{i}",
            "rejected": f"weak w{i}",
            "meta": {"pair_id": f"p{i}", "soft_target": 0.75},
        }
        for i in range(200)
    ]
    made = lessons(soft, soft=True)
    assert made[0].target == Probabilities(0.75, 0.0, 0.25)
    model, _, _ = fit(made)
    margin = model.margins(PairTexts(["q"], ["fine w7"], ["weak w7"]))[0]
    assert margin == pytest.approx(math.log(3), abs=0.1)


def test_a_toy_is_called_one(exported: Database, tmp_path: Path) -> None:
    done = steps.train_reward(exported, settings(tmp_path, epochs=1))
    assert "from tiny (a toy: it shows that the path works" in done.summary


def test_a_judge_of_words_learns_without_a_base(exported: Database, tmp_path: Path) -> None:
    with exported.read() as session:
        from db.gold import gold_pairs

        gold = gold_pairs(session)
    done = steps.train_judge(exported, settings(tmp_path, judge_base="words"), RULES)
    from trainer.gate.evaluate import gold_table, judge_answers
    from trainer.gate.rules import right

    table = gold_table(gold)
    answers = judge_answers(Path(done.path), table, RULES)
    assert right(answers.win_P, table.truth_P).mean() > 0.95
    assert not answers.reversed_P.any()
    assert steps.train_judge(exported, settings(tmp_path, judge_base="words"), RULES).new is False


@pytest.mark.slow
def test_a_generative_judge_writes_reasons_and_a_verdict(
    database: Database, tmp_path: Path
) -> None:
    from trainer.generative_judge import examples, reasons
    from trainer.judge_training import lessons
    from trainer.recorded_training import material

    with database.begin() as session:
        from db.identity import content_hash
        from db.judges import judge_version
        from db.models import Vote
        from db.vocabulary import Provider

        version = judge_version(
            session,
            name="j",
            family="j",
            version=content_hash("j"),
            provider=Provider.RECORDED,
            config={},
        )
        for i in range(16):
            good, bad = f"yes {i % 7}", f"no {i % 5}"
            choice = "ab"[i % 2]
            a, b = (good, bad) if choice == "a" else (bad, good)
            pair = add_pair(session, f"q{i}", a, b)
            settle(session, pair, choice)
            for said, text in ((choice, "It says yes."), ("ba"[i % 2], "It says no.")):
                session.add(
                    Vote(
                        pair_id=pair.id,
                        judge_version_id=version.id,
                        order=Order.AB,
                        sample=1 + (said != choice),
                        choice=Choice(said),
                        rationale=text,
                    )
                )
    steps.export(database, tmp_path / "set", ExportOptions(validation=0, test=0))
    rules = RULES.only([RULES.principles[0].id])
    chosen = TrainerSettings(
        judge_base="tiny",
        folder=tmp_path / "c",
        epochs=1,
        max_length=700,
        reasoning_tokens=40,
        dpo=True,
        judge_style="generative",
        batch_size=8,
    )
    given = material(database, None)
    written = reasons(given.folder, given.train)
    assert written["p1", Order.AB, Choice.A] == ["It says yes."]
    assert written["p1", Order.AB, Choice.B] == ["It says no."]
    from trainer.bases import build_tiny, load_tokenizer

    build_tiny(["yes no"], tmp_path / "tok")
    made = examples(
        lessons(given.train, [], {}, chosen),
        written,
        rules,
        load_tokenizer(str(tmp_path / "tok")),
        chosen,
    )
    assert len(made) == 32
    assert sum(e.wrong is not None for e in made) == 16
    done = steps.train_judge(database, chosen, rules)
    assert done.rows["contrasts"] == 16
    judge = LocalJudge(Path(done.path))
    from judges.local import judge_config
    from judges.prompts import Template
    from judges.verdicts import read

    config = judge_config(Path(done.path), "next", 1)
    assert (config.output, config.generation) == ("text", 1)
    template = Template(rules, output="text", per_principle=False)
    (answer,) = judge.score([template.render("q1", "yes 1", "no 1", Order.BA)])
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert set(json.loads(answer.text)) >= {"reasoning", "verdict"}
    assert read(answer, Order.BA).choice in (Choice.A, Choice.B, Choice.TIE)
