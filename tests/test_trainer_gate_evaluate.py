"""Measures by hand, and probes that their bad habits fail."""

from dataclasses import replace

import numpy as np
import pytest

from db.errors import Conflict
from db.gold import GoldPair
from db.models import Prompt
from db.vocabulary import Choice
from judges.trust.vote_matrix import TIE, A, B
from trainer.encoding import asked_text
from trainer.gate.evaluate import gold_table, length_controlled, measure
from trainer.gate.probes import build, habits
from trainer.gate.rules import GateAnswers, right
from trainer.gate.slices import agreement, by_slice, slices_of
from trainer.workspace import exclusive, mark_complete, open_workspace


def pair(number: int, a: str, b: str, choice: str, domain: str | None = None) -> GoldPair:
    messages = [{"role": "user", "content": f"Question {number}"}]
    return GoldPair(
        number,
        f"h{number}",
        number,
        f"q{number}",
        messages,
        None,
        f"Question {number}",
        a,
        b,
        domain,
        "s",
        Choice(choice),
        0,
    )


def answers(*win_probability: float) -> GateAnswers:
    none = np.zeros(len(win_probability))
    return GateAnswers(np.array(win_probability), none, none)


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
        assert asked_text({"prompt": messages}) == Prompt(messages=messages).text


def test_unfinished_work_of_another_recipe_is_thrown_away(tmp_path) -> None:
    work = open_workspace(tmp_path, "reward", {"seed": 1}, "mine")
    with exclusive(work):
        snapshot = work.snapshots / "checkpoint-5"
        snapshot.mkdir(parents=True)
        mark_complete(snapshot)
    with exclusive(work):
        assert work.newest_snapshot() == str(snapshot)
    other = open_workspace(tmp_path, "reward", {"seed": 2}, "mine")
    assert snapshot.is_dir()  # looking at it takes nothing from whoever works there
    with exclusive(other):
        assert other.newest_snapshot() is None


def test_two_processes_never_train_the_same(tmp_path) -> None:
    work = open_workspace(tmp_path, "reward", {"seed": 1}, "mine")
    again = open_workspace(tmp_path, "reward", {"seed": 2}, "mine")
    refused = pytest.raises(Conflict, match="'mine' is being written by another process")
    with exclusive(work), refused, exclusive(again):
        pass
    with exclusive(work):
        pass


def test_parts_of_the_gold_are_told_for_every_rater() -> None:
    gold = gold_table(
        [
            pair(1, "x" * 10, "y" * 10, "a", "law"),
            pair(2, "x" * 10, "y" * 20, "b", "law"),
            pair(3, "x" * 10, "y" * 30, "b", "code"),
            pair(4, "x" * 10, "y" * 30, "tie", "code"),
        ]
    )
    gold = gold_table([replace(p, source="st"[i % 2]) for i, p in enumerate(gold.pairs)])
    raters = {"always a": answers(1, 1, 1, 1), "always b": answers(0, 0, 0, 0)}
    found = by_slice(raters, gold, {3: frozenset({"honest"})})
    value = {part: {who: row[who]["value"] for who in row} for part, row in found.items()}
    assert value["domain law"] == {"always a": 0.5, "always b": 0.5}
    assert value["domain code"] == {"always a": 0.0, "always b": 1.0}  # the tie counts nowhere
    assert value["principle honest"] == {"always a": 0.0, "always b": 1.0}
    assert value["source s"] == {"always a": 0.5, "always b": 0.5}
    assert value["source t"] == {"always a": 0.0, "always b": 1.0}
    assert value["length differs 0% to 10%"] == {"always a": 1.0, "always b": 0.0}
    assert value["length differs 30% to 100%"] == {"always a": 0.0, "always b": 1.0}
    assert found["length differs 30% to 100%"]["always a"]["n"] == 2


def test_agreement_with_each_expert_and_with_the_panel() -> None:
    gold = gold_table([pair(i, "x", "y", "a") for i in range(12)])
    said = {"ada": dict.fromkeys(range(12), A), "bob": {0: B, 1: TIE}}
    half = [1.0] * 6 + [0.0] * 6
    raters = {"model": answers(*half), "panel": answers(*[0.9] * 11, 0.5)}
    found = agreement(raters, gold, said, "panel")
    assert list(found) == ["expert ada", "all experts", "panel"]  # bob has one decided answer
    assert found["expert ada"]["model"]["value"] == 0.5
    assert found["expert ada"]["panel"]["value"] == pytest.approx(11.5 / 12)  # a half counts half
    assert found["all experts"]["model"]["value"] == pytest.approx(6 / 13)  # bob said b to pair 0
    assert found["all experts"]["model"]["n"] == 13
    assert found["panel"]["model"]["value"] == pytest.approx(6 / 11)  # where the panel decided
    assert list(found["panel"]) == ["model"]
    low, high = (found["expert ada"]["model"][side] for side in ("low", "high"))
    assert low < 0.5 < high
