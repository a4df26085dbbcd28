"""Measures by hand, and probes that their bad habits fail."""

import numpy as np
import pytest

from db.datasets import GoldPair
from db.errors import Conflict
from db.models import Prompt
from db.vocabulary import Choice
from trainer.encoding import prompt_text
from trainer.evaluate import gold_table, length_controlled, measure, slices_of
from trainer.gate import Answers, right
from trainer.probes import build, habits
from trainer.work import alone, begin, mark_complete


def pair(number: int, a: str, b: str, choice: str, domain: str | None = None) -> GoldPair:
    messages = [{"role": "user", "content": f"Question {number}"}]
    return GoldPair(
        number,
        f"h{number}",
        number,
        f"q{number}",
        messages,
        f"Question {number}",
        a,
        b,
        domain,
        "s",
        Choice(choice),
        0,
    )


def answers(*lean: float) -> Answers:
    none = np.zeros(len(lean))
    return Answers(np.array(lean), none, none)


def test_measures_by_hand() -> None:
    gold = gold_table([pair(1, "x", "yy", "a"), pair(2, "x", "yy", "b"), pair(3, "x", "y", "tie")])
    found = measure(answers(0.8, 0.8, 0.5), gold)
    assert found["accuracy"]["value"] == 0.5  # right on the first, wrong on the second
    assert found["brier"] == pytest.approx((0.2**2 + 0.8**2) / 2)
    assert found["log_loss"] == pytest.approx(-(np.log(0.8) + np.log(0.2)) / 2)
    assert (found["pairs"], found["ties"]) == (2, 1)


def test_length_alone_is_worth_one_half() -> None:
    # The better one is longer on three pairs of four: longer wins has 3/4, and 1/2 controlled.
    gold = gold_table([pair(i, "longer", "short", "a" if i else "b") for i in range(4)])
    always_longer = np.ones(4)
    assert right(always_longer, gold.truth_P).mean() == 0.75
    assert length_controlled(always_longer, gold).value == 0.5


def test_slices_need_two_of_a_kind() -> None:
    gold = gold_table([pair(1, "x", "y", "a", "law"), pair(2, "x", "y", "b", "code")])
    found = slices_of(gold, {1: frozenset({"honest"})})
    assert {k: v.tolist() for k, v in found.items()} == {
        "domain code": [False, True],
        "domain law": [True, False],
        "principle honest": [True, False],
    }


def test_every_probe_is_failed_by_its_bad_habit() -> None:
    pairs = [
        pair(
            i,
            f"A careful answer number {i}. It explains. It is right.",
            f"Bad {i}. Wrong.",
            "ab"[i % 2],
        )
        for i in range(30)
    ]
    for name, table in build(pairs).items():
        assert len(table.pairs) >= 100, name
        assert right(habits()[name](table), table.truth_P).mean() < 0.1, name
        sides = [p.choice for p in table.pairs]
        assert sides.count(Choice.A) == sides.count(Choice.B), name


def test_the_prompt_is_read_as_the_panel_reads_it() -> None:
    for messages in (
        [{"role": "user", "content": "Hi"}],
        [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}],
    ):
        assert prompt_text(messages) == Prompt(messages=messages).text


def test_unfinished_work_of_another_recipe_is_thrown_away(tmp_path) -> None:
    work = begin(tmp_path, "reward", {"seed": 1}, "mine")
    snapshot = work.snapshots / "checkpoint-5"
    snapshot.mkdir(parents=True)
    mark_complete(snapshot)
    assert begin(tmp_path, "reward", {"seed": 1}, "mine").newest_snapshot() == str(snapshot)
    assert begin(tmp_path, "reward", {"seed": 2}, "mine").newest_snapshot() is None


def test_two_processes_never_train_the_same(tmp_path) -> None:
    work = begin(tmp_path, "reward", {"seed": 1}, "mine")
    again = begin(tmp_path, "reward", {"seed": 1}, "mine")
    refused = pytest.raises(Conflict, match="being trained by another process")
    with alone(work), refused, alone(again):
        pass
    with alone(work):
        pass
