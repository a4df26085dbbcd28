"""The replay of `loop_pays.py` on a small planted world: what it says, and that it never peeks."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from judges.trust.vote_matrix import MISSING, A, B

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from loop_pays import fall, lines, measured
from loop_project import ARMS, TARGETS, Project, Said
from loop_worlds import World, of_folder, raters_as_panel
from planted import plant
from replay import write

WEEKS = 3


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> World:
    return of_folder("planted", plant(tmp_path_factory.mktemp("planted"), prompts=90), WEEKS)


@pytest.fixture(scope="module")
def lived(small: World) -> Project:
    return Project(small, seed=0).run()


def test_one_line_a_week_arm_and_target(small: World, lived: Project) -> None:
    found = list(lines(small, [lived]))
    assert [(x["target"], x["arm"], x["week"]) for x in found] == [
        (target, arm, week + 1) for target in TARGETS for arm in ARMS for week in range(WEEKS)
    ]
    for line in json.loads(json.dumps(found)):
        assert line["world"] == "planted"
        if line["arm"] == "prompted":
            assert line["usd"] is None
            assert line["why"]
            continue
        assert 0 <= line["human_share"] <= 1
        assert line["low"] <= line["high"]
        assert line["log_loss"] > 0
        dear = 0.5 * line["human_share"] + 2 * (0.03 + 0.011 + 0.0015)  # all judges, both orders
        assert line["usd"] <= dear + 1e-4
        if line["arm"] in ("nothing", "label_model", "column"):
            assert line["usd"] == pytest.approx(dear, abs=1e-4)
        if line["arm"] == "longer wins":
            assert line["usd"] == pytest.approx(0.5 * line["human_share"], abs=1e-4)


def test_no_week_sees_its_own_answers(small: World, lived: Project) -> None:
    """With all answers of the last week exchanged, every arm says the very same."""
    last = lived.week_P == WEEKS - 1
    other = replace(small, truth_P=np.where(last, 1 - small.truth_P, small.truth_P).astype(np.int8))
    again = Project(other, seed=0).run()
    for one, two in zip(lived.said, again.said, strict=True):
        np.testing.assert_array_equal(one.win_P, two.win_P)
        np.testing.assert_array_equal(one.calls_P, two.calls_P)


def test_no_prompt_is_split_over_weeks(small: World, lived: Project) -> None:
    for prompt in np.unique(small.votes.prompt_P):
        mine = small.votes.prompt_P == prompt
        assert len(set(lived.week_P[mine])) == 1
        assert len(set(lived.audit_P[mine])) == 1


def test_experts_refuse_a_dose_without_a_source(small: World) -> None:
    def forbidden(text: str | None) -> bool:
        given = re.search(r"\bdose\b", text or "", re.IGNORECASE)
        named = re.search(r"Source: |leaflet of|formulary says", text or "")
        return bool(given) and not named

    a = np.array([forbidden(text) for text in small.texts.responses_a])
    b = np.array([forbidden(text) for text in small.texts.responses_b])
    ruled = a != b
    lost = np.where(a, small.truth_P == B, small.truth_P == A)[ruled].mean()
    assert ruled.mean() > 0.3
    assert lost > 0.9  # experts slip on 3 of 100


def test_a_price_is_human_answers_and_calls_a_label(small: World) -> None:
    """Four pairs, the least sure wrong: for 85% one of four is answered, .25 × $.50 + $.02."""
    pairs = np.arange(4)
    start = replace(
        small, weeks=1, truth_P=np.array([A, A, B, B], np.int8), votes=small.votes.take(pairs)
    )
    said = Said("column", 0.85, 0, pairs, np.array([0.9, 0.8, 0.1, 0.6]), np.full(4, 0.02))
    one = Project(start, seed=0)
    one.said = [said]
    (share, usd, loss) = measured(start, [one])["column", 0.85][0][:, 0]
    assert share == 0.25
    assert usd == pytest.approx(0.145)
    assert loss == pytest.approx(-np.log([0.9, 0.8, 0.9, 0.4]).mean())


def test_a_fall_is_the_share_of_the_first_price() -> None:
    weeks = np.array([[[0.0] * 3, [0.4] * 3, [0.0] * 3], [[0.0] * 3, [0.1] * 3, [0.0] * 3]])
    assert fall(weeks) == pytest.approx((0.75, 0.75, 0.75))


def test_two_raters_are_the_panel_and_the_others_the_gold(tmp_path: Path) -> None:
    pair = {"pair_id": "1", "prompt": "p", "response_a": "x", "response_b": "y"}
    said = {"ann": "a", "bob": "b", "cem": "a", "dan": "a", "eve": "b"}
    write(tmp_path / "pairs.jsonl", [pair])
    write(
        tmp_path / "labels.jsonl",
        [{"pair_id": "1", "annotator": who, "choice": what} for who, what in said.items()],
    )
    (tmp_path / "made").mkdir()
    made = of_folder("raters", raters_as_panel(tmp_path, tmp_path / "made", seed=0), 1)
    votes = [json.loads(line) for line in (tmp_path / "made/votes.jsonl").read_text().splitlines()]
    panel = {row["annotator"] for row in votes}
    assert len(panel) == 2
    others = [what for who, what in said.items() if who not in panel]
    assert made.truth_P.tolist() == [A if others.count("a") > 1 else B]
    assert made.votes.raters == ("rater-1", "rater-2")
    assert set(made.usd.values()) == {0.05}  # one answer each: it fills both orders
    assert (made.votes.codes_PRO != MISSING).all()
