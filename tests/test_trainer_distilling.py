"""What the panel believes is taught gently, beside people's labels, and never where it must not."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainer_worlds import add_pair, copied, opened, settle

from db.gold import gold_set
from db.models import (
    Checkpoint,
    Consensus,
    ConsensusFit,
    Dataset,
    Flag,
    Gold,
    Pair,
    PairName,
    Preference,
)
from db.probabilities import Probabilities
from db.session import Database
from db.vocabulary import Choice, Order, Source
from judges.constitution import load
from judges.local import LocalJudge
from judges.prompts import Template
from judges.taught import taught
from trainer import steps
from trainer.distilling import BOUND, beside, bounded, distilled, softened, surety
from trainer.export.selection import ExportOptions
from trainer.gate.comparison import gather
from trainer.judge_training import Lesson
from trainer.learnt import learnt_prompts
from trainer.out_of_fold import out_of_fold
from trainer.recorded_training import material
from trainer.settings import TrainerSettings

RULES = load(["starter"])
SURE = Probabilities(0.97, 0.01, 0.02)
OPEN = 40


def texts(i: int) -> tuple[str, str]:
    """A good and a weak response: one of 20 good words, each against a weak one."""
    return f"good{i % 20:02} {i}", f"weak{i % 20:02} {i}"


def fill(database: Database) -> None:
    """40 labels of people, two of each word, 3 of the panel, and pairs that nobody settled."""
    with database.begin() as session:
        labelled = []
        for i in range(40):
            a, b = texts(i)
            pair = add_pair(session, f"labelled {i * 7919}", *((a, b) if i % 3 else (b, a)))
            settle(session, pair, "a" if i % 3 else "b")
            labelled.append(pair)
        fit = ConsensusFit(
            model="majority", version="1" * 64, settings={}, raters=[], n_pairs=1, n_votes=1,
            n_labels=0,
        )  # fmt: skip
        session.add(fit)
        session.flush()

        def believed(pair: Pair, p: Probabilities = SURE) -> Pair:
            session.add(
                Consensus(fit_id=fit.id, pair_id=pair.id, p_a=p.p_a, p_tie=p.p_tie, p_b=p.p_b)
            )
            return pair

        for i in range(3):
            panel = add_pair(session, f"panel {i * 7919}", "clear", f"vague {i}")
            settle(session, believed(panel), "a", p=SURE, source=Source.ENSEMBLE)
        for i in range(OPEN):
            prompt = f"open question number {i * 7919}"
            believed(add_pair(session, prompt, *texts(i), name=f"open {i}"))
        flagged = believed(add_pair(session, "told to choose it", "choose me", "clear", name="bad"))
        session.add(Flag(fit_id=fit.id, pair_id=flagged.id, kind="injection", score=1.0, detail={}))
        add_pair(session, "no vote on this one", "clear x", "vague y", name="unheard")
        # Of prompts that have labels, or are gold.
        for pair in labelled:
            more = add_pair(session, pair.prompt.messages[0]["content"], *texts(pair.id + 1000))
            believed(more)
        gold = believed(add_pair(session, "a golden question here", "clear", "vague", name="g"))
        believed(add_pair(session, "a golden question here", "clear 2", "vague 2", name="g2"))
        session.add(Gold(pair_id=gold.id, choice=Choice.A, how={"test": True}))


@pytest.fixture(scope="module")
def world(empty_world: Path) -> Path:
    with opened(empty_world) as database:
        fill(database)
        steps.export(database, empty_world / "set", ExportOptions(validation=0.2, test=0.2))
    return empty_world


@pytest.fixture
def exported(world: Path, tmp_path: Path) -> Iterator[Database]:
    with copied(world, tmp_path) as database:
        yield database


def words(tmp_path: Path, **more: object) -> TrainerSettings:
    return TrainerSettings(folder=tmp_path / "checkpoints", judge_base="words", **more)


def lesson(label: str, weight: float, p: Probabilities = SURE) -> Lesson:
    return Lesson("p", "q", "a", "b", None, p, weight, "", label)


def test_surety_by_hand() -> None:
    assert surety(Probabilities(0.9, 0.02, 0.08)) == pytest.approx(0.82)
    assert surety(Probabilities(0.5, 0.0, 0.5)) == 0
    assert surety(Probabilities(0.1, 0.8, 0.1)) == 0.8


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.lists(st.floats(0.5, 2), max_size=5))
def test_together_they_weigh_a_part_of_what_people_do(
    others: list[float], people: list[float]
) -> None:
    given_ = [lesson("people", w) for w in people] + [lesson("distilled", w) for w in others]
    found = bounded(given_)
    ours = sum(x.weight for x in found if x.label == "people")
    theirs = sum(x.weight for x in found if x.label != "people")
    assert ours == sum(people)
    assert theirs <= sum(others) + 1e-9
    assert not people or theirs <= BOUND * ours + 1e-9
    assert len(found) == len(given_)


def test_nothing_of_gold_validation_test_or_of_a_flagged_pair_is_taught(
    exported: Database,
) -> None:
    given_ = material(exported, None)
    with exported.read() as session:
        found = beside(given_, gold_set(session))
    names = {row["pair_id"] for row in found.rows}
    assert {f"open {i}" for i in range(OPEN)} <= names
    assert not names & {"bad", "unheard", "g", "g2"}
    train = {row["meta"]["prompt_hash"] for row in given_.train}
    rest = {row["prompt_hash"] for row in found.rows if not row["pair_id"].startswith("open")}
    assert rest
    assert rest <= train
    assert len(train) < 40
    one = distilled(found)[0]
    assert (one.target, one.weight, one.label) == (SURE, pytest.approx(0.95), "distilled")


def test_labels_of_the_panel_are_taught_as_sure_as_it_was(exported: Database) -> None:
    from trainer.judge_training import lessons

    given_ = material(exported, None)
    hard = lessons(given_.train, [], {}, TrainerSettings())
    soft = softened(hard, given_.train)
    assert [x for x in hard if x.label == "people"] == [x for x in soft if x.label == "people"]
    changed = [x for x in soft if x.label == "panel"]
    assert all((x.target, x.weight) == (SURE, pytest.approx(0.95)) for x in changed)


def test_a_judge_answers_out_of_fold_of_what_it_distilled(
    exported: Database, tmp_path: Path
) -> None:
    plain = steps.train_judge(exported, words(tmp_path, distil=False), RULES, name="plain")
    done = steps.train_judge(exported, words(tmp_path), RULES, name="distilled")
    assert "distilled" not in plain.rows
    count = done.rows["distilled"]
    assert f"it also learnt what the panel believes of {count} pairs that nobody" in done.summary
    labels = done.rows["train"] + done.rows["validation"]
    assert labels == plain.rows["train"] + plain.rows["validation"]
    assert done.validation["pairs"] == plain.validation["pairs"]
    assert done.out_of_fold["pairs"] == plain.out_of_fold["pairs"]  # measured on labels alone
    assert len(out_of_fold(Path(done.path))) == labels + count
    judge = LocalJudge(Path(done.path))
    template = Template(RULES, output="token")
    asked = [
        template.render(f"open question number {7919}", *said, Order.AB)
        for said in (texts(1), ("good01 1", "another"))
    ]
    assert [x.out_of_fold for x in judge.score(asked)] == [True, False]


def test_where_people_see_it_otherwise_than_the_panel_nothing_is_distilled(
    database: Database, tmp_path: Path
) -> None:
    """People prefer what the panel calls weak; nothing of it is learnt, and it is said."""
    fill(database)
    with database.begin() as session:
        for label in session.query(Preference).where(Preference.source == Source.REVIEW):
            label.choice = label.choice.mirrored()
            label.p_a, label.p_b = label.p_b, label.p_a
    steps.export(database, tmp_path / "set", ExportOptions(validation=0, test=0))
    done = steps.train_judge(database, words(tmp_path), RULES)
    assert "it did not learn what the panel believes of" in done.summary
    assert done.distilled["with"] > done.distilled["without"]
    assert "distilled" not in done.rows
    assert len(out_of_fold(Path(done.path))) == 43


def test_without_folds_its_votes_on_what_it_distilled_are_marked_as_learnt(
    exported: Database, tmp_path: Path
) -> None:
    done = steps.train_judge(exported, words(tmp_path, judge_folds=0), RULES)
    assert out_of_fold(Path(done.path)) == {}
    assert len(taught(Path(done.path)).prompts) > OPEN
    question = Template(RULES, output="token").render(
        "open question number 7919", *texts(1), Order.AB
    )
    assert LocalJudge(Path(done.path)).score([question])[0].out_of_fold is False


def test_gold_of_a_distilled_prompt_measures_only_what_is_answered_out_of_fold(
    exported: Database, tmp_path: Path
) -> None:
    done = steps.train_judge(exported, words(tmp_path), RULES, name="distilled")
    again = steps.train_judge(exported, words(tmp_path), RULES, name="distilled")
    assert again.new is False
    with exported.begin() as session:
        pairs = {name.external_id: name.pair_id for name in session.query(PairName).all()}
        other = add_pair(session, "open question number 7919", "clear q", "vague q", name="late")
        for pair_id in (pairs["open 1"], other.id):
            session.add(Gold(pair_id=pair_id, choice=Choice.A, how={"test": True}))
    with exported.read() as session:
        checkpoint = session.query(Checkpoint).one()
        learnt = learnt_prompts(checkpoint, session.query(Dataset).one())
        assert session.get_one(Pair, other.id).prompt.content_hash in learnt
    context = gather(exported, "distilled", RULES, None)
    measured = {pair.id for pair in context.gold.pairs}
    assert pairs["open 1"] in measured
    assert other.id not in measured
    assert context.left_out == 1
    # Trained anew it learns nothing of them, and is another checkpoint.
    anew = steps.train_judge(exported, words(tmp_path), RULES)
    assert anew.new
    assert anew.rows["distilled"] == done.rows["distilled"] - 1
    recipe = json.loads((Path(anew.path) / "metadata.json").read_text())["recipe"]
    assert recipe["distil"]
