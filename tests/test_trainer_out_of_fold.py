"""What a judge says of the pairs it learnt from comes from judges that never saw their prompts."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from trainer_worlds import add_pair, copied, learnable, opened, settle

from db.probabilities import Probabilities
from db.session import Database
from db.validation import one_sentence
from db.vocabulary import Choice, Order
from judges.constitution import load
from judges.local import LocalJudge
from judges.prompts import Template
from judges.taught import OUT_OF_FOLD, identity, line, taught
from judges.verdicts import dump, read
from judges.verdicts import load as loaded
from trainer import steps, words_training
from trainer.export.selection import ExportOptions
from trainer.judge_training import Lesson
from trainer.out_of_fold import calibrated, folds_of, measured, out_of_fold
from trainer.settings import TrainerSettings
from trainer.workspace import weights_hash

RULES = load(["starter"])
TEMPLATE = Template(RULES, output="token")


@pytest.fixture(scope="module")
def world(empty_world: Path) -> Path:
    """60 labels and a tie, exported to `set`."""
    with opened(empty_world) as database:
        learnable(database, 60)
        with database.begin() as session:
            settle(session, add_pair(session, "even?", "one", "the other"), "tie")
        steps.export(database, empty_world / "set", ExportOptions(validation=0.2, test=0))
    return empty_world


@pytest.fixture
def exported(world: Path, tmp_path: Path) -> Iterator[Database]:
    with copied(world, tmp_path) as database:
        yield database


def words(tmp_path: Path, **more: object) -> TrainerSettings:
    return TrainerSettings(folder=tmp_path / "checkpoints", judge_base="words", **more)


def lesson(group: str, number: int = 0, choice: Choice = Choice.A, label: str = "people") -> Lesson:
    target = Probabilities.sure(choice)
    return Lesson(f"p{number}", f"{group} {number}", "xx", "y", None, target, 1, group, label)


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60), st.integers(2, 6))
def test_a_group_of_prompts_is_never_parted(groups: list[str], folds: int) -> None:
    lessons = [lesson(name, i) for i, name in enumerate(groups)]
    fold_N = folds_of(lessons, folds)
    for name in set(groups):
        assert len({f for f, its in zip(fold_N, groups, strict=True) if its == name}) == 1
    assert set(fold_N) == set(range(min(folds, len(set(groups)))))
    assert folds_of(lessons[::-1], folds).tolist() == fold_N[::-1].tolist()


def test_every_taught_pair_has_an_answer_that_counts_in_the_hash(
    exported: Database, tmp_path: Path
) -> None:
    done = steps.train_judge(exported, words(tmp_path), RULES)
    folder = Path(done.path)
    found = out_of_fold(folder)
    assert len(found) == 61  # train, validation and the tie
    assert all(sum(said) == pytest.approx(1, abs=1e-5) for said in found.values())
    metadata = json.loads((folder / "metadata.json").read_text())
    assert metadata["content_hash"] == weights_hash(folder)
    assert "out of 5 folds, on 60 pairs of 60 prompts that people decided" in done.summary
    assert "longer wins" in done.summary
    assert done.out_of_fold["accuracy"]["value"] > 0.8
    (folder / OUT_OF_FOLD).write_text("")
    assert metadata["content_hash"] != weights_hash(folder)
    assert out_of_fold(folder) == {} == out_of_fold(tmp_path)


def test_what_only_a_prompt_tells_is_not_known_out_of_fold(
    database: Database, tmp_path: Path
) -> None:
    """Each prompt has a word of its own for its better responses: in sample all is known."""
    with database.begin() as session:
        for i in range(40):
            for j in range(2):
                a, b = f"yes{i:02} {'xy'[j]}", f"not{i:02} {'yx'[j]}"
                choice = "ab"[(i + j) % 2]
                a, b = (a, b) if choice == "a" else (b, a)
                settle(session, add_pair(session, f"prompt {i * 7919}", a, b), choice)
    steps.export(database, tmp_path / "set", ExportOptions(validation=0, test=0))
    done = steps.train_judge(database, words(tmp_path), RULES)
    blind = done.out_of_fold
    assert blind["accuracy"]["low"] <= 0.5 + 1e-9
    assert blind["log_loss"]["value"] == pytest.approx(np.log(2), abs=0.02)


def test_a_kill_trains_no_fold_twice(
    exported: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[str] = []
    train = words_training.train

    def killed(*given: object) -> object:
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(given[2].name)
        return train(*given)

    monkeypatch.setattr(words_training, "train", killed)
    with pytest.raises(KeyboardInterrupt):
        steps.train_judge(exported, words(tmp_path, judge_folds=3), RULES, name="j")
    monkeypatch.setattr(words_training, "train", lambda *g: (trained.append(g[2].name), train(*g)))
    again = steps.train_judge(exported, words(tmp_path, judge_folds=3), RULES, name="j")
    assert trained == ["j-fold-1", "j-fold-2", "j-fold-3", "j"]
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["j"]
    whole = steps.train_judge(exported, words(tmp_path, judge_folds=3), RULES, name="whole")
    assert out_of_fold(Path(whole.path)) == out_of_fold(Path(again.path))
    assert again.out_of_fold == whole.out_of_fold


def test_without_folds_it_says_that_it_will_be_no_witness(
    exported: Database, tmp_path: Path
) -> None:
    done = steps.train_judge(exported, words(tmp_path, judge_folds=0), RULES)
    assert "trained without folds (judge_folds 0" in done.summary
    assert not (Path(done.path) / OUT_OF_FOLD).exists()
    assert done.out_of_fold == {"folds": 0}


def test_one_fold_is_refused() -> None:
    with pytest.raises(ValidationError) as caught:
        TrainerSettings(judge_folds=1)
    assert "1 fold leaves nothing to train on" in one_sentence(caught.value, TrainerSettings)
    assert TrainerSettings(judge_base="words").folds == 5
    assert TrainerSettings(judge_base="some/base", judge_style="generative").folds == 0


def test_a_judge_answers_out_of_fold_in_both_orders_and_says_so(
    exported: Database, tmp_path: Path
) -> None:
    done = steps.train_judge(exported, words(tmp_path), RULES)
    folder = Path(done.path)
    judge, known = LocalJudge(folder), taught(folder)
    row = next(r for r in _rows(tmp_path) if r["meta"]["choice"] == "a")
    prompt, a, b = (row[k][0]["content"] for k in ("prompt", "chosen", "rejected"))
    said = known.answer(identity(prompt, a, b))
    asked = [TEMPLATE.render(prompt, a, b, order) for order in (Order.AB, Order.BA)]
    other = TEMPLATE.render(prompt, a, "never seen", Order.AB)
    fresh = TEMPLATE.render("never asked", a, b, Order.AB)
    answers = judge.score([fresh, *asked, other])
    assert [answer.out_of_fold for answer in answers] == [None, True, True, False]
    verdicts = [read(x, o) for x, o in zip(answers[1:3], (Order.AB, Order.BA), strict=True)]
    assert verdicts[0].p_a == pytest.approx(said[0] / (said[0] + said[1])) == verdicts[1].p_a
    assert [v.out_of_fold for v in verdicts] == [True, True]
    assert read(loaded(dump(answers[3])), Order.AB).out_of_fold is False
    # The deployed weights, which saw the pair, would say something else.
    (folder / OUT_OF_FOLD).unlink()
    own = read(LocalJudge(folder).score(asked)[0], Order.AB)
    assert own.p_a != pytest.approx(verdicts[0].p_a, abs=1e-6)
    assert own.out_of_fold is None


def _rows(folder: Path) -> list[dict[str, object]]:
    from trainer.export.dataset import read_split

    return read_split(folder / "set", "train")


@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
def test_a_line_means_the_same_whichever_response_is_a(p: str, a: str, b: str) -> None:
    one, other = identity(p, a, b), identity(p, b, a)
    straight = json.loads(line(one, (0.7, 0.2, 0.1)))
    if a != b:
        assert straight == json.loads(line(other, (0.2, 0.7, 0.1)))
    assert (one.pair, one.prompt) == (other.pair, other.prompt)


def test_an_unread_pair_is_taught_but_has_no_answer(tmp_path: Path) -> None:
    one = identity("q", "a", "b")
    (tmp_path / OUT_OF_FOLD).write_text(line(one, None) + "\n")
    found = taught(tmp_path)
    assert found.prompts == {one.prompt}
    assert found.answer(one) is None


def test_calibration_and_figures_by_hand() -> None:
    # 40 pairs, every one believed at odds 4 : 1 in both orders, and right in 3 of 4: odds 3 : 1.
    lessons = [lesson(f"g{i}", i, Choice.B if i % 4 == 0 else Choice.A) for i in range(40)]
    log_p = np.log(np.tile([0.8, 0.2, 1e-12], (40, 2, 1)))
    p_NK = calibrated(log_p, lessons)
    assert p_NK[0, 0] / p_NK[0, 1] == pytest.approx(3, abs=0.1)
    figures = measured(p_NK, lessons)
    assert figures["accuracy"]["value"] == 0.75 == figures["longer_wins"]["value"]
    assert figures["log_loss"]["value"] == pytest.approx(
        -0.75 * np.log(0.75) - 0.25 * np.log(0.25), abs=1e-3
    )
    mixed = [*lessons[:4], lesson("h", 99, label="panel")]
    assert measured(p_NK[:5], mixed)["pairs"] == 4  # where people decided any, theirs alone
    assert measured(p_NK[4:5], mixed[4:])["by"] == "panel"


def test_prompts_of_one_group_alone_make_no_folds(database: Database, tmp_path: Path) -> None:
    with database.begin() as session:
        for i in range(4):
            settle(session, add_pair(session, "the same", f"good {i}", f"bad {i}"), "a")
    steps.export(database, tmp_path / "set", ExportOptions(validation=0, test=0))
    done = steps.train_judge(database, words(tmp_path), RULES)
    assert "prompts of one group alone" in done.summary
