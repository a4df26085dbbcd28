"""Orders over candidates as training material: the loss by hand, and both ways learn."""

import json
import math
import random
import warnings
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainer_worlds import BAD, GOOD, TOPICS, add_pair, copied, opened

from db import annotators
from db.models import Adjudication, Candidate, Ranking
from db.rankings import numbers
from db.session import Database
from db.vocabulary import Choice
from review.merge import merge
from review.settings import ReviewSettings
from trainer import steps
from trainer.export.selection import ExportOptions
from trainer.rankings import orders, plackett_luce, weights
from trainer.settings import TrainerSettings


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Iterator[None]:
    # Warnings are errors, but not those that libraries give about themselves.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def loss(scores: list[float], places: list[int]) -> float:
    import torch

    return float(plackett_luce(torch.tensor(scores, dtype=torch.float64), places))


def test_two_candidates_are_bradley_terry() -> None:
    # -log sigmoid(1.5 - 0.2) = log(1 + e^-1.3)
    assert loss([1.5, 0.2], [0, 1]) == pytest.approx(math.log1p(math.exp(-1.3)))
    assert loss([1.5, 0.2], [1, 0]) == pytest.approx(math.log1p(math.exp(1.3)))


def test_three_candidates_by_hand() -> None:
    # Strengths 3, 2, 1 in this order: 3/6 * 2/3 * 1/1 = 1/3. The other way round: 1/6 * 2/5 = 1/15.
    scores = [math.log(3), math.log(2), 0.0]
    assert loss(scores, [0, 1, 2]) == pytest.approx(math.log(3))
    assert loss(scores, [2, 1, 0]) == pytest.approx(math.log(15))


def test_equals_by_hand() -> None:
    # Strengths 3 = 2 over 1: 3 * 2 over (3 + 2 + 1) and then over (half of 3 + 2, and 1).
    assert loss([math.log(3), math.log(2), 0.0], [0, 0, 1]) == pytest.approx(math.log(6 * 3.5 / 6))
    # Equals pull together: no other scores of two candidates are as probable as equal ones.
    assert loss([0.0, 0.0], [0, 0]) < min(loss([0.3, 0.0], [0, 0]), loss([0.0, 0.3], [0, 0]))


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.integers(0, 3)), min_size=2, max_size=5),
    st.floats(-3, 3),
    st.randoms(),
)
def test_neither_a_shift_nor_the_order_of_writing_matters(rows, shift, rng) -> None:
    scores, places = map(list, zip(*rows, strict=True))
    known = loss(scores, places)
    assert known >= -math.log(math.factorial(5))
    assert loss([s + shift for s in scores], places) == pytest.approx(known, abs=1e-9)
    rng.shuffle(rows)
    assert loss(*map(list, zip(*rows, strict=True))) == pytest.approx(known, abs=1e-9)


def row(chosen: str, rejected: str, *ranked: tuple[int, int, int]) -> dict:
    names = ("id", "place_chosen", "place_rejected")
    meta = {"rankings": [dict(zip(names, each, strict=True)) for each in ranked]}
    return {"prompt": "p", "chosen": chosen, "rejected": rejected, "meta": meta}


def test_the_pairs_of_one_order_count_as_one_answer() -> None:
    three = [row("x", "y", (7, 0, 1)), row("x", "z", (7, 0, 2)), row("y", "z", (7, 1, 2))]
    assert weights([*three, row("v", "w")]) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1])
    # Another person's order with one pair left says x > y too: 1/3 of the first, all of its own.
    both = [row("x", "y", (7, 0, 1), (8, 0, 1)), *three[1:]]
    assert weights(both) == pytest.approx([4 / 3, 1 / 3, 1 / 3])


def test_an_order_is_found_again_in_its_pairs() -> None:
    rows = [row("x", "y", (7, 0, 1)), row("x", "z", (7, 0, 1)), row("v", "w")]
    (found,), rest = orders(rows)  # y and z are equals: their own pair is a tie, in another table
    assert (found.responses, found.places) == (("x", "y", "z"), (0, 1, 1))
    assert rest == rows[2:]


def ranked_world(database: Database, prompts: int) -> None:
    """Orders of three: two good words over one over none. The pairs are made by the merge."""
    rng = random.Random(3)
    with database.begin() as session:
        who = annotators.ensure(session, "ada").id
        for n in range(prompts):
            topic = rng.choice(TOPICS)
            texts = [
                f"{topic} {' '.join(rng.sample(GOOD, k) + rng.sample(BAD, 2 - k))} {n}"
                for k in (2, 1, 0)
            ]
            pair = add_pair(session, f"Tell me about {topic} number {n}", texts[0], texts[1])
            third = add_pair(session, f"Tell me about {topic} number {n}", texts[0], texts[2])
            ids = [pair.candidate_a_id, pair.candidate_b_id, third.candidate_b_id]
            session.add(
                Ranking(
                    prompt_id=pair.prompt_id,
                    annotator_id=who,
                    groups=[[one] for one in ids],
                    origin=f"r{n}",
                )
            )
            if n == 0:
                session.add(
                    Adjudication(pair_id=pair.id, annotator_id=who, choice=Choice.B, reason="x")
                )
    assert merge(database, ReviewSettings()).preferences == 3 * prompts


@pytest.fixture(scope="module")
def world(empty_world: Path) -> Path:
    """90 orders of three, exported to `set`."""
    with opened(empty_world) as database:
        ranked_world(database, 90)
        steps.export(database, empty_world / "set", ExportOptions(validation=0.15, test=0))
    return empty_world


@pytest.fixture
def ranked(world: Path, tmp_path: Path) -> Iterator[Database]:
    with copied(world, tmp_path) as database:
        yield database


def test_an_export_says_which_pairs_are_one_answer(ranked: Database, tmp_path: Path) -> None:
    files = sorted((tmp_path / "set" / "data").glob("*.parquet"))
    rows = [each for file in files for each in pq.read_table(file).to_pylist()]
    assert len(rows) == 270
    bare = [each for each in rows if not each["meta"]["rankings"]]
    assert [each["meta"]["source"] for each in bare] == ["adjudication"]
    with ranked.read() as session:
        texts = {c.id: c.text for c in session.query(Candidate)}
        groups = {r.id: tuple(map(tuple, r.groups)) for r in session.query(Ranking)}
        number = numbers(session, groups)
        order = {number[key]: [texts[g[0]] for g in said] for key, said in groups.items()}
    assert len(order) == len(groups)
    for each in rows:
        for found in each["meta"]["rankings"]:
            listed = order[found["id"]]
            assert listed[found["place_chosen"]] == each["chosen"][0]["content"]
            assert listed[found["place_rejected"]] == each["rejected"][0]["content"]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["plackett-luce", "pairs"])
def test_both_ways_learn(ranked: Database, tmp_path: Path, way: str) -> None:
    settings = TrainerSettings(
        base="tiny", folder=tmp_path / way, epochs=8, patience=8, max_length=96, rankings=way
    )
    done = steps.train_reward(ranked, settings)
    assert done.validation["accuracy"] > 0.85
    assert bool(done.rows["orders"]) == (way == "plackett-luce")
    recipe = json.loads((Path(done.path) / "metadata.json").read_text())["recipe"]
    assert recipe["rankings"] == way
    from trainer.serving.scoring import RewardScorer

    words = [("two", "clear honest"), ("one", "clear rude"), ("none", "vague rude")]
    asked = "Tell me about bread number 5"
    scores = RewardScorer(Path(done.path)).score([(asked, f"bread {said} 5") for _, said in words])
    assert all(a > b for a, b in combinations(scores, 2))


def test_an_unknown_way_is_named() -> None:
    with pytest.raises(ValueError, match="plackett-luce"):
        TrainerSettings(rankings="elo")
